"""The servers that are measured, and one of them while it runs."""

import os
import select
import signal
import subprocess
import tempfile

import peers

PATIENCE = 20
TICKS = os.sysconf("SC_CLK_TCK")
# Below what the kernel gives to clients; each server has a port of its own.
FIRST_PORT, LAST_PORT = 20000, 32000

OURS, BY_HAND, PEER = "ours", "by hand", "peer"


class Server:
    """A way to serve echo. `arguments`: of its program, with {place} for host and port or path, and
    {address} for both as a URL."""

    def __init__(self, name, title, group, program, *arguments):
        self.name, self.title, self.group = name, title, group
        self.program, self.arguments = program, arguments

    def command(self, build, place, address):
        words = []
        for argument in (self.program, *self.arguments):
            words += place if argument == "{place}" else [
                argument.format(address=address, build=build)]
        return words


def _ours(mode):
    return Server(mode, f"ours, {mode}", OURS, "{build}/bench/ours", mode, "{address}")


def _program(mode):
    return Server(f"program-{mode}", f"socketserver serve echo, {mode}", OURS,
                  "{build}/program/socketserver", "serve", "echo", "{address}", "--mode", mode,
                  "--max-threads", "20000", "--udp-rate", "0")


def _by_hand(kind, title):
    return Server(f"hand-{kind}", f"by hand: {title}", BY_HAND, "{build}/bench/reference", kind,
                  "{address}")


def _cpython(name, title, kind):
    return Server(f"cpython-{name}", f"CPython {title}", PEER, "python3",
                  os.path.join(peers.HERE, "peers", "cpython.py"), kind, "{place}")


def _peer(name, title):
    return Server(name, title, PEER, peers.program(name), "{place}")


SERVERS = {server.name: server for server in (
    _ours("sync"), _ours("threading"), _ours("forking"),
    _program("sync"), _program("threading"), _program("forking"),
    _by_hand("sync", "one after the other"),
    _by_hand("thread", "thread per connection"),
    _by_hand("fork", "fork per connection"),
    _by_hand("leader-follower", "leader and followers"),
    _by_hand("epoll", "epoll, one thread"),
    _by_hand("recvfrom", "recvfrom and sendto"),
    _by_hand("datagram-thread", "thread per datagram"),
    _cpython("sync", "TCPServer", "TCPServer"),
    _cpython("threading", "ThreadingTCPServer", "ThreadingTCPServer"),
    _cpython("forking", "ForkingTCPServer", "ForkingTCPServer"),
    _cpython("unix-threading", "ThreadingUnixStreamServer", "ThreadingUnixStreamServer"),
    _cpython("udp-sync", "UDPServer", "UDPServer"),
    _cpython("udp-threading", "ThreadingUDPServer", "ThreadingUDPServer"),
    _peer("glib", "GLib GThreadedSocketService"),
    _peer("poco", "POCO TCPServer"),
    _peer("asio", "Boost.Asio, thread per connection"),
    _peer("libuv", "libuv, one thread"),
    _peer("goroutine", "Go, goroutine per connection"),
)}

THREAD_PEERS = ("cpython-threading", "glib", "poco", "asio")

_next_port = FIRST_PORT + os.getpid() % 4000


def make_place(transport, directory):
    """A place where nobody is yet: what a server takes as arguments, and its URL."""
    global _next_port
    _next_port = _next_port + 1 if _next_port < LAST_PORT else FIRST_PORT
    if transport == "unix":
        path = os.path.join(directory, f"echo{_next_port}")
        return [path], f"unix:{path}"
    return ["127.0.0.1", str(_next_port)], f"{transport}://127.0.0.1:{_next_port}"


def on_cpus(pinned, command):
    return ["taskset", "-c", "0", *command] if pinned else command


class Running:
    """A server in a with statement, from when it listens until it is killed."""

    def __init__(self, server, build, transport, pinned):
        self.server, self.build, self.transport, self.pinned = server, build, transport, pinned

    def __enter__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="bench-")
        place, self.address = make_place(self.transport, self.directory.name)
        command = on_cpus(self.pinned, self.server.command(self.build, place, self.address))
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.errors,
                                        process_group=0)
        self.pid = self.process.pid
        if not select.select([self.process.stdout], [], [], PATIENCE)[0] or \
                not self.process.stdout.readline():
            self.__exit__()
            raise RuntimeError(f"{' '.join(command)}: does not listen: {self.said}")
        return self

    def __exit__(self, *_):
        os.killpg(self.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()
        self.errors.seek(0)
        self.said = self.errors.read(2000).decode(errors="replace")
        self.errors.close()
        self.directory.cleanup()

    def cpu_seconds(self):
        """Its own time and that of the children that it has waited for."""
        with open(f"/proc/{self.pid}/stat") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) / TICKS
