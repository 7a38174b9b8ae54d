"""Measures our servers beside those by hand and those of others, in rounds: each server of a
scenario once, then all again in another order, so that what the machine does meanwhile does not
favour one of them. `./dev bench` builds what it needs and runs it."""

import argparse
import datetime
import os
import platform
import subprocess
import sys
import time

import document
import peers
from results import Outcome, Results, failures
from sample import Sampler, raise_descriptor_limit
from scenarios import GOALS, SCENARIOS
from servers import PEER, SERVERS

QUICK_ROUNDS, FULL_ROUNDS, MOST_ROUNDS = 3, 15, 45
QUICK_SECONDS, FULL_SECONDS = 0.3, 0.6
# Who is there to compare with, and in no goal, is not in each round.
RARELY = 3


def machine():
    with open("/proc/cpuinfo") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    return f"{os.cpu_count()} × {models[0] if models else platform.machine()}"


def version(*command):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    except OSError:
        return None
    return done.stdout.splitlines()[0].strip() if done.returncode == 0 else None


def describe(arguments):
    release = platform.release().split("-")[0]
    compilers = [version("gcc", "--version"), version("go", "version")]
    return {
        "machine": machine(), "kernel": f"{platform.system()} {release}",
        "compilers": ", ".join(filter(None, compilers)) + f", CPython {platform.python_version()}",
        "date": datetime.date.today().isoformat(),
        "command": " ".join(["./dev bench", *(a for a in arguments if a != "--write")]),
        "full": "--full" in arguments,
    }


class Progress:
    """A line on standard error, of what is measured and how long all of it still takes."""

    def __init__(self, total):
        self.total, self.done, self.start = total, 0, time.monotonic()
        self.terminal = sys.stderr.isatty()
        self.said = 0

    def step(self, text):
        elapsed = time.monotonic() - self.start
        left = elapsed / self.done * (self.total - self.done) if self.done else 0
        self.done += 1
        line = f"{self.done}/{self.total}, {max(left, 0) / 60:.1f} min left: {text}"
        if self.terminal:
            print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)
        elif elapsed - self.said >= 30:
            self.said = elapsed
            print(line, file=sys.stderr, flush=True)

    def end(self):
        if self.terminal:
            print("\r\033[K", end="", file=sys.stderr)


class Bench:
    def __init__(self, scenarios, sampler, results, rounds, most):
        self.scenarios, self.sampler, self.results = scenarios, sampler, results
        self.rounds, self.most = rounds, most
        self.there = peers.build()

    def _is_there(self, name):
        return SERVERS[name].group != PEER or name.split("-")[0] in self.there

    def _servers(self, scenario, number):
        """Those of a round, in its order."""
        wanted = {name for goal in GOALS if goal.scenario == scenario.name
                  for name in (goal.server, *goal.others)}
        rarely = bool(wanted) and number % RARELY != 0
        names = [name for name in scenario.servers
                 if self._is_there(name) and (name in wanted or not rarely)]
        turn = number % len(names)
        return names[turn:] + names[:turn]

    def _has_round(self, scenario, number):
        return number < min(self.rounds, scenario.rounds or self.rounds)

    def _take(self, scenario, server):
        """A sample; or None, for a server of others that has lost a request."""
        try:
            return self.sampler.take(scenario, server)
        except RuntimeError as error:
            if server.group != PEER:
                raise
            print(f"left out: {error}", file=sys.stderr)
            return None

    def _round(self, scenario, number, progress):
        samples = {}
        for name in self._servers(scenario, number):
            progress.step(f"round {number + 1}, {scenario.title}: {SERVERS[name].title}")
            sample = self._take(scenario, SERVERS[name])
            if sample is not None:
                samples[name] = sample
        self.results.add(scenario.name, samples)

    def _is_settled(self, scenario):
        return scenario.rounds is not None or all(
            Outcome(goal, self.results).is_settled()
            for goal in GOALS if goal.scenario == scenario.name)

    def find_rates(self):
        for scenario in self.scenarios:
            if scenario.open_loop:
                self.sampler.find_rate(scenario, SERVERS[scenario.open_loop])
        self.results.rates = self.sampler.rates

    def run(self):
        plan = [(number, scenario) for number in range(self.rounds) for scenario in self.scenarios
                if self._has_round(scenario, number)]
        progress = Progress(sum(len(self._servers(scenario, number)) for number, scenario in plan))
        self.find_rates()
        for number, scenario in plan:
            self._round(scenario, number, progress)
        for number in range(self.rounds, self.most):
            unsettled = [s for s in self.scenarios if not self._is_settled(s)]
            progress.total += sum(len(self._servers(s, number)) for s in unsettled)
            for scenario in unsettled:
                self._round(scenario, number, progress)
        progress.end()


def parse():
    parser = argparse.ArgumentParser(
        prog="./dev bench",
        description="Measures servers side by side; docs/performance.md says how.")
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help="those alone")
    parser.add_argument("--full", action="store_true",
                        help=f"at least {FULL_ROUNDS} rounds, and exit status 1 where a goal is"
                             " not met")
    parser.add_argument("--rounds", type=int, help="so many of them, at least")
    parser.add_argument("--peers", action="store_true", help="install what peers need first")
    parser.add_argument("--write", action="store_true",
                        help="put the result into docs/performance.md")
    parser.add_argument("--list", action="store_true", help="the scenarios")
    parser.add_argument("--from", dest="kept", metavar="FILE",
                        help="show, or write, what was kept there")
    parser.add_argument("--compare", nargs=2, metavar="FILE", help="two kept results, side by side")
    options = parser.parse_args()
    known = [scenario.name for scenario in SCENARIOS]
    for name in options.scenarios:
        if name not in known:
            parser.error(f"no scenario {name}; there are: {' '.join(known)}")
    return options


def measure(options):
    scenarios = [s for s in SCENARIOS if not options.scenarios or s.name in options.scenarios]
    rounds = options.rounds or (FULL_ROUNDS if options.full else QUICK_ROUNDS)
    build = os.environ.get("BENCH_BUILD", os.path.join(peers.ROOT, "build", "bench"))
    sampler = Sampler(build, FULL_SECONDS if options.full else QUICK_SECONDS)
    results = Results(describe(sys.argv[1:]))
    raise_descriptor_limit()
    Bench(scenarios, sampler, results, rounds, MOST_ROUNDS if options.full else rounds).run()
    return results


def keep(results):
    directory = os.path.join(peers.ROOT, "build", "results")
    os.makedirs(directory, exist_ok=True)
    path = os.path.join(directory, f"{datetime.datetime.now():%Y-%m-%d-%H%M%S}.json")
    results.write(path)
    print(f"kept in {os.path.relpath(path)}", file=sys.stderr)


def main():
    options = parse()
    if options.list:
        for scenario in SCENARIOS:
            print(f"{scenario.name:18} {scenario.title}")
        return 0
    if options.compare:
        print(document.compare(*map(Results.read, options.compare)), end="")
        return 0
    results = Results.read(options.kept) if options.kept else measure(options)
    if not options.kept:
        keep(results)
    print(document.text(results), end="")
    if options.write:
        document.write(results)
    if not results.about["full"]:
        print("\nA quick look: too few rounds to judge by; --full takes 15 and more.")
    return 1 if results.about["full"] and failures(results) else 0


sys.exit(main())
