"""Who is let in, and how many: --max-connections, --when-full, --max-per-address, --rate,
--allow-from and --deny-from, from outside."""

import os
import signal
import socket
import time

from handler_test import (MODES, PATIENCE, STREAMS, Server, connect, equal, for_each, main,
                          receive_exactly, test, wait_until)

SIDE_BY_SIDE = ("threading", "forking")
TCP = "tcp://127.0.0.1:0"
INTERNET = (TCP, "udp://127.0.0.1:0")


def enter_from(host, server):
    """A client with that address, be it over TCP or UDP, who has asked."""
    kind, _, port = server.address.split(":")
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if kind == "udp" else
                           socket.SOCK_STREAM)
    client.settimeout(PATIENCE)
    client.bind((host, 0))
    client.connect(("127.0.0.1", int(port)))
    client.send(b"hello")
    return client


def enter(server):
    client = connect(server.address)
    client.send(b"hello")
    return client


def is_served(client):
    """Whether it has its echo, or the end. A reset is an end, too."""
    try:
        return receive_exactly(client, 5) == b"hello"
    except (AssertionError, ConnectionResetError):
        return False


def served(server, times):
    """How many of so many clients, one after the other, are served."""
    n = 0
    for _ in range(times):
        with connect(server.address) as client:
            try:
                client.send(b"hello")
                n += is_served(client)
            except (BrokenPipeError, ConnectionResetError):
                pass
    return n


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
        return [int(child) for child in children.read().split()]


def waits(client):
    """The absence of something takes time to see."""
    client.settimeout(0.1)
    try:
        return client.recv(1) is None
    except TimeoutError:
        return True
    finally:
        client.settimeout(PATIENCE)


@for_each(STREAMS, SIDE_BY_SIDE)
def at_max_connections_the_next_waits_until_one_ends(address, mode):
    with Server("echo", address, "--mode", mode, "--max-connections", "2") as server:
        one, other = enter(server), enter(server)
        assert is_served(one) and is_served(other)
        with enter(server) as third:
            assert waits(third)
            one.close()
            assert is_served(third)
            other.close()


@for_each(STREAMS, SIDE_BY_SIDE)
def or_is_refused(address, mode):
    with Server("echo", address, "--mode", mode, "--max-connections", "1", "--when-full",
                "refuse") as server:
        with enter(server) as client:
            assert is_served(client)
            equal(served(server, 3), 0)
        wait_until(lambda: served(server, 1) == 1, "its place given back")


@for_each(STREAMS, SIDE_BY_SIDE)
def stopping_works_while_it_is_full_and_others_wait(address, mode):
    with Server("echo", address, "--mode", mode, "--max-connections", "1", "--grace",
                "0") as server:
        with enter(server) as client, enter(server):
            assert is_served(client)
            server.stop()


@for_each(STREAMS)
def a_killed_child_gives_its_place_back(address):
    with Server("echo", address, "--mode", "forking", "--max-connections", "1",
                may_say="a child was ended by a signal: KILL") as server:
        with enter(server) as client:
            assert is_served(client)
            with enter(server) as waiting:
                for child in children_of(server.pid):
                    os.kill(child, signal.SIGKILL)
                assert is_served(waiting)


@for_each(SIDE_BY_SIDE)
def max_per_address_refuses_that_address_alone(mode):
    with Server("echo", TCP, "--mode", mode, "--max-per-address", "1") as server:
        with enter_from("127.0.0.1", server) as client:
            assert is_served(client)
            equal(served(server, 3), 0)
            with enter_from("127.0.0.2", server) as other:
                assert is_served(other)
        wait_until(lambda: served(server, 1) == 1, "its place given back")


@for_each((TCP, "unix:{directory}/s"), MODES)
def rate_limits_new_connections_from_one_address(address, mode):
    start = time.monotonic()
    with Server("echo", address, "--mode", mode, "--rate", "5") as server:
        n = served(server, 20)
        most = 5 + 5 * (time.monotonic() - start)
        assert 5 <= n <= most, f"{n} of at most {most}"
        wait_until(lambda: served(server, 1) == 1, "another token")


@for_each(INTERNET, MODES)
def who_is_denied_is_refused_and_others_are_not(address, mode):
    with Server("echo", address, "--mode", mode, "--deny-from", "127.0.0.2", "--deny-from",
                "127.0.0.4/30", "--verbose", may_say=".") as server:
        for host in ("127.0.0.2", "127.0.0.5"):
            refused = server.said().count("refused: that address may not connect")
            with enter_from(host, server):
                wait_until(lambda: server.said().count("refused: that address may not connect")
                           > refused, f"{host} refused")
        for host in ("127.0.0.1", "127.0.0.3", "127.0.0.8"):
            with enter_from(host, server) as client:
                assert is_served(client), host


@for_each(MODES)
def only_who_is_allowed_is_served_and_the_longest_prefix_decides(mode):
    with Server("echo", TCP, "--mode", mode, "--allow-from", "127.0.0.0/24", "--deny-from",
                "127.0.0.2", "--allow-from", "::1") as server:
        for host, expected in (("127.0.0.1", True), ("127.0.0.2", False), ("127.0.1.1", False)):
            with enter_from(host, server) as client:
                equal((host, is_served(client)), (host, expected))


@for_each(MODES)
def udp_has_the_guard_as_well(mode):
    with Server("echo", INTERNET[1], "--mode", mode, "--udp-rate", "1", "--rate", "3", "--verbose",
                may_say=".") as server:
        with enter_from("127.0.0.1", server) as client:
            for _ in range(99):
                client.send(b"hello")
            wait_until(lambda: "refused: too many a second" in server.said(), "refused")
            for _ in range(3):
                equal(client.recv(100), b"hello")


@test
def every_address_has_limits_of_its_own():
    with Server("echo", TCP, "unix:{directory}/s", "--mode", "threading", "--max-connections",
                "1") as server:
        clients = [connect(address) for address in server.addresses]
        for client in clients:
            client.send(b"hello")
        for client in clients:
            assert is_served(client)
            client.close()


main()
