"""socketserver talk, against servers that the tests play themselves."""

from handler_test import (DATAGRAMS, PATIENCE, STREAMS, Process, equal, for_each, main, run, test,
                          wait_until)
from terminal import Terminal
import contextlib
import handler_test
import os
import signal
import socket
import subprocess
import threading
import time

EDITS = os.environ["TALK_EDITS"] == "1"  # whether the program was built with libedit
ALL = STREAMS + DATAGRAMS


def for_each_terminal(*lists):
    """As for_each(), where a line can be edited."""
    return for_each(*lists) if EDITS else lambda function: function


class Peer:
    """A server for one client, at `address`, with what of Python's sockets a test needs."""

    def __init__(self, address):
        kind, rest = address.format(directory=handler_test.directory).split(":", 1)
        self.is_stream = kind in ("tcp", "unix")
        self.family = socket.AF_UNIX if kind.startswith("unix") else (
            socket.AF_INET6 if "[" in rest else socket.AF_INET)
        self.socket = socket.socket(
            self.family, socket.SOCK_STREAM if self.is_stream else socket.SOCK_DGRAM)
        self.socket.settimeout(PATIENCE)
        if self.family == socket.AF_UNIX:
            self.socket.bind(rest)
            self.address = f"{kind}:{rest}"
        else:
            host = rest.removeprefix("//").rsplit(":", 1)[0]
            self.socket.bind((host.strip("[]"), 0))
            self.address = f"{kind}://{host}:{self.socket.getsockname()[1]}"
        if self.is_stream:
            self.socket.listen()
        self.client = self.sender = None

    def accept(self):
        self.client = self.socket.accept()[0]
        self.client.settimeout(PATIENCE)

    def receive(self, size=65536):
        """One read, or one datagram."""
        if self.is_stream:
            if self.client is None:
                self.accept()
            return self.client.recv(size)
        data, self.sender = self.socket.recvfrom(65536)
        return data

    def expect(self, data):
        """The next bytes are these, or the next datagram."""
        found = self.receive(len(data))
        while self.is_stream and len(found) < len(data):
            piece = self.client.recv(len(data) - len(found))
            if not piece:
                break
            found += piece
        equal(found, data)

    def send(self, data):
        if self.is_stream:
            if self.client is None:
                self.accept()
            self.client.sendall(data)
        else:
            self.socket.sendto(data, self.sender)

    def end(self):
        """Of the stream, as this side sees it; the next datagram is a new one."""
        if self.is_stream:
            self.client.close()
            self.client = None

    def reset(self):
        handler_test.reset(self.client)
        self.client = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for one in (self.client, self.socket):
            if one:
                one.close()


@contextlib.contextmanager
def talking(peer, *options):
    talk = Process("talk", peer.address, *options)
    try:
        yield talk
    finally:
        talk.kill()


def ends_well(peer, talk):
    """With the stream. Over datagrams that takes a second, and is tested elsewhere."""
    if peer.is_stream:
        peer.end()
        equal(talk.rest(), b"")
        ends(talk)


def ends(talk, status=0, said=""):
    equal(talk.wait(), status)
    errors = talk.said()
    if said:
        equal(errors.count("\n"), 1)
        assert errors.startswith("socketserver: ") and said in errors, f"{said}: not in: {errors}"
    else:
        equal(errors, "")


def refused(talk, said):
    """It fails with one line, which it says this in."""
    ends(talk, 1, said)


def line_for(peer, line):
    """What one line of the input is on the wire."""
    return line + b"\n" if peer.is_stream else line


# --- bytes, and lines ---

@for_each(ALL, ((), ("--as", "raw")))
def a_pipe_is_a_plain_filter(address, options):
    """Nothing is added, dropped or made visible."""
    with Peer(address) as peer, talking(peer, *options) as talk:
        talk.type(b"\n\n\0 a\x1b[31m")
        peer.expect(b"\n\n\0 a\x1b[31m")
        peer.send(b"\r\n\x1b[0m\x9b\xff")
        equal(talk.read_until(b"\xff"), b"\r\n\x1b[0m\x9b\xff")
        peer.send(b"more")
        equal(talk.read_until(b"more"), b"more")
        ends_well(peer, talk)


@for_each(ALL)
def each_line_is_sent_on_its_own(address):
    """With its newline on a stream, where empty ones are not sent; without it in a datagram."""
    with Peer(address) as peer, talking(peer, "--as", "lines") as talk:
        talk.type(b"one\n\ntwo\r\n\n \nlast")
        lines = [b"one", b"two\r", b" "] if peer.is_stream else [b"one", b"", b"two\r", b"", b" "]
        for line in lines:
            peer.expect(line_for(peer, line))
        talk.process.stdin.close()
        talk.process.stdin = None
        peer.expect(line_for(peer, b"last"))
        if peer.is_stream:
            equal(peer.receive(), b"")
            peer.end()
            ends(talk)


@for_each(STREAMS)
def what_a_stream_says_passes_as_it_is(address):
    with Peer(address) as peer, talking(peer, "--as", "lines") as talk:
        peer.send(b"no end")
        equal(talk.read_until(b"end"), b"no end")
        peer.send(b"\x1b[0m, and\r\n none")
        peer.end()
        equal(talk.rest(), b"\x1b[0m, and\r\n none")
        ends(talk)


@for_each(DATAGRAMS[:1])
def replies_in_datagrams_are_kept_apart(address):
    with Peer(address) as peer, talking(peer, "--as", "lines") as talk:
        talk.type(b"x\n")
        peer.expect(b"x")
        for reply in (b"one", b"two\n", b"three"):
            peer.send(reply)
        equal(talk.rest(), b"one\ntwo\nthree")
        ends(talk)


@for_each(ALL)
def a_line_may_be_as_long_as_a_datagram(address):
    with Peer(address) as peer, talking(peer, "--as", "lines") as talk:
        longest = b"x" * (65507 if "udp" in address else 60000)
        threading.Thread(target=talk.type, args=[longest + b"\n"]).start()
        peer.expect(line_for(peer, longest))


@for_each(STREAMS[:1] + DATAGRAMS[:1], ("lines", "chat", "exec"))
def a_line_that_is_too_long_is_refused(address, way):
    with Peer(address) as peer:
        status, _, errors = run("talk", peer.address, "--as", way, input=b"x" * 65508 + b"\n")
        equal(status, 1)
        assert errors.startswith("socketserver: line too long: standard input: at most 65507 bytes"
                                 ), errors


@for_each(STREAMS)
def it_ends_with_the_server(address):
    with Peer(address) as peer, talking(peer, "--as", "lines") as talk:
        peer.send(b"bye\n")
        peer.end()
        ends(talk)
        equal(talk.read_until(b"\n"), b"bye\n")


@test
def a_connection_that_is_reset_is_told_of():
    for way in ("raw", "lines", "chat", "exec"):
        with Peer(STREAMS[0]) as peer, talking(peer, "--as", way) as talk:
            talk.type(b"x\n")
            peer.expect(b"x")
            peer.reset()
            refused(talk, f"connection reset: {peer.address}")


# --- exec ---

def serve_command(peer, command, output):
    """One command as the tutorials' servers do it."""
    peer.expect(command)
    peer.send(b"%d" % len(output))
    equal(peer.receive(1024), b"ok")
    peer.send(output)


@for_each(STREAMS)
def commands_are_executed_one_after_the_other(address):
    with Peer(address) as peer, talking(peer, "--as", "exec") as talk:
        talk.type(b"date\n\n\nls -l\nlast")
        talk.process.stdin.close()
        talk.process.stdin = None
        serve_command(peer, b"date", b"today\n")
        serve_command(peer, b"ls -l", b"\x1b[0m\0no newline")
        serve_command(peer, b"last", b"\r\n")
        equal(peer.receive(), b"")
        equal(talk.read_until(b"\r\n"), b"today\n\x1b[0m\0no newline\n\r\n")
        ends(talk)


@test
def an_output_passes_byte_for_byte():
    """Also a large one that comes in small pieces, or in one."""
    for pieces in (1, 100000):
        output = os.urandom(200000)
        with Peer(STREAMS[0]) as peer, talking(peer, "--as", "exec") as talk:
            talk.type(b"x\n")
            peer.expect(b"x")
            peer.send(b"200000")
            equal(peer.receive(), b"ok")
            size = len(output) // pieces
            threading.Thread(target=lambda: [peer.send(output[i:i + size]) for i in range(
                0, len(output), size)]).start()
            equal(talk.rest(), output)
            ends(talk)


@test
def an_output_is_passed_on_as_it_comes():
    """However much of it is announced, nothing waits for the rest of it."""
    with Peer(STREAMS[0]) as peer, talking(peer, "--as", "exec") as talk:
        talk.type(b"x\n")
        peer.expect(b"x")
        peer.send(b"18446744073709551615")
        equal(peer.receive(), b"ok")
        for piece in (b"one", b"two"):
            peer.send(piece)
            equal(talk.read_until(piece), piece)
        peer.end()
        refused(talk, "connection ended: " + peer.address +
                ": 6 of 18446744073709551615 bytes of output came")


@for_each((b"x", b"-1", b"+1", b"1 ", b" 1", b"1\n", b"0x10", b"1.5", b"1,000", b"\x1b[31m", b"\0",
           b"18446744073709551616", b"9" * 1024, b"0" * 1025, b"6output"))
def what_is_no_length_is_refused(reply):
    with Peer(STREAMS[0]) as peer, talking(peer, "--as", "exec") as talk:
        talk.type(b"x\n")
        peer.expect(b"x")
        peer.send(reply)
        refused(talk, f"no exec server: {peer.address}: ")
        assert "\x1b" not in talk.said()
        equal(talk.rest(), b"")


@test
def an_empty_output_is_taken():
    with Peer(STREAMS[0]) as peer, talking(peer, "--as", "exec") as talk:
        talk.type(b"x\n")
        peer.expect(b"x")
        peer.send(b"0")
        equal(peer.receive(), b"ok")
        talk.type(b"y\n")
        serve_command(peer, b"y", b"output")
        equal(talk.rest(), b"output")
        ends(talk)


@test
def an_exec_server_that_breaks_its_word_is_told_of():
    def no_answer(peer):
        peer.end()
        return "connection ended: {}: the last command has no answer"

    def no_output(peer):
        peer.send(b"10")
        peer.expect(b"ok")
        peer.end()
        return "connection ended: {}: 0 of 10 bytes of output came"

    def too_much(peer):
        peer.send(b"10")
        peer.expect(b"ok")
        peer.send(b"x" * 11)
        return "no exec server: {}: it sends more than the 10 bytes it told of"

    def unasked(peer):
        peer.send(b"2")
        peer.expect(b"ok")
        peer.send(b"ok")
        wait_until(lambda: talk.read_until(b"ok"))
        peer.send(b"hello")
        return "no exec server: {}: it speaks without being asked"

    def hung_up(peer):
        peer.send(b"2")
        peer.expect(b"ok")
        peer.send(b"ok")
        peer.end()
        return "connection ended: {}: the server takes no more commands"

    for behave in (no_answer, no_output, too_much, unasked, hung_up):
        with Peer(STREAMS[0]) as peer, talking(peer, "--as", "exec") as talk:
            talk.type(b"x\n")
            peer.expect(b"x")
            refused(talk, behave(peer).format(peer.address))


@for_each(STREAMS[:1] + DATAGRAMS[:1])
def a_command_that_the_server_would_cut_is_refused(address):
    with Peer(address) as peer, talking(peer, "--as", "exec") as talk:
        talk.type(b"x" * 1025 + b"\n")
        refused(talk, f"command too long: {peer.address}: 1025 bytes")


@for_each(DATAGRAMS)
def a_command_is_a_datagram_and_waits_for_its_answer(address):
    with Peer(address) as peer, talking(peer, "--as", "exec") as talk:
        talk.type(b"date\n\nuname\n")
        peer.expect(b"date")
        peer.socket.settimeout(0.1)
        try:
            raise AssertionError(f"before the answer: {peer.receive()}")
        except TimeoutError:
            peer.socket.settimeout(PATIENCE)
        peer.send(b"today")
        peer.expect(b"")
        peer.send(b"ok")
        peer.expect(b"uname")
        peer.send(b"Linux\n")
        equal(talk.rest(), b"today\nok\nLinux\n")
        ends(talk)


@for_each(DATAGRAMS)
def an_answer_that_does_not_come_is_told_of(address):
    with Peer(address) as peer, talking(peer, "--as", "exec", "--timeout", "0.1") as talk:
        talk.type(b"date\n")
        peer.expect(b"date")
        refused(talk, f"no answer in time: {peer.address}")


def input_of(data):
    """A descriptor to read this from."""
    out, into = os.pipe()
    os.write(into, data)
    os.close(into)
    return out


@test
def a_large_output_shows_its_progress_on_a_terminal():
    with Peer(STREAMS[0]) as peer, open(os.devnull, "w") as null, Terminal(
            "talk", peer.address, "--as", "exec", stdin=input_of(b"x\ny\n"),
            stdout=null) as terminal:
        for size, seen in ((400000, " 25% of 400000 bytes"), (1000, "")):
            peer.receive()
            peer.send(b"%d" % size)
            equal(peer.receive(), b"ok")
            peer.send(b"x" * (size // 4))
            terminal.sees(seen)
            peer.send(b"x" * (size - size // 4))
        equal(peer.receive(), b"")
        equal(terminal.wait(), 0)
        terminal.sees("")


@test
def the_output_itself_is_progress_enough_on_the_same_terminal():
    with Peer(STREAMS[0]) as peer, Terminal(
            "talk", peer.address, "--as", "exec", stdin=input_of(b"x\n")) as terminal:
        server = threading.Thread(target=serve_command, args=(peer, b"x", b"x" * 400000))
        server.start()
        equal(terminal.wait(), 0)
        equal(terminal.raw, b"x" * 400000 + b"\r\n")
        server.join()


# --- chat ---

@for_each(ALL, (b"/quit\n", b" \t/quit \nnever\n"))
def quit_is_sent_and_ends_it(address, line):
    """Whatever is around it, or comes after it. What the server still says is shown."""
    with Peer(address) as peer, talking(peer, "--as", "chat") as talk:
        if not peer.is_stream:
            peer.expect(b"#ping#")
        talk.type(b"hello\n" + line)
        peer.expect(line_for(peer, b"hello"))
        peer.expect(line_for(peer, b"/quit"))
        if peer.is_stream:
            equal(peer.receive(), b"")
        peer.send(b"me\nhello\n")
        peer.end()
        equal(talk.read_until(b"hello\n"), b"me\nhello\n")
        if peer.is_stream:
            ends(talk)


@for_each(STREAMS[:1] + DATAGRAMS[:1])
def quit_ends_it_also_where_the_server_talks_on(address):
    with Peer(address) as peer, talking(peer, "--as", "chat") as talk:
        talk.type(b"/quit\n")
        if not peer.is_stream:
            peer.expect(b"#ping#")
        peer.expect(line_for(peer, b"/quit"))
        with contextlib.suppress(OSError):
            while talk.process.poll() is None:
                peer.send(b"x")
                time.sleep(0.05)
        equal(talk.wait(), 0)


@for_each(ALL)
def empty_lines_are_not_sent_to_a_room(address):
    with Peer(address) as peer, talking(peer, "--as", "chat") as talk:
        if not peer.is_stream:
            peer.expect(b"#ping#")
        talk.type(b"\n\none\n\n/quitter\n")
        peer.expect(line_for(peer, b"one"))
        peer.expect(line_for(peer, b"/quitter"))


@for_each(DATAGRAMS)
def the_end_of_the_input_leaves_the_room(address):
    with Peer(address) as peer, talking(peer, "--as", "chat") as talk:
        peer.expect(b"#ping#")
        talk.process.stdin.close()
        talk.process.stdin = None
        peer.expect(b"/quit")


FORGED = b"me\nhi\n127.0.0.1:5555\n\npay Mallory\n"


@for_each(DATAGRAMS)
def who_puts_another_name_into_a_text_is_seen_through_on_a_terminal(address):
    with Peer(address) as peer, Terminal("talk", peer.address, "--as", "chat",
                                         stdin=input_of(b"x\n")) as terminal:
        for sent in (b"#ping#", b"x"):
            peer.expect(sent)
        for text in (FORGED, b"you\nyes"):
            peer.send(text)
        terminal.sees("me", "hi", "  127.0.0.1:5555", "", "  pay Mallory", "you", "yes")


@for_each(DATAGRAMS)
def a_text_of_a_room_goes_into_a_pipe_as_it_is(address):
    with Peer(address) as peer, talking(peer, "--as", "chat") as talk:
        peer.expect(b"#ping#")
        peer.send(FORGED)
        equal(talk.read_until(FORGED), FORGED)


def pings(peer, times):
    """When the first two heartbeats came."""
    for _ in range(2):
        peer.expect(b"#ping#")
        times.append(time.monotonic())


@test
def the_first_heartbeat_comes_at_once_and_the_next_after_5_seconds():
    """To each kind of address, from one who says nothing, and from one who is at a key."""
    with contextlib.ExitStack() as stack:
        times, threads, begun = [], [], time.monotonic()
        for i, address in enumerate(DATAGRAMS + DATAGRAMS[:1]):
            peer = stack.enter_context(Peer(address))
            if i < len(DATAGRAMS):
                stack.enter_context(talking(peer, "--as", "chat"))
            else:
                terminal = stack.enter_context(Terminal("talk", peer.address, "--as", "chat"))
                terminal.type("half a li\x1b[")
            times.append([])
            threads.append(threading.Thread(target=pings, args=(peer, times[-1])))
            threads[-1].start()
        for thread in threads:
            thread.join()
        for one in times:
            equal(len(one), 2)
            assert one[0] - begun < 3, f"the first after {one[0] - begun} s"
            assert 4.5 < one[1] - one[0] < 9, f"the next after {one[1] - one[0]} s"


# --- on a terminal ---

@for_each_terminal(ALL)
def a_line_is_edited_and_sent(address):
    with Peer(address) as peer, Terminal("talk", peer.address) as terminal:
        terminal.sees(">")
        terminal.type("held\x1b[D\x7flx\x1b[D\x1b[D!")  # back, rubout; insertions
        terminal.sees("> he!lxd")
        terminal.type("\r")
        peer.expect(line_for(peer, b"he!lxd"))
        peer.send(b"well\n")
        terminal.sees("> he!lxd", "well", ">")
        terminal.type("\x1b[A\x1b[A")  # the one before
        terminal.sees("> he!lxd", "well", "> he!lxd")
        terminal.type("\x01\x0b\u00e9\r")
        peer.expect(line_for(peer, "\u00e9".encode()))


@for_each_terminal(ALL, ("lines", "chat"))
def what_comes_leaves_the_line_that_is_typed_as_it_is(address, way):
    with Peer(address) as peer, Terminal("talk", peer.address, "--as", way) as terminal:
        terminal.sees(">")
        terminal.type("one\r")
        if way == "chat" and not peer.is_stream:
            peer.expect(b"#ping#")
        peer.expect(line_for(peer, b"one"))
        terminal.type("half a line\x1b[D\x1b[D")
        terminal.sees("> one", "> half a line")
        peer.send(b"127.0.0.1:5000\nhello\n")
        terminal.sees("> one", "127.0.0.1:5000", "hello", "> half a line")
        peer.send(b"no newline")
        terminal.sees("> one", "127.0.0.1:5000", "hello", "no newline", "> half a line")
        terminal.type("u")
        terminal.sees("> one", "127.0.0.1:5000", "hello", "no newline", "> half a liune")
        terminal.type("\r")
        peer.expect(line_for(peer, b"half a liune"))


@for_each_terminal((0, 1, 19, 20, 37, 38))
def a_line_that_is_wrapped_gives_way_too(left):
    """With the cursor anywhere in it."""
    with Peer(STREAMS[0]) as peer, Terminal("talk", peer.address, columns=20) as terminal:
        terminal.sees(">")
        terminal.type("a" * 20 + "b" * 20)
        terminal.sees("> " + "a" * 18, "aa" + "b" * 18, "bb")
        terminal.type("\x1b[D" * left + "!")
        text = "a" * 20 + "b" * 20
        text = "> " + text[:40 - left] + "!" + text[40 - left:]
        rows = [text[i:i + 20] for i in range(0, len(text), 20)]
        terminal.sees(*rows)
        peer.send(b"hello\n")
        terminal.sees("hello", *rows)


@for_each_terminal(STREAMS, ("lines", "chat"))
def a_line_that_comes_in_pieces_is_shown_as_one(address, way):
    """With nothing typed, or something, until a line is entered; no character is cut even then."""
    with Peer(address) as peer, Terminal("talk", peer.address, "--as", way) as terminal:
        terminal.sees(">")
        peer.send(b"above\none, ")
        terminal.sees("above", "one,", ">")
        peer.send(b"two \xe2")
        terminal.sees("above", "one, two", ">")
        terminal.type("half")
        terminal.sees("above", "one, two", "> half")
        peer.send(b"\x82")
        peer.send(b"\xac\tthree\r")
        terminal.sees("above", "one, two \u20ac      three", "> half")
        peer.send(b"\nfour \xf0\x9f")
        terminal.sees("above", "one, two \u20ac      three", "four", "> half")
        terminal.type("\r")
        peer.expect(b"half\n")
        peer.send(b"\x9a\x80 five")
        terminal.sees("above", "one, two \u20ac      three", "four", "> half",
                      "\U0001f680 five", ">")


@for_each_terminal((19, 20, 2000))
def a_line_in_pieces_that_fills_rows_keeps_what_is_above(length):
    with Peer(STREAMS[0]) as peer, Terminal("talk", peer.address, columns=20) as terminal:
        text = "x" * length
        peer.send(b"above\n" + text.encode())
        rows = [text[i:i + 20] for i in range(0, length, 20)]
        terminal.sees("above", *rows, ">")
        peer.send(b"more")
        if length < 20:  # there it goes on, and so is wrapped by the terminal
            terminal.sees("above", rows[0] + "m", "ore", ">")
        else:
            terminal.sees("above", *rows, "more", ">")


@for_each((b"caf\xc3", b"\xf0\x9f\x9a", b"\r", b"\r\r", b"\xe2\xe2\r\xe2"))
def what_ends_halfway_is_shown_in_the_end(text):
    with Peer(STREAMS[0]) as peer, Terminal("talk", peer.address, stdin=input_of(b"x")) as terminal:
        peer.receive()
        for byte in text:
            peer.send(bytes([byte]))
        peer.end()
        equal(terminal.wait(), 0)
        equal(terminal.raw, text.replace(b"\r", b"\\x0d"))


@for_each_terminal(STREAMS[:1] + DATAGRAMS[:1])
def a_command_that_is_too_long_can_be_typed_again(address):
    with Peer(address) as peer, Terminal(
            "talk", peer.address, "--as", "exec", columns=200) as terminal:
        terminal.sees(">")
        terminal.type("\x1b1025x\r")  # so many times
        said = (f"socketserver: command too long: {peer.address}: 1025 bytes, and the server "
                "reads 1024: shorten it")
        while terminal.screen.lines()[-2:] != [said, ">"]:
            terminal.look()
        terminal.type("date\r")
        peer.expect(b"date")


@for_each_terminal(("lines", "chat", "exec"))
def a_line_that_is_too_long_can_be_typed_again(way):
    with Peer(STREAMS[0]) as peer, Terminal("talk", peer.address, "--as", way) as terminal:
        terminal.sees(">")
        terminal.type("\x1b65508x\r")
        while (">" not in terminal.screen.lines() or
               "socketserver: line too long: " not in "".join(terminal.screen.lines())):
            terminal.look()
        terminal.type("date\r")
        peer.expect(b"date")


@for_each_terminal(("\t\t", "a\t" + "b" * 20 + "\t", "^\x16\x01" * 10, "x" * 19 + "\t" + "y" * 40))
def a_line_of_any_width_gives_way_too(text):
    """With tabs, and with control characters (Ctrl-V takes one as it is)."""
    with Peer(STREAMS[0]) as peer, Terminal("talk", peer.address, columns=20) as terminal:
        terminal.sees(">")
        terminal.type(text + "!")
        while "!" not in "".join(terminal.screen.lines()):
            terminal.look()
        rows = terminal.screen.lines()
        peer.send(b"hello\n")
        terminal.sees("hello", *rows)


@for_each_terminal(("C.UTF-8", "C", "en_NO.where"))
def every_byte_passes_as_it_was_typed(locale):
    """In any locale, one that is not there too; what is no UTF-8 does not swallow the next key."""
    letters = "".join(map(chr, range(0xa0, 0x180))) + "\u20ac\U0001f680\t!\t\x80\x9b"
    strays = b"".join(bytes([c, ord("x")]) for c in range(0x80, 0x100))
    with Peer(STREAMS[0]) as peer, Terminal("talk", peer.address, locale=locale) as terminal:
        terminal.sees(">")
        for line in (letters.encode(), strays, b"\xe2\x82", b"\xf0\x9f\x9b\xc3\xa9", b"\xff"):
            terminal.type(line + b"\r")
            peer.expect(line + b"\n")
        terminal.type(b"\xe2")
        while "\\U+DCE2" not in terminal.screen.lines()[-1]:
            terminal.look()
        terminal.type(b"\x82\xac\r")
        peer.expect(b"\xe2\x82\xac\n")
        terminal.type("\x1b[A\x1b[A\r")  # from the history
        peer.expect(b"\xff\n")


@for_each(STREAMS, ((), ("--as", "lines"), ("--as", "raw")))
def control_characters_are_made_visible(address, options):
    """On a terminal, unless bytes as they are were asked for."""
    text = b"\x1b[31mred\x07\x7f\ttab\r\n\xc2\x9b \x9b\xc3\xa9\xff\x9b \xe2\x9b\x9b\x9b\n"
    visible = b"\\x1b[31mred\\x07\\x7f\ttab\n\xc2\\x9b \\x9b\xc3\xa9\xff\\x9b \xe2\x9b\x9b\\x9b\n"
    expected = text if "raw" in options else visible
    with Peer(address) as peer, Terminal(
            "talk", peer.address, *options, stdin=input_of(b"x\n")) as terminal:
        peer.receive()
        peer.send(text)
        peer.end()
        equal(terminal.wait(), 0)
        equal(terminal.raw, expected.replace(b"\n", b"\r\n"))


@for_each_terminal(STREAMS + DATAGRAMS[:1])
def ctrl_d_ends_the_input(address):
    with Peer(address) as peer, Terminal("talk", peer.address) as terminal:
        terminal.sees(">")
        if not peer.is_stream:
            terminal.type("x\r")
            peer.expect(b"x")
        terminal.type("\x04")
        if peer.is_stream:
            equal(peer.receive(), b"")
        peer.send(b"late")
        peer.end()
        equal(terminal.wait(), 0)
        equal(terminal.screen.lines()[-2:], ["late", ""])
        assert terminal.is_as_before()


@for_each_terminal(("lines", "chat", "exec"))
def ctrl_c_ends_it_and_leaves_the_terminal_as_it_was(way):
    with Peer(STREAMS[0]) as peer, Terminal("talk", peer.address, "--as", way) as terminal:
        terminal.sees(">")
        terminal.type("half")
        terminal.sees("> half")
        terminal.type("\x03")
        equal(terminal.wait(), -2)
        equal(terminal.screen.lines(), ["> half", ""])
        assert terminal.is_as_before()


def child_of(process):
    """Once it runs our program."""
    path = f"/proc/{process.pid}/task/{process.pid}/children"
    with open(path, encoding="ascii") as file:
        found = file.read().split()
    if not found:
        return None
    with open(f"/proc/{found[0]}/comm", encoding="ascii") as file:
        return int(found[0]) if file.read() == "socketserver\n" else None


@for_each_terminal((signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM))
def a_signal_ends_it_and_nobody_else(number):
    with Peer(STREAMS[0]) as peer, Terminal(
            "talk", peer.address, script='"$0" "$@"; echo $?') as terminal:
        terminal.sees(">")
        terminal.type("a" * 100)
        terminal.sees("> " + "a" * 78, "a" * 22)
        os.kill(child_of(terminal.process), number)
        # An interrupted bash ends as well, where it was asked for.
        terminal.wait()
        assert str(128 + number) in terminal.screen.lines(), terminal.screen.lines()
        assert terminal.is_as_before()


# ThreadSanitizer's own thread takes the SIGCONT away.
@for_each_terminal(() if os.environ.get("SANITIZED") == "thread" else ("lines", "chat", "exec"))
def a_line_is_there_again_after_ctrl_z(way):
    script = 'set -m; "$0" "$@"; read; fg >/dev/null'
    with Peer(STREAMS[0]) as peer, Terminal(
            "talk", peer.address, "--as", way, script=script) as terminal:
        terminal.sees(">")
        terminal.type("half")
        terminal.sees("> half")
        terminal.type("\x1a")
        while "Stopped" not in "".join(terminal.screen.lines()):
            terminal.look()
        terminal.type("\n")  # for the shell
        while terminal.screen.lines()[-1] != "> half":
            terminal.look()
        terminal.type("x\r")
        peer.expect(b"halfx" if way == "exec" else b"halfx\n")


@for_each_terminal((signal.SIGTSTP, signal.SIGCONT))
def a_line_is_there_again_where_it_was_not_stopped(number):
    """No shell is there to let it go on, and so the kernel does not stop it."""
    with Peer(STREAMS[0]) as peer, Terminal("talk", peer.address) as terminal:
        terminal.sees(">")
        terminal.type("half")
        terminal.sees("> half")
        os.kill(terminal.process.pid, number)
        terminal.sees(*["> half"] * (2 if number == signal.SIGTSTP else 1))
        terminal.type("x\r")
        peer.expect(b"halfx\n")


@for_each_terminal((20, 160))
def a_line_is_wrapped_where_the_terminal_ends_now(columns):
    with Peer(STREAMS[0]) as peer, Terminal("talk", peer.address) as terminal:
        terminal.sees(">")
        terminal.type("a")
        terminal.sees("> a")
        terminal.resize(columns)
        text = "> a" + "b" * 99
        terminal.type(text[3:])
        terminal.sees(*[text[i:i + columns] for i in range(0, len(text), columns)])


@for_each_terminal(("lines", "chat", "exec"))
def a_terminal_that_is_gone_ends_it(way):
    with Peer(STREAMS[0]) as peer, Terminal("talk", peer.address, "--as", way) as terminal:
        terminal.sees(">")
        terminal.type("half")
        terminal.sees("> half")  # it waits: ThreadSanitizer can lose a signal before its first wait
        peer.accept()
        os.close(terminal.master)
        os.close(terminal.slave)
        terminal.master, terminal.slave = os.open(os.devnull, 0), os.open(os.devnull, 0)
        equal(peer.receive(), b"")
        assert terminal.process.wait(PATIENCE) in (-1, 0)


@for_each_terminal(STREAMS)
def the_end_of_the_server_leaves_the_terminal_as_it_was(address):
    with Peer(address) as peer, Terminal("talk", peer.address) as terminal:
        terminal.sees(">")
        terminal.type("half")
        terminal.sees("> half")
        peer.accept()
        peer.end()
        equal(terminal.wait(), 0)
        terminal.sees("")
        assert terminal.is_as_before()


@for_each_terminal(("unix:{directory}/s",))
def the_prompt_comes_when_a_command_is_done(address):
    with Peer(address) as peer, Terminal("talk", peer.address, "--as", "exec") as terminal:
        terminal.sees(">")
        terminal.type("date\r")
        peer.expect(b"date")
        terminal.sees("> date", "")
        peer.send(b"5")
        equal(peer.receive(), b"ok")
        peer.send(b"tod")
        terminal.sees("> date", "tod")
        peer.send(b"ay")
        terminal.sees("> date", "today", ">")
        terminal.type("x\r")
        peer.expect(b"x")
        peer.send(b"no")
        address = peer.address
        terminal.wait()
        said = f'socketserver: no exec server: {address}: "no" is no length of an output'
        assert "".join(terminal.screen.lines()).startswith("> datetoday> x" + said), terminal.raw
        assert terminal.is_as_before()


@for_each((("dumb", {}), ("", {}), ("vt100", {"stdout": -1})))
def there_is_no_prompt_where_nothing_can_be_edited(place):
    term, settings = place
    with Peer(STREAMS[0]) as peer, \
            Terminal("talk", peer.address, term=term, **settings) as terminal:
        terminal.type("hello\n")
        peer.expect(b"hello\n")
        peer.send(b"well")
        if settings:
            equal(terminal.process.stdout.read(4), b"well")
            terminal.process.stdout.close()
            terminal.sees("hello", "")
        else:
            terminal.sees("hello", "well", "")


main()
