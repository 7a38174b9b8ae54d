"""The program under limits that the kernel sets: out of descriptors (RLIMIT_NOFILE), of threads and
of processes (RLIMIT_NPROC), of memory for threads (RLIMIT_AS). It rests, says so once, goes on with
the clients it has, takes the next one at once when one of these leaves, and within a second when
the limit is lifted. (ENFILE, ENOMEM, ENOBUFS: test_overload.c.)"""

from handler_test import (Server, as_user, connect, equal, for_each, main, receive_exactly,
                          wait_until)
import contextlib
import handler_test
import os
import re
import select
import socket
import subprocess
import time

SECONDS = 5.2 if os.environ.get("SSV_LONG") else 1.2
SANITIZED = bool(os.environ.get("SANITIZED"))
TRIES = 3  # to be in time, on a machine that may be busy
RESTS = r"no request can be taken for now|no further thread for now"
LOST = r"process_request: Resource temporarily unavailable"

CASES = (("nofile", "sync"), ("nofile", "threading"), ("nofile", "forking"),
         ("nproc", "threading"), ("nproc", "forking"), ("as", "threading"))


def tasks(pid):
    return os.listdir(f"/proc/{pid}/task")


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(child) for child in file.read().split()]


def descriptors(pid):
    return [int(fd) for fd in os.listdir(f"/proc/{pid}/fd")]


def pidfds(pid):
    def is_one(fd):
        with contextlib.suppress(FileNotFoundError):  # it may be closed by now
            return os.readlink(f"/proc/{pid}/fd/{fd}") == "anon_inode:[pidfd]"
    return list(filter(is_one, descriptors(pid)))


def address_space(pid):
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(pid):
    """Of all of its threads."""
    def of(task):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{task}/schedstat") as file:
            return int(file.read().split()[0])
        return 0
    return sum(map(of, tasks(pid))) / 1e9


class Suffering(Server):
    """Where the limit is one of processes, not root's, whom that does not bind, but that of a
    user of its own."""

    def __init__(self, limit, mode, *more):
        self.limit, self.user, self.good, settings = limit, {}, [], {}
        self.most = None
        if limit == "nproc":
            number = 100000 + os.getpid()
            settings = as_user(number, number)
            self.user = {"user": number, "group": number, "extra_groups": []}
        super().__init__("echo", "tcp://127.0.0.1:0", *more, "--mode", mode,
                         may_say=f"{RESTS}|{LOST}", **settings)

    def begin(self):
        client = connect(self.address)
        client.sendall(b"first")
        return client

    def take_in(self, client):
        equal(receive_exactly(client, 5), b"first")
        self.good.append(client)

    def set_limit(self, most):
        """Of the two limits of each kind, the one that can be lifted again."""
        subprocess.run(["prlimit", "--pid", str(self.pid), f"--{self.limit}={most}:"], check=True,
                       **self.user)

    def has_all_descriptors(self):
        """A child has its own, which it gives back, only some milliseconds after the fork."""
        return len(pidfds(self.pid)) == len(children(self.pid))

    def has_all_or_no_more(self):
        return self.has_all_descriptors() or len(descriptors(self.pid)) == self.most

    def give_no_more_than_now(self):
        wait_until(self.has_all_descriptors, "a pidfd for each child")
        if self.limit == "nofile":
            self.most = max(descriptors(self.pid)) + 1
            self.set_limit(self.most)
        elif self.limit == "nproc":
            self.set_limit(len(tasks(self.pid)) + len(children(self.pid)))
        else:
            self.set_limit(address_space(self.pid) + 65536)  # less than a thread's stack

    def lift_the_limit(self):
        self.set_limit("unlimited" if self.limit == "as" else 256)

    def rests(self):
        return len(re.findall(RESTS, self.said()))

    def let_one_wait(self):
        """Threads that were waiting in the kernel already still get a client each; and one may be
        lost, where it shows only afterwards that there is no process for it."""
        lost = 0
        while True:
            client = self.begin()
            if not select.select([client], [], [], 0.2)[0]:
                break
            if client.recv(1, socket.MSG_PEEK):
                self.take_in(client)
            else:
                client.close()
                lost += 1
            wait_until(self.has_all_or_no_more, "a pidfd for each child, or no room for one")
            assert len(self.good) < 20 and lost <= 1, "no limit"
        return client

    def all_good_are_served(self):
        for client in self.good:
            client.sendall(b"good as ever")
        for client in self.good:
            equal(receive_exactly(client, 12), b"good as ever")

    def seconds_until_served(self, client):
        start = time.monotonic()
        self.take_in(client)
        return time.monotonic() - start


def suffer(limit, mode):
    """Whether it recovered in time."""
    with Suffering(limit, mode) as server, contextlib.ExitStack() as stack:
        if mode != "sync":  # which does not look at its listener while it has a client
            for _ in range(2):
                server.take_in(server.begin())
        server.give_no_more_than_now()
        waiting = server.let_one_wait()
        cpu = cpu_seconds(server.pid)
        time.sleep(SECONDS)
        cpu = cpu_seconds(server.pid) - cpu
        assert cpu <= SECONDS / 100 or SANITIZED, f"{cpu} s of {SECONDS}"
        equal(server.rests(), 1)
        server.all_good_are_served()
        at_once = 0
        if server.good:
            server.good.pop(0).close()  # its number is below the limit for certain
            at_once = server.seconds_until_served(waiting)
            waiting = server.let_one_wait()
        server.lift_the_limit()
        later = server.seconds_until_served(waiting)
        server.all_good_are_served()
        for client in server.good:
            stack.enter_context(client)
        return at_once <= 0.1 and later <= 1.05


@for_each(CASES)
def at_the_kernels_limit_it_rests_and_recovers(case):
    if case[0] == "nproc" and os.geteuid() != 0:
        print("skipped: only root can give the server a user of its own")
        return
    if case[0] == "as" and SANITIZED:
        print("skipped: a sanitizer needs more than all memory there is")
        return
    assert any(suffer(*case) for _ in range(TRIES))


class Neighbours(Suffering):
    """Two servers in one process: what one has, the other has not."""

    def __init__(self, mode):
        self.socket = f"{handler_test.directory}/neighbour.sock"
        super().__init__("nofile", mode, f"unix:{self.socket}")

    def begin_there(self):
        client = socket.socket(socket.AF_UNIX)
        client.connect(self.socket)
        client.sendall(b"first")
        return client


def is_neighbour_quick(mode):
    with Neighbours(mode) as server:
        for _ in range(4):
            server.take_in(server.begin_there())
        server.give_no_more_than_now()
        waiting = server.let_one_wait()
        time.sleep(SECONDS)  # until it rests for long
        server.good[0].close()
        quick = server.seconds_until_served(waiting) <= 0.1
        for client in server.good:
            client.close()
        return quick


@for_each(("threading", "forking"))
def what_another_server_gives_back_is_taken_at_once(mode):
    assert any(is_neighbour_quick(mode) for _ in range(TRIES))


main()
