#!/usr/bin/env python3
"""The benchmarks: rolegate beside a do-nothing tonic + envoy-types server, in paired rounds of one run.

Usage: bench.py ROLEGATE BENCH_TOOL [ENVOY]
Prints a table of medians and spreads. CPU time per check is the server's own, from /proc, over each round; the ratio
is taken pair by pair, so that a machine that changes its speed changes both.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import urllib.request

from programs import cpu_seconds, end, first_line, resident_mib, spawn, spread, until, workplace

ROUNDS = int(os.environ.get("ROUNDS", "9"))
CHECKS = int(os.environ.get("CHECKS", "60000"))
CHECK = "/envoy.service.auth.v3.Authorization/Check"
HERE = pathlib.Path(__file__).resolve().parent


def h2load(url, body, checks, headers=(), streams=32):
    command = ["h2load", "-n", str(checks), "-c", "4", "-m", str(streams), "-t", "1"]
    if body:
        command += ["-d", body]
    for header in headers:
        command += ["-H", header]
    out = subprocess.run(command + [url], capture_output=True, text=True, check=True).stdout
    succeeded = int(re.search(r"(\d+) succeeded", out).group(1))
    if succeeded != checks:
        sys.exit(f"only {succeeded} of {checks} succeeded:\n{out}")
    if int(re.search(r"(\d+) 2xx", out).group(1)) != checks:
        sys.exit(f"not every answer was 2xx:\n{out}")
    return float(re.search(r"finished in [\d.]+m?s, ([\d.]+) req/s", out).group(1))


def paired(what, ours, theirs, measure):
    """Rounds of both in turn; each gives (cpu microseconds a check, checks a second)."""
    cpu, rate, ours_cpu, theirs_cpu = [], [], [], []
    for turn in range(ROUNDS):
        order = [theirs, ours] if turn % 2 == 0 else [ours, theirs]
        results = {id(side): measure(side) for side in order}
        a, b = results[id(ours)], results[id(theirs)]
        cpu.append(b[0] / a[0])
        rate.append(a[1] / b[1])
        ours_cpu.append(a[0])
        theirs_cpu.append(b[0])
    print(f"{what}")
    print(f"  checks per CPU second, rolegate : do-nothing   {spread(cpu)}")
    print(f"  checks per second, rolegate : do-nothing       {spread(rate)}")
    print(f"  CPU a check, microseconds                      rolegate {spread(ours_cpu, '{:.1f}')}, "
          f"do-nothing {spread(theirs_cpu, '{:.1f}')}", flush=True)


def token_from(ready, name):
    admin = re.search(r"token:\s*\"?([^\"\s]+)", pathlib.Path(ready["kubeconfig"]).read_text()).group(1)
    url = f"{ready['cluster']}/api/v1/namespaces/shop/serviceaccounts/{name}/token"
    body = json.dumps({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
                       "spec": {"expirationSeconds": 36000}}).encode()
    request = urllib.request.Request(url, data=body, headers={
        "authorization": f"Bearer {admin}", "content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read())["status"]["token"]


def start_rolegate(binary):
    program, line = first_line([binary, "dev", "--envoy-listen", "127.0.0.1:0", "--vault-listen", "127.0.0.1:0",
                                "--ops-listen", "127.0.0.1:0"], stderr=subprocess.DEVNULL)
    return program, dict(word.split("=", 1) for word in line.split()[1:])


def cached_checks(rolegate, ready, baseline, baseline_address, request):
    """A decision from the cache, the whole way over gRPC."""
    addresses = {rolegate.pid: ready["envoy"], baseline.pid: baseline_address}
    grpc = ["content-type: application/grpc", "te: trailers"]

    def measure(program):
        before = cpu_seconds(program.pid)
        rate = h2load(f"http://{addresses[program.pid]}{CHECK}", request, CHECKS, grpc)
        return (cpu_seconds(program.pid) - before) / CHECKS * 1e6, rate

    for program in (rolegate, baseline):
        measure(program)
    paired("A cached decision over gRPC, seven identity headers in the answer", rolegate, baseline, measure)


def through_envoy(envoy_binary, rolegate, ready, baseline, baseline_address, token, folder):
    """The same answers with a real Envoy in front: CPU of Envoy and server together."""
    checks = CHECKS // 3
    sides = {}
    for program, address in ((rolegate, ready["envoy"]), (baseline, baseline_address)):
        host, port = address.rsplit(":", 1)
        admin = folder / f"admin-{program.pid}"
        config = (HERE / "envoy.yaml").read_text().replace("GATE_PORT", port).replace("GATE_HOST", host)
        config_file = folder / f"envoy-{program.pid}.yaml"
        config_file.write_text(config)
        envoy = spawn([envoy_binary, "-c", str(config_file), "--use-dynamic-base-id", "--concurrency", "1",
                       "-l", "error", "--admin-address-path", str(admin)])
        sides[program.pid] = (envoy, listener_of(admin))

    def measure(program):
        envoy, address = sides[program.pid]
        before = cpu_seconds(program.pid) + cpu_seconds(envoy.pid)
        rate = h2load(f"http://{address}/orders", None, checks, [f"authorization: Bearer {token}"], 16)
        return (cpu_seconds(program.pid) + cpu_seconds(envoy.pid) - before) / checks * 1e6, rate

    try:
        for program in (rolegate, baseline):
            measure(program)
        paired("Through a real Envoy (CPU of Envoy and server together)", rolegate, baseline, measure)
    finally:
        end(*(envoy for envoy, _ in sides.values()))


def listener_of(admin):
    found = []

    def there():
        try:
            url = f"http://{admin.read_text().strip()}/listeners?format=json"
            with urllib.request.urlopen(url, timeout=5) as answer:
                address = json.loads(answer.read())["listener_statuses"][0]["local_address"]["socket_address"]
        except (LookupError, ValueError):
            return False
        found.append(f"{address['address']}:{address['port_value']}")
        return True
    until("envoy did not start", there)
    return found[0]


def main():
    rolegate_binary, tool = sys.argv[1:3]
    envoy_binary = sys.argv[3] if len(sys.argv) > 3 else None
    with workplace() as folder:
        rolegate, ready = start_rolegate(rolegate_binary)
        token = token_from(ready, "orders")
        (folder / "token").write_text(token)
        request, answer = str(folder / "request"), str(folder / "answer")
        pathlib.Path(request).write_bytes(
            subprocess.check_output([tool, "request", "kubernetes", "orders", str(folder / "token")]))
        pathlib.Path(answer).write_bytes(subprocess.check_output([tool, "call", ready["envoy"], request]))
        baseline, baseline_address = first_line([tool, "serve", answer])
        print(f"{ROUNDS} paired rounds, {CHECKS} checks each; request {os.path.getsize(request)} bytes, "
              f"answer {os.path.getsize(answer)} bytes; median (lowest to highest)", flush=True)
        cached_checks(rolegate, ready, baseline, baseline_address, request)
        if envoy_binary:
            through_envoy(envoy_binary, rolegate, ready, baseline, baseline_address, token, folder)
        print(f"resident: rolegate {resident_mib(rolegate.pid):.0f} MiB, do-nothing {resident_mib(baseline.pid):.0f} MiB")


if __name__ == "__main__":
    main()
