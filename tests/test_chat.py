"""chat: the room, as its members see it; with connections, and without."""

from handler_test import (DATAGRAMS, PATIENCE, STREAMS, Server, connect, equal, for_each, main,
                          netcat, receive_all, receive_exactly, reset, run, talk, test,
                          wait_until)
import contextlib
import os
import random
import re
import selectors
import socket
import time

# One thread: what one client sends is then served in order, as a test needs it.
PACKET_MODES = (("--mode", "sync"), ("--mode", "threading", "--max-threads", "1"))
LIMIT = 1024  # bytes at once


def name_of(client):
    """What the room calls it."""
    if client.family == socket.AF_UNIX:
        return client.getsockname().encode() or b"unix:%d" % os.getpid()
    host, port = client.getsockname()[:2]
    return (f"[{host}]:{port}" if client.family == socket.AF_INET6 else f"{host}:{port}").encode()


# With connections --------------------------------------------------------------------------------

def message(client, text):
    return name_of(client) + b"\n" + text + b"\n"


def expect(clients, *messages):
    for client in clients:
        for each in messages:
            equal(receive_exactly(client, len(each)), each)


def enter(server):
    """A member that has heard itself, and so will hear all that is said from now on."""
    client = connect(server.address)
    client.send(b"here")
    expect([client], message(client, b"here"))
    return client


def enter_all(server, count):
    """So many members, none of whom has anything more to read."""
    clients = []
    for _ in range(count):
        clients.append(enter(server))
        expect(clients[:-1], message(clients[-1], b"here"))
    return clients


def close_all(clients):
    for client in clients:
        client.close()


@for_each(STREAMS)
def what_one_says_goes_to_all_as_it_is(address):
    with Server("chat", address) as server:
        equal(server.modes, ["threading"])
        members = enter_all(server, 3)
        for text in (b"hello", b" both ends ", b"\xc3\xa9\x00\xff\x1b[2J\r", b"#ping#",
                     b"x" * 1000):
            members[1].send(text)
            expect(members, message(members[1], text))
        close_all(members)


@for_each(STREAMS)
def a_read_is_split_at_newlines_and_empty_lines_are_dropped(address):
    with Server("chat", address) as server:
        members = enter_all(server, 2)
        members[0].send(b"\none\n\n\ntwo\nthree")
        members[0].send(b"\n\n")
        expect(members, *(message(members[0], text) for text in (b"one", b"two", b"three")))
        members[1].send(b"\n" * 500 + b"end\n")
        expect(members, message(members[1], b"end"))
        close_all(members)


@for_each(STREAMS)
def a_read_is_at_most_1024_bytes(address):
    with Server("chat", address) as server:
        talker, = enter_all(server, 1)
        talker.send(b"a" * LIMIT + b"b" * LIMIT + b"c")
        expect([talker], *(message(talker, text) for text in (b"a" * LIMIT, b"b" * LIMIT, b"c")))
        talker.close()


@for_each(STREAMS, (b"/quit", b" \t/quit \r\n", b"bye\n/quit\nnever said\n"))
def quit_leaves_and_is_not_shown(address, words):
    with Server("chat", address) as server:
        leaver, *others = enter_all(server, 3)
        leaver.send(words)
        said = [message(leaver, b"bye")] if b"bye" in words else []
        equal(receive_all(leaver), b"".join(said))
        others[0].send(b"who is left?")
        expect(others, *said, message(others[0], b"who is left?"))
        close_all([leaver, *others])


@for_each(STREAMS, (lambda client: client.close(), reset,
                    lambda client: client.shutdown(socket.SHUT_WR)))
def who_leaves_in_whatever_way_disturbs_nobody(address, leave):
    with Server("chat", address) as server:
        leaver, silent, *others = enter_all(server, 4)
        leave(leaver)
        for n in range(5):
            others[n % 2].send(b"%d" % n)
            expect([silent, *others], message(others[n % 2], b"%d" % n))
        close_all([leaver, silent, *others])


@for_each(STREAMS)
def netcat_and_talk_are_members_too(address):
    with Server("chat", address) as server:
        for found in (netcat(server.address, b"hello\n/quit\n"), talk(server.address, b"hello")):
            assert re.fullmatch(rb"\S+\nhello\n", found), found


@for_each(STREAMS)
def who_only_listens_stays_whatever_the_timeout(address):
    with Server("chat", address, "--timeout", "0.05") as server:
        silent, talker = enter_all(server, 2)
        end = time.monotonic() + 0.25
        while time.monotonic() < end:
            talker.send(b"tick")
            expect([talker, silent], message(talker, b"tick"))
        close_all([silent, talker])


@for_each(STREAMS)
def a_member_who_does_not_read_is_dropped_and_never_waited_for(address):
    text = b"x" * 1000
    with Server("chat", address) as server:
        deaf, talker, listener = enter_all(server, 3)
        expected = len(message(talker, text))
        for _ in range(3000):  # 3 MB: more than all buffers between them
            talker.send(text)
            expect([talker, listener], message(talker, text))
        heard = receive_all(deaf)
        assert len(heard) < 3000 * expected, "all of it was kept for one who did not read"
        close_all([deaf, talker, listener])


@test
def modes_in_which_there_is_no_room_are_refused():
    for address, mode, has in (("tcp://127.0.0.1:0", "sync", "threading: one process"),
                               ("tcp://127.0.0.1:0", "forking", "threading: one process"),
                               ("udp://127.0.0.1:0", "forking", "sync threading: one process")):
        status, _, said = run("serve", "chat", address, "--mode", mode)
        equal(status, 2)
        assert f"chat does not work in --mode {mode} over " in said, said
        assert f": it has {has}" in said, said


@test
def a_room_of_packets_is_for_this_host_alone():
    """Who joins does not prove an address: a victim could be sent all that is said."""
    for address in ("udp://0.0.0.0:0", "udp://:0", "udp://192.0.2.1:0", "udp://[2001:db8::1]:0"):
        status, _, errors = run("serve", "chat", "tcp://127.0.0.1:0", address, "--public")
        equal(status, 2)
        assert "take 127.0.0.1, [::1] or localhost; for other hosts, tcp://" in errors, errors
    for address in ("udp://127.9.9.9:0", "udp://localhost:0", "tcp://0.0.0.0:0"):
        with Server("chat", address, "--public"):
            pass


@test
def members_of_every_transport_are_in_one_room():
    addresses = (STREAMS[0], STREAMS[2], DATAGRAMS[0], DATAGRAMS[2])
    with Server("chat", *addresses) as server:
        clients = []
        for address in server.addresses:
            clients.append(connect(address))
            if address.startswith(("udp", "unixgram")):
                clients[-1].send(b"#ping#")
            clients[-1].send(b"here")
            said = name_of(clients[-1]) + b"\nhere"
            expect(clients[:2], said + b"\n")
            expect_packets(clients[2:], said)
        close_all(clients)


# A crowd -----------------------------------------------------------------------------------------

class Crowd:
    """Members who stay, and hear; and others who come and go at random."""

    STAY, GO, ROUNDS = 180, 20, 3
    AT_ONCE = 6  # of those who stay

    def __init__(self, server, chance):
        self.server, self.chance = server, chance
        self.staying = [connect(server.address) for _ in range(self.STAY)]
        self.going = [connect(server.address) for _ in range(self.GO)]
        self.heard = {client: b"" for client in self.staying}
        self.selector = selectors.DefaultSelector()
        for client in self.staying:
            self.selector.register(client, selectors.EVENT_READ)

    def listen(self, timeout=0):
        """Reads some of what there is, as a tutorial's client would; whether there was any."""
        ready = self.selector.select(timeout)
        for key, _ in ready:
            data = key.fileobj.recv(LIMIT)
            assert data, "one who stays was dropped"
            self.heard[key.fileobj] += data
        return bool(ready)

    def wait_until(self, complete):
        while not all(complete(heard) for heard in self.heard.values()):
            assert self.listen(PATIENCE), "a message is lost"

    def enter(self):
        """Afterwards all who stay are members for sure: each has heard itself."""
        for n, client in enumerate(self.staying):
            client.send(b"in %d\n" % n)
        for n, client in enumerate(self.staying):
            while b"\nin %d\n" % n not in self.heard[client]:
                assert self.listen(PATIENCE), "a message is lost"

    def talk(self, n):
        """All who stay, in any order, while others come and go."""
        members = self.chance.sample(range(self.STAY), self.STAY)
        while members:
            for member in members[:self.AT_ONCE]:
                self.staying[member].send(b"stay %d %d\n" % (member, n))
            del members[:self.AT_ONCE]
            self.replace(self.chance.randrange(self.GO))
            while self.listen():
                pass
        self.wait_until(lambda heard: heard.count(b"\nstay ") == self.STAY * (n + 1))

    def replace(self, n):
        """One says something, or not, and leaves, in one way or another; then comes another."""
        chance = self.chance
        if chance.random() < 0.7:
            with contextlib.suppress(OSError):  # it does not read: it may have been dropped
                self.going[n].send(chance.choice((b"go", b"/quit", b"go\ngo\n", b"go\n/quit\n")))
        chance.choice((reset, socket.socket.close))(self.going[n])
        self.going[n] = connect(self.server.address)

    def texts(self, client):
        """What this one heard from those who stay."""
        return [text for text in self.heard[client].split(b"\n")[1::2] if text.startswith(b"stay")]

    def close(self):
        self.selector.close()
        close_all(self.staying + self.going)


@for_each(STREAMS)
def who_stays_in_a_crowd_misses_nothing_and_all_hear_it_in_one_order(address):
    seed = random.randrange(1 << 32)
    with Server("chat", address) as server:
        crowd = Crowd(server, random.Random(seed))
        try:
            crowd.enter()
            for n in range(crowd.ROUNDS):
                crowd.talk(n)
            first = crowd.texts(crowd.staying[0])
            equal(sorted(first), sorted(b"stay %d %d" % (member, n) for member in range(crowd.STAY)
                                        for n in range(crowd.ROUNDS)))
            for client in crowd.staying:
                equal(crowd.texts(client), first)
        except BaseException:
            print(f"seed {seed}")
            raise
        finally:
            crowd.close()


# Without connections -----------------------------------------------------------------------------

def packet(client, text):
    return name_of(client) + b"\n" + text


def expect_packets(clients, *packets):
    for client in clients:
        for each in packets:
            equal(client.recv(65536), each)


def join_all(server, count):
    """So many members, none of whom has anything more to read."""
    clients = []
    for _ in range(count):
        client = connect(server.address)
        clients.append(client)
        client.send(b"#ping#")
        client.send(b"here")
        expect_packets(clients, packet(client, b"here"))
    return clients


@for_each(DATAGRAMS, PACKET_MODES)
def what_anyone_says_goes_to_all_members_stripped(address, mode):
    with Server("chat", address, *mode) as server, connect(server.address) as stranger:
        members = join_all(server, 3)
        for speaker in (members[0], stranger):
            for text in (b"hello", b" \t two words \r\n", b"\xc3\xa9\x00\xff\x1b[2J", b"a\n\nb",
                         b"say #ping#", b"/quit now"):
                speaker.send(text)
                expect_packets(members, packet(speaker, text.strip()))
        close_all(members)


def as_a_bad_network_has_it(packets, chance):
    """A fifth is lost, a fifth doubled, and neighbours change places."""
    some = [packet for packet in packets for _ in range(chance.choice((0, 1, 1, 1, 2)))]
    places = sorted(range(len(some)), key=lambda place: place + 5 * chance.random())
    return [some[place] for place in places]


@for_each(DATAGRAMS, PACKET_MODES)
def packets_lost_doubled_and_out_of_order_change_nothing_but_what_is_heard(address, mode):
    """Who has joined twice hears nothing twice, and a lost #ping# makes nobody leave."""
    chance = random.Random(1)
    with Server("chat", address, *mode, "--udp-rate", "0") as server:
        members = join_all(server, 3)
        packets = [packet for n in range(100) for packet in (b"#ping#", b"%d" % n)]
        sent = as_a_bad_network_has_it(packets, chance)
        assert 0 < sent.count(b"#ping#") < 100 and sent != sorted(sent, key=packets.index)
        for packet_sent in sent:
            members[0].send(packet_sent)
            if packet_sent != b"#ping#":
                expect_packets(members, packet(members[0], packet_sent))
        close_all(members)


@for_each(DATAGRAMS, PACKET_MODES)
def a_packet_counts_up_to_1024_bytes_and_blank_ones_are_dropped(address, mode):
    with Server("chat", address, *mode) as server:
        members = join_all(server, 2)
        for text in (b"", b"  \r\n", b" " * LIMIT + b"too late"):
            members[0].send(text)
        members[0].send(b"x" * (LIMIT + 500))
        expect_packets(members, packet(members[0], b"x" * LIMIT))
        close_all(members)


@for_each(DATAGRAMS, PACKET_MODES)
def quit_or_never_joining_is_to_hear_nothing(address, mode):
    with Server("chat", address, *mode) as server, connect(server.address) as stranger:
        leaver, *others = join_all(server, 3)
        stranger.send(b" /quit\n")  # of one who is no member, it is nothing
        leaver.send(b" /quit\n")
        leaver.send(b"bye")
        expect_packets(others, packet(leaver, b"bye"))
        for client in (leaver, stranger):  # what was sent to them would come before this
            client.send(b" #ping#\n")
            client.send(b"back")
            expect_packets([client], packet(client, b"back"))
        close_all([leaver, *others])


@for_each(PACKET_MODES)
def an_unnamed_unix_client_may_speak_not_join(mode):
    with Server("chat", DATAGRAMS[2], *mode) as server:
        member, = join_all(server, 1)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as unnamed:
            unnamed.connect(server.address.removeprefix("unixgram:"))
            unnamed.send(b"#ping#")
            unnamed.send(b"hello")
            expect_packets([member], b"unnamed\nhello")
        member.close()


@for_each(PACKET_MODES)
def a_name_that_a_client_chose_is_one_line(mode):
    with Server("chat", DATAGRAMS[2], *mode) as server, \
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as forger:
        member, = join_all(server, 1)
        forger.bind(f"{os.path.dirname(server.address[9:])}/a\nhello\nb\x1b[2J")
        forger.sendto(b"pay me", server.address[9:])
        name = name_of(forger).replace(b"\n", b"?").replace(b"\x1b", b"?")
        expect_packets([member], name + b"\npay me")
        member.close()


@for_each(PACKET_MODES)
def unix_members_who_do_not_read_or_are_gone_are_not_waited_for(mode):
    with Server("chat", DATAGRAMS[2], *mode) as server, \
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        gone, connected, *others = join_all(server, 4)
        gone.close()
        deaf.bind(f"{os.path.dirname(server.address[9:])}/deaf")  # not connected: 10 packets wait
        deaf.sendto(b"#ping#", server.address[9:])
        for n in range(30):
            others[0].send(b"%d" % n)
            expect_packets(others, packet(others[0], b"%d" % n))
        for client in (deaf, connected):
            equal(client.recv(LIMIT), packet(others[0], b"0"))
        close_all([connected, *others])


@for_each(PACKET_MODES, (1, 7))
def unix_members_who_stop_reading_leave_room_for_the_others(mode, count):
    """They are connected: how many packets wait for them has no limit of its own."""
    with Server("chat", DATAGRAMS[2], *mode) as server:
        *deaf, listener, talker = join_all(server, count + 2)
        for n in range(2000):
            for client in (listener, talker) if n % 10 == 0 else ():
                client.send(b"#ping#")
            talker.send(b"%d" % n + b"x" * 1000)
            expect_packets([listener, talker], packet(talker, b"%d" % n + b"x" * 1000))
        equal(deaf[0].recv(2 * LIMIT), packet(talker, b"0" + b"x" * 1000))
        close_all([*deaf, listener, talker])


@test
def members_who_stay_and_do_not_read_are_told_of():
    with Server("chat", DATAGRAMS[2], may_say="warning: some do not hear") as server:
        deaf, talker = join_all(server, 2)
        for _ in range(2000):
            deaf.send(b"#ping#")
            talker.send(b"x" * 1000)
        wait_until(server.said, "a word of it")
        close_all([deaf, talker])


@for_each(DATAGRAMS)
def threads_share_the_room_of_packets(address):
    with Server("chat", address, "--mode", "threading") as server:
        members = [connect(server.address) for _ in range(5)]
        for client in members:
            client.send(b"#ping#")
            client.settimeout(0.05)
            heard = False
            while not heard:  # the ping may be overtaken
                client.send(b"in?")
                with contextlib.suppress(TimeoutError):
                    heard = client.recv(LIMIT) == packet(client, b"in?")
            client.settimeout(PATIENCE)
        for n in range(20):
            for client in members:
                client.send(b"%d" % n)
            for client in members:
                equal(sorted(next_packets(client, 5)),
                      sorted(packet(each, b"%d" % n) for each in members))
        close_all(members)


def next_packets(client, count):
    """So many of those that do not ask."""
    packets = []
    while len(packets) < count:
        data = client.recv(LIMIT)
        if not data.endswith(b"?"):
            packets.append(data)
    return packets


main()
