"""The program without memory: each allocation that it, its handlers, the library and the C library
make fails once, and so do all from it on: as the server starts, serves, and stops. It starts or
says in one line why not; it serves or hangs up, never with a wrong byte; who comes when there is
memory again is served. SSV_LONG=1 in the environment: over every transport, in every mode."""

from handler_test import PATIENCE, Process, connect, equal, for_each, main, test
import handler_test
import contextlib
import mmap
import os
import re
import signal
import socket
import struct

LONG = "SSV_LONG" in os.environ
STREAMS, DATAGRAMS = ("tcp", "unix"), ("udp", "unixgram")
MODES = ("sync", "threading", "forking")
AT = {"tcp": "tcp://127.0.0.1:0", "name": "tcp://localhost:0", "udp": "udp://127.0.0.1:0",
      "unix": "unix:{directory}/s", "unixgram": "unixgram:{directory}/d"}
SILENCE = 0.03  # seconds that one waits for an answer which may not come
MOST = 400      # allocations of one start, or of one client


# The faults --------------------------------------------------------------------------------------

class Plan:
    """Which allocations fail, as failing_allocations.c has it, and how many there were."""

    def __init__(self):
        path = handler_test.directory + "/plan"
        with open(path, "w+b") as file:
            file.write(bytes(5 * 4))
            file.flush()
            self._fields = memoryview(mmap.mmap(file.fileno(), 5 * 4)).cast("i")
        self.environment = dict(os.environ, ALLOCATIONS=path,
                                LD_PRELOAD=os.environ["FAILING_ALLOCATIONS"])

    def begin(self, nth=0, on=False):
        """They are counted, and one fails."""
        self.end()
        self._fields[1:5] = memoryview(struct.pack("4i", nth, on, 0, 0)).cast("i")
        self._fields[0] = 1

    def end(self):
        """None fails any more. Returns how many have."""
        self._fields[0] = 0
        return self._fields[4]


faults = 0


def each_fault(attempt):
    """Calls attempt(n, on) for one after another; it returns how many failed: none, at the end."""
    global faults
    for on in (False, True):
        for nth in range(1, MOST):
            if attempt(nth, on) == 0:
                faults += nth - 1
                break
        else:
            raise AssertionError(f"more than {MOST} allocations")


# The clients -------------------------------------------------------------------------------------

class Gone(Exception):
    """It was not served: hung up, or silent."""


class Client:
    """What it is told is right, or Gone."""

    def __init__(self, server, patience):
        self.server, self.is_good = server, patience == PATIENCE
        try:
            self.socket = connect(server.address)
        except OSError:
            raise Gone from None
        self.socket.settimeout(patience)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError:
            raise Gone from None

    def end(self):
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            raise Gone from None
        equal(self.receive(1), b"")

    def receive(self, size):
        """Some of it."""
        try:
            return self.socket.recv(size)
        except OSError:
            raise Gone from None

    def is_stream(self):
        return self.socket.type == socket.SOCK_STREAM

    def expect(self, expected, refusal=None):
        """This comes; where it has a NUL, any byte does. Or, where memory fails, a refusal."""
        found = b""
        while len(found) < len(expected):
            piece = self.receive(len(expected) - len(found) if self.is_stream() else 65536)
            found += piece
            if not piece or (refusal and not self.is_good and found.startswith(refusal)):
                raise Gone
            equal(bytes(e and f for e, f in zip(expected, found)), expected[:len(found)])


def sends_back(change=bytes):
    def converse(client):
        for size in (10, 50000 if client.is_stream() else 5000):
            client.send(b"question! " * (size // 10))
            client.expect(change(b"question! ") * (size // 10))
    return converse


def is_welcome(client):
    client.expect(b"welcome to socketserver!\r\n")
    equal(client.receive(1), b"")


def is_stamped(client):
    client.send(b"question")
    client.expect(b"[" + bytes(24) + b"] question")


def is_told_the_time(client):
    client.send(b"20%y %%\n" if client.is_stream() else b"20%y %%")
    client.expect(b"20\0\0 %\n" if client.is_stream() else b"20\0\0 %")


def is_heard_in_the_room(client):
    if not client.is_stream():
        client.send(b"#ping#")
    client.send(b"hello, room")
    name = client.socket.getsockname()
    if isinstance(name, tuple):
        name = f"{name[0]}:{name[1]}"
    name = name.encode() or b"unix:%d" % os.getpid()
    client.expect(name + b"\nhello, room" + b"\n" * client.is_stream())


REFUSAL = b"refused: no "
CUT = b"\n[cut]\n"


def has_its_command_run(client):
    last = 3000 if client.is_stream() else 200  # a packet has at most 1,024 bytes
    output = b"".join(b"%d\n" % n for n in range(1, last + 1))
    client.send(b"seq %d" % last)
    if client.is_stream():
        announced = int(client.receive(1024) or 0)
        client.send(b"ack")
    if not client.is_stream() or announced == len(output):
        client.expect(output, REFUSAL)
    else:
        answer = client.receive(65536)
        assert not client.is_good and (
            announced == 0 or answer.startswith(REFUSAL)
            or output.startswith(answer.removesuffix(CUT))), answer


calls = 0


def is_answered_by_the_operator(client):
    global calls
    calls += 1
    client.send(b"call %d\n" % calls)
    if client.is_good:
        client.server.read_until(b"call %d\n" % calls)
        client.server.type(b"answer\n")
        client.expect(b"answer")
    elif client.is_stream():
        client.end()


# What is served ----------------------------------------------------------------------------------

ALL = STREAMS + DATAGRAMS
ONE_THREAD = "--max-threads", "1"  # which keeps the order
EXEC = "--allow", "seq=/usr/bin/seq", "--allow-args", "seq", "--time-limit", "5"
ADMISSION = ("--max-connections", "5", "--max-per-address", "4", "--rate", "1000000",
             "--allow-from", "127.0.0.0/8", "--allow-from", "::1")


def scenarios():
    """Handler, options, conversation, transports, modes."""
    table = (
        ("echo", (), sends_back(), ALL, MODES),
        ("upper", (), sends_back(bytes.upper), ALL, MODES),
        ("welcome", (), is_welcome, STREAMS, MODES),
        ("timestamp", (), is_stamped, ALL, MODES),
        ("clock", (), is_told_the_time, ALL, MODES),
        ("exec", EXEC, has_its_command_run, ALL, MODES),
        ("chat", (), is_heard_in_the_room, STREAMS, MODES[1:2]),
        ("chat", ONE_THREAD, is_heard_in_the_room, DATAGRAMS, MODES[:2]),
        ("console", (), is_answered_by_the_operator, ALL, MODES[:1]),
        ("echo", ADMISSION, sends_back(), ("tcp", "udp"), MODES),
        ("echo", (), sends_back(), ("name",), MODES[:1]),
    )
    for handler, options, converse, transports, modes in table:
        for transport in transports:
            for mode in modes:
                yield handler, transport, mode, options, converse


class Scenario:
    def __init__(self, handler, transport, mode, options, converse):
        self.converse, self.transport = converse, transport
        self.arguments = ("serve", handler, AT[transport], "--mode", mode, *options)
        self.name = f"{handler}, {transport}, {mode}" + ", admission" * (options == ADMISSION)

    def __str__(self):
        return self.name

    def start(self, plan):
        """The server: with an address where it has started."""
        arguments = [a.format(directory=handler_test.directory) for a in self.arguments]
        with contextlib.suppress(FileNotFoundError):
            os.unlink(arguments[2].split(":")[1])
        server = Process(*arguments, "--udp-rate", "0", env=plan.environment)
        found = re.match(r"listening on (\S+) ", server.process.stdout.readline().decode())
        server.address = found and found[1]
        return server

    def serve_well(self, server):
        with Client(server, PATIENCE) as client:
            self.converse(client)

    def suffer(self, server, patience):
        with contextlib.suppress(Gone), Client(server, patience) as client:
            self.converse(client)


def is_short(scenario):
    """Over TCP and UDP; most of them on threads alone."""
    handler, transport, mode, options, _ = scenario
    return transport == "name" or transport in ("tcp", "udp") and (
        mode == "threading" or handler == "console" or handler == "echo" and not options or
        handler == "exec" and mode == "forking")


ALL_SCENARIOS = [Scenario(*each) for each in scenarios() if LONG or is_short(each)]


NO_MEMORY = "socketserver: .*(no memory|Cannot allocate memory|no thread).*\n"


def said_nothing_strange(server):
    for line in server.said().splitlines():
        assert line.startswith("socketserver: "), f"it said: {line}"


def end(server):
    """It stops well."""
    server.process.send_signal(signal.SIGTERM)
    equal(server.wait(), 0)
    said_nothing_strange(server)
    server.kill()


@for_each(ALL_SCENARIOS)
def without_memory_it_starts_or_says_why_not(scenario):
    plan = Plan()

    def attempt(nth, on):
        plan.begin(nth, on)
        server = scenario.start(plan)
        failed = plan.end()
        if server.address is None:
            equal(server.wait(), 1)
            said = server.said()
            assert re.fullmatch(NO_MEMORY, said), f"allocation {nth}: it said: {said!r}"
            server.kill()
        else:
            scenario.serve_well(server)
            end(server)
        return failed
    each_fault(attempt)


@for_each(ALL_SCENARIOS)
def without_memory_for_one_client_the_next_is_served(scenario):
    plan = Plan()
    lossy = scenario.transport in DATAGRAMS

    def attempt(nth, on):
        server = scenario.start(plan)
        plan.begin(nth, on)
        scenario.suffer(server, SILENCE if on or lossy else PATIENCE - 1)
        failed = plan.end()
        scenario.serve_well(server)
        plan.begin(1, True)
        end(server)
        plan.end()
        return failed
    each_fault(attempt)


@test
def it_was_tried():
    print(f"{faults} faults")
    assert faults > 0


main()
