"""serve --stats: what a server says of itself, to whom, and that it costs the clients nothing."""

from handler_test import (DATAGRAMS, MODES, STREAMS, Server, connect, equal, for_each, main,
                          receive_all, receive_exactly, reset, run, test, wait_until)
from stats_client import (COUNTERS, ask, ask_http, ask_json, parse_prometheus, parse_text,
                          stats_address)
import contextlib
import handler_test
import os
import signal
import socket
import stat
import threading
import time

HERE = "--stats=unix:{directory}/stats"
PLACES = (HERE, "--stats=tcp://127.0.0.1:0", "--stats=tcp://[::1]:0")
ECHO = ("echo", "tcp://127.0.0.1:0", HERE)


def only(items):
    equal(len(items), 1)
    return items[0]


def counted(address, **expected):
    """Waits until the one server's counters are these."""
    def found():
        server = only(ask_json(address)["servers"])
        return {name: server[name] for name in expected}
    wait_until(lambda: found() == expected, f"{expected}, but {found()}")


def only_connection(address):
    return only(only(ask_json(address)["servers"])["connections"])


def in_state(address, state):
    wait_until(lambda: only_connection(address)["state"] == state, state)


@for_each(STREAMS, MODES)
def every_open_connection_is_listed(address, mode):
    with Server("echo", address, "--mode", mode, HERE) as server:
        stats = stats_address(server)
        with connect(server.address) as client:
            client.send(b"hello")
            equal(receive_exactly(client, 5), b"hello")
            in_state(stats, "child" if mode == "forking" else "reading")
            connection = only_connection(stats)
            name = client.getsockname()
            if client.family != socket.AF_UNIX:
                host = f"[{name[0]}]" if ":" in name[0] else name[0]
                equal(connection["peer"], f"tcp://{host}:{name[1]}")
            if mode == "forking":
                os.kill(connection["pid"], 0)
            else:
                equal((connection["bytes_read"], connection["bytes_written"]), (5, 5))
            wait_until(lambda: only_connection(stats)["age"] > connection["age"])
            counted(stats, accepted=1, active=1)
        counted(stats, accepted=1, active=0, failed=0, bytes_read=5, bytes_written=5)


@for_each(DATAGRAMS, MODES)
def every_packet_is_counted(address, mode):
    with Server("echo", address, "--mode", mode, HERE) as server:
        stats = stats_address(server)
        with connect(server.address) as client:
            for _ in range(3):
                client.send(b"hello")
                equal(client.recv(100), b"hello")
        counted(stats, accepted=3, active=0, bytes_read=15, bytes_written=15)


@for_each(PLACES)
def all_formats_say_the_same(place):
    with Server("echo", "tcp://127.0.0.1:0", "unix:{directory}/s", place) as server:
        stats = stats_address(server)
        with connect(server.address) as client:
            client.send(b"hello")
            equal(receive_exactly(client, 5), b"hello")
            wait_until(lambda: ask_json(stats)["servers"][0]["bytes_written"] == 5, "counted")
            told = ask_json(stats)
            equal(told["pid"], server.pid)
            equal(told["handler"], "echo")
            equal([s["address"] for s in told["servers"]], server.addresses)
            head, *rows = parse_text(ask(stats, "text"))
            equal((head["pid"], head["handler"]), (str(server.pid), "echo"))
            samples = parse_prometheus(ask(stats, "prometheus"))
            for row, one in zip(rows, told["servers"], strict=True):
                equal({name: row[name] for name in ("server", "mode", *COUNTERS)},
                      {"server": one["address"], "mode": one["mode"]} |
                      {name: str(one[name]) for name in COUNTERS})
                labels = (("address", one["address"]), ("mode", "sync"))
                equal(samples["socketserver_requests_active", labels], one["active"])
                equal(samples["socketserver_requests_total", labels], one["accepted"])
                equal(samples["socketserver_read_bytes_total", labels], one["bytes_read"])
            assert abs(samples["process_start_time_seconds", ()] - time.time()) < 600
            connection = only([row for row in parse_text(ask(stats, "connections"))
                               if "connection" in row])
            equal(connection["server"], server.address)
            equal((connection["bytes_read"], connection["state"]), ("5", "reading"))
        assert ask(stats, "").startswith(b"socketserver ")


@for_each(PLACES)
def http_serves_prometheus_and_curl(place):
    with Server("echo", "tcp://127.0.0.1:0", place) as server:
        stats = stats_address(server)
        for path, kind in (("/metrics", "text/plain; version=0.0.4; charset=utf-8"),
                           ("/json", "application/json"),
                           ("/", "text/plain; charset=utf-8"),
                           ("/metrics?a=b", "text/plain; version=0.0.4; charset=utf-8")):
            status, headers, body = ask_http(stats, f"GET {path} HTTP/1.1")
            equal(status, "HTTP/1.0 200 OK")
            equal(headers["Content-Type"], kind)
            equal(int(headers["Content-Length"]), len(body))
            equal(headers["Connection"], "close")
        assert parse_prometheus(ask_http(stats, "GET /metrics HTTP/1.1")[2])
        equal(ask_http(stats, "HEAD /json HTTP/1.1")[2], b"")
        equal(ask_http(stats, "GET /etc/passwd HTTP/1.1")[0], "HTTP/1.0 404 Not Found")
        status, headers, _ = ask_http(stats, "POST /metrics HTTP/1.1")
        equal((status, headers["Allow"]), ("HTTP/1.0 405 Method Not Allowed", "GET, HEAD"))


@test
def what_a_path_has_in_it_breaks_no_format():
    name = 'a b"c\\d\ne\x1b[31m\xe9'
    path = f"{handler_test.directory}/{name}".encode("utf-8") + b"\xff"
    shown = "a\\x20b\"c\\x5cd\\x0ae\\x1b[31m\xe9\\xff"
    process = handler_test.Process("serve", "echo", os.fsdecode(b"unix:" + path),
                                   HERE.format(directory=handler_test.directory))
    try:
        process.read_until(b"stats on ")
        stats = process.readline().strip()
        told = only(ask_json(stats)["servers"])["address"]
        equal(told, f"unix:{handler_test.directory}/{name}\ufffd")
        row = parse_text(ask(stats, "text"))[1]
        equal(row["server"], f"unix:{handler_test.directory}/{shown}")
        labels = next(labels for name, labels in parse_prometheus(ask(stats, "prometheus"))
                      if name == "socketserver_requests_total")
        equal(dict(labels)["address"], f"unix:{handler_test.directory}/{shown}")
    finally:
        process.process.terminate()
        equal(process.wait(), 0)
        process.kill()


@for_each(MODES)
def what_went_wrong_is_told_apart(mode):
    with Server(*ECHO, "--mode", mode, "--timeout", "0.2") as server:
        stats = stats_address(server)
        with connect(server.address) as client:
            equal(receive_all(client), b"")
        counted(stats, accepted=1, active=0, failed=1, timed_out=1, hung_up=0)
    with Server(*ECHO, "--mode", mode) as server:
        stats = stats_address(server)
        client = connect(server.address)
        client.send(b"hello")
        equal(receive_exactly(client, 5), b"hello")
        reset(client)
        counted(stats, accepted=1, active=0, failed=1, timed_out=0, hung_up=1)


@test
def a_client_that_takes_nothing_is_seen_writing():
    with Server(*ECHO) as server, connect(server.address) as client:
        stats = stats_address(server)
        counted(stats, accepted=1)
        client.setblocking(False)

        def is_stuck():
            with contextlib.suppress(BlockingIOError):
                while True:
                    client.send(b"x" * 65536)
            return only_connection(stats)["state"] == "writing"
        wait_until(is_stuck)
        reset(client)


@for_each(("threading", "forking"))
def who_is_waited_for_is_seen_while_it_stops(mode):
    with Server(*ECHO, "--mode", mode, "--grace", "30") as server:
        stats = stats_address(server)
        with connect(server.address) as client:
            client.send(b"hello")
            equal(receive_exactly(client, 5), b"hello")
            server.process.send_signal(signal.SIGTERM)

            def is_closed():
                try:
                    connect(server.address).close()
                    return False
                except ConnectionError:
                    return True
            wait_until(is_closed)
            counted(stats, active=1)
            client.send(b"again")
            equal(receive_exactly(client, 5), b"again")
        equal(server.wait(), 0)


@for_each(MODES)
def under_load_counters_only_grow_and_lose_nothing(mode):
    clients, each = 4, 25 if mode == "forking" else 100

    def load(address):
        for _ in range(each):
            with connect(address) as client:
                client.sendall(b"x" * 100)
                receive_exactly(client, 100)

    with Server(*ECHO, "--mode", mode) as server:
        stats = stats_address(server)
        threads = [threading.Thread(target=load, args=(server.address,)) for _ in range(clients)]
        for thread in threads:
            thread.start()
        before = {}
        while any(thread.is_alive() for thread in threads):
            now = parse_prometheus(ask(stats, "prometheus"))
            assert all(now[key] >= value for key, value in before.items()
                       if key[0].endswith("_total")), f"{before}\n{now}"
            before = now
        for thread in threads:
            thread.join()
        counted(stats, accepted=clients * each, active=0, failed=0,
                bytes_read=100 * clients * each, bytes_written=100 * clients * each)


@for_each(PLACES)
def silent_askers_keep_nobody_waiting_but_askers(place):
    with Server("echo", "tcp://127.0.0.1:0", place) as server, contextlib.ExitStack() as stack:
        stats = stats_address(server)
        silent = [stack.enter_context(connect(stats)) for _ in range(8)]
        last = stack.enter_context(connect(stats))
        last.sendall(b"text\n")
        with connect(server.address) as client:
            client.send(b"hello")
            equal(receive_exactly(client, 5), b"hello")
        silent[0].close()
        assert receive_all(last).startswith(b"socketserver ")


@test
def an_asker_that_reads_nothing_is_given_up():
    with Server(*ECHO, "--mode", "threading", "--max-threads", "2000") as server:
        stats = stats_address(server)
        with contextlib.ExitStack() as stack:
            for _ in range(200):
                stack.enter_context(connect(server.address))
            for _ in range(20):
                asker = stack.enter_context(connect(stats))
                asker.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
                asker.sendall(b"json\n")
            with connect(server.address) as client:
                client.send(b"hello")
                equal(receive_exactly(client, 5), b"hello")
        assert ask(stats, "text").startswith(b"socketserver ")


HOSTILE = (b"\0" * 100 + b"\n", b"x" * 1000000, b"\xff\xfe\n", b"GET", b"GET \n", b" HTTP/1.1\n",
           b"HTTP/1.1\n", b"  HTTP/1.1\n", b"GET /" + b"a" * 4000 + b" HTTP/1.1\r\n\r\n",
           b"GET /metrics HTTP/1.1\r\n" + b"a: b\r\n" * 1000,
           b"GET /metrics HTTP/1.1\r\n" + b"a" * 100000 + b"\r\n\r\n",
           b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n", b"json\0x\n", b"text\n" * 10000,
           b"%s%n%s%n\n", b"\r\n\r\n", b"GET /%00/..//metrics HTTP/1.1\r\n\r\n")


@for_each(PLACES)
def hostile_questions_get_an_answer_or_an_end(place):
    with Server("echo", "tcp://127.0.0.1:0", place) as server:
        stats = stats_address(server)
        for question in HOSTILE:
            with connect(stats) as client:
                with contextlib.suppress(ConnectionError):
                    client.sendall(question)
                    client.shutdown(socket.SHUT_WR)
                answer = b""
                with contextlib.suppress(ConnectionError):
                    answer = receive_all(client)
                assert b"\0" not in answer and b"\x1b" not in answer, answer
            connect(stats).close()
            with connect(stats) as client:
                client.sendall(question[:50])
                reset(client)
        assert ask(stats, "text").startswith(b"socketserver ")
        assert ask(stats, "nothing").startswith(b"unknown question: ask for text, ")


@test
def its_socket_is_the_owners_alone_and_goes_with_it():
    with Server(*ECHO) as server:
        path = stats_address(server).removeprefix("unix:")
        equal(stat.S_IMODE(os.stat(path).st_mode), 0o600)
    assert not os.path.exists(path)


@test
def an_address_that_will_not_do_is_refused_with_a_remedy():
    for address, status, what, remedy in (
            ("udp://127.0.0.1:0", 2, "no address for --stats", "unix:PATH"),
            ("tcp://0.0.0.0:0", 2, "other hosts can reach it", "--stats-public"),
            ("tcp://:0", 2, "other hosts can reach it", "take 127.0.0.1"),
            ("nonsense", 2, "bad address: --stats nonsense", ""),
            ("unix:/nonexistent/stats", 1, "no such directory", "make it first")):
        found, output, said = run("serve", "echo", "tcp://127.0.0.1:0", "--stats", address)
        equal(found, status)
        assert what in said and remedy in said and said.count("\n") == 1, said
    with Server("echo", "tcp://127.0.0.1:0", "--stats=tcp://0.0.0.0:0", "--stats-public") as server:
        assert ask(stats_address(server).replace("0.0.0.0", "127.0.0.1"), "text")


@test
def nobody_forked_keeps_an_asker_waiting():
    with Server(*ECHO, "--mode", "forking") as server, connect(server.address) as client:
        stats = stats_address(server)
        with connect(stats) as asker:  # it is there while the child is made
            counted(stats, active=1)
            with connect(server.address) as other:
                other.send(b"hello")
                equal(receive_exactly(other, 5), b"hello")
                asker.sendall(b"text\n")
                assert receive_all(asker).startswith(b"socketserver ")


main()
