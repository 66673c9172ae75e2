#!/usr/bin/env python3
"""What a durable commit of the embedded store costs: alone, and in a group under load.

Usage: commits.py BENCH_STORE
A commit holds what a login keeps: a token, its accessor, its expiry. Beside it in every round: what the disk alone takes
for 4 KiB and an fdatasync. ROUNDS and SECONDS_A_ROUND set the length.
"""

import json
import os
import statistics
import sys

from programs import capture, spread, workplace

ROUNDS = int(os.environ.get("ROUNDS", "5"))
SECONDS = os.environ.get("SECONDS_A_ROUND", "2")
WRITERS = (1, 16, 64, 256)


def main():
    tool = sys.argv[1]

    def measured(*words):
        result = json.loads(capture([tool, *words]))
        return result["seconds"] / result["count"] * 1e6, result["cpu_seconds"] / result["count"] * 1e6

    with workplace() as folder:
        disk, commits = [], {writers: [] for writers in WRITERS}
        for turn in range(ROUNDS):
            disk.append(measured("appends", str(folder), SECONDS))
            for writers in WRITERS:
                commits[writers].append(measured("commits", str(folder / f"{turn}-{writers}"), str(writers), SECONDS))
        print(f"{ROUNDS} rounds of {SECONDS} s; microseconds a commit; median (lowest to highest)")
        wall = [wall for wall, _ in disk]
        print(f"{'4 KiB and fdatasync, nothing else':<36}  wall {spread(wall, '{:.0f}')}")
        for writers, results in commits.items():
            ratio = [ours / alone for (ours, _), alone in zip(results, wall)]
            a_second = 1e6 / statistics.median(ours for ours, _ in results)
            print(f"{f'commits by {writers} at a time':<36}  wall {spread([ours for ours, _ in results], '{:.0f}')}, "
                  f"CPU {spread([cpu for _, cpu in results], '{:.0f}')}; wall, commit : fdatasync {spread(ratio)}; "
                  f"{a_second:.0f} a second", flush=True)


if __name__ == "__main__":
    main()
