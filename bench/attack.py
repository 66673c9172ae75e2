#!/usr/bin/env python3
"""What honest callers see while strangers attack: the stand-in API server first, then a real kube-apiserver.

Usage: attack.py ROLEGATE BENCH_ATTACK ASSETS
ATTACK_SECONDS sets the length of each half of a row, ONLY chooses rows by a part of their name, TOKENS how many tokens
of the real API server are made beforehand.
"""

import os
import sys

from cluster import Cluster
from programs import spawn, workplace

TOKENS = int(os.environ.get("TOKENS", "800"))
REVIEWER = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"


def run(*command):
    program = spawn(command)
    if program.wait() != 0:
        sys.exit(f"{command[0]} failed")


def bind(cluster, name, role):
    cluster.call("POST", REVIEWER, {
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": "reviewer", "namespace": "shop"}]})


def token(cluster, account, seconds):
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": seconds}}
    path = f"/api/v1/namespaces/shop/serviceaccounts/{account}/token"
    return cluster.call("POST", path, request)["status"]["token"]


def main():
    rolegate, attack, assets = sys.argv[1:4]
    with workplace() as folder:
        run(attack, rolegate)
        cluster = Cluster(assets, folder / "cluster")
        cluster.call("POST", "/api/v1/namespaces", {"metadata": {"name": "shop"}})
        for account in ("orders", "reviewer"):
            cluster.call("POST", "/api/v1/namespaces/shop/serviceaccounts", {"metadata": {"name": account}})
        # Not an administrator: those are exempt from priority and fairness.
        bind(cluster, "reviews", "system:auth-delegator")
        bind(cluster, "keys", "system:service-account-issuer-discovery")
        (folder / "reviewer").write_text(token(cluster, "reviewer", 36000))
        # Two requests that are equal within a second make the same token.
        (folder / "tokens").write_text("\n".join(token(cluster, "orders", 3600 + number) for number in range(TOKENS)))
        print("\nthe same with a real kube-apiserver, its priority and fairness on", flush=True)
        run(attack, rolegate, cluster.url, folder / "cluster" / "ca.crt", folder / "reviewer", folder / "tokens")


if __name__ == "__main__":
    main()
