"""timestamp, as its clients see it."""

import os
import re
import socket
import time

from handler_test import (DATAGRAMS, MODES, STREAMS, Server, connect, equal, for_each, main, netcat,
                          receive_exactly, seconds, talk)

TEXT = b"Hello, \xc3\xa9\x00\xff world\r\n"
STAMP = rb"\[(\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4})\] "
SIZE = len("[Sat Nov 21 01:33:14 2026] ")
ZONES = ("UTC0", "IST-5:30", "CET-1CEST,M3.5.0,M10.5.0/3", "EST5EDT4,0/0,J365/25")


def expect_stamped(reply, data, since):
    """The reply is the data, with a time in front that it was since then."""
    found = re.match(STAMP, reply)
    assert found, f"no time: {reply!r}"
    dates = [time.ctime(second) for second in seconds(since)]
    assert found[1].decode() in dates, f"{found[1]!r} is none of {dates}"
    equal(reply[SIZE:], data)


@for_each(STREAMS, MODES)
def what_comes_is_sent_back_with_the_time_in_front(address, mode):
    with Server("timestamp", address, "--mode", mode) as server:
        with connect(server.address) as client:
            for data in (b"hello", TEXT, b"\n", b"x" * 1024):
                since = time.time()
                client.send(data)
                expect_stamped(receive_exactly(client, SIZE + len(data)), data, since)
            client.shutdown(socket.SHUT_WR)
            equal(client.recv(1024), b"")
        expect_stamped(netcat(server.address, b"hello"), b"hello", since)
        expect_stamped(talk(server.address, b"hello"), b"hello", since)


@for_each(STREAMS, MODES)
def one_read_is_at_most_1024_bytes(address, mode):
    data = os.urandom(50000).replace(b"[", b"x")
    with Server("timestamp", address, "--mode", mode) as server:
        reply = talk(server.address, data)
    pieces = re.split(STAMP, reply)[2::2]  # behind each stamp
    equal(b"".join(pieces), data)
    assert max(map(len, pieces)) <= 1024, [len(piece) for piece in pieces]


@for_each(DATAGRAMS, MODES)
def a_datagram_comes_back_with_the_time_in_front(address, mode):
    with Server("timestamp", address, "--mode", mode) as server, connect(server.address) as client:
        for data in (b"hello", TEXT, b"", b"x" * 1024, b"y" * 1025, b"z" * 4000):
            since = time.time()
            client.send(data)
            expect_stamped(client.recv(65536), data[:1024], since)


@for_each(ZONES, (STREAMS[0], DATAGRAMS[0]))
def the_time_is_that_of_the_zone_in_tz(zone, address):
    os.environ["TZ"] = zone
    time.tzset()
    with Server("timestamp", address) as server, connect(server.address) as client:
        since = time.time()
        client.send(b"where?")
        expect_stamped(receive_exactly(client, SIZE + 6) if address in STREAMS
                       else client.recv(1024), b"where?", since)
    del os.environ["TZ"]
    time.tzset()


main()
