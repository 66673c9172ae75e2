#!/usr/bin/env python3
"""Kubernetes logins at OpenBao: its built-in method, rolegate as its plugin, HashiCorp's plugin, in rounds of one run.

Usage: plugin.py ROLEGATE HASHICORPS_PLUGIN BENCH_LOGINS BAO
CPU time is that of the core and of its plugin's process together, from /proc, over each round; every ratio is taken
within a round. ROUNDS, SECONDS_A_ROUND and CLIENTS set the length.
"""

import os
import pathlib
import shutil
import statistics
import subprocess
import sys

from programs import cpu_seconds, first_line, own_mib, resident_mib, spread, until, workplace
from vault import CLIENTS, ROUNDS, SECONDS, Load
from vault_servers import bao_dev

# How often the core calls its plugin: for the path and the login, and after a login that succeeds for its role.
CALLS_OF_A_REFUSAL, CALLS_OF_A_LOGIN = 2, 3


class Measured:
    """A core with one mount, and its plugin's process, if it has one."""

    def __init__(self, name, bao, folder, api_server, program=None):
        self.name, plugins = name, folder / "plugins"
        plugins.mkdir(parents=True)
        words, kind = [f"-dev-plugin-dir={plugins}"], "kubernetes"
        if program:
            kind = pathlib.Path(program).name
            shutil.copy(program, plugins / kind)
        self.server = bao_dev(bao, folder, *words)
        known = lambda: kind in self.server.call("GET", "sys/plugins/catalog/auth?list=true")["data"]["keys"]
        until(f"OpenBao did not register {kind}", known)
        self.server.with_mount("kubernetes", api_server, kind)
        self.plugin = next(processes_in(plugins), None)
        if bool(program) != bool(self.plugin):
            sys.exit(f"{name}: the mount's plugin is not what it should be")

    def cpu(self):
        """Seconds of the core and of its plugin."""
        return cpu_seconds(self.server.pid), cpu_seconds(self.plugin) if self.plugin else 0.0

    def round(self, run):
        """CPU microseconds a request of the core and of its plugin, and requests a second."""
        before = self.cpu()
        result = run(self.server)
        core, plugin = (after - at for after, at in zip(self.cpu(), before))
        each = 1e6 / result["count"]
        return core * each, plugin * each, result["count"] / result["seconds"]


def processes_in(directory):
    """The processes that run a file of this directory."""
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if pathlib.Path(os.readlink(process / "exe")).parent == directory:
                yield int(process.name)
        except OSError:
            pass


def rounds(all_of_them, run):
    """The rounds of each by its name, in turns that begin with another one each time."""
    found = {one.name: [] for one in all_of_them}
    for turn in range(ROUNDS):
        for one in all_of_them[turn % len(all_of_them):] + all_of_them[:turn % len(all_of_them)]:
            found[one.name].append(one.round(run))
    return found


def whole(results):
    return [core + plugin for core, plugin, _ in results]


def shown(what, found, baseline):
    print(f"\n{what}")
    print(f"{'':<20}{'CPU us a request':<22}{'core':>8}{'plugin':>8}{'a second':>10}  CPU, : {baseline}")
    for name, results in found.items():
        core, plugin, rate = (statistics.median(column) for column in zip(*results))
        ratio = [ours / theirs for ours, theirs in zip(whole(results), whole(found[baseline]))]
        print(f"{name:<20}{spread(whole(results), '{:.0f}'):<22}{core:>8.0f}{plugin:>8.0f}{rate:>10.0f}  {spread(ratio)}",
              flush=True)


def beyond(ours, theirs):
    """What each round costs more."""
    return [a - b for a, b in zip(whole(ours), whole(theirs))]


def main():
    rolegate, hashicorps, tool, bao = sys.argv[1:5]
    load = Load(tool)
    with workplace() as folder:
        _, url = first_line([tool, "api-server", "0"])
        version = subprocess.check_output([bao, "version"], text=True).split()[1]
        print(f"{ROUNDS} rounds of {SECONDS} s each in turn, {CLIENTS} clients, on {os.cpu_count()} CPUs together with clients and "
              f"API server; OpenBao {version}, `server -dev`; median (lowest to highest)")
        baseline = "built in"
        servers = [Measured(name, bao, folder / name.split()[0], url, program)
                   for name, program in ((baseline, None), ("rolegate", rolegate), ("HashiCorp's plugin", hashicorps))]
        plugins = [one for one in servers if one.plugin]
        memory = lambda one: f"{resident_mib(one.plugin):.1f} ({own_mib(one.plugin):.1f})"
        idle = {one.name: memory(one) for one in plugins}
        found = {}
        for kind in ("service", "batch"):
            login = lambda server, length=SECONDS + "s": load.logins(server, "kubernetes", kind, length=length)
            for one in servers:
                login(one.server, "0.5s")
            found[kind] = rounds(servers, login)
            shown(f"Logins for a {kind} token", found[kind], baseline)
        refused = rounds(servers, lambda server: load.refusals(server, "kubernetes"))
        shown("Logins without a role, refused at once", refused, baseline)
        print(f"\nWhat a login costs beyond the built-in method's, in us; the way to a plugin and back alone is "
              f"{CALLS_OF_A_LOGIN}/{CALLS_OF_A_REFUSAL} of what a refusal does:")
        for one in plugins:
            way = [cost * CALLS_OF_A_LOGIN / CALLS_OF_A_REFUSAL for cost in beyond(refused[one.name], refused[baseline])]
            costs = [f"{kind} {spread(beyond(results[one.name], results[baseline]), '{:.0f}')}" for kind, results in found.items()]
            print(f"{one.name:<20}{'; '.join(costs)}; the way alone {spread(way, '{:.0f}')}")
        print("\nResident memory of the plugin's process in MiB (of it not the program's file), before and after all logins")
        for one in plugins:
            print(f"{one.name:<20}{idle[one.name]}, {memory(one)}", flush=True)


if __name__ == "__main__":
    main()
