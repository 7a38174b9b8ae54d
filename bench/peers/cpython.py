"""Echo as CPython's socketserver has it: cpython.py CLASS HOST PORT, or CLASS PATH."""

import os
import socketserver
import sys


class Stream(socketserver.BaseRequestHandler):
    def handle(self):
        try:
            while data := self.request.recv(16384):
                self.request.sendall(data)
        except ConnectionError:
            pass


class Datagram(socketserver.BaseRequestHandler):
    def handle(self):
        data, connection = self.request
        connection.sendto(data, self.client_address)


def main():
    name, *place = sys.argv[1:]
    kind = getattr(socketserver, name)
    kind.allow_reuse_address = True
    kind.request_queue_size = 4096
    kind.max_children = 256  # as our program has it
    if len(place) == 1 and os.path.exists(place[0]):
        os.unlink(place[0])
    at = place[0] if len(place) == 1 else (place[0], int(place[1]))
    with kind(at, Datagram if issubclass(kind, socketserver.UDPServer) else Stream) as server:
        print("listening", flush=True)
        server.serve_forever()


main()
