"""socketserver top: on a terminal, and elsewhere."""

from handler_test import (MODES, PATIENCE, Process, Server, connect, equal, for_each, main,
                          receive_exactly, run, test, wait_until)
from stats_client import stats_address
from terminal import Terminal
import contextlib
import fcntl
import handler_test
import os
import re
import select
import signal
import socket
import struct
import subprocess
import termios
import threading
import time

ECHO = ("echo", "tcp://127.0.0.1:0", "--stats=unix:{directory}/stats")
LEAVE = b"\x1b[?7h\x1b[?25h\x1b[?1049l"


@contextlib.contextmanager
def fake(*answers, hangs=None):
    """The address of somebody who gives these answers, the last one again and again; or none after
    them, and sets this event when it is asked once more."""
    def serve():
        left, held = list(answers), []
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            if hangs and not left:
                held.append(client)
                hangs.set()
                continue
            with client, contextlib.suppress(OSError):
                client.recv(1000)
                client.sendall(left.pop(0) if hangs or len(left) > 1 else left[0])

    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"tcp://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def report(up, accepted, read, pid=7, rest=""):
    return (f"socketserver 0 pid {pid} handler echo up {up}\nserver tcp://h:1 mode sync active 0 "
            f"accepted {accepted} refused 0 failed 0 bytes_read {read} bytes_written 0\n"
            f"{rest}").encode()


def rows(output, first):
    """The words of the lines that begin so."""
    return [line.split() for line in output.splitlines() if line.startswith(first)]


def shows(terminal, pattern):
    """Waits until a line is to be seen that has this."""
    end = time.monotonic() + PATIENCE
    while not any(re.search(pattern, line) for line in terminal.screen.lines()):
        assert time.monotonic() < end, f"no {pattern!r}: {terminal.screen.lines()}"
        terminal._read(0.1)


def shows_no(terminal, pattern):
    wait_until(lambda: terminal._read(0.01) is None or
               not any(re.search(pattern, line) for line in terminal.screen.lines()), pattern)


def resize(terminal, rows, columns):
    terminal.screen.columns = columns
    fcntl.ioctl(terminal.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def left_as_found(terminal):
    assert terminal.raw.endswith(LEAVE), terminal.raw[-100:]
    assert terminal.is_as_before()


@for_each(MODES)
def once_it_prints_servers_and_connections(mode):
    with Server(*ECHO, "--mode", mode) as server, connect(server.address) as client:
        stats = stats_address(server)
        client.send(b"hello")
        equal(receive_exactly(client, 5), b"hello")
        status, output, errors = run("top", stats, "--once")
        equal((status, errors), (0, ""))
        output = output.decode()
        assert "\x1b" not in output
        assert re.search(rf"^{stats}: echo, pid {server.pid}, up \d+\.\ds$", output, re.M), output
        row, connection = rows(output, "tcp://")
        equal(row[:5], [server.address, mode, "1", "1", "-"])
        equal(connection[0], "tcp://127.0.0.1:%d" % client.getsockname()[1])
        equal(connection[-1], server.address)
        equal(connection[1], "child" if mode == "forking" else "reading")


@test
def elsewhere_it_prints_as_often_as_it_is_told():
    with Server(*ECHO) as server:
        stats = stats_address(server)
        began = time.monotonic()
        status, output, errors = run("top", stats, "--count", "3", "--interval", "0.2")
        equal((status, errors), (0, ""))
        equal(len(rows(output.decode(), "SERVER")), 3)
        assert time.monotonic() - began >= 0.4


@test
def after_a_stop_it_does_not_catch_up():
    with Server("echo", "tcp://127.0.0.1:0", "--stats=unix:{directory}/stats") as server:
        top = Process("top", stats_address(server), "--interval", "0.2", stdin=subprocess.DEVNULL)
        try:
            top.read_until(b"SERVER")
            top.process.send_signal(signal.SIGSTOP)
            stopped = time.monotonic()
            wait_until(lambda: time.monotonic() > stopped + 2)  # ten reports
            while select.select([top.process.stdout], [], [], 0)[0]:
                os.read(top.process.stdout.fileno(), 65536)  # of before the stop
            top._output = b""
            top.process.send_signal(signal.SIGCONT)
            continued = time.monotonic()
            for _ in range(6):
                top.read_until(b"MODE")  # once in a report
            assert time.monotonic() - continued > 0.4, "all at once"
        finally:
            top.kill()


@test
def rates_are_of_the_servers_own_time():
    with fake(report(10, 100, 0), report(12, 300, 40000), report(12.5, 5, 0, pid=8),
              report(13.5, 6, 0, pid=8)) as address:
        status, output, _ = run("top", address, "-n", "4", "-i", "0.1")
    equal(status, 0)
    equal([row[3:5] + row[7:8] for row in rows(output.decode(), "tcp://h:1 ")],
          [["100", "-", "-"], ["300", "100", "20.0k"], ["5", "-", "-"], ["6", "1", "0"]])


@test
def on_a_terminal_it_follows_what_happens_until_q():
    with Server(*ECHO, "--mode", "threading") as server:
        with Terminal("top", stats_address(server), "--interval", "0.1") as terminal:
            shows(terminal, rf"^{server.address} +threading +0 +0 ")
            with connect(server.address) as client:
                shows(terminal, rf"^{server.address} +threading +1 +1 ")
                shows(terminal, r"^tcp://127.0.0.1:%d +reading " % client.getsockname()[1])
            shows(terminal, rf"^{server.address} +threading +0 +1 ")
            shows_no(terminal, " reading ")
            terminal.type("q")
            equal(terminal.wait(), 0)
            left_as_found(terminal)


def ends_with_q(terminal):
    """Before it gives up the one that does not answer."""
    terminal.type("q")
    equal(terminal.wait(), 0)
    assert b"no answer" not in terminal.raw.lower(), terminal.raw
    assert terminal.is_as_before()


@for_each((0, 1))
def q_ends_it_at_once_where_nobody_answers(answers):
    asked = threading.Event()
    with fake(*answers * [report(1, 1, 0)], hangs=asked) as address:
        with Terminal("top", address, "--interval", "0.1") as terminal:
            assert asked.wait(PATIENCE)
            ends_with_q(terminal)
            equal(terminal.raw.count(LEAVE), answers)


def is_asking(pid):
    with contextlib.suppress(FileNotFoundError):
        return any(os.readlink(f"/proc/{pid}/fd/{fd}").startswith("socket:")
                   for fd in os.listdir(f"/proc/{pid}/fd"))
    return False


@test
def q_ends_it_at_once_where_the_server_is_stopped():
    with Server(*ECHO) as server:
        with Terminal("top", stats_address(server), "--interval", "0.1") as terminal:
            shows(terminal, "^SERVER")
            server.process.send_signal(signal.SIGSTOP)
            try:
                os.waitid(os.P_PID, server.pid, os.WSTOPPED | os.WNOWAIT)
                wait_until(lambda: is_asking(terminal.process.pid))
                ends_with_q(terminal)
                left_as_found(terminal)
            finally:
                server.process.send_signal(signal.SIGCONT)


@test
def q_ends_it_at_once_where_the_queue_is_full():
    """Which a connect waits for, and nothing can tell of."""
    path = f"{handler_test.directory}/s"
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as first:
        listener.bind(path)
        listener.listen(0)
        first.connect(path)
        with Terminal("top", f"unix:{path}") as terminal:
            wait_until(lambda: not terminal.is_as_before())
            wait_until(lambda: is_asking(terminal.process.pid))
            ends_with_q(terminal)


@test
def who_is_not_there_at_the_start_is_complained_of_on_the_screen_as_it_was():
    with Terminal("top", f"unix:{handler_test.directory}/nobody") as terminal:
        equal(terminal.wait(), 1)
        assert terminal.raw.startswith(b"socketserver: nobody answers: "), terminal.raw
        assert terminal.is_as_before()


@for_each((signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
def a_signal_ends_it_and_leaves_the_terminal_as_it_was(number):
    with Server(*ECHO) as server:
        with Terminal("top", stats_address(server)) as terminal:
            shows(terminal, "^SERVER")
            if number == signal.SIGINT:
                terminal.type("\x03")
            else:
                terminal.process.send_signal(number)
            equal(terminal.wait(), -number)
            left_as_found(terminal)


@test
def after_a_stop_it_takes_the_terminal_again():
    with Server(*ECHO) as server:
        with Terminal("top", stats_address(server)) as terminal:
            shows(terminal, "^SERVER")
            entered = terminal.raw.count(b"\x1b[?1049h")
            terminal.process.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, terminal.process.pid, os.WSTOPPED | os.WNOWAIT)
            terminal.process.send_signal(signal.SIGCONT)
            while terminal.raw.count(b"\x1b[?1049h") == entered:
                terminal.look()
            terminal.type("q")
            equal(terminal.wait(), 0)
            left_as_found(terminal)


@test
def it_fits_the_screen_and_says_what_does_not():
    connections = "".join(f"connection tcp://h:{i} server tcp://h:1 age 1 state reading bytes_read "
                          f"1 bytes_written 1\n" for i in range(50))
    with fake(report(1, 50, 0, rest=connections + "left_out 7 server tcp://h:1\n")) as address:
        with Terminal("top", address, "--interval", "0.1") as terminal:
            shows(terminal, "^and ")
            lines = terminal.screen.lines()
            equal(len(lines), 24)
            equal(lines[-1], f"and {57 - (24 - 7)} more")
            resize(terminal, 12, 40)
            shows(terminal, f"^and {57 - (12 - 7)} more")
            shows_no(terminal, ".{41}")
            equal(len(terminal.screen.lines()), 12)
            resize(terminal, 3, 5)
            wait_until(lambda: terminal._read(0.01) is None or len(terminal.screen.lines()) == 3)
            resize(terminal, 200, 200)
            shows(terminal, "^and 7 more")
            terminal.type("q")
            equal(terminal.wait(), 0)


@test
def a_server_that_goes_is_waited_for():
    with Server(*ECHO) as server:
        stats = stats_address(server)
        terminal = Terminal("top", stats, "--interval", "0.1")
        shows(terminal, "^unix:.*echo, pid")
    with terminal:
        shows(terminal, rf"^NO ANSWER \(No such file or directory\) {stats}")
        with Server(*ECHO) as server:
            stats_address(server)
            shows(terminal, f"^unix:.*pid {server.pid}")
            terminal.type("q")
            equal(terminal.wait(), 0)


HOSTILE = (b"", b"\n", b"\x1b[2J\x1b]0;title\x07", b"socketserver", b"socketserver \n\n \n",
           b"socketserver 0\nserver\n", b"\0" * 1000, b"x" * 1000000,
           b"socketserver 0 up nan pid \x1b[31m handler \x9b31m\nserver a\x1b[5m mode \xff "
           b"accepted -1e999 active 1e999 bytes_read inf bytes_written -inf\n"
           b"connection b age -1e300 state \x07 pid\nleft_out 1e300 server \xc2\x9b\n",
           b"socketserver 0 up 1e999\n" + b"server a mode b active -5 accepted nan\n" * 1000,
           b"connection a\n" * 10, b"socketserver 1" + b" a b" * 10000)


@for_each(range(len(HOSTILE)))
def whoever_answers_does_not_command_the_terminal(number):
    with fake(HOSTILE[number]) as address:
        status, output, errors = run("top", address, "-n", "2", "-i", "0.1")
        assert status in (0, 1)
        assert not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]", output), output
        assert "\x9b" not in output.decode(errors="replace")
        assert status == 0 or "no stats there" in errors, errors


@test
def what_will_not_do_is_refused_with_a_remedy():
    with Server("echo", "tcp://127.0.0.1:0") as server:
        equal(run("top", server.address), (1, b"", f"socketserver: no stats there: {server.address}"
                                           ": give the address that `serve --stats` was given\n"))
    path = f"unix:{handler_test.directory}/nobody"
    for arguments, status, what in (
            ((path,), 1, f"nobody answers: {path}: start a server with: socketserver serve echo "
                         f"--stats {path}"),
            ((), 2, "no address: top: give that of `serve --stats`"),
            (("udp://127.0.0.1:1",), 2, "no address of stats: udp://127.0.0.1:1: take that of"),
            (("nonsense",), 2, "bad address: nonsense: "),
            ((path, path), 2, "too many addresses"),
            ((path, "--interval", "0"), 2, "out of range: --interval 0")):
        found, output, errors = run("top", *arguments)
        equal((found, output), (status, b""))
        assert errors.startswith(f"socketserver: {what}") and errors.count("\n") == 1, errors


main()
