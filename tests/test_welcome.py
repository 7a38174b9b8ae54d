"""welcome, as its clients see it."""

import os
import socket

from handler_test import (MODES, STREAMS, Server, connect, equal, for_each, main, netcat,
                          receive_all, run, talk, test)

DEFAULT = b"welcome to socketserver!\r\n"


@for_each(STREAMS, MODES)
def a_client_gets_one_line_and_the_end(address, mode):
    with Server("welcome", address, "--mode", mode) as server:
        with connect(server.address) as client:
            equal(receive_all(client), DEFAULT)
        equal(netcat(server.address, b""), DEFAULT)
        equal(talk(server.address), DEFAULT)


@for_each(STREAMS, MODES)
def one_who_speaks_first_gets_it_too(address, mode):
    with Server("welcome", address, "--mode", mode) as server, connect(server.address) as client:
        try:
            client.sendall(b"hello\n" * 10000)
            client.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it does not listen, and hangs up when it has spoken
        equal(client.recv(1024), DEFAULT)


@for_each(("", "hi", "a  b \t \udcff\u00e9", "x" * 1022), STREAMS)
def the_line_may_be_another(text, address):
    with Server("welcome", address, "--text", text) as server, connect(server.address) as client:
        equal(receive_all(client), os.fsencode(text) + b"\r\n")


@for_each(("two\nlines", "two\rlines", "x" * 1023))
def what_is_not_one_line_is_refused(text):
    status, output, errors = run("serve", "welcome", "unix:/tmp/nowhere", "--text", text)
    equal((status, output), (2, b""))
    assert "--text" in errors and "one line, at most 1022 bytes" in errors, errors


@test
def it_has_nothing_to_do_with_datagrams():
    status, output, errors = run("serve", "welcome", "udp://127.0.0.1:0")
    equal((status, output), (2, b""))
    assert "it works over tcp unix" in errors, errors


main()
