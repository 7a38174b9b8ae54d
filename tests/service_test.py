"""What the tests of serving as a service share: the service manager's part."""

from handler_test import PATIENCE, Server, equal
import contextlib
import ctypes
import fcntl
import handler_test
import os
import re
import select
import signal
import socket
import time

PR_SET_CHILD_SUBREAPER = 36

# $1: how many, then their numbers; then the program. LISTEN_PID is that of what this becomes.
_PASS = """
count=$1; shift
for ((i = 0; i < count; i++)); do
    eval "exec $((3 + i))<&$1 $1<&-"; shift
done
export LISTEN_PID=$$ LISTEN_FDS=$count
exec "$@"
"""


def listening(address):
    """A socket bound to the address, which listens where it is one of streams."""
    kind, rest = address.format(directory=handler_test.directory).split(":", 1)
    packets = kind in ("udp", "unixgram")
    family = socket.AF_UNIX if kind.startswith("unix") else (
        socket.AF_INET6 if "[" in rest else socket.AF_INET)
    passed = socket.socket(family, socket.SOCK_DGRAM if packets else socket.SOCK_STREAM)
    passed.bind(rest if family == socket.AF_UNIX else (rest[2:].rsplit(":", 1)[0].strip("[]"), 0))
    if not packets:
        passed.listen()
    return passed


class Passed(Server):
    """A server that is passed these sockets, as systemd does it."""

    def __init__(self, sockets, *arguments, names=None, lines=None, environment=None, **settings):
        high = [fcntl.fcntl(s.fileno(), fcntl.F_DUPFD, 100) for s in sockets]
        environment = os.environ | (environment or {})
        if names is not None:
            environment["LISTEN_FDNAMES"] = ":".join(names)
        wrapper = ("bash", "-c", _PASS, "bash", str(len(high)), *map(str, high))
        try:
            super().__init__(*arguments, wrapper=wrapper, pass_fds=high, env=environment,
                             **settings)
        finally:
            for fd in high:
                os.close(fd)
        try:
            for _ in range(len(sockets) if lines is None else lines):
                self._read_address()
        except BaseException:
            self.kill()
            raise
        self.address = self.addresses[0] if self.addresses else None


class Manager:
    """Listens where NOTIFY_SOCKET says, which is a path or an abstract name."""

    def __init__(self, abstract=False):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.socket.settimeout(PATIENCE)
        path = f"{handler_test.directory}/notify"
        self.address = "@" + path if abstract else path
        self.socket.bind("\0" + path if abstract else path)
        if not abstract:
            os.chmod(path, 0o777)
        self.environment = {"NOTIFY_SOCKET": self.address}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def hear(self):
        """The next notice: from which process, and its variables."""
        data, ancillary, _, _ = self.socket.recvmsg(4096, socket.CMSG_SPACE(12))
        pid = int.from_bytes(ancillary[0][2][:4], "little")
        return pid, dict(line.split("=", 1) for line in data.decode().splitlines())

    def hears_nothing(self):
        return not select.select([self.socket], [], [], 0)[0]


def adopt_orphans():
    """From now on a successor whose predecessor has ended is this process's child."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


class Line:
    """A server and its successors, in the place of that server in a with statement. `pid` is the
    newest one's."""

    def __init__(self, server):
        adopt_orphans()
        self.server, self.pid, self.handed = server, server.process.pid, 0
        self.address = server.address

    def __enter__(self):
        return self

    def said(self):
        return self.server.said()

    def ask(self):
        """For a handover; the old one's process id."""
        old = self.pid
        os.kill(old, signal.SIGHUP)
        return old

    def hand_over(self):
        """Has the newest one hand over, and waits until it has; its process id."""
        old = self.ask()
        self.wait_for_successor()
        return old

    def wait_for_successor(self):
        """A program has to start beside the load of the test: a busy machine takes its time."""
        end = time.monotonic() + 4 * PATIENCE
        while not self._successors()[self.handed:]:
            assert time.monotonic() < end, f"no successor: {self.said()}"
            time.sleep(0.005)
        self.pid = self._successors()[self.handed]
        self.handed += 1

    def _successors(self):
        return [int(pid) for pid in re.findall(r"handed over to process (\d+)\n", self.said())]

    def wait(self, pid):
        """Its exit status, or minus the signal."""
        if pid == self.server.process.pid:
            return self.server.wait()
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            with contextlib.suppress(ChildProcessError):  # not ours yet: its own is still there
                found, status = os.waitpid(pid, os.WNOHANG)
                if found:
                    return os.waitstatus_to_exitcode(status)
            time.sleep(0.005)
        raise AssertionError(f"{pid} does not end")

    def stop(self):
        if self.handed == 0:
            self.server.stop()
            return
        os.kill(self.pid, signal.SIGTERM)
        equal(self.wait(self.pid), 0)

    def __exit__(self, kind, error, trace):
        try:
            if kind is None and is_alive(self.pid):
                self.stop()
            if kind is not None and self.said():
                print(self.said(), end="")
        finally:
            for pid in self._successors():
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)
            self.server.kill()
