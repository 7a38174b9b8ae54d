"""What befalls a server from outside: it is stopped and goes on, the wall clock jumps, its
descriptors have large numbers, its stack is small, clients speak another protocol, children end
while they are to be killed. WALL_CLOCK names a library with a clock that jumps."""

from handler_test import (DATAGRAMS, MODES, PROGRAM, STREAMS, Server, connect, equal, for_each,
                          main, receive_all, receive_exactly, side_by_side, test, wait_until)
import contextlib
import handler_test
import os
import re
import resource
import shutil
import signal
import socket
import sys
import time

SANITIZED = bool(os.environ.get("SANITIZED"))
TRIES = 12  # to be in time, on a machine that may be busy


def in_time(took, limit):
    """Never too early; a tenth too late is in time."""
    assert took >= limit * 0.99, f"after {took} s"
    return took <= limit * 1.1


def script(name, command):
    """A program that is the command, with the arguments that it is given."""
    path = f"{handler_test.directory}/{name}"
    with open(path, "w", encoding="utf-8") as file:
        file.write(f'#!/bin/sh\nexec {command} "$@"\n')
    os.chmod(path, 0o755)
    return path


# --- large descriptors ---------------------------------------------------------------------------

def largest_descriptor(pid):
    return max(map(int, os.listdir(f"/proc/{pid}/fd")))


class Crowded(Server):
    """All of its descriptors below 1,200 are open when it is started."""

    OPEN_MANY = """
import os, resource, sys
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
for number in range(3, 1200):
    os.dup2(0, number)
os.execv(sys.argv[1], sys.argv[1:])
"""

    def __init__(self, *arguments):
        self.program = script("crowded", f"{sys.executable} -c '{self.OPEN_MANY}' {PROGRAM}")
        super().__init__(*arguments)


@for_each(STREAMS + DATAGRAMS, MODES)
def descriptors_of_1024_and_up_are_as_good_as_any(address, mode):
    with Crowded("echo", address, "--mode", mode) as server:
        with connect(server.address) as client:
            client.send(b"hello")
            equal(receive_exactly(client, 5), b"hello")
            assert largest_descriptor(server.pid) >= 1200


# --- a small stack -------------------------------------------------------------------------------

def limit_stack():
    resource.setrlimit(resource.RLIMIT_STACK, (256 * 1024, 256 * 1024))


@for_each(STREAMS[:1] + DATAGRAMS[:1], MODES)
def a_stack_of_256_kib_is_enough(address, mode):
    with Server("echo", address, "--mode", mode, preexec_fn=limit_stack) as server:
        with open(f"/proc/{server.pid}/limits") as file:
            assert re.search(r"Max stack size +262144 ", file.read())
        with connect(server.address) as client:
            client.send(b"hello" * 200)
            equal(receive_exactly(client, 1000), b"hello" * 200)


# --- stopped, and going on -----------------------------------------------------------------------

class Stoppable(Server):
    """Its children are stopped with it."""

    def __init__(self, *arguments):
        super().__init__(*arguments, start_new_session=True)

    def state(self):
        with open(f"/proc/{self.pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0]

    @contextlib.contextmanager
    def stopped(self, seconds):
        os.killpg(self.pid, signal.SIGSTOP)
        wait_until(lambda: self.state() == "T", "stopped")
        end = time.monotonic() + seconds
        yield
        time.sleep(max(0, end - time.monotonic()))
        os.killpg(self.pid, signal.SIGCONT)


def stopped_with_clients(address, mode):
    address = address.replace("%s", mode)
    first, second = os.urandom(40000), os.urandom(40000)
    with Stoppable("echo", address, "--mode", mode, "--timeout", "2") as server:
        before = [connect(server.address) for _ in range(4)]
        for client in before:
            client.sendall(first)
        receive_exactly(before[0], 1)
        with server.stopped(2.2):
            meanwhile = [connect(server.address) for _ in range(4)]
            for client in meanwhile:
                client.sendall(first)
            for client in before + meanwhile:
                client.sendall(second)
                client.shutdown(socket.SHUT_WR)
        for client in before + meanwhile:
            equal(receive_all(client), (first + second)[client is before[0]:])
            client.close()


@test
def a_server_that_is_stopped_and_goes_on_has_lost_nothing():
    """Though it was away for longer than the limit of time: who spoke meanwhile was not silent."""
    side_by_side(stopped_with_clients, ("tcp://127.0.0.1:0", "unix:{directory}/%s"), MODES)


def cut_after(server, seconds):
    with connect(server.address) as client:
        start = time.monotonic()
        client.sendall(b"hello")
        receive_exactly(client, 5)
        with server.stopped(seconds):
            pass
        equal(receive_all(client), b"")
        return time.monotonic() - start


def stopped_while_silent(mode, seconds):
    with Stoppable("echo", STREAMS[0], "--mode", mode, "--timeout", "1") as server:
        assert any(in_time(cut_after(server, seconds), max(1, seconds)) for _ in range(TRIES))


@test
def its_limits_of_time_go_on_while_it_is_stopped():
    side_by_side(stopped_while_silent, MODES, (0.5, 1.3))


# --- the wall clock ------------------------------------------------------------------------------

JUMPING = {"env": {**os.environ, "LD_PRELOAD": os.environ["WALL_CLOCK"]}}


@test
def the_wall_clock_of_these_tests_jumps():
    if SANITIZED:
        return  # a sanitizer's library must be the first
    with Server("timestamp", STREAMS[0], **JUMPING) as server:
        said = set()
        for _ in range(4):
            with connect(server.address) as client:
                client.sendall(b"what time is it?\n")
                said.add(client.recv(1024))
        assert len(said) > 1, said


def silence(server):
    with connect(server.address) as client:
        start = time.monotonic()
        client.sendall(b"hello")
        equal(receive_all(client), b"hello")
        return time.monotonic() - start


def silent_under_a_jumping_clock(mode, limit):
    with Server("echo", STREAMS[0], "--mode", mode, limit, "1", may_say="a child is killed",
                **JUMPING) as server:
        assert any(in_time(silence(server), 1) for _ in range(TRIES))


@test
def limits_of_time_hold_though_the_wall_clock_jumps():
    if not SANITIZED:
        side_by_side(silent_under_a_jumping_clock, MODES, ("--timeout", "--deadline"))


# --- other protocols -----------------------------------------------------------------------------

PROTOCOLS = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: curl\r\nAccept: */*\r\n\r\n",
    b"POST /;id HTTP/1.0\r\nContent-Length: 5\r\n\r\n;id\n\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0",
    b"\x16\x03\x01\x00\x2e\x01\x00\x00\x2a\x03\x03" + bytes(range(33)) + b"\0\2\x13\1",
    b"SSH-2.0-OpenSSH_9.2\r\n\0\0\5\x1c\x0a\x14",
    b"\0\0\0\x2f\xffSMBr\0\0\0\0\x18\1\x28" + bytes(32),
    b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\1\0\x08\0\3\0\0\0",
    b"*1\r\n$4\r\nPING\r\n",
    b"EHLO localhost\r\nMAIL FROM:<a@localhost>\r\n",
)
HANDLERS = ("chat", "clock", "echo", "exec", "timestamp", "upper", "welcome")


def has_an_answer(client):
    client.sendall(b"%Y\n")  # all of them have one for that
    return client.recv(1) != b""


@for_each(HANDLERS, ("threading", "forking"))
def bytes_of_other_protocols_harm_no_handler(handler, mode):
    if (handler, mode) == ("chat", "forking"):
        return  # its members have to be in one process
    with Server(handler, STREAMS[0], "--mode", mode, may_say="exec: ") as server:
        for protocol in PROTOCOLS:
            with connect(server.address) as client:
                with contextlib.suppress(OSError):  # one that has said all that it has to say
                    client.sendall(protocol)
                    client.shutdown(socket.SHUT_WR)
                    receive_all(client)
            with connect(server.address) as client:
                assert has_an_answer(client)


# --- process ids ---------------------------------------------------------------------------------

class Traced(Server):
    """Without pidfds; what its main process does to others is written down."""

    def __init__(self, *arguments, **settings):
        self.calls = f"{handler_test.directory}/calls"
        self.program = script("traced", f"strace -D -ff -qq -o {self.calls} -e signal=none "
                              "-e trace=kill,wait4,clone,clone3,pidfd_open "
                              f"-e inject=pidfd_open:error=ENOSYS {PROGRAM}")
        super().__init__(*arguments, **settings)

    def signals_and_ends(self):
        """How often it signalled a child, and waited for one that had ended. It must not do the
        former after the latter."""
        gone, signals, ends = set(), 0, 0
        with open(f"{self.calls}.{self.pid}", encoding="utf-8") as file:
            for line in file:
                if found := re.match(r"clone3?\(.* = (\d+)$", line):
                    gone.discard(found[1])
                elif found := re.match(r"wait4\((\d+), .* = \1$", line):
                    gone.add(found[1])
                    ends += 1
                elif found := re.match(r"kill\((\d+), SIG", line):
                    assert found[1] not in gone, f"signalled after its end: {line}"
                    signals += 1
        return signals, ends


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(child) for child in file.read().split()]


def signal_all(processes, number):
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, number)


@test
def no_process_is_signalled_once_it_was_waited_for():
    """Its number may be another's by then. These children do not end by themselves: they are killed
    at their deadline, or a little before or after that by us."""
    if SANITIZED or not shutil.which("strace"):
        print("skipped: no strace, or a sanitizer, which does not work under it")
        return
    count = 20
    with Traced("echo", STREAMS[0], "--mode", "forking", "--deadline", "0.2",
                may_say="a child") as server:
        for number in range(count):
            with connect(server.address) as client:
                client.sendall(b"hello")
                with contextlib.suppress(AssertionError, OSError):  # unless it is over already
                    receive_exactly(client, 5)
                signal_all(children(server.pid), signal.SIGSTOP)
                if number % 2:
                    time.sleep(0.2 + number / 1000)
                    signal_all(children(server.pid), signal.SIGKILL)
        wait_until(lambda: not children(server.pid), "the end of all")
        server.stop()
        signals, ends = server.signals_and_ends()
    equal(ends, count)
    assert 0 < signals <= count, signals


main()
