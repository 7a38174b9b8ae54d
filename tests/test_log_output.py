"""serve --log and --log-to: what a log collector gets."""

from handler_test import (MODES, Server, connect, equal, for_each, main, receive_all,
                          receive_exactly, reset, run, test, wait_until)
import datetime
import handler_test
import json
import os
import socket

ECHO = ("echo", "tcp://127.0.0.1:0", "--verbose", "--timeout", "30")


def hang_up(server):
    """Has the server log that a client was gone; the client's address."""
    client = connect(server.address)
    client.send(b"hello")
    equal(receive_exactly(client, 5), b"hello")
    name = client.getsockname()
    reset(client)
    return f"tcp://127.0.0.1:{name[1]}"


def said(server, lines=1):
    """So many lines of its standard error, once they are there."""
    wait_until(lambda: server.said().count("\n") >= lines, f"{lines} lines: {server.said()}")
    return server.said().splitlines()


def check(line, server, peer):
    event = json.loads(line)
    time = datetime.datetime.strptime(event.pop("ts"), "%Y-%m-%dT%H:%M:%S.%fZ")
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    assert datetime.timedelta(seconds=-1) < now - time < datetime.timedelta(minutes=5), line
    assert isinstance(event.pop("pid"), int), line
    equal(event, {"level": "debug", "server": server.address, "peer": peer, "event": "handle",
                  "errno": "ECONNRESET", "message": "handle: Connection reset by peer"})


class Syslog:
    """A syslog daemon."""

    def __init__(self, name="log"):
        self.path = f"{handler_test.directory}/{name}"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(handler_test.PATIENCE)

    def line(self):
        return self.socket.recv(65536).decode()

    def end(self):
        self.socket.close()
        os.unlink(self.path)


@for_each(MODES)
def json_is_a_line_for_each_event(mode):
    with Server(*ECHO, "--mode", mode, "--log", "json", may_say="^{") as server:
        peer = hang_up(server)
        check(said(server)[0], server, peer)


@test
def text_is_as_it_always_was():
    for arguments in ((), ("--log", "text"), ("--log-to", "stderr")):
        with Server(*ECHO, *arguments, may_say="reset") as server:
            peer = hang_up(server)
            equal(said(server),
                  [f"socketserver: debug: {peer}: handle: Connection reset by peer"])


@test
def what_others_chose_is_quoted():
    name = 'a"b\\c\n\x1b[31m\xe9'
    path = os.fsdecode(f"{handler_test.directory}/{name}".encode() + b"\xff")
    process = handler_test.Process("serve", "echo", f"unix:{path}", "--log=json", "--verbose",
                                   "--timeout=0.1")
    process.read_until(b"(sync)\n")
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
        equal(receive_all(client), b"")
    event = json.loads(said(process)[0])
    equal(event["server"], f"unix:{handler_test.directory}/{name}\ufffd")
    equal((event["level"], event["errno"]), ("debug", "ETIMEDOUT"))
    process.process.terminate()
    equal(process.wait(), 0)
    process.kill()


@for_each(MODES)
def syslog_gets_its_priority_and_who_it_is_from(mode):
    syslog = Syslog()
    with Server(*ECHO, "--mode", mode, f"--log-to=syslog:{syslog.path}") as server:
        peer = hang_up(server)
        line = syslog.line()
        pid = line.partition("[")[2].partition("]")[0]
        equal(line, f"<31>socketserver[{pid}]: debug: {peer}: handle: Connection reset by peer")
        assert mode == "forking" or pid == str(server.pid)
    syslog.end()


@test
def syslog_takes_json_too():
    syslog = Syslog()
    with Server(*ECHO, f"--log-to=syslog:{syslog.path}", "--log=json") as server:
        peer = hang_up(server)
        priority, line = syslog.line().split(": ", 1)
        equal(priority, f"<31>socketserver[{server.pid}]")
        check(line, server, peer)
    syslog.end()


@for_each(("text", "json"))
def a_syslog_that_is_gone_stops_nobody_and_is_told_what_it_missed(form):
    syslog = Syslog()
    with Server(*ECHO, f"--log-to=syslog:{syslog.path}", "--log", form) as server:
        hang_up(server)
        syslog.line()
        syslog.end()
        for _ in range(3):
            hang_up(server)
        with connect(server.address) as client:
            client.send(b"hello")
            equal(receive_exactly(client, 5), b"hello")
        syslog = Syslog()
        hang_up(server)
        line = syslog.line()
        if form == "json":
            equal(json.loads(line.split(": ", 1)[1])["lost"], 3)
        else:
            assert ": debug: (3 lost here) tcp://" in line, line
    syslog.end()


@test
def the_journal_gets_priorities():
    with open(f"{handler_test.directory}/journal", "w+") as journal:
        about = os.fstat(journal.fileno())
        for inode, prefix in ((about.st_ino, "<7>"), (about.st_ino + 1, "")):
            environment = os.environ | {"JOURNAL_STREAM": f"{about.st_dev}:{inode}"}
            server = Server(*ECHO, env=environment, preexec_fn=lambda: os.dup2(journal.fileno(), 2))
            with server:
                begin = os.fstat(journal.fileno()).st_size
                peer = hang_up(server)
                wait_until(lambda: os.fstat(journal.fileno()).st_size > begin)
                journal.seek(begin)
                equal(journal.read(), f"{prefix}socketserver: debug: {peer}: handle: "
                                      "Connection reset by peer\n")


@test
def a_log_that_cannot_be_is_refused_with_a_remedy():
    nobody = f"{handler_test.directory}/nobody"
    for arguments, status, parts in (
            (("--log-to", f"syslog:{nobody}"), 1, (nobody, "use --log-to stderr")),
            (("--log-to", f"syslog:{'a' * 200}"), 1, ("File name too long",)),
            (("--log-to", "file"), 2, ("--log-to file", "take stderr, syslog or syslog:PATH")),
            (("--log", "xml"), 2, ("--log xml", "text|json"))):
        found, output, errors = run("serve", "echo", "tcp://127.0.0.1:0", *arguments)
        equal((found, output), (status, b""))
        assert all(part in errors for part in parts) and errors.count("\n") == 1, errors


main()
