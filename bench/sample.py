"""One sample: a server, and what the load finds there."""

import contextlib
import json
import os
import resource
import subprocess
import tempfile
import time

from figures import median
from scenarios import PAGE_TABLES, RATE, START, USER
from servers import PATIENCE, Running, make_place, on_cpus

WARMUP = 0.1
# For the children of a server that forks, to be gone.
SETTLE = 0.1
STARTS = 5


def raise_descriptor_limit():
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))


def _run(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=10 * PATIENCE)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
    return done.stdout


class Sampler:
    """Takes samples with what was built in `build`, each of so many seconds."""

    def __init__(self, build, seconds):
        self.build, self.seconds = build, seconds
        self.rates = {}  # of the scenarios that have a fixed one

    def take(self, scenario, server):
        if scenario.measure == START:
            return self._start(scenario, server)
        with Running(server, self.build, scenario.transport, scenario.pinned) as running:
            if scenario.measure == USER:
                return self._idle(scenario, running)
            return self._load(scenario, running, self.rates.get(scenario.name))

    def find_rate(self, scenario, server):
        """Half of what the server can do, to two digits."""
        with Running(server, self.build, scenario.transport, scenario.pinned) as running:
            half = self._load(scenario, running, None)[RATE] / 2
        digits = len(str(int(half))) - 2
        self.rates[scenario.name] = int(round(half, -digits))

    def _load_command(self, scenario, running, *options):
        name, *arguments = scenario.load
        return on_cpus(scenario.pinned, [f"{self.build}/bench/load", name, running.address,
                                         *arguments, "--json", *options])

    def _load(self, scenario, running, rate):
        options = ["--rate", str(rate)] if rate else []
        _run(self._load_command(scenario, running, "--seconds", str(WARMUP)))
        before = running.cpu_seconds()
        found = json.loads(_run(self._load_command(
            scenario, running, "--seconds", str(self.seconds), *options)))
        time.sleep(SETTLE if running.server.name.endswith(("forking", "fork")) else 0)
        cpu = running.cpu_seconds() - before
        sample = {RATE: found["rate"], "cpu_us": 1e6 * cpu / found["requests"],
                  "latency_us": found["latency_us"], "mib": found["mib_per_second"]}
        if running.server.name == "hand-fork":
            del sample["cpu_us"]  # of children that nobody waits for, nobody learns it
        return sample

    def _idle(self, scenario, running):
        found = json.loads(_run(self._load_command(
            scenario, running, "--pid", str(running.pid))))["memory_kib"]
        return {USER: found["pss_per_connection"],
                PAGE_TABLES: found["page_tables_per_connection"]}

    def _start(self, scenario, server):
        times = []
        with tempfile.TemporaryDirectory(prefix="bench-") as directory:
            for _ in range(STARTS):
                place, address = make_place(scenario.transport, directory)
                command = server.command(self.build, place, address)
                output = _run(on_cpus(scenario.pinned, [
                    f"{self.build}/bench/startup", "1", address, *command]))
                times.append(float(output))
        return {START: median(times)}
