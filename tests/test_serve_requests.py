"""serve --requests N, as who uses the server sees it."""

from handler_test import (DATAGRAMS, MODES, STREAMS, Server, connect, equal, for_each, main,
                          receive_all, receive_exactly, run, test)
import signal
import socket
import time


def ends_well(server):
    equal(server.wait(), 0)
    equal(server.said(), "")


@for_each(STREAMS, MODES)
def it_ends_after_so_many_connections(address, mode):
    with Server("upper", address, "--mode", mode, "--requests", "3") as server:
        for i in range(3):
            assert server.process.poll() is None
            with connect(server.address) as client:
                client.send(b"abc")
                equal(receive_exactly(client, 3), b"ABC")
                client.shutdown(socket.SHUT_WR)
                equal(receive_all(client), b"")
        ends_well(server)


@for_each(DATAGRAMS, MODES)
def it_ends_after_so_many_datagrams(address, mode):
    with Server("upper", address, "--mode", mode, "--requests", "3") as server:
        with connect(server.address) as client:
            for _ in range(3):
                assert server.process.poll() is None
                client.send(b"abc")
                equal(client.recv(1024), b"ABC")
        ends_well(server)


@for_each(("threading", "forking"))
def the_last_ones_are_finished(mode):
    """Both are served at a time, and none is cut off when no more are taken."""
    with Server("upper", "tcp://127.0.0.1:0", "--mode", mode, "--requests", "2", "--grace",
                "60") as server:
        clients = [connect(server.address) for _ in range(2)]
        for _ in range(2):
            for client in clients:
                client.send(b"abc")
                equal(receive_exactly(client, 3), b"ABC")
        for client in clients:
            client.shutdown(socket.SHUT_WR)
            equal(receive_all(client), b"")
            client.close()
        ends_well(server)


@for_each(("threading", "forking"))
def who_does_not_end_is_waited_for_until_a_signal_comes(mode):
    """That signal is the first one, with its grace, and not the second."""
    with Server("echo", "tcp://127.0.0.1:0", "--mode", mode, "--requests", "1", "--grace",
                "0.1") as server, connect(server.address) as client:
        for _ in range(100):  # longer than the grace
            client.send(b"abc")
            equal(receive_exactly(client, 3), b"abc")
            time.sleep(0.003)
        server.process.send_signal(signal.SIGINT)
        equal(receive_all(client), b"")
        ends_well(server)


@for_each(MODES, (signal.SIGINT, signal.SIGTERM))
def a_signal_ends_it_before(mode, number):
    with Server("echo", "tcp://127.0.0.1:0", "--mode", mode, "--requests", "2") as server:
        with connect(server.address) as client:
            client.send(b"abc")
            equal(receive_exactly(client, 3), b"abc")
        server.process.send_signal(number)
        ends_well(server)


@test
def it_counts_the_requests_of_one_address():
    status, output, errors = run("serve", "echo", "tcp://127.0.0.1:0", "tcp://[::1]:0",
                                 "--requests", "1")
    equal((status, output), (2, b""))
    assert errors.startswith("socketserver: too many addresses: tcp://[::1]:0: --requests"), errors


@for_each(("0", "-1", "x", "1.5", "2147483648"))
def it_takes_a_whole_number_from_1_on(number):
    status, output, errors = run("serve", "echo", "--requests", number)
    equal((status, output), (2, b""))
    assert f"--requests {number}: give a whole number from 1 to 2147483647" in errors, errors


main()
