#!/usr/bin/env python3
"""The demo: a real Envoy in front, rolegate behind it, one request that may and two that may not.

Usage: demo.py ROLEGATE ENVOY. Leaves everything running until Ctrl-C; with DEMO_ONCE=1 it stops by itself
and exits by the result.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
FRONT = "http://127.0.0.1:10000"
LOG = ROOT / "target" / "demo-rolegate.log"


def say(text=""):
    print(text, flush=True)


def request(url, token=None, body=None):
    """Status, headers and body of an answer, whatever its status."""
    headers = {"authorization": f"Bearer {token}"} if token else {}
    if body is not None:
        headers["content-type"] = "application/json"
        body = json.dumps(body).encode()
    asked = urllib.request.Request(url, data=body, headers=headers)
    try:
        with urllib.request.urlopen(asked, timeout=10) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.headers, answer.read().decode()


def ready_line(program):
    """The words of `ready envoy=… ops=… cluster=… kubeconfig=…`."""
    line = program.stdout.readline().strip()
    if not line.startswith("ready "):
        program.wait(timeout=30)
        sys.exit(f"rolegate did not start: {LOG.read_text().strip()}")
    return dict(word.split("=", 1) for word in line.split()[1:])


def wait_for_envoy(envoy):
    for _ in range(600):
        if envoy.poll() is not None:
            sys.exit(f"envoy ended with {envoy.returncode}, see {ROOT}/target/demo-envoy.log")
        try:
            if request(f"{FRONT}/public")[0] == 200:
                return
        except OSError:
            pass
        time.sleep(0.1)
    sys.exit("envoy did not become ready within a minute")


def service_account_token(cluster, kubeconfig, name):
    """A token as `kubectl create token NAME -n shop` gets it."""
    admin = re.search(r"token:\s*\"?([^\"\s]+)", pathlib.Path(kubeconfig).read_text()).group(1)
    url = f"{cluster}/api/v1/namespaces/shop/serviceaccounts/{name}/token"
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
    status, _, body = request(url, admin, asked)
    if status not in (200, 201):
        sys.exit(f"the stand-in cluster gave no token: {status} {body}")
    return json.loads(body)["status"]["token"]


def show(what, path, token, expected):
    status, headers, body = request(f"{FRONT}{path}", token)
    say(f"* {what}")
    say(f"    GET {path}{'  with the token' if token else '  without a token'}  ->  {status}")
    if headers.get("www-authenticate"):
        say(f"    www-authenticate: {headers['www-authenticate']}")
    for line in body.strip().splitlines():
        say(f"    {line}")
    say()
    if status != expected:
        say(f"    expected {expected}: this is not what the demo is meant to show")
    return status == expected


def show_login(vault, token):
    """A login as every Vault client makes it, and what the client token opens."""
    status, _, body = request(f"{vault}/v1/auth/kubernetes/login", None, {"role": "orders", "jwt": token})
    auth = json.loads(body).get("auth") or {}
    say("* A login at the Vault door, as every Vault client makes it: shop/orders asks for the role `orders`.")
    say(f"    POST {vault}/v1/auth/kubernetes/login  ->  {status}")
    say(f"    policies {auth.get('policies')}, lease_duration {auth.get('lease_duration')}\n")
    return auth.get("client_token") if status == 200 else None


def main():
    rolegate_binary, envoy_binary = sys.argv[1:3]
    once = os.environ.get("DEMO_ONCE") == "1"
    (ROOT / "target").mkdir(exist_ok=True)
    log = open(LOG, "w")
    envoy_log = open(ROOT / "target" / "demo-envoy.log", "w")
    programs = []
    try:
        rolegate = subprocess.Popen([rolegate_binary, "dev"], stdout=subprocess.PIPE, stderr=log, text=True)
        programs.append(rolegate)
        ready = ready_line(rolegate)
        arguments = [envoy_binary, "-c", str(ROOT / "envoy" / "demo.yaml"), "--use-dynamic-base-id", "-l", "warning"]
        envoy = subprocess.Popen(arguments, stdout=envoy_log, stderr=envoy_log)
        programs.append(envoy)
        wait_for_envoy(envoy)
        say("rolegate runs with a stand-in for a Kubernetes cluster, and a real Envoy asks it about every request.\n")
        orders = service_account_token(ready["cluster"], ready["kubeconfig"], "orders")
        billing = service_account_token(ready["cluster"], ready["kubeconfig"], "billing")
        good = [
            show("Allowed: the service account shop/orders holds the role that /orders asks for.\n"
                 "  The upstream shows who it is, and no token.", "/orders", orders, 200),
            show("Denied: shop/billing is a real account, but the role `orders` is not bound to it.",
                 "/orders", billing, 403),
            show("Allowed: /reports takes either of the two roles.", "/reports", billing, 200),
            show("Denied: nobody said who they are.", "/orders", None, 401),
        ]
        client_token = show_login(ready["vault"], orders)
        good.append(client_token is not None and show(
            "Allowed: the client token of that login is as good at Envoy as the service account's own.",
            "/orders", client_token, 200))
        if once:
            return 0 if all(good) else 1
        say(f"""All of it keeps running until Ctrl-C. Try it yourself:

    TOKEN=$(kubectl --kubeconfig {ready['kubeconfig']} create token orders -n shop)
    curl -i -H "Authorization: Bearer $TOKEN" {FRONT}/orders
    curl -d "{{\\"role\\":\\"orders\\",\\"jwt\\":\\"$TOKEN\\"}}" {ready['vault']}/v1/auth/kubernetes/login
    curl {ready['ops']}/metrics

Logs: target/demo-rolegate.log and target/demo-envoy.log.""")
        rolegate.wait()
        return 1
    except KeyboardInterrupt:
        return 0
    finally:
        for program in reversed(programs):
            program.terminate()
        for program in programs:
            try:
                program.wait(timeout=30)
            except subprocess.TimeoutExpired:
                program.kill()


if __name__ == "__main__":
    sys.exit(main())
