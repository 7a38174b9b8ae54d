"""echo and upper, as their clients see them."""

from handler_test import (DATAGRAMS, MODES, STREAMS, Server, connect, equal, for_each, main, netcat,
                          receive_all, receive_exactly, run, talk, test)
import socket

HANDLERS = (("echo", bytes), ("upper", bytes.upper))
TEXT = b"Hello, \xc3\xa9\x00\xff world\r\n"


@for_each(HANDLERS, STREAMS, MODES)
def a_connection_gets_its_bytes_until_it_ends(handler, address, mode):
    name, expected = handler
    with Server(name, address, "--mode", mode) as server, connect(server.address) as client:
        for _ in range(3):
            client.send(TEXT)
            equal(receive_exactly(client, len(TEXT)), expected(TEXT))
        client.sendall(TEXT * 1000)
        client.shutdown(socket.SHUT_WR)
        equal(receive_all(client), expected(TEXT * 1000))
        client.close()
        equal(talk(server.address, TEXT), expected(TEXT))
        equal(netcat(server.address, TEXT), expected(TEXT))


@for_each(HANDLERS, DATAGRAMS, MODES)
def a_datagram_comes_back_an_empty_one_too(handler, address, mode):
    name, expected = handler
    with Server(name, address, "--mode", mode) as server, connect(server.address) as client:
        for packet in (TEXT, b"", b"x" * 4000):
            client.send(packet)
            equal(client.recv(65536), expected(packet))


@for_each(HANDLERS, DATAGRAMS)
def a_datagram_is_sent_by_talk(handler, address):
    name, expected = handler
    with Server(name, address) as server:
        equal(talk(server.address, TEXT), expected(TEXT))


@test
def the_smallest_stack_is_enough():
    arguments = "tcp://127.0.0.1:0", "--mode", "threading", "--stack-size"
    status, _, errors = run("serve", "echo", *arguments, "63")
    assert status == 2 and "--stack-size 63" in errors, errors
    with Server("echo", *arguments, "64") as server, connect(server.address) as client:
        client.sendall(b"x" * 16384)
        equal(receive_exactly(client, 16384), b"x" * 16384)


main()
