"""What keeps the program's UDP servers from being misused: --udp-rate, no loop of two of them."""

import ctypes
import fcntl
import os
import socket
import struct
import time

from handler_test import MODES, Server, connect, equal, for_each, main, run, test, wait_until

UDP = ("udp://127.0.0.1:0", "udp://[::1]:0")
CLONE_NEWNET = 0x40000000
SIOCSIFFLAGS, IFF_UP = 0x8914, 1


def replies_to_a_flood(server):
    """How many replies a client gets to 100 packets. One that comes later is answered, too."""
    with connect(server.address) as flood, connect(server.address) as late:
        for _ in range(100):
            flood.send(b"flood")
        late.send(b"late")
        equal(late.recv(100), b"late")
        server.stop()
        flood.setblocking(False)
        replies = 0
        try:
            while flood.recv(100):
                replies += 1
        except (BlockingIOError, ConnectionRefusedError):
            return replies


@for_each(UDP, MODES)
def a_source_has_40_packets_at_once_and_20_a_second(address, mode):
    start = time.monotonic()
    with Server("echo", address, "--mode", mode) as server:
        replies = replies_to_a_flood(server)
        most = 40 + 20 * (time.monotonic() - start)
        assert 40 <= replies <= most, f"{replies} of at most {most}"


@for_each(UDP, MODES)
def a_rate_of_0_is_no_limit(address, mode):
    with Server("echo", address, "--udp-rate", "0", "--mode", mode) as server:
        with connect(server.address) as client:
            for _ in range(100):
                client.send(b"flood")
            for _ in range(100):
                equal(client.recv(100), b"flood")


@for_each(MODES)
def a_client_on_the_same_host_is_served_by_a_public_server(mode):
    with Server("echo", "udp://0.0.0.0:0", "--public", "--mode", mode) as server:
        with connect(server.address.replace("0.0.0.0", "127.0.0.1")) as client:
            client.send(b"hello")
            equal(client.recv(100), b"hello")


@test
def a_name_that_stands_for_another_address_when_it_is_bound_is_refused():
    asan = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
    status, output, errors = run(
        "serve", "echo", "udp://rebinding.example:0",
        env={**os.environ, "LD_PRELOAD": os.environ["REBINDING_NAME"], "ASAN_OPTIONS": asan})
    equal((status, output), (2, b""))
    assert "other hosts can reach it: udp://0.0.0.0:" in errors, errors


def enter_a_network_of_its_own():
    """Whether that is allowed: nobody else's packets are counted there."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
    return True


def port_of(server):
    return int(server.address.rsplit(":", 1)[1])


def forge(to, source):
    """Sends a server a packet that says that it comes from the other."""
    packet = struct.pack("!4H", port_of(source), port_of(to), 8 + len(b"forged"), 0) + b"forged"
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP) as raw:
        raw.sendto(packet, ("127.0.0.1", 0))


def packets():
    """How many have come, to any socket of this network."""
    with open("/proc/net/snmp", encoding="ascii") as counters:
        names, values = [line.split() for line in counters if line.startswith("Udp:")]
    return int(values[names.index("InDatagrams")])


def probe(server):
    """Asks as a client, and has its answer: what came before has been seen by then."""
    with connect(server.address) as client:
        client.send(b"probe")
        equal(client.recv(100), b"probe")


@for_each(MODES, MODES)
def two_servers_set_upon_each_other_fall_silent_within_100_packets(mode, other_mode):
    if not enter_a_network_of_its_own():
        print("no network of its own: skipped")
        return
    options = ("udp://127.0.0.1:0", "--udp-rate", "1", "--mode")
    with Server("echo", *options, mode) as one, Server("echo", *options, other_mode) as other:
        forge(one, source=other)
        wait_until(lambda: packets() >= 2 * 40 + 1, "a loop until both bursts are used up")
        before, probes, quiet = packets(), 0, 0
        while quiet < 10:  # probes in a row, with nothing but themselves and their replies
            probe(one)
            probe(other)
            probes += 4
            now = packets()
            quiet = quiet + 1 if now - before == 4 else 0
            before = now
            assert now - probes <= 100, f"{now - probes} packets, and still no silence"


main()
