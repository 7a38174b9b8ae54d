"""A network that loses packets, and one that a client vanishes from, by the kernel's own means: in
a network namespace of the test's own, whose packet filter (nft) drops them. Skipped where either is
not to be had."""

from handler_test import (DATAGRAMS, MODES, PATIENCE, STREAMS, Server, connect, equal, main,
                          receive_exactly, side_by_side, test, wait_until)
import concurrent.futures
import contextlib
import os
import re
import select
import shutil
import subprocess
import sys
import threading
import time

SKIPPED = 77
TRIES = 12  # to be in time, on a machine that may be busy
NAMESPACE = ["unshare", "--user", "--map-root-user", "--net"]
os.environ["PATH"] += ":/usr/sbin:/sbin"
FILTER = """
add table inet faults
add chain inet faults input { type filter hook input priority 0; }
add rule inet faults input counter
"""


def nft(commands):
    """What it prints; or None where it does not work."""
    done = subprocess.run(["nft", "-f", "-"], input=commands, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        print(done.stdout, end="")
    return done.stdout if done.returncode == 0 else None


def enter_namespace():
    """Begins anew in one; or skips all."""
    if "IN_NAMESPACE" in os.environ:
        return
    if not shutil.which("nft") or not shutil.which("ip"):
        skip("nft or ip is not installed")
    if subprocess.run([*NAMESPACE, "true"]).returncode != 0:
        skip("no namespace is to be had")
    os.environ["IN_NAMESPACE"] = "1"
    os.execvp(NAMESPACE[0], [*NAMESPACE, sys.executable, *sys.argv])


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(SKIPPED)


class Dropping:
    """The packets that it is to drop, while it lasts; how many it did, at its end."""

    def __init__(self, which):
        self.rule, self.dropped = f"add rule inet faults input {which} counter drop", 0

    def __enter__(self):
        assert nft(self.rule) is not None
        return self

    def __exit__(self, *_):
        rules = nft("list chain inet faults input")
        self.dropped = int(re.search(r"counter packets (\d+) bytes \d+ drop", rules)[1])
        nft("flush chain inet faults input")


A_FIFTH = "numgen random mod 100 < 20"


def echo_much(client):
    client.settimeout(4 * PATIENCE)
    data = os.urandom(300000)
    sender = threading.Thread(target=client.sendall, args=(data,))
    sender.start()
    equal(receive_exactly(client, len(data)), data)
    sender.join()


# What is lost again and again is sent less and less often: a network that never got better might
# take minutes.
@test
def every_byte_arrives_though_a_fifth_of_all_packets_is_lost():
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(Server("echo", address, "--mode", mode))
                   for address in STREAMS[:2] for mode in MODES]
        clients = [stack.enter_context(connect(server.address)) for server in servers]
        pool = stack.enter_context(concurrent.futures.ThreadPoolExecutor(len(clients)))
        with Dropping(A_FIFTH) as network:
            echoes = [pool.submit(echo_much, client) for client in clients]
            concurrent.futures.wait(echoes, timeout=PATIENCE / 2)
        for echo in echoes:
            echo.result()
    assert network.dropped >= 20, network.dropped


def ask_until_answered(address):
    questions = [b"question %d" % n for n in range(30)]
    with connect(address) as client:
        for question in questions:
            answers = set()
            while question.upper() not in answers:
                client.send(question)
                if select.select([client], [], [], 0.05)[0]:
                    answers.add(client.recv(1024))
            assert answers <= {each.upper() for each in questions}, answers


@test
def who_asks_again_is_answered_though_a_fifth_of_all_packets_is_lost():
    with contextlib.ExitStack() as stack:
        addresses = []
        for mode in MODES:
            addresses += stack.enter_context(Server("upper", *DATAGRAMS[:2], "--mode", mode,
                                                    "--udp-rate", "0")).addresses
        with Dropping(A_FIFTH) as network:
            side_by_side(ask_until_answered, addresses)
    assert network.dropped >= 20, network.dropped


class Limited(Server):
    """With one place, and a limit of time."""

    def __init__(self, mode):
        super().__init__("echo", STREAMS[0], "--mode", mode, "--timeout", "1",
                         "--max-threads", "1", "--max-children", "1")
        self.client = self.start = self.cut = self.idle = None

    def open_descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def is_idle(self):
        with open(f"/proc/{self.pid}/task/{self.pid}/children") as file:
            return not file.read() and self.open_descriptors() <= self.idle

    def serve_one(self):
        self.idle = self.open_descriptors()
        self.client, self.start = connect(self.address), time.monotonic()
        self.client.sendall(b"hello")
        equal(receive_exactly(self.client, 5), b"hello")
        assert not self.is_idle()

    def note_its_end(self):
        wait_until(self.is_idle, "the end of a client that is not there any more")
        self.cut = time.monotonic() - self.start


def vanish(servers):
    """How long each server keeps a client that has vanished: nothing of it arrives, nor at it."""
    for server in servers:
        server.serve_one()
    with Dropping("meta l4proto tcp") as network:
        side_by_side(Limited.note_its_end, servers)
        for server in servers:
            server.client.close()
    assert network.dropped > 0
    return [server.cut for server in servers]


@test
def a_client_that_vanishes_is_cut_at_the_limit_and_its_place_is_free():
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(Limited(mode)) for mode in MODES]
        best = [PATIENCE] * len(servers)
        for _ in range(TRIES):
            best = list(map(min, best, vanish(servers)))
            assert min(best) >= 0.99, best
            if max(best) <= 1.1:
                break
        assert max(best) <= 1.1, best
        for server in servers:
            server.serve_one()
            server.client.close()


enter_namespace()
subprocess.run("ip link set lo mtu 1500 up".split(), check=True)
if nft(FILTER) is None:
    skip("this kernel has no such packet filter")
main()
