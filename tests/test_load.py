"""The load generator of bench/: all that our servers and those by hand do is right, and it finds
each way of being wrong."""

from handler_test import (DATAGRAMS, MODES, PATIENCE, STREAMS, Process, Server, equal, for_each,
                          main, test)
import contextlib
import handler_test
import json
import os
import re
import socket
import subprocess
import threading
import time

LOAD = os.environ["LOAD"]
SIZE = 64
# Seconds after which what never comes is given up: more than what does come can take.
SOON = PATIENCE / 20


def load(*arguments):
    """Its exit status, and the result or, without one, what it says."""
    done = subprocess.run([LOAD, *map(str, arguments), "--json"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=4 * PATIENCE)
    output = done.stdout or done.stderr
    return done.returncode, json.loads(output) if done.stdout else output.decode()


def all_is_right(count, *arguments):
    """The result, in which nothing may be wrong."""
    status, result = load(*arguments)
    equal((status, result["requests"], result["lost"], result["corrupted"], result["surplus"],
           result["errors"]), (0, count, 0, 0, 0, {}))
    return result


class Reference(Process):
    """A server by hand."""

    program = os.environ["REFERENCE"]

    def __init__(self, kind, address):
        super().__init__(kind, address.format(directory=handler_test.directory))
        self.address = re.fullmatch(rf"listening on (\S+) \({kind}\)\n", self.readline())[1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()


class Scripted:
    """A server that does as `script` says: with each connection, in a thread of its own, or with
    the bound socket, as often as there is something to be received."""

    def __init__(self, address, script, backlog=128):
        kind = address.split(":", 1)[0]
        self.is_stream = kind in ("tcp", "unix")
        self.script, self.ended, self.failure = script, False, None
        self.socket = socket.socket(
            socket.AF_UNIX if kind.startswith("unix") else socket.AF_INET,
            socket.SOCK_STREAM if self.is_stream else socket.SOCK_DGRAM)
        if kind.startswith("unix"):
            path = f"{handler_test.directory}/scripted"
            self.socket.bind(path)
            self.address = f"{kind}:{path}"
        else:
            self.socket.bind(("127.0.0.1", 0))
            self.address = f"{kind}://127.0.0.1:{self.socket.getsockname()[1]}"
        if self.is_stream:
            self.socket.listen(backlog)
        self.thread = threading.Thread(target=self._serve)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended = True
        if self.is_stream:
            self.socket.shutdown(socket.SHUT_RDWR)  # wakes its accept
        else:
            with socket.socket(self.socket.family, socket.SOCK_DGRAM) as client:
                client.sendto(b"", self.socket.getsockname())
        self.thread.join()
        self.socket.close()

    def _serve(self):
        while not self.ended:
            try:
                self._serve_one()
            except OSError:  # the load has gone, or the end
                pass

    def _serve_one(self):
        if not self.is_stream:
            data, sender = self.socket.recvfrom(65536)
            if not self.ended:
                self.script(self.socket, data, sender)
            return
        connection, _ = self.socket.accept()
        connection.settimeout(PATIENCE)
        threading.Thread(target=self._run, args=(connection,)).start()

    def _run(self, connection):
        with connection, contextlib.suppress(OSError):
            self.script(connection)


def each_request(connection):
    """The requests on a connection, one after the other, until it ends."""
    data = b""
    while piece := connection.recv(65536):
        data += piece
        while len(data) >= SIZE:
            yield data[:SIZE]
            data = data[SIZE:]


def swapped(data, at):
    """With two bytes exchanged that are not the same."""
    other = next(i for i in range(len(data)) if data[i] != data[at])
    first, last = sorted((at, other))
    return (data[:first] + data[last:last + 1] + data[first + 1:last] + data[first:first + 1]
            + data[last + 1:])


@for_each(STREAMS, MODES)
def our_servers_lose_nothing_of_streams(address, mode):
    connections = 1 if mode == "sync" else 4
    with Server("echo", address, "--mode", mode) as server:
        all_is_right(200, "churn", server.address, "-n", 200, "-c", 8, "-t", 2)
        all_is_right(100, "churn", server.address, "-n", 100, "-c", 8, "--abrupt")
        all_is_right(200, "echo", server.address, "-n", 200, "-c", connections)
        all_is_right(2, "bulk", server.address, "-n", 2, "-c", connections, "--size", 1234567)


@for_each(DATAGRAMS, MODES)
def our_servers_lose_nothing_of_datagrams(address, mode):
    with Server("echo", address, "--mode", mode, "--udp-rate", "0") as server:
        all_is_right(400, "datagram", server.address, "-n", 400, "-c", 4, "-w", 8, "-t", 2)
        all_is_right(20, "datagram", server.address, "-n", 20, "--size", 8)


@for_each(("sync", "thread", "fork", "leader-follower", "epoll"), STREAMS)
def servers_by_hand_lose_nothing_of_streams(kind, address):
    connections = 1 if kind == "sync" else 4
    with Reference(kind, address) as server:
        all_is_right(200, "churn", server.address, "-n", 200, "-c", 8)
        all_is_right(200, "echo", server.address, "-n", 200, "-c", connections)
        all_is_right(2, "bulk", server.address, "-n", 2, "-c", connections, "--size", 1234567)


@for_each(("recvfrom", "datagram-thread"), DATAGRAMS)
def servers_by_hand_lose_nothing_of_datagrams(kind, address):
    with Reference(kind, address) as server:
        all_is_right(400, "datagram", server.address, "-n", 400, "-c", 4, "-w", 8)


def swap_a_byte(connection):
    for number, request in enumerate(each_request(connection)):
        connection.sendall(swapped(request, number % SIZE) if number % 5 == 4 else request)


def cut_a_reply(connection):
    for request in each_request(connection):
        connection.sendall(request[:-1])
        return


def answer_twice(connection):
    for request in each_request(connection):
        connection.sendall(request + request)


def close_early(connection):
    connection.recv(1)


def never_answer(connection):
    while connection.recv(65536):
        pass


def reset(connection):
    connection.recv(1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def answer_with_the_bytes_of_another():
    """Two connections: each gets the other's reply."""
    first, both = [], threading.Barrier(2)

    def script(connection):
        request = next(each_request(connection))
        first.append(request)
        both.wait(PATIENCE)
        connection.sendall(first[0] if first[1] is request else first[1])
        connection.recv(1)
    return script


@for_each(("tcp:", "unix:"), (
    (swap_a_byte, "corrupted", set()), (answer_twice, "corrupted", set()),
    (cut_a_reply, "lost", {"ENODATA"}), (close_early, "lost", {"ENODATA", "ECONNRESET", "EPIPE"})))
def what_is_wrong_with_a_stream_is_found(kind, case):
    script, wrong, errors = case
    with Scripted(kind, script) as server:
        status, result = load("echo", server.address, "-n", 5)
        equal(status, 1)
        assert result[wrong] >= 1, result
        equal(result["requests"] + result["lost"] + result["corrupted"], 5)
        assert set(result["errors"]) <= errors, result


@for_each(("tcp:", "unix:"), ("echo", "churn"))
def silence_is_loss(kind, scenario):
    with Scripted(kind, never_answer) as server:
        status, result = load(scenario, server.address, "-n", 5, "-c", 5, "--timeout", 0.2)
        equal((status, result["lost"], result["errors"]), (1, 5, {"ETIMEDOUT": 5}))


@test
def a_reset_is_told_by_its_errno():
    with Scripted("tcp:", reset) as server:
        status, result = load("churn", server.address, "-n", 3)
        equal((status, result["lost"], result["errors"]), (1, 3, {"ECONNRESET": 3}))


@test
def a_late_second_answer_is_found_where_the_connection_ends():
    def script(connection):
        with contextlib.suppress(StopIteration):
            request = next(each_request(connection))
            connection.sendall(request)
            connection.recv(1)  # its end
            connection.sendall(request[:1])
    with Scripted("tcp:", script) as server:
        status, result = load("churn", server.address, "-n", 3)
        equal((status, result["requests"], result["corrupted"]), (1, 0, 3))


@test
def a_missing_end_is_found_where_the_connection_ends():
    given_up = threading.Event()

    def script(connection):
        connection.sendall(next(each_request(connection)))
        given_up.wait(PATIENCE)
    with Scripted("tcp:", script) as server:
        status, result = load("churn", server.address, "-n", 1, "--timeout", 0.2)
        given_up.set()
        equal((status, result["requests"], result["errors"]), (1, 0, {"ETIMEDOUT": 1}))


@test
def the_bytes_of_another_connection_are_found():
    with Scripted("tcp:", answer_with_the_bytes_of_another()) as server:
        status, result = load("churn", server.address, "-n", 2, "-c", 2)
        equal((status, result["requests"], result["corrupted"]), (1, 0, 2))


@test
def one_wrong_byte_in_a_large_stream_is_found():
    size = 3000000

    def script(connection):
        sent = 0
        while data := connection.recv(65536):
            if sent <= size // 2 < sent + len(data):
                data = swapped(data, size // 2 - sent)
            connection.sendall(data)
            sent += len(data)
    with Scripted("tcp:", script) as server:
        status, result = load("bulk", server.address, "-n", 1, "--size", size)
        equal((status, result["requests"], result["corrupted"]), (1, 0, 1))


@test
def a_connection_that_ends_between_requests_is_found():
    def script(connection):
        connection.sendall(next(each_request(connection)))
    with Scripted("tcp:", script) as server:
        status, result = load("echo", server.address, "-n", 3, "--rate", 10)
        equal((status, result["errors"].get("ENODATA", 0) >= 1), (1, True))


def numbered(script):
    """A datagram script that also gets the number of the datagram."""
    numbers = iter(range(10 ** 9))

    def run(bound, data, sender):
        script(bound, data, sender, next(numbers))
    return run


def datagram_swapped(bound, data, sender, number):
    bound.sendto(data[:8] + swapped(data[8:], number) if number % 5 == 4 else data, sender)


def datagram_number_wrong(bound, data, sender, number):
    bound.sendto(data[:6] + b"\xff\xff" + data[8:] if number % 5 == 4 else data, sender)


def datagram_cut(bound, data, sender, number):
    bound.sendto(data[:-1] if number % 5 == 4 else data, sender)


def datagram_emptied(bound, data, sender, number):
    bound.sendto(b"" if number % 5 == 4 else data, sender)


def datagram_twice(bound, data, sender, number):
    for _ in range(2 if number % 5 == 4 else 1):
        bound.sendto(data, sender)


def datagram_dropped(bound, data, sender, number):
    if number % 5 != 4:
        bound.sendto(data, sender)


@for_each(("udp:", "unixgram:"), (datagram_swapped, datagram_cut))
def a_wrong_datagram_is_found(kind, script):
    with Scripted(kind, numbered(script)) as server:
        status, result = load("datagram", server.address, "-n", 10, "-w", 3)
        equal((status, result["requests"], result["corrupted"], result["errors"]), (1, 8, 2, {}))


@for_each(("udp:", "unixgram:"), (datagram_number_wrong, datagram_emptied))
def a_datagram_that_answers_nothing_is_found_and_the_request_is_lost(kind, script):
    with Scripted(kind, numbered(script)) as server:
        status, result = load("datagram", server.address, "-n", 10, "-w", 10, "--timeout", SOON)
        equal((status, result["corrupted"], result["lost"] >= 2), (1, 2, True))


@for_each(("udp:", "unixgram:"))
def a_datagram_without_an_answer_is_lost(kind):
    with Scripted(kind, numbered(datagram_dropped)) as server:
        status, result = load("datagram", server.address, "-n", 10, "-w", 10, "--timeout", SOON)
        equal((status, result["corrupted"], result["lost"] >= 2), (1, 0, True))
        equal(result["errors"], {"ETIMEDOUT": result["lost"]})


@for_each(("udp:", "unixgram:"))
def a_datagram_answered_twice_is_found(kind):
    with Scripted(kind, numbered(datagram_twice)) as server:
        status, result = load("datagram", server.address, "-n", 11, "-w", 1)
        equal((status, result["requests"], result["surplus"]), (1, 11, 2))


@test
def a_late_datagram_is_lost_and_its_reply_is_surplus():
    held = []

    def script(bound, data, sender):
        held.append(data)
        if len(held) > 1:  # the second one has come: the first is given up
            for reply in held:
                bound.sendto(reply, sender)
    with Scripted("udp:", script) as server:
        status, result = load("datagram", server.address, "-n", 2, "--timeout", SOON)
        equal((status, result["requests"], result["lost"], result["surplus"]), (1, 1, 1, 1))


def delay(seconds, which):
    """Replies of which those that `which` says, by their number, come so much later."""
    numbers = iter(range(10 ** 9))

    def script(connection):
        for request in each_request(connection):
            if which(next(numbers)):
                time.sleep(seconds)
            connection.sendall(request)
    return script


@test
def percentiles_show_the_replies_that_are_late():
    with Scripted("tcp:", delay(0.2, lambda n: n % 20 == 7)) as server:
        result = all_is_right(60, "echo", server.address, "-n", 60)
        found = result["latency_us"]
        assert found["p50"] < found["p90"] < 200000, found
        assert 200000 <= found["p99"] <= found["p99.9"] <= found["max"], found
        assert 0.6 <= result["seconds"], result
        assert abs(result["rate"] * result["seconds"] - 60) < 0.1, result


@test
def a_fixed_rate_counts_from_the_time_that_was_intended():
    stall = delay(0.3, lambda n: n == 0)
    with Scripted("tcp:", stall) as server:
        # One every 10 ms: the stall keeps 30 of them waiting, by 300, 290, ... 10 ms.
        result = all_is_right(50, "echo", server.address, "-n", 50, "--rate", 100)
        found = result["latency_us"]
        assert found["p50"] >= 49000 and found["p90"] >= 240000, found
        assert found["max"] >= 300000 and result["seconds"] >= 0.49, result


@test
def a_closed_loop_counts_from_its_own_request():
    with Scripted("tcp:", delay(0.3, lambda n: n == 0)) as server:
        result = all_is_right(50, "echo", server.address, "-n", 50)
        assert result["latency_us"]["p90"] < 300000 <= result["latency_us"]["max"], result


@test
def what_a_rate_asks_for_in_vain_is_lost():
    with Scripted("tcp:", never_answer) as server:
        status, result = load("echo", server.address, "-n", 50, "--rate", 200, "--timeout", 0.2)
        equal((status, result["requests"], result["lost"]), (1, 0, 50))
        equal(result["errors"], {"ETIMEDOUT": 50})


@test
def a_time_ends_it_and_a_warm_up_is_not_measured():
    with Scripted("tcp:", delay(0.2, lambda n: n == 0)) as server:
        result = load("echo", server.address, "-s", 0.2, "--warmup", 0.8)[1]
        assert 0 < result["requests"] and result["latency_us"]["max"] < 200000, result
        assert 0.05 < result["seconds"] < 0.8, result


@test
def a_full_queue_of_a_unix_socket_is_waited_for():
    def script(connection):
        for request in each_request(connection):
            connection.sendall(request)
    with Scripted("unix:", script, backlog=0) as server:
        all_is_right(40, "churn", server.address, "-n", 40, "-c", 4)


@test
def connections_come_from_many_addresses_and_each_has_its_bytes():
    seen = []

    def script(connection):
        request = next(each_request(connection))
        seen.append((connection.getpeername()[0], request))
        connection.sendall(request)
        connection.recv(1)
    with Scripted("tcp:", script) as server:
        all_is_right(50, "churn", server.address, "-n", 50)
    equal(len({address for address, _ in seen}), 50)
    equal(len({request for _, request in seen}), 50)


@test
def idle_connections_stay_and_their_memory_is_told():
    with Server("echo", "tcp://127.0.0.1:0", "--mode", "threading") as server:
        result = all_is_right(100, "idle", server.address, "-c", 100, "--size", 16384,
                              "--pid", server.pid)
        memory = result["memory_kib"]
        assert memory["threads"] >= 100, memory
        assert memory["pss_per_connection"] >= 16, memory
    with Reference("fork", "tcp://127.0.0.1:0") as server:
        result = all_is_right(20, "idle", server.address, "-c", 20, "--pid", server.pid)
        equal(result["memory_kib"]["processes"], 21)


@test
def nobody_there_is_told_by_its_errno():
    with Server("echo", "tcp://127.0.0.1:0") as server:
        address = server.address
    status, result = load("churn", address, "-n", 3)
    equal((status, result["lost"], result["errors"]), (1, 3, {"ECONNREFUSED": 3}))
    status, result = load("churn", f"unix:{handler_test.directory}/none", "-n", 3)
    equal((status, result["lost"], result["errors"]), (1, 3, {"ENOENT": 3}))


@for_each((("wash", "tcp://127.0.0.1:9"), ("echo", "udp://127.0.0.1:9"), ("echo", "nowhere"),
           ("datagram", "tcp://127.0.0.1:9"), ("datagram", "udp://127.0.0.1:9", "--size", "7"),
           ("echo",), ("echo", "tcp://127.0.0.1:9", "--connections", "0")))
def wrong_usage_is_said(arguments):
    status, text = load(*arguments)
    equal(status, 2)
    assert text.startswith("load: ") and text.count("\n") == 1, text


@test
def without_json_the_result_is_a_line():
    with Server("echo", "tcp://127.0.0.1:0") as server:
        output = subprocess.run([LOAD, "echo", server.address, "-n", "10"], check=True,
                                stdout=subprocess.PIPE, timeout=PATIENCE).stdout.decode()
        line = (r"echo tcp://\S+: 10 requests in [\d.]+ s, \d+/s, [\d.]+ MiB/s, 0 lost, "
                r"0 corrupted, 0 surplus; us:( (p[\d.]+|max) [\d.]+){5}\n")
        assert re.fullmatch(line, output), output


main()
