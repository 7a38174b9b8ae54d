"""The soak: a server for each transport and mode, under load together for long, of which every byte
is verified. Nothing may be lost, and what a server holds must go back to what it was after a
warm-up: descriptors, threads, children, zombies, memory.

    soak.py [COUNT]    connections and datagrams in all (default 20,000)

SOCKETSERVER and LOAD name the programs; with SANITIZED, the sanitizer that they are built with,
memory is not looked at, and SSV_LONG means ten times the count."""

from handler_test import MODES, Server
import contextlib
import handler_test
import json
import os
import re
import subprocess
import sys
import tempfile
import time

TRANSPORTS = ("tcp://127.0.0.1:0", "unix:{directory}/%s", "udp://127.0.0.1:0",
              "unixgram:{directory}/%s")
ROUNDS = 10
SANITIZED = os.environ.get("SANITIZED", "")
# Requests before, which make all threads that there can be, with their memory.
WARM_UP = 1200 if SANITIZED else 12000
WAITING = 8  # threads of a threading server that stay
# Threads of the program: the main one, the one that waits for signals, and ThreadSanitizer's.
OWN = 3 if SANITIZED == "thread" else 2
# Seconds: an idle thread too many stays for 10; a loaded machine is slow.
PATIENCE = 60
TIMEOUT = 20  # of a reply
CONNECTIONS = 32
# Threads, children: those whose client has left without waiting for them come on top.
AT_ONCE = 64
# KiB more than after the warm-up, for what an allocator does: of a million requests, 12 bytes of
# each that a server gets.
MORE_MEMORY = 1024


def status_of(pid):
    """The fields of /proc/PID/status; of a process that is gone: none."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/status") as file:
        return dict(re.findall(r"(\w+):\s*(\w+)", file.read()))
    return {}


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(child) for child in file.read().split()]


class Soaked(Server):
    """A server with what it had to do."""

    def __init__(self, transport, mode):
        kind = transport.split(":")[0]
        self.name = f"{kind} {mode}"
        if "%" in transport:
            transport %= self.name.replace(" ", "-")
        super().__init__("echo", transport, "--mode", mode, "--max-threads", str(AT_ONCE),
                         "--max-children", str(AT_ONCE), "--udp-rate", "0")
        self.is_stream = kind in ("tcp", "unix")
        self.done = self.lost = self.corrupted = 0
        self.fresh, self.before = self.holds(), None

    def holds(self):
        """Descriptors, threads, children, zombies."""
        children = children_of(self.pid)
        zombies = sum(status_of(child).get("State") == "Z" for child in children)
        return (len(os.listdir(f"/proc/{self.pid}/fd")), int(status_of(self.pid)["Threads"]),
                len(children), zombies)

    def is_settled(self):
        """Whether it holds what it held when it had not served yet, but for threads that wait."""
        descriptors, threads, children, zombies = self.holds()
        is_threading = self.modes[0] == "threading"
        return ((children, zombies) == (0, 0) and threads <= OWN + WAITING * is_threading and
                descriptors <= self.fresh[0] + is_threading)  # by one its threads are woken

    def memory(self):
        return int(status_of(self.pid)["VmRSS"])

    def load(self, count, turn):
        """So many requests; `turn` varies of what kind."""
        if self.is_stream:
            self._run("churn", "-n", count, "-c", CONNECTIONS, "--size", (64, 5000)[turn // 2 % 2],
                      *(["--abrupt"] if turn % 2 else []))
        else:
            self._run("datagram", "-n", count, "-c", 4, "-w", CONNECTIONS // 4,
                      "--size", (64, 1000)[turn % 2])

    def load_at_once(self):
        """As much as it can ever have to do at a time."""
        if self.is_stream and self.modes[0] != "sync":
            self._run("idle", "-c", AT_ONCE, "--size", 5000)

    def _run(self, scenario, *options):
        command = [os.environ["LOAD"], scenario, self.address, "--json", "--timeout", str(TIMEOUT),
                   *map(str, options)]
        done = subprocess.run(command, stdout=subprocess.PIPE)
        result = json.loads(done.stdout)
        self.done += result["requests"]
        self.lost += result["lost"]
        self.corrupted += result["corrupted"] + result["surplus"]
        if done.returncode != 0:
            print(f"\n{self.name}: {' '.join(command)}:\n  {done.stdout.decode()}", end="")


def settle(servers):
    """Waits until they have, which is looked at again later."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and not all(server.is_settled() for server in servers):
        time.sleep(0.05)


class Progress:
    """A line that grows old on a terminal; elsewhere one for each round."""

    def __init__(self, count):
        self.count, self.start, self.round = count, time.monotonic(), 0
        self.on_terminal = sys.stdout.isatty()

    def show(self, servers, round):
        if not self.on_terminal and round == self.round:
            return
        self.round = round
        done, lost, corrupted = (sum(getattr(server, what) for server in servers)
                                 for what in ("done", "lost", "corrupted"))
        line = (f"round {round} of {ROUNDS}: {done:,} of {self.count:,}, {lost} lost, "
                f"{corrupted} corrupted, {time.monotonic() - self.start:.0f} s")
        print(f"\r{line}\033[K" if self.on_terminal else line,
              end="" if self.on_terminal else "\n", flush=True)

    def end(self):
        if self.on_terminal:
            print()


def share(count, of, index):
    return count // of + (index < count % of)


def warm_up(servers):
    for server in servers:
        server.load_at_once()
    for turn in range(4):
        for server in servers:
            server.load(WARM_UP // len(servers) // 4, turn)
    settle(servers)
    for server in servers:
        server.before, server.done = (server.holds(), server.memory()), 0


def load_round(servers, count, round, progress):
    for index, server in enumerate(servers):
        part = share(share(count, len(servers), index), ROUNDS, round)
        if part > 0:
            server.load(part, round)
        progress.show(servers, round + (index == len(servers) - 1))


def soak(servers, count):
    """Until the end, or the first that is lost."""
    progress = Progress(count)
    for round in range(ROUNDS):
        if not any(server.lost or server.corrupted for server in servers):
            load_round(servers, count, round, progress)
    progress.end()
    settle(servers)


def is_good(server):
    more = server.memory() - server.before[1]
    descriptors, before = server.holds()[0], server.before[0][0]
    return (server.lost == 0 and server.corrupted == 0 and server.is_settled() and
            descriptors == before and
            (more <= MORE_MEMORY or SANITIZED))


def print_table(servers):
    """Each with what it held after the warm-up, and at the end."""
    print(f"{'server':19}{'requests':>9}{'lost':>6}{'corrupted':>11}{'descriptors':>13}"
          f"{'threads':>9}{'children':>10}{'zombies':>9}{'KiB resident':>16}")
    for server in servers:
        (holds, memory), after = server.before, server.holds()
        pairs = [f"{one} {other}" for one, other in zip(holds, after)]
        print(f"{server.name:19}{server.done:9}{server.lost:6}{server.corrupted:11}"
              f"{pairs[0]:>13}{pairs[1]:>9}{pairs[2]:>10}{pairs[3]:>9}"
              f"{f'{memory} {server.memory()}':>16}{'' if is_good(server) else '  WRONG'}")


def run(count):
    with contextlib.ExitStack() as stack:
        handler_test.directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="soak-"))
        servers = [stack.enter_context(Soaked(transport, mode))
                   for transport in TRANSPORTS for mode in MODES]
        warm_up(servers)
        soak(servers, count)
        print_table(servers)
        return all(map(is_good, servers)) and sum(server.done for server in servers) == count


def main():
    count = int(sys.argv[1].replace(",", "")) if len(sys.argv) > 1 else 20000
    if SANITIZED and os.environ.get("SSV_LONG"):
        count *= 10
    start = time.monotonic()
    good = run(count)
    print(f"counted: {count} requests")
    print(f"soak of {count:,}: {'all is well' if good else 'FAILED'}, "
          f"{time.monotonic() - start:.0f} s")
    sys.exit(not good)


main()
