#!/usr/bin/env python3
"""The Vault door's benchmarks: rolegate beside OpenBao, in paired rounds of one run.

Usage: vault.py ROLEGATE BENCH_LOGINS BAO [LIVE_TOKENS]
The clients and the API server are programs of their own. CPU time per request is the server's, from /proc, over each
round; every ratio is taken pair by pair. ROUNDS, SECONDS_A_ROUND and CLIENTS set the length.
"""

import json
import os
import statistics
import subprocess
import sys

from programs import cpu_seconds, end, first_line, resident_mib, spawn, spread, workplace
from vault_servers import bao_dev, bao_raft, rolegate_with

ROUNDS = int(os.environ.get("ROUNDS", "3"))
SECONDS = os.environ.get("SECONDS_A_ROUND", "3")
CLIENTS = os.environ.get("CLIENTS", "16")
# Logins of a round where the number of live tokens must hardly change.
FEW = "4000"


class Load:
    """The load generator's program."""

    def __init__(self, tool):
        self.tool = tool

    def start(self, *words):
        return spawn([self.tool, *words], stdout=subprocess.PIPE, text=True)

    @staticmethod
    def result(program):
        out, _ = program.communicate()
        if program.returncode:
            sys.exit("a request failed")
        return json.loads(out)

    def logins(self, server, mount, role, clients=CLIENTS, length=SECONDS + "s"):
        return self.result(self.start("logins", server.address, mount, role, clients, length))

    def refusals(self, server, mount, length=SECONDS + "s"):
        return self.result(self.start("refusals", server.address, mount, CLIENTS, length))

    def lookups(self, server, token, length=SECONDS + "s"):
        return self.result(self.start("lookups", server.address, token, CLIENTS, length))


def measured(server, run):
    """(CPU microseconds a request, requests a second)."""
    before = cpu_seconds(server.pid)
    result = run()
    return (cpu_seconds(server.pid) - before) / result["count"] * 1e6, result["count"] / result["seconds"]


def paired(ours, theirs, measure):
    """Rounds of both in turn: [(cpu, rate)] of each."""
    ours_all, theirs_all = [], []
    for turn in range(ROUNDS):
        for server in ((theirs, ours) if turn % 2 == 0 else (ours, theirs)):
            (ours_all if server is ours else theirs_all).append(measure(server))
    return ours_all, theirs_all


def row(what, ours, theirs):
    column = lambda results, at: [result[at] for result in results]
    cpu = [b[0] / a[0] for a, b in zip(ours, theirs)]
    rate = [a[1] / b[1] for a, b in zip(ours, theirs)]
    cells = [f"{statistics.median(column(results, at)):.0f}" for at in (0, 1) for results in (ours, theirs)]
    print(f"{what:<36}{cells[0]:>9}{cells[1]:>9}  {spread(cpu):<22}{cells[2]:>8}{cells[3]:>8}  {spread(rate)}", flush=True)


def head(title, ours, theirs):
    print(f"\n{title}")
    print(f"{'':<36}{'CPU us a request':>18}  {'CPU,':<22}{'a second':>16}  a second,")
    print(f"{'':<36}{ours:>9}{theirs:>9}  {theirs + ' : ' + ours:<22}{ours:>8}{theirs:>8}  {ours} : {theirs}")


def beside(load, title, ours, theirs):
    """Logins and look-ups of two servers."""
    head(title, "rolegate", "OpenBao")
    for kind in ("service", "batch"):
        for server in (ours, theirs):
            load.logins(server, "kubernetes", kind, length="0.5s")
        row(f"login, {kind} token",
            *paired(ours, theirs, lambda server: measured(server, lambda: load.logins(server, "kubernetes", kind))))
    tokens = {server: load.logins(server, "kubernetes", "service", length="16")["client_token"] for server in (ours, theirs)}
    row("lookup-self, service token",
        *paired(ours, theirs, lambda server: measured(server, lambda: load.lookups(server, tokens[server]))))


def flatness(load, title, few, many, live):
    """The same server with few and with many live tokens, and what a token takes."""
    for server in (few, many):
        load.logins(server, "kubernetes", "batch", length=FEW)
    sizes, said = [resident_mib(many.pid)], []
    for kind in ("batch", "service"):
        filling = load.logins(many, "kubernetes", kind, length=str(live))
        sizes.append(resident_mib(many.pid))
        each = (sizes[-1] - sizes[-2]) * 2**20 / live
        said.append(f"{kind} {each:.0f} bytes of memory each ({filling['count'] / filling['seconds']:.0f} a second)")
    head(f"{title}, {live} live service tokens beside none (the none grow by {FEW} a round)", "many", "none")
    for kind in ("service", "batch"):
        row(f"login, {kind} token", *paired(
            many, few, lambda server: measured(server, lambda: load.logins(server, "kubernetes", kind, length=FEW))))
    disk = sum(file.stat().st_size for file in many.folder.rglob("*") if file.is_file() and file.name != "log")
    print(f"of {live} logins: {'; '.join(said)}; on disk {disk / 2**20:.0f} MiB", flush=True)


def slow_api_server(load, server):
    """Logins at a mount whose API server takes 50 ms, and one client at another mount meanwhile."""
    alone = load.logins(server, "kubernetes", "service", clients="1", length="1.5s")
    slow = load.start("logins", server.address, "slow", "service", "16", SECONDS + "s")
    meanwhile = load.logins(server, "kubernetes", "service", clients="1", length="1.5s")
    rate = (lambda result: result["count"] / result["seconds"])(load.result(slow))
    print(f"{server.name}: {rate:.0f} logins a second of at most 320; at the other mount a login takes "
          f"{meanwhile['median_us']} us (99 of 100 within {meanwhile['p99_us']}), "
          f"alone {alone['median_us']} ({alone['p99_us']})", flush=True)


def main():
    binary, tool, bao = sys.argv[1:4]
    live = int(sys.argv[4]) if len(sys.argv) > 4 else 100_000
    load = Load(tool)
    with workplace() as folder:
        _, fast_url = first_line([tool, "api-server", "0"])
        _, slow_url = first_line([tool, "api-server", "50"])
        version = subprocess.check_output([bao, "version"], text=True).split()[1]
        print(f"{ROUNDS} paired rounds of {SECONDS} s, {CLIENTS} clients, on {os.cpu_count()} CPUs together with clients "
              f"and API server; OpenBao {version}; median (lowest to highest)")
        ours = rolegate_with(binary, folder / "memory", "memory").with_mount("kubernetes", fast_url)
        theirs = bao_dev(bao, folder / "dev").with_mount("kubernetes", fast_url)
        beside(load, "In memory: store `memory`, OpenBao's `server -dev`", ours, theirs)
        print("\nAn API server that takes 50 ms, 16 clients")
        for server in (ours, theirs):
            slow_api_server(load, server.with_mount("slow", slow_url))
        end(ours.program, theirs.program)
        ours = rolegate_with(binary, folder / "embedded", "embedded").with_mount("kubernetes", fast_url)
        theirs = bao_raft(bao, folder / "raft").with_mount("kubernetes", fast_url)
        beside(load, "Durable: store `embedded`, OpenBao's integrated storage (raft, one node)", ours, theirs)
        end(ours.program, theirs.program)
        for store in ("memory", "embedded"):
            few, many = (rolegate_with(binary, folder / f"{store}-{name}", store).with_mount("kubernetes", fast_url)
                         for name in ("few", "many"))
            flatness(load, f"rolegate, store `{store}`", few, many, live)
            end(few.program, many.program)


if __name__ == "__main__":
    main()
