"""exec, as its clients see it, and what it keeps commands from."""

from handler_test import (DATAGRAMS, MODES, PATIENCE, STREAMS, Server, connect, equal,
                          for_each, main, netcat, receive_all, receive_exactly, reset, run, talk,
                          test, wait_until)
import handler_test
import concurrent.futures
import contextlib
import ctypes
import functools
import glob
import json
import os
import pathlib
import pwd
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time

DATE = rb"\w{3} \w{3} [ \d]\d .* \d{4}\n"
CUT = b"\n[cut]\n"
NOTHING = b"cmd has no output..."
AUDIT = r"^socketserver: info: .*exec: "
IS_ROOT = os.geteuid() == 0
USER = "nobody" if IS_ROOT else pwd.getpwuid(os.geteuid()).pw_name


# What the tests share ----------------------------------------------------------------------------

def serve(*arguments, may_say="", **settings):
    return Server("exec", *arguments, may_say=AUDIT + (may_say and "|" + may_say), **settings)


def ask(client, command):
    """As the tutorials' clients do."""
    client.send(command)
    return reply(client)


def reply(client):
    size = int(client.recv(1024))
    client.send(b"ack")
    return receive_exactly(client, size)


def ask_once(server, command):
    with connect(server.address) as client:
        return ask(client, command)


def matches(found, pattern):
    assert re.fullmatch(pattern, found, re.DOTALL), f"{found!r} is not {pattern!r}"


def script(name, text):
    """The options that allow a shell script, with arguments."""
    path = f"{handler_test.directory}/{name}"
    with open(path, "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\n" + text)
    os.chmod(path, 0o755)
    return "--allow", f"{name}={path}", "--allow-args", name


_tokens = 0


def sleeper():
    """A command line of sh that takes long, and is like no other on this machine."""
    global _tokens
    _tokens += 1
    return f"sleep 1000.{os.getpid():08}{_tokens:08}"


def count(command_line):
    """How many processes there are of a command line."""
    found, sought = 0, command_line.replace(" ", "\0").encode() + b"\0"
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
            found += file.read() == sought
    return found


def wait_for(n, command_line):
    wait_until(lambda: count(command_line) == n, f"{n} times {command_line}")


def children_of(pid):
    return [int(child) for path in glob.glob(f"/proc/{pid}/task/*/children")
            for child in pathlib.Path(path).read_text("ascii").split()]


def audit(server):
    return [line for line in server.said().splitlines() if "exec: " in line]


# The protocols -----------------------------------------------------------------------------------

@for_each(STREAMS, MODES)
def a_command_is_answered_in_two_steps_until_the_client_ends(address, mode):
    with serve(address, "--mode", mode) as server, connect(server.address) as client:
        for _ in range(2):
            matches(ask(client, b"date"), DATE)
            equal(ask(client, b" \t uname \r\n"), os.uname().sysname.encode() + b"\n")
            matches(ask(client, b"rm -rf /"), rb"refused: [ -~]+\n")
            equal(ask(client, b" \n"), NOTHING)
        client.shutdown(socket.SHUT_WR)
        equal(receive_all(client), b"")


@for_each(DATAGRAMS, MODES)
def a_datagram_is_a_command(address, mode):
    quiet, loud = script("quiet", ""), script("loud", "printf '%*s' $1")
    with serve(address, "--mode", mode, *quiet, *loud) as server, \
            connect(server.address) as client:
        for command, answer in ((b"date", DATE), (b"", b"ok"), (b" ", b"ok"), (b"quiet", b"ok"),
                                (b"ls", rb"refused: [ -~]+\n"), (b"loud 1024", b" {1024}"),
                                (b"loud 1025", b" {1017}" + re.escape(CUT)),
                                (b"loud 9999", b" {1017}" + re.escape(CUT))):
            client.send(command)
            matches(client.recv(65536), answer)


@for_each(DATAGRAMS)
def a_reply_of_a_datagram_can_be_longer_or_shorter(address):
    for size in ("64", "8000"):
        with serve(address, *script("loud", "printf '%*s' 9999"), "--max-reply", size) as server, \
                connect(server.address) as client:
            client.send(b"loud")
            equal(client.recv(65536), b" " * (int(size) - len(CUT)) + CUT)
            client.send(b"no" * 10)
            equal(client.recv(65536), b"refused: not an allowed command; there are: " +
                  (b"date uname ...\n" if size == "64" else b"date uname uptime loud\n"))


@for_each(STREAMS)
def a_raw_reply_is_the_output_alone(address):
    with serve(address, "--reply", "raw", *script("quiet", ""),
               *script("slow", "sleep 1.2; echo done")) as server:
        with connect(server.address) as client:
            for command, answer in ((b"date", DATE), (b"quiet", b"OK"), (b" ", b"OK")):
                client.send(command)
                matches(client.recv(1024), answer)
        matches(talk(server.address, b"date\n"), DATE)
        matches(netcat(server.address, b"uname"), os.uname().sysname.encode() + b"\n")
        if "::1" not in address:  # who has ended its sending still listens, for longer than 1 s
            equal(netcat(server.address, b"slow"), b"done\n")


@for_each(STREAMS)
def output_waits_for_its_acknowledgement(address):
    with serve(address) as server, connect(server.address) as client:
        client.send(b"uname")
        size = client.recv(1024)
        equal(size, str(len(os.uname().sysname) + 1).encode())
        client.settimeout(0.05)  # what must not come cannot be waited for otherwise
        with contextlib.suppress(TimeoutError):
            equal(client.recv(1024), "nothing")
        client.settimeout(PATIENCE)
        client.send(b"\0")
        equal(receive_exactly(client, int(size)), os.uname().sysname.encode() + b"\n")


@test
def a_command_too_long_or_with_a_zero_byte_is_refused_whole():
    with serve("tcp://127.0.0.1:0", *script("first", "echo $1")) as server, \
            connect(server.address) as client:
        equal(ask(client, b"first " + b"x" * 1018), b"x" * 1018 + b"\n")
        for command in (b"date\0x", b"date\0", b"\0"):
            matches(ask(client, command), b"refused: .*zero byte.*\n")
        matches(ask(client, b"date"), DATE)
        matches(ask(client, b"first " + b"x" * 1019), b"refused: .*1024 bytes.*\n")
    with serve("udp://127.0.0.1:0") as server, connect(server.address) as client:
        client.send(b"date" + b" " * 2000)
        matches(client.recv(1024), b"refused: .*1024 bytes.*\n")


@for_each(("--shell", "--raw", "--allow-list"))
def what_comes_after_the_head_of_a_strange_protocol_is_no_command(how):
    mark = f"{handler_test.directory}/mark"
    options = {"--shell": ("--shell",), "--raw": ("--shell", "--reply", "raw"),
               "--allow-list": script("touch", "exec touch $1")}
    with serve("unix:{directory}/s", *options[how]) as server:
        for head in (b"POST / HTTP/1.1\r\nHost: x\r\n\r\n", b"x\ry", b"x" * 1025, b"y" * 9216):
            with connect(server.address) as client:
                client.send(head)
                if how == "--raw":
                    matches(client.recv(1024), b"refused: .*\n")
                else:
                    matches(reply(client), b"refused: .*\n")
                with contextlib.suppress(BrokenPipeError):
                    client.send(b"touch " + mark.encode())
                equal(receive_all(client), b"")
        assert not any("touch" in line for line in audit(server)) and not os.path.exists(mark)


# What may be run ---------------------------------------------------------------------------------

@test
def arguments_are_refused_unless_allowed_and_are_split_at_white_space_alone():
    show = script("show", "printf '[%s]' \"$@\"")
    with serve("unix:{directory}/s", *show, "--allow-args", "uname", "--allow",
               "date=/bin/echo") as server, connect(server.address) as client:
        equal(ask(client, b"uname -s"), os.uname().sysname.encode() + b"\n")
        equal(ask(client, b"date"), b"\n")  # another program under that name
        matches(ask(client, b"date -u"), rb"refused: [ -~]+\n")
        matches(ask(client, b"/bin/date"), rb"refused: [ -~]+: date uname uptime show\n")
        equal(ask(client, b"show 'a  b'\t\"$HOME\" `id`;date|x>y *"),
              b"""['a][b']["$HOME"][`id`;date|x>y][*]""")
        equal(ask(client, b"show \xff\xc3\xa9"), b"[\xff\xc3\xa9]")


@test
def a_name_given_again_replaces_the_program_and_is_listed_once():
    with serve("unix:{directory}/s", "--allow", "date=/bin/false", "--allow", "x=/bin/false",
               "--allow", "x=/bin/date", "--allow", "date=/bin/echo") as server:
        with connect(server.address) as client:
            equal(ask(client, b"date"), b"\n")
            matches(ask(client, b"x"), DATE)
            matches(ask(client, b"y"), rb"refused: [ -~]+: date uname uptime x\n")


@test
def a_list_of_names_that_is_too_long_ends_with_a_whole_name():
    names = [f"{number:031}" for number in range(64)]
    options = [word for name in names for word in ("--allow", name + "=/bin/date")]
    with serve("unix:{directory}/s", "unixgram:{directory}/d", *options, "--max-reply", "100") \
            as server:
        for address, there in ((server.addresses[0], names[:29]), (server.addresses[1], names[:1])):
            with connect(address) as client:
                answer = ask(client, b"x") if address == server.addresses[0] else (
                    client.send(b"x") and client.recv(1024))
            equal(answer, " ".join(("refused: not an allowed command; there are: date uname uptime",
                                    *there, "...\n")).encode())


@test
def a_name_is_all_that_is_before_the_first_equals_sign():
    echo = f"{handler_test.directory}/a=b"
    shutil.copy("/bin/echo", echo)
    with serve("unix:{directory}/s", "--allow", "x=" + echo) as server, \
            connect(server.address) as client:
        equal(ask(client, b"x"), b"\n")
        matches(ask(client, f"x={handler_test.directory}/a".encode()), b"refused: .*\n")


@test
def options_that_will_not_do_are_refused_at_the_start():
    for options, words in (
            (("--allow", "x"), "--allow x"), (("--allow", "x=date"), "--allow x=date"),
            (("--allow", "=/bin/date"), "--allow =/bin/date"),
            (("--allow", "x=/none"), "No such file"), (("--allow", "x=/tmp"), "directory"),
            (("--allow", "x=/dev/null"), "denied"), (("--max-output", "67108865"), "67108865"),
            (("--allow", "x=/etc/passwd"), "denied"),
            (("--allow-args", "x"), "--allow-args names no command"),
            (("--time-limit", "0"), "--time-limit 0"), (("--time-limit", "x"), "--time-limit x"),
            (("--max-output", "63"), "--max-output 63"), (("--reply", "x"), "--reply x"),
            (("--max-reply", "65508"), "--max-reply 65508"), (("--run-as", "no one"), "--run-as"),
            (("--run-as", "root"), "--run-as")):
        status, output, errors = run("serve", "exec", "tcp://127.0.0.1:0", *options)
        assert status != 0 and output == b"" and words in errors, (options, errors)
        equal(len(errors.splitlines()), 1)


@test
def options_that_would_have_no_effect_are_refused():
    for address, options, words in (
            ("unix:{}/s", ("--shell", "--allow", "x=/bin/date"), "leave out --allow and"),
            ("unix:{}/s", ("--shell", "--allow-args", "date"), "leave out --allow and"),
            ("tcp://127.0.0.1:0", ("--insecure",), "--insecure is for --shell alone: leave"),
            ("udp://127.0.0.1:0", ("--reply", "raw"), "--reply is for streams: leave it out"),
            ("unixgram:{}/d", ("--reply", "raw"), "--reply is for streams: leave it out")):
        status, _, errors = run("serve", "exec", address.format(handler_test.directory), *options)
        assert status == 2 and words in errors, (options, errors)
    for options in (("--reply", "length"), (STREAMS[2], "--reply", "raw")):
        with serve("udp://127.0.0.1:0", *options):
            pass


@test
def nobody_but_this_host_is_served():
    for address in ("tcp://:0", "tcp://0.0.0.0:0", "tcp://[::]:0", "udp://192.0.2.1:0",
                    "udp://[2001:db8::1]:0", "tcp://example.org:0"):
        status, _, errors = run("serve", "exec", "unix:/tmp/unused", address, "--public")
        equal(status, 2)
        assert "for this host alone" in errors, errors
    for address in ("tcp://127.9.9.9:0", "tcp://localhost:0"):
        with serve(address) as server:
            matches(ask_once(server, b"date"), DATE)


@test
def a_program_that_cannot_be_run_says_so():
    with serve("unix:{directory}/s", *script("gone", "")) as server:
        os.remove(f"{handler_test.directory}/gone")
        matches(ask_once(server, b"gone"), rb"cannot be run: /.*/gone: No such file.*\n")
        assert "status 126" in audit(server)[0]


@test
def a_shell_is_for_the_servers_own_user():
    address = f"unix:@socketserver-test-{os.getpid()}"  # which everybody may connect to
    code = ("import socket; s = socket.socket(socket.AF_UNIX);"
            f"s.connect('\\0' + {address[6:]!r}); s.send(b'id');"
            "n = int(s.recv(99)); s.send(b'x'); print(s.recv(n).decode(), end='')")
    with serve(address, "--shell") as server:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect("\0" + address[6:])
            equal(ask(client, b"echo one two | tr a-z A-Z; false || id -un"),
                  f"ONE TWO\n{USER}\n".encode())
            equal(ask(client, b"echo 'one  two' >&2"), b"one  two\n")
            matches(ask(client, b"-s"), b".*not found\n")
            matches(ask(client, b"POST / HTTP/1.1\r\n\r\nid"), b"refused: .*one line.*\n")
        if IS_ROOT:
            other = subprocess.run(["/usr/bin/python3", "-c", code], stdout=subprocess.PIPE,
                                   user=65534, cwd="/", check=True, timeout=PATIENCE)
            matches(other.stdout, b"refused: .*own user.*\n")
            assert "uid 65534" in audit(server)[-1] and "refused" in audit(server)[-1]


@for_each(("tcp://127.0.0.1:0",) + DATAGRAMS)
def a_shell_where_nothing_tells_who_asks_must_be_insisted_on(address):
    arguments = "exec", address.format(directory=handler_test.directory), "--shell"
    status, _, errors = run("serve", *arguments)
    assert status == 2 and "--insecure" in errors, errors
    raw = () if address in DATAGRAMS else ("--reply", "raw")
    with serve(address, "--shell", "--insecure", *raw, may_say="warning: .*everybody") \
            as server, connect(server.address) as client:
        assert "warning: exec: --shell --insecure: everybody" in server.said()
        client.send(b"echo $((6 * 7))")
        equal(client.recv(1024), b"42\n")


# What a command gets, and does not ---------------------------------------------------------------

@for_each(MODES)
def a_command_has_a_clean_environment(mode):
    state = script("state", "cat; pwd; umask; ls /proc/self/fd | wc -l; "
                            "grep -E 'NoNewPrivs|Sig(Blk|Ign)|CapEff' /proc/self/status; "
                            "cut -d' ' -f5,6,7 /proc/$$/stat | sed s/$$/self/g")
    with serve("unix:{directory}/s", "--mode", mode, "--allow", "env=/usr/bin/env", *state,
               env=dict(os.environ, SECRET="x", LANG="de_DE.UTF-8", TZ="Asia/Tokyo"),
               preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)) as server, \
            connect(server.address) as client:
        equal(sorted(ask(client, b"env").splitlines()), [b"LANG=C", b"PATH=/usr/bin:/bin"])
        equal(ask(client, b"state").decode().split(), [
            "/", "0077", "4", "SigBlk:", "0" * 16, "SigIgn:", "0" * 16,
            "CapEff:", "0" * 16, "NoNewPrivs:", "1", "self", "self", "0"])


@test
def a_command_has_limits():
    with serve("unix:{directory}/s", "--allow", "limits=/bin/cat", "--allow-args", "limits") \
            as server:
        limits = ask_once(server, b"limits /proc/self/limits").decode()
    for name, value in (("cpu time", 10), ("address space", 256 << 20), ("open files", 64),
                        ("file size", 1 << 20), ("core file size", 0)):
        found = re.search(rf"Max {name} +(\d+) +(\d+) ", limits)
        equal((name, found[1], found[2]), (name, str(value), str(value)))
    assert int(re.search(r"Max processes +(\d+)", limits)[1]) >= 32


@test
def processes_that_its_user_has_anyway_do_not_count():
    if not IS_ROOT:
        return
    others = [subprocess.Popen(["/bin/sleep", "1000"], user="daemon") for _ in range(40)]
    try:
        with serve("unix:{directory}/s", "--run-as", "daemon",
                   *script("forks", "true & wait; echo $(date)")) as server:
            matches(ask_once(server, b"forks"), DATE)
    finally:
        for other in others:
            other.kill()
            other.wait()


@test
def too_many_processes_are_not_to_be_had():
    user = ("--run-as", "games") if IS_ROOT else ()  # other tests need some, too
    with serve("unix:{directory}/s", *user,
               *script("many", "for i in $(seq 60); do sleep 9 & done; echo all")) as server:
        matches(ask_once(server, b"many"), b".*[Cc]annot fork.*")


@test
def commands_of_root_run_as_nobody_or_as_is_said():
    whoami = script("whoami", "id -un; id -G; grep ^Uid /proc/self/status")
    for options, name in (((), USER), *([(("--run-as", "daemon"), "daemon")] if IS_ROOT else [])):
        user = pwd.getpwnam(name)
        with serve("unix:{directory}/s", *whoami, *options) as server:
            found = ask_once(server, b"whoami").decode().split()
            equal(found[0], name)
            equal(found[-4:], [str(user.pw_uid)] * 4)
            if IS_ROOT:
                equal(found[1:-5], [str(user.pw_gid)])


@test
def only_root_can_run_commands_as_another():
    user = {"user": 65534, "cwd": "/"} if IS_ROOT else {}
    with contextlib.suppress(PermissionError):  # where the program is not for everybody
        status, _, errors = run("serve", "exec", "tcp://127.0.0.1:0", "--run-as", "daemon", **user)
        assert status == 2 and "only root" in errors, errors


def landlock():
    """The version of it that this kernel has."""
    create_ruleset = 444
    return ctypes.CDLL(None).syscall(create_ruleset, None, 0, 1)


@test
def a_command_signals_nobody_but_what_it_started():
    if landlock() < 6:
        return
    signals = script("signals", 'kill -STOP $PPID; kill -9 $1; sleep 1000 & kill $! && echo done')
    user = {"user": 65534, "group": 65534} if IS_ROOT else {}
    victim = subprocess.Popen(["/bin/sleep", "1000"], cwd="/", **user)
    try:
        # a server that is the commands' own user, where that can execute it
        for who in ({}, {"cwd": "/", **user}):
            with contextlib.suppress(PermissionError), \
                    serve("tcp://127.0.0.1:0", *signals, **who) as server:
                matches(ask_once(server, b"signals %d" % victim.pid),
                        b"(.*not permitted\n+){2}done\n")
        with serve("unix:{directory}/s", "--shell") as server:
            matches(ask_once(server, b"/bin/kill -9 %d" % victim.pid), b".*not permitted\n+")
        equal(victim.poll(), None)
    finally:
        victim.kill()
        victim.wait()


@test
def allowed_commands_write_temporary_files_alone():
    name = f"socketserver-test-{os.getpid()}"
    write = script("write", f"echo >$1/{name} && rm $1/{name} && echo written; echo >/dev/null")
    with serve("unix:{directory}/s", *write) as server, connect(server.address) as client:
        for folder in ("/tmp", "/var/tmp"):
            equal(ask(client, b"write " + folder.encode()), b"written\n")
        if landlock() > 0:
            matches(ask(client, b"write /dev/shm"), b".*Permission denied\n")
    with serve("unix:{directory}/t", "--shell") as server:
        equal(ask_once(server, f"echo >/dev/shm/{name} && rm /dev/shm/{name}".encode()), NOTHING)


@test
def standard_output_and_error_come_in_the_order_written():
    text = "for i in 1 2 3; do echo out $i; echo error $i >&2; done; exit 3"
    with serve("unix:{directory}/s", *script("both", text)) as server:
        equal(ask_once(server, b"both"), b"".join(
            b"out %d\nerror %d\n" % (i, i) for i in (1, 2, 3)))
        assert "status 3" in audit(server)[0]


@test
def standard_output_and_error_can_be_opened_by_their_names():
    with serve("unix:{directory}/s", *script("named", "echo 1 >/dev/stdout; echo 2 >/dev/stderr")) \
            as server:
        equal(ask_once(server, b"named"), b"1\n2\n")


# How it ends -------------------------------------------------------------------------------------

# Three of each: in the group, in a session of its own, and an orphan in one of its own.
FAMILY = "{0} & setsid {0} & setsid sh -c '{0} &' & echo started; "


@test
def a_command_out_of_time_is_killed_with_all_that_it_started():
    command = sleeper()
    family = script("family", FAMILY.format(command) + "wait; sleep 1000")
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(serve("tcp://127.0.0.1:0", "--mode", mode, *family,
                                             "--time-limit", "1.5")) for mode in MODES]
        clients = [stack.enter_context(connect(server.address)) for server in servers]
        for client in clients:
            client.send(b"family")
        for server, client in zip(servers, clients):
            equal(reply(client), b"started\n" + CUT)
            assert "timed out, status 143" in audit(server)[0], audit(server)
            matches(ask(client, b"date"), DATE)
        equal(count(command), 0)


@test
def what_a_command_leaves_behind_is_killed_at_once():
    command = sleeper()
    with serve("unix:{directory}/s", *script("family", FAMILY.format(command) + "sleep 0.1")) \
            as server:
        equal(ask_once(server, b"family"), b"started\n")
        equal(count(command), 0)
        assert "status 0" in audit(server)[0]


@test
def a_command_that_ignores_its_end_is_killed_2_s_later():
    with serve("udp://127.0.0.1:0", "--time-limit", "0.1",
               *script("deaf", "trap '' TERM; echo deaf; exec sleep 1000")) as server, \
            connect(server.address) as client:
        client.send(b"deaf")
        equal(client.recv(1024), b"deaf\n" + CUT)
        assert "timed out, status 137" in audit(server)[0]


@test
def output_is_cut_at_its_limit_and_marked():
    loud = script("loud", "printf '%*s' $1"), script("yes", "exec yes")
    with serve("unix:{directory}/s", "--max-output", "5000", *loud[0], *loud[1]) as server, \
            connect(server.address) as client:
        equal(ask(client, b"loud 5000"), b" " * 5000)
        equal(ask(client, b"loud 5001"), b" " * (5000 - len(CUT)) + CUT)
        equal(ask(client, b"yes"), (b"y\n" * 2500)[:5000 - len(CUT)] + CUT)
    with serve("unix:{directory}/s", *loud[1]) as server:
        output = ask_once(server, b"yes")
        equal(len(output), 1 << 20)
        assert output.endswith(b"y" + CUT)


@for_each(("threading", "forking"))
def four_commands_run_at_a_time_and_more_are_refused(mode):
    command = sleeper()
    with serve("unix:{directory}/s", "tcp://127.0.0.1:0", "--mode", mode,
               *script("long", "exec " + command), may_say="ended by a signal") as server, \
            contextlib.ExitStack() as stack:
        clients = [stack.enter_context(connect(address))
                   for address in 3 * server.addresses[:1] + server.addresses[1:]]
        for client in clients:
            client.send(b"long")
        wait_for(4, command)
        matches(ask_once(server, b"date"), b"refused: 4 commands are running.*\n")
        assert " busy, " in audit(server)[0]
        if mode == "forking":  # one per client, and each has a keeper
            os.kill(children_of(server.pid)[0], signal.SIGKILL)
        else:
            clients[0].close()
        wait_for(3, command)
        with connect(server.addresses[1]) as client:
            wait_until(lambda: re.fullmatch(DATE, ask(client, b"date")), "a place")
        for client in clients:  # so that nothing has to be waited for
            with contextlib.suppress(OSError):  # one is closed
                reset(client)
        wait_for(0, command)


@test
def a_command_for_which_there_is_no_descriptor_is_refused():
    with serve("tcp://127.0.0.1:0") as server, connect(server.address) as client:
        ask(client, b"date")
        before = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (3, before[1]))
        matches(ask(client, b"date"), b"refused: no process.*\n")
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, before)
        matches(ask(client, b"date"), DATE)


@test
def a_keeper_that_is_stopped_holds_nobody_up():
    command = sleeper()
    with serve("tcp://127.0.0.1:0", *script("long", "exec " + command)) as server:
        with connect(server.address) as client:
            client.send(b"long")
            wait_for(1, command)
            os.kill(children_of(server.pid)[0], signal.SIGSTOP)
            reset(client)
        wait_for(0, command)
        wait_until(lambda: "client gone, status 143" in server.said(), "a line")


@test
def an_ignored_sigchld_costs_no_status():
    with serve("tcp://127.0.0.1:0", *script("fail", "exit 3"),
               preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN)) as server:
        equal(ask_once(server, b"fail"), NOTHING)
        assert "status 3" in audit(server)[0]


@test
def a_client_that_goes_away_ends_its_command():
    commands = [sleeper() for _ in range(6)]
    with contextlib.ExitStack() as stack:
        for command, mode, address in zip(commands, 2 * MODES, 3 * STREAMS[:1] + 3 * STREAMS[2:]):
            where = address + mode if "unix" in address else address
            server = stack.enter_context(serve(where, "--mode", mode,
                                               *script(mode, "exec " + command)))
            client = stack.enter_context(connect(server.address))
            client.send(mode.encode())
            wait_for(1, command)
            client.close()
        for command in commands:
            wait_for(0, command)


@test
def a_server_that_stops_ends_its_commands_and_records_them():
    with contextlib.ExitStack() as stack:
        servers = []
        for number, (address, mode) in enumerate(
                (address, mode) for address in ("tcp://127.0.0.1:0", "udp://127.0.0.1:0",
                                                "unix:{directory}/s") for mode in MODES):
            command = sleeper()
            server = stack.enter_context(
                serve(address + (mode if "unix" in address else ""), "--mode", mode, "--grace",
                      "0.1", *script(f"long{number}", "exec " + command)))
            stack.enter_context(connect(server.address)).send(f"long{number}".encode())
            wait_for(1, command)
            servers.append((server, command))
        for server, _ in servers:
            server.process.terminate()
        for server, command in servers:
            equal(server.wait(), 0)
            wait_for(0, command)
            equal(len(audit(server)), 1)
            assert "server stopped, status 143" in server.said(), server.said()


@test
def a_stop_does_not_wait_for_a_command_that_ignores_it():
    with serve("udp://127.0.0.1:0", "--mode", "forking", "--grace", "0.1",
               *script("deaf", "trap '' TERM; echo >$1; exec sleep 1000")) as server, \
            connect(server.address) as client:
        mark = handler_test.directory + "/mark"
        os.mkfifo(mark)
        os.chmod(mark, 0o666)
        client.send(b"deaf " + mark.encode())
        pathlib.Path(mark).read_bytes()
        server.stop()
        assert "server stopped, status 137" in server.said(), server.said()


@for_each(MODES)
def a_server_that_is_killed_takes_its_commands_with_it(mode):
    command = sleeper()
    server = serve("udp://127.0.0.1:0", "--mode", mode,
                   *script("family", FAMILY.format(command) + "wait"))
    with connect(server.address) as client:
        client.send(b"family")
        wait_for(3, command)
        server.kill()
        wait_for(0, command)


# The record --------------------------------------------------------------------------------------

@for_each(MODES)
def each_request_leaves_one_line_that_is_harmless(mode):
    evil = b"ls \"x\\\x1b[2J\t\x9b\xff"
    with serve("unix:{directory}/s", "tcp://127.0.0.1:0", "udp://127.0.0.1:0", "--mode", mode) \
            as server:
        with connect(server.addresses[0]) as client:
            ask(client, b" date\n")
            ask(client, evil)
            ask(client, b" ")
        with connect(server.addresses[1]) as client:
            ask(client, b"x" * 1024)
            port = client.getsockname()[1]
        with connect(server.addresses[2]) as client:
            client.send(b"uname")
            client.recv(1024)
        lines = audit(server)
        equal(len(lines), 5)
        local = rf'exec: "unix:", uid {os.getuid()}, pid {os.getpid()}, '
        for line, pattern in zip(lines, (
                local + r'status 0, \d\d bytes, \d+ ms: "date"',
                local + r'refused, \d+ bytes, \d+ ms: "ls \\"x\\\\\\x1b\[2J\\x09\\x9b\\xff"',
                local + r'blank, 20 bytes, \d+ ms: ""',
                rf'tcp://127.0.0.1:{port}: exec: refused, \d+ bytes, \d+ ms: "x{{230,250}}"\.\.\.',
                r'udp://127.0.0.1:\d+: exec: status 0, \d+ bytes, \d+ ms: "uname"')):
            matches(line, "socketserver: info: " + pattern)


def quoted(lines):
    """The command that these lines of the audit have together."""
    command = b""
    for number, line in enumerate(lines):
        last = number == len(lines) - 1
        found = re.fullmatch(r'.* 0, \d+ bytes, \d+ ms: (\.{3})?"(([^"\\]|\\.)*)"(\.{3})?', line)
        assert found and (found[1] is None) == (number == 0) and (found[4] is None) == last, line
        command += found[2].encode().decode("unicode_escape").encode("latin-1")
    return command


@for_each((("text",), ("json",), ("text", "--log-to", "syslog:{directory}/log")), (b"\xff", b'"'))
def all_of_a_command_that_ran_is_in_the_log(log, byte):
    name = handler_test.directory + "/" + "\x1b" * 50
    command = b": '" + (1024 - 17) * byte + b"'; echo hidden"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as syslog, \
            socket.socket(socket.AF_UNIX) as client:
        syslog.bind(handler_test.directory + "/log")
        client.bind(name)
        client.settimeout(PATIENCE)
        with Server("exec", "unix:{directory}/s", "--shell", "--log", *log,
                    may_say="exec: ") as server:
            client.connect(server.address[5:])
            equal((len(command), ask(client, command)), (1024, b"hidden\n"))
            client.close()  # or the server would wait for it
            server.stop()
            lines = audit(server)
        while len(log) > 1 and not (lines and lines[-1].endswith('"')):
            syslog.settimeout(PATIENCE)
            lines.append(syslog.recv(4096).decode())
    os.remove(name)
    if "json" in log:
        lines = [json.loads(line)["message"] for line in lines]
    equal(quoted(lines), command)


@for_each(("threading", "forking"))
def a_flood_of_refusals_is_counted_and_commands_that_ran_are_all_there(mode):
    began = time.monotonic()
    with serve("unix:{directory}/s", "--mode", mode) as server:
        with connect(server.address) as client:
            for number in range(210):
                ask(client, (b"\xff" * 1000, b" ", b"uname")[number % 10 // 5 + (number % 10 == 9)])
        server.stop()
        lines = audit(server)
        ran = [line for line in lines if "status 0" in line]
        more = [int(found[1]) for line in lines
                if (found := re.search("exec: ([0-9]+) more refused or blank", line))]
        said = [line for line in lines if "refused, " in line or "blank, " in line]
        equal(len(ran), 21)
        equal(sum(more) + len(said), 189)
        assert len(said) <= 20 * (time.monotonic() - began + 2) and more, (len(said), more)
        equal(len(ran) + len(more) + len(said), len(lines))
        assert max(map(len, said)) < 400


@test
def a_name_that_a_client_chose_cannot_pass_for_a_line():
    name = handler_test.directory + '/a: exec: uid 0, status 0, 5 bytes, 1 ms: "uname"'
    with serve("unixgram:{directory}/d", "unix:{directory}/s") as server:
        for kind, address in zip((socket.SOCK_DGRAM, socket.SOCK_STREAM), server.addresses):
            with socket.socket(socket.AF_UNIX, kind) as client:
                client.settimeout(PATIENCE)
                client.bind(name)
                client.connect(address.split(":")[1])
                client.send(b"rm")
                client.recv(1024)
            os.remove(name)
        for line in audit(server):
            matches(line, r'socketserver: info: exec: "unix(gram)?:/[^"]*1 ms: \\"uname\\"", .*')


@test
def a_reply_that_nobody_takes_is_not_kept():
    server, client, end = dawdlers()
    with server, client:
        heard, seconds = end.result(10 + PATIENCE)
        equal(heard, b"")
        assert 9 < seconds < 10 + PATIENCE


def measure_end(client):
    """What it hears until its connection ends, and after how many seconds."""
    began = time.monotonic()
    return receive_all(client), time.monotonic() - began


@functools.cache
def dawdlers():
    """A client that does not acknowledge, beside the other tests: it has 10 seconds."""
    server = serve("tcp://127.0.0.1:0", "--timeout", "300")
    client = connect(server.address)
    client.settimeout(10 + PATIENCE)
    client.send(b"uname")
    client.recv(1024)
    return server, client, concurrent.futures.ThreadPoolExecutor(1).submit(measure_end, client)


if len(sys.argv) == 1:
    dawdlers()
main()
