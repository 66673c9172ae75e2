"""The servers that bench/vault.py and bench/plugin.py measure: started, unsealed, with a Kubernetes mount."""

import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request

from programs import ready_after, spawn, until

ROOT = "root"
# OpenBao demands a certificate authority, also for an API server without TLS.
UNUSED_CA = """\
-----BEGIN CERTIFICATE-----
MIIBejCCAR+gAwIBAgIUP0PGiEaHD5+vEbZ5VCR54vBpIm0wCgYIKoZIzj0EAwIw
ETEPMA0GA1UEAwwGdW51c2VkMCAXDTI2MTEyNDEzMjI0NloYDzIxMjYxMDMxMTMy
MjQ2WjARMQ8wDQYDVQQDDAZ1bnVzZWQwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
AARdN/Po63WdCtjVUdu8cWSnLXUqEqsy4zc0H7bg1BM7nTAGZV0ZKJp85p6kMKZ8
qMBM1gRDQQFPJdTp6LzUoYGGo1MwUTAdBgNVHQ4EFgQUgnrBvizhPwi3knPN7szY
BRwZhgkwHwYDVR0jBBgwFoAUgnrBvizhPwi3knPN7szYBRwZhgkwDwYDVR0TAQH/
BAUwAwEB/zAKBggqhkjOPQQDAgNJADBGAiEAl4+7ByC5zQ0EZMuqF1N2uhDXNYLU
XlR1b0nKlrPBEaECIQCdvAy3qQGZeuDCHssVgv69ofbnciNCbLKyNOWgM5bmRA==
-----END CERTIFICATE-----
"""


class Server:
    """A running server and how its API is reached."""

    def __init__(self, name, program, address, folder, token=ROOT):
        self.name, self.program, self.pid = name, program, program.pid
        self.address, self.folder, self.token = address, folder, token

    def call(self, method, path, body=None):
        request = urllib.request.Request(
            f"http://{self.address}/v1/{path}", method=method, data=None if body is None else json.dumps(body).encode(),
            headers={"x-vault-token": self.token, "content-type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.loads(answer.read() or "null")
        except urllib.error.HTTPError as error:
            sys.exit(f"{self.name}: {method} {path}: {error.code} {error.read().decode()}")

    def with_mount(self, path, api_server, kind="kubernetes"):
        """A Kubernetes mount with the roles `service` and `batch`."""
        self.call("POST", f"sys/auth/{path}", {"type": kind})
        self.call("POST", f"auth/{path}/config", {
            "kubernetes_host": api_server, "token_reviewer_jwt": "reviewer", "disable_local_ca_jwt": True,
            "kubernetes_ca_cert": UNUSED_CA})
        for token in ("service", "batch"):
            self.call("POST", f"auth/{path}/role/{token}", {
                "bound_service_account_names": "orders-*", "bound_service_account_namespaces": "shop",
                "token_type": token, "token_ttl": "1h", "token_policies": "orders"})
        return self


HOLDERS = []


def free_port():
    """A port that the kernel gives to nobody else while this process lives; servers ask with SO_REUSEADDR."""
    holder = socket.socket()
    holder.bind(("127.0.0.1", 0))
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    HOLDERS.append(holder)
    return holder.getsockname()[1]


def server_config(folder, store, more=""):
    """A configuration file of the Vault door over a store."""
    path = f", path: {folder / 'store'}" if store == "embedded" else ""
    config = folder / "rolegate.yaml"
    config.write_text("vault: {listen: '127.0.0.1:0'}\nops: {listen: '127.0.0.1:0'}\nshutdown: {lame_duck: 0s}\n"
                      f"store: {{type: {store}{path}}}\n{more}")
    return config


def environment(**more):
    return {key: value for key, value in os.environ.items() if key != "RUST_LOG"} | {"ROLEGATE_ROOT_TOKEN": ROOT} | more


def rolegate_with(binary, folder, store):
    folder.mkdir(parents=True)
    command = [binary, "server", "--config", str(server_config(folder, store))]
    program, ready, _, _ = ready_after(command, folder / "log", environment())
    return Server("rolegate", program, ready["vault"].removeprefix("http://"), folder)


def bao(binary, folder, address, *words):
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "log", "wb") as log:
        program = spawn([binary, "server", *words], stdout=log, stderr=log)
    server = Server("OpenBao", program, address, folder)

    def answers():
        if program.poll() is not None:
            sys.exit(f"OpenBao did not start: {(folder / 'log').read_text()}")
        return health(server) is not None
    until("OpenBao did not answer", answers)
    return server


def health(server):
    """The status of `sys/health`; none where nobody answers."""
    try:
        with urllib.request.urlopen(f"http://{server.address}/v1/sys/health", timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


def bao_dev(binary, folder, *words):
    address = f"127.0.0.1:{free_port()}"
    server = bao(binary, folder, address, "-dev", f"-dev-root-token-id={ROOT}", f"-dev-listen-address={address}",
                 "-dev-no-store-token", *words)
    until("OpenBao was not active", lambda: health(server) == 200)
    return server


def bao_raft(binary, folder):
    (folder / "raft").mkdir(parents=True)
    address, cluster = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    config = folder / "bao.hcl"
    config.write_text(
        f'storage "raft" {{ path = "{folder / "raft"}"\n node_id = "one" }}\n'
        f'listener "tcp" {{ address = "{address}"\n cluster_address = "{cluster}"\n tls_disable = true }}\n'
        f'api_addr = "http://{address}"\ncluster_addr = "https://{cluster}"\n')
    server = bao(binary, folder, address, f"-config={config}")
    keys = server.call("PUT", "sys/init", {"secret_shares": 1, "secret_threshold": 1})
    server.token = keys["root_token"]
    server.call("PUT", "sys/unseal", {"key": keys["keys"][0]})
    until("OpenBao was not active", lambda: health(server) == 200)
    return server
