"""The system calls of a request are those that docs/performance.md lists, and no others. Is skipped
where strace is not installed or may not look at other processes."""

from handler_test import PATIENCE, Server, connect, equal, for_each, main, test, wait_until
from collections import Counter
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile

SKIPPED = 77
REQUESTS = 100
# Each may have been in a call already when strace came, which does not see that one.
THREADS = 2
# What a connection costs whose requests are counted, and the end of those before.
ONCE = 20
LOAD = os.environ["LOAD"]
DOCUMENT = os.environ["PERFORMANCE_DOC"]
ADDRESSES = {"tcp": "tcp://127.0.0.1:0", "udp": "udp://127.0.0.1:0"}


def paths():
    """Mode, transport, request and calls of each row of the document's table."""
    rows = []
    with open(DOCUMENT) as document:
        for line in document:
            row = re.fullmatch(r"\| (\w+) \| (tcp|udp) \| (\w+) \| ((?:`\w+` )+)\|\n", line)
            if row:
                rows.append((row[1], row[2], row[3], tuple(re.findall(r"\w+", row[4]))))
    return rows


class Strace:
    """What a process, with its threads and children, calls meanwhile."""

    def __init__(self, pid):
        self.pid = pid

    def __enter__(self):
        self.calls = tempfile.NamedTemporaryFile("r")
        self.strace = subprocess.Popen(
            ["strace", "-f", "-o", self.calls.name, "-p", str(self.pid)],
            stderr=subprocess.PIPE, text=True)
        line = self.strace.stderr.readline()
        if "not permitted" in line:
            sys.exit(SKIPPED)
        assert "attached" in line, line
        return self

    def __exit__(self, *_):
        self.strace.terminate()
        self.strace.communicate(timeout=PATIENCE)

    def lines(self):
        self.calls.seek(0)
        return self.calls

    def completed(self):
        """How often each call has found what it was made for: EAGAIN and the wait for it are what
        a server does that has nothing to do."""
        found = Counter()
        for line in self.lines():
            call = re.search(r"(?:^\d+ +|<\.\.\. )(\w+)(?: resumed|\().*\) += [^?-]", line)
            waits = call and (call[1] == "epoll_wait" or "], 2, " in line  # poll, of both …
                              or "SO_COOKIE" in line)  # … and whose listener it has told of
            if call and not waits:
                found[call[1]] += 1
        return found


def load(address, requests, count):
    subprocess.run([LOAD, requests, address, "--count", str(count)], stdout=subprocess.PIPE,
                   check=True, timeout=PATIENCE)


@for_each(paths())
def a_request_costs_the_calls_that_are_documented(path):
    mode, transport, requests, calls = path
    expected = Counter({call: n * REQUESTS for call, n in Counter(calls).items()})
    with Server("echo", ADDRESSES[transport], "--mode", mode, "--udp-rate", "0",
                *(["--max-threads", str(THREADS)] if mode == "threading" else [])) as server:
        load(server.address, requests, 50)  # until all threads are there, and all memory
        with Strace(server.pid) as strace:
            load(server.address, requests, REQUESTS)
            wait_until(lambda: all(n <= THREADS for n in (expected - strace.completed()).values()),
                       f"{path}: all of its calls")
        found = strace.completed()
    surplus = {call: n for call, n in (found - expected).items() if n > ONCE}
    equal(surplus, {})


def is_asleep(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        return file.read().rpartition(") ")[2][0] == "S"


@for_each(["sync", "forking"])
def a_connection_that_comes_alone_is_waited_for_and_not_asked_for_in_vain(mode):
    with Server("echo", ADDRESSES["tcp"], "--mode", mode) as server:
        with Strace(server.pid) as strace:
            for _ in range(REQUESTS):
                wait_until(lambda: is_asleep(server.pid), "nothing to do")
                with connect(server.address) as client:
                    client.shutdown(socket.SHUT_WR)
                    equal(client.recv(1), b"")
        in_vain = sum("accept4" in line and "EAGAIN" in line for line in strace.lines())
    assert 0 < in_vain <= REQUESTS // 8, in_vain


@test
def the_document_has_paths():
    assert len(paths()) >= 7, paths()


if not shutil.which("strace"):
    sys.exit(SKIPPED)
main()
