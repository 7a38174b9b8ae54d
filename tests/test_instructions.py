"""How many instructions a request takes in our own code and the C library's, counted by callgrind,
is what it was: neither does one slow it down unnoticed, nor does a gain get lost again. What differs
a little from one processor and C library to another is within the margin; a change that
is meant changes the figure here, too. Is skipped without valgrind, and where the figures are not for
what this was built with: INSTRUCTIONS_FOR."""

from handler_test import PATIENCE, Server, equal, for_each, main
import glob
import os
import re
import shutil
import subprocess
import sys
import handler_test

SKIPPED = 77
LOAD = os.environ["LOAD"]
REQUESTS = 200
MARGIN = 0.10
FIGURES = {
    ("sync", "echo"): 0,
    ("sync", "churn"): 0,
    ("threading", "echo"): 0,
    ("threading", "churn"): 0,
    ("sync", "datagram"): 0,
    ("threading", "datagram"): 0,
}


class Counted(Server):
    """A server under callgrind."""

    program = shutil.which("valgrind")

    def __init__(self, address, *options):
        self.pattern = f"{handler_test.directory}/callgrind"
        Server.__init__(self, "echo", address, *options, may_say="^==")

    def count(self, requests, count):
        """All instructions of all threads, for so many requests."""
        self._control("--zero")
        load(self.address, requests, count)
        self._control("--dump")
        newest = max(glob.glob(f"{self.pattern}*"), key=os.path.getmtime)
        with open(newest) as dump:
            return sum(int(total) for total in re.findall(r"^summary: (\d+)", dump.read(), re.M))

    def _control(self, what):
        subprocess.run(["callgrind_control", what, str(self.pid)], stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, check=True, timeout=PATIENCE)
