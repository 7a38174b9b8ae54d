"""An idle server makes no system call, in any mode, at all kinds of addresses; and clients who are
silent cost it memory alone. Is skipped where strace is not installed or may not look at other
processes. SSV_LONG=1 in the environment: of those clients there are 10,000."""

from handler_test import (DATAGRAMS, MODES, PATIENCE, STREAMS, Server, connect, equal, for_each,
                          main, receive_exactly, test)
import contextlib
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time

SKIPPED = 77
SILENT = 10000 if os.environ.get("SSV_LONG") else 1000


def system_calls(pid, seconds):
    """The calls that end meanwhile in a process, with its threads and children."""
    with tempfile.NamedTemporaryFile("r") as calls:
        strace = subprocess.Popen(["strace", "-f", "-o", calls.name, "-p", str(pid)],
                                  stderr=subprocess.PIPE, text=True)
        line = strace.stderr.readline()
        if "not permitted" in line:
            sys.exit(SKIPPED)
        assert "attached" in line, line
        time.sleep(seconds)  # the absence of something takes time to see
        strace.terminate()
        strace.communicate(timeout=PATIENCE)
        return [line for line in calls if re.search(r"\) += ", line)]


@for_each(MODES)
def an_idle_server_makes_no_system_call(mode):
    with Server("echo", *STREAMS, *DATAGRAMS, "--mode", mode) as server:
        for address in server.addresses:
            with connect(address) as client:
                client.send(b"hello")
                equal(receive_exactly(client, 5), b"hello")
        for _ in range(3):  # what those clients have left to do comes first
            calls = system_calls(server.pid, 1.2)
            if not calls:
                break
        equal(calls, [])


def begin(server):
    """A client that has got an answer, and says nothing more."""
    client = connect(server.address)
    client.sendall(b"hello")
    equal(receive_exactly(client, 5), b"hello")
    return client


def memory(pid):
    """In KiB."""
    with open(f"/proc/{pid}/status") as file:
        return int(re.search(r"VmRSS:\s*(\d+) kB", file.read())[1])


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as file:
        user, system = file.read().rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


@test
def thousands_of_silent_clients_cost_memory_alone():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    assert hard >= SILENT + 100, f"no more than {hard} descriptors are to be had"
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(Server("echo", STREAMS[0], "--mode", "threading",
                                            "--max-threads", str(SILENT + 10)))
        before = memory(server.pid)
        silent = [stack.enter_context(begin(server)) for _ in range(SILENT)]
        assert (memory(server.pid) - before) / SILENT < 64
        cpu = cpu_seconds(server.pid)
        time.sleep(0.5)
        assert cpu_seconds(server.pid) - cpu <= 0.02
        times = []
        for _ in range(100):  # and nobody who comes has to wait for all these
            start = time.monotonic()
            begin(server).close()
            times.append(time.monotonic() - start)
        assert sorted(times)[50] < 0.01, sorted(times)
        for client in silent:
            client.sendall(b"still here")
        for client in silent:
            equal(receive_exactly(client, 10), b"still here")


if not shutil.which("strace"):
    sys.exit(SKIPPED)
main()
