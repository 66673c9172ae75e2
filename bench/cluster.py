"""A real kube-apiserver with its etcd, for bench/kubernetes.py: RBAC, TokenRequest, TokenReview, no controllers."""

import concurrent.futures
import http.client
import json
import pathlib
import re
import secrets
import ssl
import subprocess
import sys
import threading
import urllib.request

from programs import spawn, until
from vault_servers import free_port

ISSUER = "https://kubernetes.default.svc.cluster.local"
OURS = "/apis/rolegate.dev/v1alpha1/namespaces/rolegate"


class Cluster:
    """The API server, its etcd, and a user who may do everything."""

    def __init__(self, assets, folder):
        folder.mkdir()
        self.folder, self.admin, self.port, etcd_port = folder, secrets.token_hex(16), free_port(), free_port()
        self._local = threading.local()
        self.etcd_url = f"http://127.0.0.1:{etcd_port}"
        key, public = folder / "sa.key", folder / "sa.pub"
        subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
        subprocess.run(["openssl", "rsa", "-in", key, "-pubout", "-out", public], check=True, capture_output=True)
        (folder / "users.csv").write_text(f"{self.admin},admin,1,system:masters\n")
        log = open(folder / "log", "wb")
        self.etcd = spawn(
            [f"{assets}/etcd", f"--data-dir={folder / 'etcd'}", f"--listen-client-urls={self.etcd_url}",
             f"--advertise-client-urls={self.etcd_url}", "--listen-peer-urls=http://127.0.0.1:0"], stdout=log, stderr=log)
        until("etcd did not answer", lambda: self.etcd_metric("etcd_server_has_leader") == 1)
        self.server = spawn(
            [f"{assets}/kube-apiserver", f"--etcd-servers={self.etcd_url}", f"--secure-port={self.port}",
             "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none",
             "--service-cluster-ip-range=10.0.0.0/24", f"--cert-dir={folder}", f"--service-account-issuer={ISSUER}",
             f"--api-audiences={ISSUER}", f"--service-account-signing-key-file={key}",
             f"--service-account-key-file={public}", f"--token-auth-file={folder / 'users.csv'}",
             "--authorization-mode=RBAC", "--disable-admission-plugins=ServiceAccount"], stdout=log, stderr=log)
        certificate = folder / "apiserver.crt"
        until("kube-apiserver made no certificate", certificate.exists, 60)
        until("kube-apiserver was not ready", self._ready, 60)
        kubeconfig = {
            "apiVersion": "v1", "kind": "Config", "current-context": "bench",
            "clusters": [{"name": "bench", "cluster": {"server": self.url, "certificate-authority": str(folder / "ca.crt")}}],
            "users": [{"name": "admin", "user": {"token": self.admin}}],
            "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": "admin"}}]}
        self.kubeconfig = folder / "kubeconfig"
        self.kubeconfig.write_text(json.dumps(kubeconfig))

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}"

    @property
    def ca(self):
        return (self.folder / "ca.crt").read_text()

    def _ready(self):
        if self.server.poll() is not None:
            sys.exit(f"kube-apiserver ended: {(self.folder / 'log').read_text()[-2000:]}")
        # Its certificate, and the one that signed it.
        chain = re.findall("-----BEGIN.*?END CERTIFICATE-----\n", (self.folder / "apiserver.crt").read_text(), re.S)
        if not chain:
            return False
        (self.folder / "ca.crt").write_text(chain[-1])
        return self.ask("GET", "/readyz")[0] == 200

    def ask(self, method, path, body=None, kind="application/json"):
        """Status and body; one connection a thread."""
        connection = getattr(self._local, "connection", None)
        if connection is None:
            context = ssl.create_default_context(cafile=self.folder / "ca.crt")
            connection = self._local.connection = http.client.HTTPSConnection(
                "127.0.0.1", self.port, context=context, timeout=30)
        data = json.dumps(body) if isinstance(body, dict) else body
        try:
            connection.request(method, path, data, {"authorization": f"Bearer {self.admin}", "content-type": kind})
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            del self._local.connection
            raise

    def call(self, method, path, body=None, kind="application/json"):
        status, answer = self.ask(method, path, body, kind)
        if status not in (200, 201):
            sys.exit(f"{method} {path}: {status} {answer.decode()}")
        return json.loads(answer)

    def object(self, kind, name, spec):
        body = {"apiVersion": "rolegate.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}
        return self.call("POST", f"{OURS}/{kind.lower()}s", body)

    def definitions(self, folder):
        """Makes the custom resources known, and the namespace in which they are."""
        for file in sorted(pathlib.Path(folder).glob("gate*.yaml")):
            self.call("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", file.read_text(), "application/yaml")
        self.call("POST", "/api/v1/namespaces", {"metadata": {"name": "rolegate"}})
        for kind in ("gatemounts", "gateroles", "gatepolicies"):
            until(f"{kind} were not served", lambda kind=kind: self.ask("GET", f"{OURS}/{kind}")[0] == 200)

    def mount(self, name, host):
        """A GateMount whose reviewer is the administrator."""
        secret = {"metadata": {"name": f"{name}-reviewer", "labels": {"rolegate.dev/reviewer": "true"}},
                  "stringData": {"token": self.admin}}
        self.call("POST", "/api/v1/namespaces/rolegate/secrets", secret)
        certificate = {"kubernetesCACert": self.ca} if host.startswith("https") else {}
        self.object("GateMount", name, {"path": name, "kubernetesHost": host, "disableLocalCAJWT": True,
                                        "tokenReviewerRef": {"name": f"{name}-reviewer"}} | certificate)

    def roles(self, names, spec):
        """Many GateRoles, eight at a time."""
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for _ in pool.map(lambda name: self.object("GateRole", name, spec), names):
                pass

    def accounts(self, count):
        """The tokens of so many service accounts `orders-N` in the namespace `shop`."""
        accounts, tokens = "/api/v1/namespaces/shop/serviceaccounts", []
        self.call("POST", "/api/v1/namespaces", {"metadata": {"name": "shop"}})
        for number in range(count):
            self.call("POST", accounts, {"metadata": {"name": f"orders-{number}"}})
            request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 36000}}
            tokens.append(self.call("POST", f"{accounts}/orders-{number}/token", request)["status"]["token"])
        return tokens

    def etcd_metric(self, name):
        with urllib.request.urlopen(f"{self.etcd_url}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        return float(re.search(rf"^{name} (\S+)$", text, re.M).group(1))

    def pages(self, path):
        """A whole list, 500 at a time, as rolegate reads it."""
        more = ""
        while True:
            page = self.call("GET", f"{path}?limit=500{more}")
            yield from page["items"]
            if not page["metadata"].get("continue"):
                return
            more = f"&continue={page['metadata']['continue']}"

    def secrets(self):
        """How many Secrets there are."""
        listed = self.call("GET", "/api/v1/secrets?limit=1")
        return len(listed["items"]) + listed["metadata"].get("remainingItemCount", 0)
