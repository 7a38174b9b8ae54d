"""How many instructions a request takes, in our code and the C library's, counted by callgrind, is
what it was: nothing slows it down unnoticed, and no gain is lost again. The margin is for C
libraries and processors that differ a little; a change that is meant changes the figure, too. Is
skipped without valgrind; meson leaves it out where the figures are for another compiler."""

from handler_test import PATIENCE, PROGRAM, Process, Server, for_each, main
import glob
import handler_test
import os
import re
import shutil
import subprocess
import sys

SKIPPED = 77
LOAD = os.environ["LOAD"]
REQUESTS = 500
ROUNDS = 3  # until all threads are there, and all memory: on a busy machine a thread may come late
MARGIN = 0.10
ADDRESSES = {"echo": "tcp://127.0.0.1:0", "churn": "tcp://127.0.0.1:0",
             "datagram": "udp://127.0.0.1:0"}
FIGURES = {
    ("sync", "echo"): 495,
    ("sync", "churn"): 1968,
    ("sync", "datagram"): 1767,
    ("threading", "echo"): 495,
    ("threading", "churn"): 2193,
    ("threading", "datagram"): 1995,
}


class UnderCallgrind(Process):
    program = shutil.which("valgrind")

    def __init__(self, *arguments, **settings):
        self.dumps = f"{handler_test.directory}/callgrind"
        super().__init__("--tool=callgrind", f"--callgrind-out-file={self.dumps}", PROGRAM,
                         *arguments, **settings)

    def _control(self, what):
        subprocess.run(["callgrind_control", what, str(self.pid)], stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, check=True, timeout=4 * PATIENCE)

    def count(self, work):
        """The instructions of all its threads while `work` is done."""
        self._control("--zero")
        work()
        self._control("--dump")
        newest = max(glob.glob(f"{self.dumps}.*"), key=os.path.getmtime)
        with open(newest) as dump:
            return int(re.search(r"^summary: (\d+)", dump.read(), re.M)[1])


class Counted(Server, UnderCallgrind):
    pass


def load(address, scenario, count):
    """So many at a time that the server never waits, but for those of one connection."""
    busy = {"churn": ["--connections", "64"], "datagram": ["--window", "64"]}.get(scenario, [])
    subprocess.run([LOAD, scenario, address, "--count", str(count), *busy], stdout=subprocess.PIPE,
                   check=True, timeout=4 * PATIENCE)


@for_each(FIGURES)
def a_request_takes_as_many_instructions_as_before(figure):
    mode, scenario = figure
    with Counted("echo", ADDRESSES[scenario], "--mode", mode, "--udp-rate", "0", may_say="^==",
                 *(["--max-threads", "2"] if mode == "threading" else [])) as server:
        found = min(server.count(lambda: load(server.address, scenario, REQUESTS)) / REQUESTS
                    for _ in range(ROUNDS))
    if os.environ.get("SHOW_FIGURES"):
        print(f"{figure}: {found:.0f}")
    assert abs(found / FIGURES[figure] - 1) <= MARGIN, f"found {found:.0f}, not {FIGURES[figure]}"


if not UnderCallgrind.program:
    sys.exit(SKIPPED)
main()
