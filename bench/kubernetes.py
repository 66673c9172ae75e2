#!/usr/bin/env python3
"""The store `kubernetes` over a real kube-apiserver and its etcd: starts, changes of roles, logins.

Usage: kubernetes.py ROLEGATE EXAMPLES ASSETS [ROLES]
CPU time is that of each server, from /proc, over each round. ROUNDS, SECONDS_A_ROUND and CLIENTS set the length of
logins, CHANGES how many changes are made, TOKENS how many service tokens are kept to see what one takes.
"""

import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import time

from cluster import OURS, Cluster
from programs import capture, cpu_seconds, end, first_line, ready_after, resident_mib, spread, until, workplace
from vault_servers import Server, environment, rolegate_with, server_config

ROUNDS = int(os.environ.get("ROUNDS", "5"))
SECONDS = os.environ.get("SECONDS_A_ROUND", "2")
CLIENTS = os.environ.get("CLIENTS", "16")
CHANGES = os.environ.get("CHANGES", "200")
TOKENS = os.environ.get("TOKENS", "10000")
# Longer than TOKENS / 2 logins take.
BRIEF = "15s"
HERE = pathlib.Path(__file__).resolve().parent


class Replicas:
    """How rolegate is started over the cluster."""

    def __init__(self, binary, folder, cluster):
        folder.mkdir()
        envoy = "envoy: {listen: '127.0.0.1:0'}\n"
        self.command = [binary, "server", "--config", str(server_config(folder, "kubernetes", envoy))]
        self.folder, self.environment = folder, environment(KUBECONFIG=str(cluster.kubeconfig), NO_PROXY="*")

    def start(self):
        """The server, its ready line, and the seconds and CPU seconds until it was ready."""
        program, ready, seconds, cpu = ready_after(self.command, self.folder / "log", self.environment)
        return Server("rolegate", program, ready["vault"].removeprefix("http://"), self.folder), ready, seconds, cpu

    def stop(self, server):
        """A clean end, which gives the Lease back."""
        server.program.send_signal(signal.SIGTERM)
        if server.program.wait(30) != 0:
            sys.exit(f"rolegate did not end well: {(self.folder / 'log').read_text()[-2000:]}")

    def starts(self, baseline=lambda: None):
        """Of so many starts: seconds, CPU seconds, MiB when it has come to rest, and the baseline before each."""
        results = []
        for _ in range(ROUNDS):
            alone = baseline()
            server, _, seconds, cpu = self.start()
            time.sleep(2)
            results.append((seconds, cpu, resident_mib(server.pid), alone))
            self.stop(server)
        return [list(column) for column in zip(*results)]


def has_status(role):
    return bool(role.get("status", {}).get("conditions"))


def listed(cluster, path):
    """The seconds, and the API server's CPU seconds, of a list for a client that does nothing with it."""
    began, spent = time.monotonic(), cpu_seconds(cluster.server.pid)
    for _ in cluster.pages(path):
        pass
    return time.monotonic() - began, cpu_seconds(cluster.server.pid) - spent


def starts(cluster, replicas, count):
    """Starts without roles and with so many; the MiB of one with them."""
    seconds, cpu, memory, _ = replicas.starts()
    print(f"Start to /readyz 200, no roles:        {spread(seconds, '{:.3f}')} s, CPU {spread(cpu)} s, "
          f"{statistics.median(memory):.1f} MiB", flush=True)
    began = time.monotonic()
    spec = {"mountRef": {"name": "kubernetes"}, "boundServiceAccountNamespaces": ["shop"],
            "audience": "https://shop.example.com", "tokenPolicies": ["orders"]}
    cluster.roles((f"team-{number}" for number in range(count)), spec | {"boundServiceAccountNames": ["orders", "billing-*"]})
    print(f"({count} GateRoles made in {time.monotonic() - began:.0f} s)")
    server, _, first, _ = replicas.start()
    began, spent = time.monotonic(), [cpu_seconds(pid) for pid in (server.pid, cluster.server.pid, cluster.etcd.pid)]
    # They are written in the order of their names. One is asked for: a list of all takes the API server seconds.
    last = f"{OURS}/gateroles/{max(f'team-{number}' for number in range(count))}"
    until("conditions were not written", lambda: has_status(cluster.call("GET", last)), 600, 0.2)
    seconds = time.monotonic() - began
    each = [(cpu_seconds(pid) - was) / count * 1e6
            for pid, was in zip((server.pid, cluster.server.pid, cluster.etcd.pid), spent)]
    until("conditions were not written", lambda: all(map(has_status, cluster.pages(f"{OURS}/gateroles"))), 600, 1)
    print(f"The first start with {count} GateRoles:  {first:.2f} s; the conditions of all are written {seconds:.1f} s later "
          f"({count / seconds:.0f} a second); CPU us each: rolegate {each[0]:.0f}, kube-apiserver {each[1]:.0f}, etcd {each[2]:.0f}")
    replicas.stop(server)
    seconds, cpu, many, alone = replicas.starts(lambda: listed(cluster, f"{OURS}/gateroles"))
    each = (statistics.median(many) - statistics.median(memory)) * 2**20 / count
    print(f"Start to /readyz 200, {count} GateRoles: {spread(seconds, '{:.2f}')} s, CPU {spread(cpu)} s; "
          f"{statistics.median(many):.1f} MiB, {each:.0f} bytes of memory a role")
    bare, spent = zip(*alone)
    print(f"  a bare list of them, 500 a page: {spread(bare)} s, CPU of kube-apiserver {spread(spent)} s; start : bare list "
          f"{spread([ours / theirs for ours, theirs in zip(seconds, bare)])}", flush=True)
    return statistics.median(many)


def changes(cluster, folder, tools, ready, token, count):
    (folder / "token").write_text(token)
    request = folder / "request"
    request.write_bytes(subprocess.check_output([tools / "bench_tool", "request", "home", "probe", folder / "token"]))
    out = json.loads(capture([str(tools / "bench_changes"), ready["envoy"], str(request), "probe", "orders-0", CHANGES],
                             env=environment(KUBECONFIG=str(cluster.kubeconfig), NO_PROXY="*")))
    print(f"\n{CHANGES} changes of one GateRole among {count}, milliseconds from sending the change")
    names = {"written": "the API server answers", "told": "a bare watch is told", "enforced": "the Envoy door decides by it"}
    for what, title in names.items():
        times = sorted(out[what])
        print(f"  {title:<30} p50 {times[len(times) // 2]:.1f}, p99 {times[len(times) * 99 // 100]:.1f}, most {times[-1]:.1f}")


class Logins:
    """Logins at several servers in turn, and what each process of the chain spends on them."""

    def __init__(self, tool, cluster):
        self.tool, self.cluster = tool, cluster

    def run(self, server, mount, role, length, tokens=()):
        return json.loads(capture([self.tool, "logins", server.address, mount, role, CLIENTS, length, *tokens]))

    def measured(self, server, *words):
        """Logins a second, and CPU microseconds a login of rolegate, kube-apiserver and etcd."""
        pids = (server.pid, self.cluster.server.pid, self.cluster.etcd.pid)
        before = [cpu_seconds(pid) for pid in pids]
        result = self.run(server, *words)
        spent = [(cpu_seconds(pid) - was) / result["count"] * 1e6 for pid, was in zip(pids, before)]
        return [result["count"] / result["seconds"], *spent]


def logins(load, ours, memory, tokens):
    length = SECONDS + "s"
    cases = {
        "batch, store `memory`": (memory, "kubernetes", "batch", length),
        "service, store `memory`": (memory, "kubernetes", "service", length),
        "batch": (ours, "kubernetes", "batch", length),
        "service": (ours, "kubernetes", "service", length),
        "batch, real TokenReview": (ours, "home", "batch", length, [tokens]),
        "service, real TokenReview": (ours, "home", "service", length, [tokens]),
    }
    results = {case: [] for case in cases}
    for words in cases.values():
        load.run(*words[:3], "200", *words[4:])
    for _ in range(ROUNDS):
        for case, words in cases.items():
            results[case].append(load.measured(*words))
    print(f"\nLogins by {CLIENTS} clients, {ROUNDS} rounds of {SECONDS} s; TokenReviews by a stand-in unless said; "
          "store `kubernetes` unless said")
    print(f"{'':<28}{'a second':<26}{'CPU us a login: rolegate':<26}{'kube-apiserver':<26}etcd")
    for case, rows in results.items():
        cells = [f"{spread([row[at] for row in rows], '{:.0f}'):<26}" for at in range(4)]
        print(f"{case:<28}{''.join(cells).rstrip()}", flush=True)
    for what in ("", ", real TokenReview"):
        pairs = zip(results[f"service{what}"], results[f"batch{what}"])
        print(f"logins a second, service : batch{what}    {spread([a[0] / b[0] for a, b in pairs], '{:.3f}')}")


def followed(load, replicas, ours):
    """What a service login at one replica costs another, which hears of it by its watch."""
    other, _, _, _ = replicas.start()
    results = []
    for _ in range(ROUNDS):
        before = cpu_seconds(other.pid)
        result = load.run(ours, "kubernetes", "service", SECONDS + "s")
        time.sleep(0.5)
        results.append((cpu_seconds(other.pid) - before) / result["count"] * 1e6)
    print(f"CPU us that a service login costs each other replica: {spread(results, '{:.0f}')}", flush=True)
    replicas.stop(other)


def kept(load, cluster, replicas, ours, resting):
    """What service tokens take while they live, and when they are collected. `resting`: the MiB of a start without any."""
    size = lambda: cluster.etcd_metric("etcd_mvcc_db_total_size_in_use_in_bytes")
    pids = {"rolegate": ours.pid, "kube-apiserver": cluster.server.pid, "etcd": cluster.etcd.pid}
    before, disk = resident_mib(cluster.etcd.pid), size()
    result = load.run(ours, "kubernetes", "service", TOKENS)
    count, memory = result["count"], resident_mib(cluster.etcd.pid) - before
    print(f"\n{count} more live service tokens, {count / result['seconds']:.0f} a second: {(size() - disk) / count:.0f} "
          f"bytes each in etcd's database, {memory * 2**20 / count:.0f} of its memory", flush=True)

    live = cluster.secrets()
    count = load.run(ours, "kubernetes", "brief", str(int(TOKENS) // 2))["count"]
    until("no token expired", lambda: cluster.secrets() < live + count, 120, 0.2)
    began, spent = time.monotonic(), {name: cpu_seconds(pid) for name, pid in pids.items()}
    until("not all were collected", lambda: cluster.secrets() <= live, 300, 0.5)
    seconds = time.monotonic() - began
    cpu = ", ".join(f"{name} {(cpu_seconds(pid) - spent[name]) / count * 1e6:.0f}" for name, pid in pids.items())
    print(f"{count} expired ones collected in {seconds:.1f} s ({count / seconds:.0f} a second); CPU us each: {cpu}", flush=True)

    replicas.stop(ours)
    live = cluster.secrets()
    seconds, cpu, memory, _ = replicas.starts()
    print(f"Start to /readyz 200 with {live} Secrets besides: {spread(seconds)} s, CPU {spread(cpu)} s; "
          f"{(statistics.median(memory) - resting) * 2**20 / live:.0f} bytes of memory a Secret")


def main():
    binary, tools, assets = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
    count = int(sys.argv[4]) if len(sys.argv) > 4 else 2_000
    with workplace() as folder:
        _, stand_in = first_line([str(tools / "bench_logins"), "api-server", "0"])
        cluster = Cluster(assets, folder / "cluster")
        cluster.definitions(HERE.parent / "kind/crds")
        cluster.mount("kubernetes", stand_in)
        cluster.mount("home", cluster.url)
        tokens = cluster.accounts(int(CLIENTS))
        (folder / "tokens").write_text("\n".join(tokens))
        print(f"kube-apiserver {cluster.call('GET', '/version')['gitVersion']} and etcd on this machine, {os.cpu_count()} "
              "CPUs for all; median (lowest to highest)", flush=True)
        replicas = Replicas(binary, folder / "rolegate", cluster)
        resting = starts(cluster, replicas, count)
        everybody = {"boundServiceAccountNames": ["orders-*"], "boundServiceAccountNamespaces": ["shop"], "tokenPolicies": ["orders"],
                     "tokenTTL": "1h"}
        for mount in ("kubernetes", "home"):
            for kind in ("service", "batch"):
                spec = {"mountRef": {"name": mount}, "roleName": kind, "tokenType": kind}
                cluster.object("GateRole", f"{mount}-{kind}", everybody | spec)
        brief = {"mountRef": {"name": "kubernetes"}, "tokenType": "service", "tokenTTL": BRIEF}
        cluster.object("GateRole", "brief", everybody | brief)
        cluster.object("GateRole", "probe", everybody | {"mountRef": {"name": "home"}})
        ours, ready, _, _ = replicas.start()
        changes(cluster, folder, tools, ready, tokens[0], count)
        memory = rolegate_with(binary, folder / "memory", "memory").with_mount("kubernetes", stand_in)
        load = Logins(str(tools / "bench_logins"), cluster)
        logins(load, ours, memory, str(folder / "tokens"))
        end(memory.program)
        followed(load, replicas, ours)
        kept(load, cluster, replicas, ours, resting)


if __name__ == "__main__":
    main()
