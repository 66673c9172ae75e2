#!/usr/bin/env python3
"""How long an embedded store with many tokens takes to start: after a clean end, and after kill -9 amid logins.

Usage: start.py ROLEGATE EXAMPLES [TOKENS]
The time is from the process's start to `/readyz` 200; a token that was issued before all of it must then be good. Beside
it in every round: the start of a store with that token alone. ROUNDS sets the length.
"""

import os
import pathlib
import signal
import statistics
import subprocess
import sys
import time

from programs import capture, end, first_line, ready_after, resident_mib, spawn, spread, workplace
from vault_servers import Server, environment, server_config

ROUNDS = int(os.environ.get("ROUNDS", "5"))


class Store:
    """A store's folder, with a token of a real login in it."""

    def __init__(self, binary, load, folder, api_server):
        self.binary, self.load, self.folder, self.token = binary, load, folder, None
        folder.mkdir()
        server = self.start()[0].with_mount("kubernetes", api_server)
        self.token = server.call("POST", "auth/kubernetes/login", {"role": "service", "jwt": self.jwt()})["auth"]["client_token"]
        self.accessor = server.call("GET", "sys/auth")["data"]["kubernetes/"]["accessor"]
        self.ends(server)

    def jwt(self):
        return capture([self.load, "token"]).strip()

    def start(self):
        """The server and the seconds that it took; what was kept before must be there."""
        command = [self.binary, "server", "--config", str(server_config(self.folder, "embedded"))]
        program, ready, seconds, _ = ready_after(command, self.folder / "log", environment())
        server = Server("rolegate", program, ready["vault"].removeprefix("http://"), self.folder)
        if self.token:
            server.call("POST", "auth/token/lookup", {"token": self.token})
        return server, seconds

    def ends(self, server):
        server.program.send_signal(signal.SIGTERM)
        if server.program.wait(30) != 0:
            sys.exit(f"rolegate did not end well: {(self.folder / 'log').read_text()[-2000:]}")

    def clean(self):
        server, seconds = self.start()
        self.ends(server)
        return seconds

    def killed(self):
        """The start after a kill amid logins, each of which is a durable commit."""
        server, _ = self.start()
        logins = spawn([self.load, "logins", server.address, "kubernetes", "service", "16", "60s"],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(1)
        if logins.poll() is not None:
            sys.exit("the logins ended before the kill")
        end(server.program)
        end(logins)
        server, seconds = self.start()
        memory = resident_mib(server.pid)
        self.ends(server)
        return seconds, memory


def main():
    binary, examples = sys.argv[1], pathlib.Path(sys.argv[2])
    tokens = int(sys.argv[3]) if len(sys.argv) > 3 else 1_000_000
    load = str(examples / "bench_logins")
    with workplace() as folder:
        _, api_server = first_line([load, "api-server", "0"])
        one, many = (Store(binary, load, folder / name, api_server) for name in ("one", "many"))
        began = time.monotonic()
        capture([str(examples / "bench_store"), "fill", str(many.folder / "store"), str(tokens), many.accessor])
        size = sum(file.stat().st_size for file in (many.folder / "store").rglob("*") if file.is_file())
        print(f"{tokens} service tokens, filled in {time.monotonic() - began:.0f} s, {size / 2**20:.0f} MiB on disk; "
              f"{ROUNDS} starts each, seconds to /readyz 200; median (lowest to highest)", flush=True)
        alone, clean, killed, memory = [], [], [], []
        for _ in range(ROUNDS):
            alone.append(one.clean())
            clean.append(many.clean())
            seconds, resident = many.killed()
            killed.append(seconds)
            memory.append(resident)
        print(f"  with one token                   {spread(alone, '{:.3f}')}")
        print(f"  with {tokens:<9} tokens, clean      {spread(clean, '{:.3f}')}")
        print(f"  with {tokens:<9} tokens, kill -9    {spread(killed, '{:.3f}')}; "
              f"{statistics.median(memory):.0f} MiB resident when ready")


if __name__ == "__main__":
    main()
