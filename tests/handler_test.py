"""What the tests of the handlers share: our program as a server, clients as tutorials write them,
and Check's summary line at the end. SOCKETSERVER names the program."""

import concurrent.futures
import contextlib
import fcntl
import itertools
import os
import pty
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import traceback

PROGRAM = os.environ["SOCKETSERVER"]
# Seconds, for whatever is waited for.
PATIENCE = 2 * int(os.environ.get("CK_TIMEOUT_MULTIPLIER", "5"))

STREAMS = ("tcp://127.0.0.1:0", "tcp://[::1]:0", "unix:{directory}/s")
DATAGRAMS = ("udp://127.0.0.1:0", "udp://[::1]:0", "unixgram:{directory}/d")
MODES = ("sync", "threading", "forking")

_tests = []
directory = None  # of the test that runs, for sockets and files


def test(function):
    """A test, run once."""
    _tests.append((function.__name__, function, ()))
    return function


def for_each(*lists):
    """A test, run for each combination of the lists' items, which are its arguments."""
    combinations = [()]
    for items in lists:
        combinations = [head + (item,) for head in combinations for item in items]

    def register(function):
        for items in combinations:
            words = ", ".join(map(str, items))
            _tests.append((f"{function.__name__}({words})", function, items))
        return function
    return register


def equal(found, expected):
    """assert found == expected, telling both."""
    assert found == expected, f"\n  found:    {found!r}\n  expected: {expected!r}"


def wait_until(condition, what="the condition"):
    """For what nothing tells of: looks again and again. Never a way to let time pass."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"{what}: not so in {PATIENCE} s"
        time.sleep(0.005)


def side_by_side(function, *lists):
    """For what is but waiting: each combination of the lists' items at the same time."""
    combinations = list(itertools.product(*lists))
    with concurrent.futures.ThreadPoolExecutor(len(combinations)) as pool:
        list(pool.map(lambda items: function(*items), combinations))


class Process:
    """Our program with these arguments. What it says on standard error is kept in a file. Its
    standard input and output are pipes, or a terminal of which only the bytes matter; terminal.py
    has one with a screen to look at, for a program that edits lines on it. `wrapper` is a command
    that becomes the program, its arguments behind."""

    program = PROGRAM

    def __init__(self, *arguments, terminal=False, wrapper=(), **settings):
        self.errors = tempfile.TemporaryFile(dir=directory)
        fcntl.fcntl(self.errors, fcntl.F_SETFL, os.O_APPEND)  # said() moves their common place
        self._output = b""
        ours, theirs = pty.openpty() if terminal else (None, subprocess.PIPE)
        settings = {"stdin": theirs, "stdout": theirs, "stderr": self.errors} | settings
        self.process = subprocess.Popen([*wrapper, self.program, *arguments], **settings)
        self.pid = self.process.pid
        if terminal:
            os.close(theirs)
            self.process.stdin = open(os.dup(ours), "wb")
            self.process.stdout = open(ours, "rb")

    def read_until(self, end):
        """What it prints, up to and including `end`, a bytes."""
        output = self.process.stdout.fileno()
        while end not in self._output:
            assert select.select([output], [], [], PATIENCE)[0], f"no {end!r}: {self._output!r}"
            data = os.read(output, 65536)
            assert data, f"no {end!r}, but the end: {self._output!r}\n{self.said()}"
            self._output += data
        length = self._output.index(end) + len(end)
        data, self._output = self._output[:length], self._output[length:]
        return data

    def readline(self):
        return self.read_until(b"\n").decode()

    def type(self, data):
        """Writes to its standard input."""
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def said(self):
        """All of its standard error up to now."""
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace")

    def rest(self):
        """Ends its input; what it still prints until it ends by itself."""
        self.process.stdin.close()
        self.process.stdin = None
        output = self._output + self.process.communicate(timeout=PATIENCE)[0]
        self._output = b""
        return output

    def wait(self):
        """Its exit status, or minus the signal."""
        return self.process.wait(timeout=PATIENCE)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for file in (self.process.stdin, self.process.stdout, self.errors):
            if file:
                with contextlib.suppress(BrokenPipeError):
                    file.close()


class Server(Process):
    """`socketserver serve` with these arguments, which name its addresses ("{directory}" in one
    is a folder of the test's own). In a with statement: at its end it must stop well on SIGTERM,
    and have said nothing on standard error but what `may_say`, a regular expression, allows of
    each line."""

    def __init__(self, *arguments, may_say=None, **settings):
        arguments = [argument.format(directory=directory) for argument in arguments]
        super().__init__("serve", *arguments, **settings)
        self.may_say = may_say
        self.addresses, self.modes = [], []
        try:
            for argument in arguments:
                if re.match(r"(tcp|udp)://|unix(gram)?:", argument):
                    self._read_address()
        except BaseException:
            self.kill()
            raise
        self.address = self.addresses[0] if self.addresses else None

    def _read_address(self):
        line = self.readline()
        found = re.fullmatch(r"listening on (\S+) \((\w+)\)\r?\n", line)
        assert found, f"no address: {line!r}"
        self.addresses.append(found[1])
        self.modes.append(found[2])

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        try:
            if kind is None:
                self.stop()
        finally:
            if kind is not None and self.said():
                print(self.said(), end="")
            self.kill()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        equal(self.wait(), 0)
        for line in self.said().splitlines():
            assert self.may_say and re.search(self.may_say, line), f"it said: {line}"


def as_user(user, group):
    """Settings of a process that is this user's alone; of the program there is a copy where he may
    look, which where it was built may be nobody's business."""
    build = os.path.dirname(os.path.dirname(PROGRAM))
    library = os.path.relpath(os.path.realpath(f"{build}/src/libsocketserver.so"), build)
    for name in (os.path.relpath(PROGRAM, build), library):
        os.makedirs(os.path.dirname(f"{directory}/build/{name}"), exist_ok=True)
        shutil.copy(f"{build}/{name}", f"{directory}/build/{name}")
    with contextlib.suppress(FileExistsError):
        os.symlink(os.path.basename(library), f"{directory}/build/src/libsocketserver.so.0")
    return {"user": user, "group": group, "extra_groups": [],
            "executable": f"{directory}/build/{os.path.relpath(PROGRAM, build)}"}


def run(*arguments, input=b"", **settings):
    """Runs the program to its end: exit status, standard output (bytes), standard error (str)."""
    done = subprocess.run([PROGRAM, *arguments], input=input, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=PATIENCE, **settings)
    return done.returncode, done.stdout, done.stderr.decode(errors="replace")


def talk(address, input=b"", *options):
    """What `socketserver talk` prints, which must go well."""
    status, output, errors = run("talk", address, *options, input=input)
    assert status == 0 and errors == "", f"talk: {status}: {errors}"
    return output


def netcat(address, input, *options):
    """What Debian's `nc` (netcat-openbsd) prints until the server ends."""
    kind, rest = address.split(":", 1)
    where = ["-U", rest] if kind == "unix" else _host_and_port(rest)
    return subprocess.run(["nc", "-N", *options, *where], input=input, stdout=subprocess.PIPE,
                          timeout=PATIENCE, check=True).stdout


def _host_and_port(rest):
    host, port = rest.removeprefix("//").rsplit(":", 1)
    return [host.strip("[]"), port]


_unix_clients = 0


def connect(address):
    """A socket connected to the address, as in Python's tutorials; one of unixgram is bound to a
    name of its own, so as to get replies."""
    global _unix_clients
    kind, rest = address.split(":", 1)
    packets = kind in ("udp", "unixgram")
    family = socket.AF_UNIX if kind.startswith("unix") else (
        socket.AF_INET6 if "[" in rest else socket.AF_INET)
    client = socket.socket(family, socket.SOCK_DGRAM if packets else socket.SOCK_STREAM)
    client.settimeout(PATIENCE)
    if kind == "unixgram":
        _unix_clients += 1
        client.bind(f"{directory}/client{_unix_clients}")
    if family == socket.AF_UNIX:
        client.connect(rest)
    else:
        host, port = _host_and_port(rest)
        client.connect((host, int(port)))
    return client


def receive_all(client):
    """recv(1024) in a loop until the end of the stream."""
    data = b""
    while piece := client.recv(1024):
        data += piece
    return data


def receive_exactly(client, size):
    data = b""
    while len(data) < size:
        piece = client.recv(min(1024, size - len(data)))
        assert piece, f"the stream ended after {data!r}"
        data += piece
    return data


def reset(client):
    """Hangs up without a word (TCP: RST)."""
    if client.family != socket.AF_UNIX:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def is_silent(client, probe):
    """Whether the server has sent nothing up to now, on a datagram socket: `probe`, a function
    that asks for a reply and returns it, gets its own and nothing before it."""
    probe(client)
    client.setblocking(False)
    try:
        client.recv(65536)
        return False
    except BlockingIOError:
        return True
    finally:
        client.settimeout(PATIENCE)


def seconds(since):
    """What time(2), whose clock is a little behind, may have said between then and now."""
    return range(int(since - 0.1), int(time.time()) + 1)


def _out_of_time(*_):
    raise TimeoutError("the test took too long")


def _run_one(name, function, arguments):
    global directory
    directory = tempfile.mkdtemp(prefix="socketserver-test-")
    os.chmod(directory, 0o755)  # a child that is another user may look
    signal.alarm(6 * PATIENCE)
    try:
        function(*arguments)
        return True
    except Exception:
        print(f"{os.path.basename(sys.argv[0])}: {name}:")
        traceback.print_exc(file=sys.stdout)
        return False
    finally:
        signal.alarm(0)
        shutil.rmtree(directory)


def main():
    """Runs all tests, or those whose names contain an argument, and ends the program."""
    signal.signal(signal.SIGALRM, _out_of_time)
    chosen = [t for t in _tests
              if len(sys.argv) == 1 or any(word in t[0] for word in sys.argv[1:])]
    failures = sum(not _run_one(*t) for t in chosen)
    good = 100 * (len(chosen) - failures) // max(len(chosen), 1)
    print(f"{good}%: Checks: {len(chosen)}, Failures: {failures}, Errors: 0", flush=True)
    sys.exit(failures > 0 or not chosen)
