"""An idle server makes no system call, in any mode, at all kinds of addresses. Is skipped where
strace is not installed or may not look at other processes."""

from handler_test import (DATAGRAMS, MODES, PATIENCE, STREAMS, Server, connect, equal, for_each,
                          main, receive_exactly)
import re
import shutil
import subprocess
import sys
import tempfile
import time

SKIPPED = 77


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


if not shutil.which("strace"):
    sys.exit(SKIPPED)
main()
