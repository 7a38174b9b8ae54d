"""clock, as its clients see it."""

import os
import socket
import time

from handler_test import (DATAGRAMS, MODES, STREAMS, Server, connect, equal, for_each, is_silent,
                          main, netcat, receive_all, receive_exactly, seconds, talk)

LETTERS = b"aAbBcdDeFHIjmMnprRStTuUVwWxXyYzZ%"
ZONES = ("UTC0", "IST-5:30", "CET-1CEST,M3.5.0,M10.5.0/3", "EST5EDT4,0/0,J365/25")
PUBLIC = ("udp://0.0.0.0:0", "udp://[::]:0")
NO_LIMIT = ("--udp-rate", "0")
REFUSED = (b"%", b"%H%", b"%Ey", b"%Od", b"%_d", b"%-d", b"%10Y", b"%P", b"%s", b"%N", b"%+",
           b"%\x00", b"%\xff", b"%H %Q %M", b"x" * 65, b"%c" * 6, b"x" * 4000)


def expected(form, second):
    """Python's own strftime, of all but what is no text."""
    return b"".join(time.strftime("%" + chr(byte), time.localtime(second)).encode() if convert
                    else bytes([byte]) for convert, byte in parts(form or b"%F %X"))


def parts(form):
    """Each conversion's letter, and each other byte."""
    i = 0
    while i < len(form):
        convert = form[i:i + 1] == b"%"
        i += convert
        yield convert, form[i]
        i += 1


def expect_time(reply, form, since):
    times = [expected(form, second) for second in seconds(since)]
    assert reply in times, f"{form!r}: {reply!r} is none of {times}"


def ask(client, form):
    """In one datagram, which is answered with another."""
    since = time.time()
    client.send(form)
    expect_time(client.recv(1024), form, since)


def ask_line(client, form, end=b"\n"):
    since = time.time()
    client.send(form + end)
    reply = b""
    while not reply.endswith(b"\n"):
        reply += receive_exactly(client, 1)
    expect_time(reply[:-1], form, since)


def probe(client):
    client.send(b"still there?")
    equal(client.recv(1024), b"still there?")


@for_each(DATAGRAMS, MODES)
def a_format_is_answered_with_the_time(address, mode):
    with Server("clock", address, "--mode", mode) as server:
        with connect(server.address) as client:
            for form in (b"%H:%M:%S", b"", b"%F %X", b"as it is", b"\xc3\xa9\x00\xff %%\n",
                         b"%c" * 5):
                ask(client, form)
            for form in REFUSED:
                client.send(form)
            assert is_silent(client, probe)


@for_each(DATAGRAMS)
def talk_gets_the_time(address):
    with Server("clock", address) as server:
        since = time.time()
        expect_time(talk(server.address, b"%c"), b"%c", since)


@for_each(STREAMS, MODES)
def a_line_is_answered_with_a_line(address, mode):
    with Server("clock", address, "--mode", mode) as server:
        with connect(server.address) as client:
            for form in (b"%H:%M:%S", b"", b"%F %X", b"as it is", b"\xc3\xa9\x00\xff %%",
                         b"%c" * 5):
                ask_line(client, form)
                ask_line(client, form, b"\r\n")
            for form in REFUSED:
                client.send(form + b"\n")
            ask_line(client, b"%H")
        since = time.time()
        expect_time(netcat(server.address, b"%c\n"), b"%c\n", since)
        expect_time(talk(server.address, b"%D\n"), b"%D\n", since)


@for_each(STREAMS, MODES)
def the_last_line_needs_no_end(address, mode):
    with Server("clock", address, "--mode", mode) as server, connect(server.address) as client:
        client.send(b"a\nb\r\n\x00\nc")
        client.shutdown(socket.SHUT_WR)
        equal(receive_all(client), b"a\nb\n\x00\nc\n")


@for_each(STREAMS, MODES)
def a_line_that_is_too_long_is_passed_over(address, mode):
    with Server("clock", address, "--mode", mode) as server:
        for size in (64, 65, 66, 126, 127, 128, 129, 255, 256, 257, 8192, 100000):
            with connect(server.address) as client:
                client.sendall(b"x" * size + b"\nafter it\n")
                client.shutdown(socket.SHUT_WR)
                answer = b"x" * size + b"\n" if size <= 64 else b""
                equal(receive_all(client), answer + b"after it\n")


@for_each(DATAGRAMS)
def each_conversion_is_strftimes(address):
    with Server("clock", address, *NO_LIMIT) as server, connect(server.address) as client:
        for letter in LETTERS:
            ask(client, b"%" + bytes([letter]))
            ask(client, b"(%" + bytes([letter]) + b")")


@for_each(DATAGRAMS)
def there_is_no_other_conversion(address):
    others = [bytes([byte]) for byte in range(256) if byte not in LETTERS]
    with Server("clock", address, *NO_LIMIT) as server, connect(server.address) as client:
        for other in others:
            client.send(b"%" + other)
            client.send(b"%" + other + b"d")
            client.send(b"%H%" + other)
            assert is_silent(client, probe), other


@for_each(STREAMS)
def there_is_no_other_conversion_in_a_line(address):
    others = [bytes([byte]) for byte in range(256) if byte not in LETTERS + b"\n"]
    with Server("clock", address) as server, connect(server.address) as client:
        client.sendall(b"".join(b"%" + other + b"d\n" for other in others) + b"the end\n")
        equal(client.recv(1024), b"the end\n")


@for_each(DATAGRAMS)
def a_format_has_64_bytes_and_a_reply_128(address):
    with Server("clock", address, *NO_LIMIT) as server, connect(server.address) as client:
        ask(client, b"x" * 64)
        ask(client, b"%c" * 5 + b"x" * 8)
        for form in (b"x" * 65, b"%c" * 5 + b"x" * 9, b"x" * 9 + b"%c" * 5, b"%Y" * 33):
            client.send(form)
        assert is_silent(client, probe)


@for_each(ZONES, (DATAGRAMS[0], STREAMS[0]))
def the_time_is_that_of_the_zone_in_tz(zone, address):
    os.environ["TZ"] = zone
    time.tzset()
    with Server("clock", address) as server, connect(server.address) as client:
        (ask if address in DATAGRAMS else ask_line)(client, b"%F %T %Z %z")
    del os.environ["TZ"]
    time.tzset()


@for_each(MODES)
def it_speaks_as_in_c_whatever_the_language(mode):
    with Server("clock", DATAGRAMS[0], "--mode", mode,
                env={**os.environ, "LC_ALL": "de_DE.UTF-8"}) as server:
        with connect(server.address) as client:
            ask(client, b"%A %B %c %x %X %p %r")


@for_each(PUBLIC, MODES)
def where_others_reach_it_no_reply_is_longer_than_its_request(address, mode):
    with Server("clock", address, "--public", "--mode", mode) as server:
        local = server.address.replace("0.0.0.0", "127.0.0.1").replace("[::]", "[::1]")
        with connect(local) as client:
            for form in (b"%H:%M:%S", b"%d.%m.%y", b"plain", b"%%", b"%F" + b"%n" * 8):
                ask(client, form)
            for form in (b"", b"%F", b"%Y", b"%c%c", b"%F" + b" " * 20, b"%F" + b"%n" * 7):
                client.send(form)
            assert is_silent(client, probe)


main()
