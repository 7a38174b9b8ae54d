#!/usr/bin/env python3
"""Does to a server what systemd does: service_manager.py SERVER

The server sends lines back in capitals. It gets a listening socket as descriptor 3 (LISTEN_FDS),
and says when it is ready (NOTIFY_SOCKET). Under load, it is stopped and started again: every
request is answered.
"""
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading

PATIENCE = 20
CLIENTS, ROUNDS, REQUESTS = 8, 3, 300


class Manager:
    def __init__(self, server, folder):
        self.server = server
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.path = f"{folder}/notify"
        self.notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notices.bind(self.path)
        self.notices.settimeout(PATIENCE)

    def start(self):
        """The process, once it is ready."""
        take = f'exec 3<&{self.listener.fileno()}; LISTEN_PID=$$ LISTEN_FDS=1 exec "$0"'
        process = subprocess.Popen(["bash", "-c", take, self.server],
                                   pass_fds=[self.listener.fileno()],
                                   env=os.environ | {"NOTIFY_SOCKET": self.path})
        self.expect(b"READY=1")
        return process

    def stop(self, process):
        process.send_signal(signal.SIGTERM)
        self.expect(b"STOPPING=1")
        status = process.wait(PATIENCE)
        assert status == 0, f"the server ended with status {status}"

    def expect(self, notice):
        found = self.notices.recv(4096)
        assert found == notice, f"{found} instead of {notice}"


class Load:
    """Clients that ask again and again, each time over a new connection."""

    def __init__(self, address):
        self.address, self.changed = address, threading.Condition()
        self.answered, self.lost, self.done = 0, [], False
        self.threads = [threading.Thread(target=self.run, args=(i,)) for i in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def ask(self, text):
        with socket.create_connection(self.address, PATIENCE) as connection:
            connection.sendall(text.encode())
            answer = b""
            while not answer.endswith(b"\n"):
                more = connection.recv(4096)
                assert more, f"the connection ended after {answer!r}"
                answer += more
        assert answer == text.upper().encode(), f"{answer!r} for {text!r}"

    def run(self, number):
        asked = 0
        while not self.done:
            try:
                self.ask(f"request {asked} of client {number}\n")
            except (OSError, AssertionError) as error:
                self.lost.append(f"client {number}, request {asked}: {error}")
            asked += 1
            with self.changed:
                self.answered += 1
                self.changed.notify_all()

    def wait_for(self, count):
        """So many more."""
        with self.changed:
            end = self.answered + count
            assert self.changed.wait_for(lambda: self.answered >= end, PATIENCE), "nobody answers"

    def end(self):
        self.done = True
        for thread in self.threads:
            thread.join()


def main():
    with tempfile.TemporaryDirectory() as folder:
        manager = Manager(sys.argv[1], folder)
        process = manager.start()
        load = Load(manager.listener.getsockname())
        try:
            for _ in range(ROUNDS):
                load.wait_for(REQUESTS)
                manager.stop(process)
                process = manager.start()
            load.wait_for(REQUESTS)
        finally:
            load.end()
            process.terminate()
        assert not load.lost, f"{len(load.lost)} lost: {load.lost[:3]}"
        assert process.wait(PATIENCE) == 0
        print(f"{load.answered} requests, {ROUNDS} restarts under load, none lost")


if __name__ == "__main__":
    main()
