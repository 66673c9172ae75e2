"""What the benchmarks share: programs that end with the benchmark, and what /proc tells of them."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

TICK = os.sysconf("SC_CLK_TCK")
_running = []


@contextlib.contextmanager
def workplace():
    """A folder; it and every program that was spawned are gone when the block is left, by a signal too."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="rolegate-bench-"))
    try:
        yield folder
    finally:
        end(*_running)
        shutil.rmtree(folder, ignore_errors=True)


def spawn(command, **options):
    program = subprocess.Popen(command, **options)
    _running.append(program)
    return program


def end(*programs):
    """Kills them and waits until they are gone."""
    for program in programs:
        program.kill()
    for program in programs:
        program.wait()
        if program in _running:
            _running.remove(program)


def first_line(command, **options):
    program = spawn(command, stdout=subprocess.PIPE, text=True, **options)
    line = program.stdout.readline().strip()
    if not line:
        sys.exit(f"{command[0]} did not start")
    return program, line


def until(what, there, seconds=30, pause=0.05):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if there():
                return
        except OSError:
            pass
        time.sleep(pause)
    sys.exit(f"{what} within {seconds} s")


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def resident_mib(pid, field="VmRSS"):
    return int(re.search(rf"{field}:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text()).group(1)) / 1024


def own_mib(pid):
    """What is resident and no file's, such as the program's."""
    return resident_mib(pid, "RssAnon")


def spread(values, form="{:.2f}"):
    return f"{form.format(statistics.median(values))} ({form.format(min(values))} to {form.format(max(values))})"


def capture(command, **options):
    """The standard output of a program that ends by itself."""
    program = spawn(command, stdout=subprocess.PIPE, text=True, **options)
    out, _ = program.communicate()
    _running.remove(program)
    if program.returncode:
        sys.exit(f"{command[0]} failed")
    return out


def ready_after(command, log, environment):
    """Starts a rolegate and waits until `/readyz` is 200: the program, its ready line, seconds and CPU seconds so far."""
    began = time.monotonic()
    with open(log, "ab") as errors:
        program = spawn(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment)
    line = program.stdout.readline()
    if not line.startswith("ready "):
        sys.exit(f"rolegate did not start: {pathlib.Path(log).read_text()[-2000:]}")
    ready = dict(word.split("=", 1) for word in line.split()[1:])
    until("rolegate was not ready", lambda: status(f"{ready['ops']}/readyz") == 200, 120, 0.005)
    return program, ready, time.monotonic() - began, cpu_seconds(program.pid)


def status(url):
    """The status of a GET."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
