"""console: a call, as the caller hears it and the operator sees it; and packets, the same way."""

from handler_test import (DATAGRAMS, PATIENCE, PROGRAM, STREAMS, Server, connect, equal, for_each,
                          main, receive_all, receive_exactly, reset, run, test, wait_until)
import os
import signal
import socket
import subprocess
import tempfile
import time

NOTICE = "nobody is calling: a line was dropped"
ALL = STREAMS + DATAGRAMS
CONTROL = (b"\x00\a\x1b[2J\r\x7f \xc2\x9b \x9b \t\xc3\xa9\xc3\x9b\xff|",
           b"\\x00\\x07\\x1b[2J\\x0d\\x7f \xc2\\x9b \\x9b \t\xc3\xa9\xc3\x9b\xff|")


def sees(server, shown):
    """This, and nothing before it, appears on the operator's terminal."""
    equal(server.read_until(shown), shown)


def hears(client, line):
    """This comes in one piece."""
    equal(client.recv(65536), line)


def call(server):
    """A caller whose call has begun: the operator has seen something of it."""
    client = connect(server.address)
    client.send(b"hello?\n")
    sees(server, b"hello?\n")
    return client


def hang_up(client):
    client.close()


def half_hang_up(client):
    client.shutdown(socket.SHUT_WR)
    equal(receive_all(client), b"")
    client.close()


# Connections -------------------------------------------------------------------------------------

@for_each(STREAMS)
def a_call_goes_both_ways(address):
    with Server("console", address) as server, connect(server.address) as client:
        for n in range(3):
            client.send(b"question %d" % n)
            sees(server, b"question %d" % n)
            server.type(b"answer %d\n" % n)
            hears(client, b"answer %d" % n)


@for_each(STREAMS)
def each_line_is_sent_without_its_end_an_empty_one_not_at_all(address):
    with Server("console", address) as server, call(server) as client:
        server.type(b"\n\n")
        server.type(b"one")
        server.type(b" line \r\n")
        hears(client, b"one line \r")
        server.type(b"a\n\nb\n\x1b[1m\x00\xff\n")
        equal(receive_exactly(client, 8), b"ab\x1b[1m\x00\xff")
        server.type(b"x" * 150000 + b"\n")
        equal(receive_exactly(client, 150000), b"x" * 150000)


@for_each(STREAMS)
def control_characters_are_made_visible(address):
    sent, shown = CONTROL
    with Server("console", address) as server, connect(server.address) as client:
        client.send(sent)
        sees(server, shown)
        for piece, expected in ((b"\xc2", b"\xc2"), (b"\x9b2J", b"\\x9b2J"),  # cut in between
                                (b"\xe2\x82", b"\xe2\x82"), (b"\xac\n", b"\xac\n")):
            client.send(piece)
            sees(server, expected)


@for_each(STREAMS)
def the_next_caller_waits_in_the_queue(address):
    with Server("console", address) as server:
        first = call(server)
        second = connect(server.address)
        second.send(b"second here\n")
        first.send(b"first still here\n")
        sees(server, b"first still here\n")
        server.type(b"for the first\n")
        hears(first, b"for the first")
        first.close()
        sees(server, b"second here\n")
        server.type(b"for the second\n")
        hears(second, b"for the second")
        second.close()


@for_each(STREAMS, (hang_up, half_hang_up, reset))
def who_hangs_up_in_whatever_way_ends_the_call_alone(address, end):
    with Server("console", address) as server:
        for _ in range(3):
            end(call(server))
        client = call(server)
        server.type(b"still here\n")
        hears(client, b"still here")
        client.close()


@for_each(STREAMS)
def what_was_said_before_hanging_up_is_shown(address):
    with Server("console", address) as server:
        with connect(server.address) as client:
            client.send(b"a" * 100000 + b"bye\n")
        sees(server, b"a" * 100000 + b"bye\n")


@for_each(STREAMS)
def a_line_typed_before_the_hang_up_was_noticed_is_for_that_caller(address):
    with Server("console", address) as server, call(server) as client:
        server.process.send_signal(signal.SIGSTOP)
        server.type(b"goodbye\n")
        client.send(b"bye\n")
        client.shutdown(socket.SHUT_WR)
        server.process.send_signal(signal.SIGCONT)
        sees(server, b"bye\n")
        equal(receive_all(client), b"goodbye")


@for_each(ALL)
def a_line_that_nobody_calls_for_is_dropped_with_a_notice(address):
    with Server("console", address, may_say=NOTICE) as server:
        server.type(b"lost\n")
        wait_until(lambda: NOTICE in server.said(), "the notice")
        client = (call(server) if address in STREAMS
                  else packet_from(server, connect(server.address)))
        server.type(b"found\n")
        hears(client, b"found")
        client.close()


@for_each(STREAMS)
def a_silent_call_goes_on_whatever_the_timeout(address):
    with Server("console", address, "--timeout", "0.05") as server, call(server) as client:
        end = time.monotonic() + 0.25
        while time.monotonic() < end:
            server.type(b"hello?\n")
            hears(client, b"hello?")


@for_each(STREAMS)
def the_end_of_the_operators_input_ends_the_call_and_the_server(address):
    with Server("console", address) as server, call(server) as client:
        server.type(b"bye")
        equal(server.rest(), b"")
        equal(server.wait(), 0)
        equal(receive_all(client), b"bye")


@for_each(ALL)
def the_end_of_the_operators_input_ends_a_server_that_nobody_calls(address):
    with Server("console", address) as server:
        server.rest()
        equal(server.wait(), 0)


@for_each(ALL)
def a_file_is_an_input_like_any_other(address):
    folder = tempfile.TemporaryDirectory()
    with folder, open(f"{folder.name}/script", "w+b") as script:
        script.write(b"one\ntwo\n")
        script.seek(0)
        for operator, notices in ((subprocess.DEVNULL, 0), (script, 2)):
            where = address.format(directory=folder.name)
            done = subprocess.run([PROGRAM, "serve", "console", where], stdin=operator,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  timeout=PATIENCE)
            equal((done.returncode, done.stderr.count(NOTICE.encode())), (0, notices))


@for_each(STREAMS)
def a_stop_ends_the_call(address):
    with Server("console", address, "--grace", "0") as server, call(server) as client:
        server.process.send_signal(signal.SIGTERM)
        equal(server.wait(), 0)
        equal(receive_all(client), b"")


@for_each(STREAMS)
def a_caller_who_does_not_read_is_waited_for_no_longer_than_the_limits_say(address):
    with Server("console", address, "--deadline", "0.3",
                may_say=f"a line was not sent: |{NOTICE}") as server, call(server):
        server.type((b"x" * 1000 + b"\n") * 16000)  # 16 MB
        call(server).close()


@for_each(STREAMS)
def a_terminal_gets_whole_lines_and_may_end_it(address):
    with Server("console", address, terminal=True) as server, connect(server.address) as client:
        for said in (b"hello", b"hello\n"):
            client.send(said)
            sees(server, b"hello\r\n")
        server.type(b"hi\n")
        sees(server, b"hi\r\n")  # as it was typed
        hears(client, b"hi")
        server.type(b"\x04")  # Ctrl-D
        equal(server.wait(), 0)
        equal(receive_all(client), b"")


@for_each(ALL)
def without_its_terminal_the_console_ends(address):
    with Server("console", address, may_say="cannot write to standard output: ") as server:
        server.process.stdout.close()
        with connect(server.address) as client:
            client.send(b"hello\n")
            server.wait()


@for_each(("tcp://127.0.0.1:0", "udp://127.0.0.1:0"), ("threading", "forking"))
def one_terminal_has_one_call_at_a_time(address, mode):
    status, _, said = run("serve", "console", address, "--mode", mode)
    equal(status, 2)
    assert f"console does not work in --mode {mode} over " in said, said
    assert "it has sync: there is" in said, said


# Packets -----------------------------------------------------------------------------------------

def name_of(client):
    """What the operator sees."""
    if client.family == socket.AF_UNIX:
        return client.getsockname().encode() or b"unnamed"
    host, port = client.getsockname()[:2]
    return (f"[{host}]:{port}" if client.family == socket.AF_INET6 else f"{host}:{port}").encode()


def packet_from(server, client, packet=b"hello?"):
    client.send(packet)
    sees(server, name_of(client) + b": " + packet + b"\n")
    return client


@for_each(DATAGRAMS)
def each_line_answers_the_sender_shown_last(address):
    with Server("console", address) as server:
        clients = [connect(server.address) for _ in range(3)]
        for n in (0, 1, 2, 0, 2):
            packet_from(server, clients[n], b"packet")
            server.type(b"for %d\n\ntoo\n" % n)
            for line in (b"for %d" % n, b"", b"too"):
                hears(clients[n], line)
        server.type(b"\x1b\xff" * 5000 + b"\n")
        hears(clients[2], b"\x1b\xff" * 5000)
        for client in clients:
            client.close()


@for_each(DATAGRAMS)
def each_line_of_a_packet_is_shown_with_its_sender(address):
    sent, shown = CONTROL
    with Server("console", address) as server, connect(server.address) as client:
        for packet, lines in ((b"", [b""]), (b"\n", [b""]), (b"end\n", [b"end"]), (sent, [shown]),
                              (b"one\n\n127.0.0.1:1: two", [b"one", b"", b"127.0.0.1:1: two"]),
                              (b"x" * 5000, [b"x" * 5000])):
            client.send(packet)
            sees(server, b"".join(name_of(client) + b": " + line + b"\n" for line in lines))


@test
def a_sender_whose_name_has_lines_makes_no_lines():
    with Server("console", DATAGRAMS[2]) as server, \
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as forger:
        forger.settimeout(PATIENCE)
        forger.bind(os.path.dirname(server.address[9:]) + "/a: hi\nb\x1b[2J")
        forger.sendto(b"pay me", server.address[9:])
        sees(server, name_of(forger).replace(b"\n", b"?").replace(b"\x1b", b"?") + b": pay me\n")
        server.type(b"no\n")  # to the name as it is
        hears(forger, b"no")


@test
def a_unix_sender_that_cannot_be_answered_is_told_of():
    with Server("console", DATAGRAMS[2], may_say="has no name|not sent: Connection ref") as server:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as unnamed:
            unnamed.connect(server.address.removeprefix("unixgram:"))
            packet_from(server, unnamed)
            server.type(b"who are you?\n")
            wait_until(lambda: "has no name to answer to" in server.said(), "the notice")
        packet_from(server, connect(server.address)).close()
        server.type(b"too late\n")
        wait_until(lambda: "a line was not sent: Connection refused" in server.said(), "the notice")


@test
def a_call_comes_first_where_there_are_both():
    with Server("console", STREAMS[0], DATAGRAMS[0]) as server, \
            connect(server.addresses[1]) as sender:
        packet_from(server, sender)
        with connect(server.addresses[0]) as caller:
            caller.send(b"hello?\n")
            sees(server, b"hello?\n")
            server.type(b"to the caller\n")
            hears(caller, b"to the caller")
            half_hang_up(caller)
        server.type(b"to the sender\n")
        hears(sender, b"to the sender")


main()
