"""serve as a service: sockets that are passed, notices, privileges, the pid file, --config."""

from handler_test import (DATAGRAMS, MODES, STREAMS, Process, Server, as_user, connect, equal,
                          for_each, main, receive_all, receive_exactly, run, talk, test)
from service_test import Manager, Passed, listening
import grp
import handler_test
import os
import pwd
import signal
import socket
import stat
import subprocess

IS_ROOT = os.geteuid() == 0
NOBODY = pwd.getpwnam("nobody")


def served(address, handler=bytes.upper):
    with connect(address) as client:
        client.send(b"abc")
        equal(client.recv(16), handler(b"abc"))


def refused(*arguments, **settings):
    """The one line that it says, and its exit status."""
    arguments = [argument.format(directory=handler_test.directory) for argument in arguments]
    status, _, errors = run("serve", *arguments, **settings)
    equal(errors.count("\n"), 1)
    return errors.removeprefix("socketserver: ").rstrip("\n"), status


# --- sockets that are passed ---

@for_each(STREAMS + DATAGRAMS, MODES)
def a_passed_socket_is_served_by_the_class_for_it(address, mode):
    with listening(address) as passed, Passed([passed], "upper", "--mode", mode) as server:
        equal(server.modes, [mode])
        equal(server.address.split(":")[0], address.split(":")[0])
        passed.close()
        served(server.address)
        served(server.address)


@test
def a_socket_is_meant_by_its_name_or_its_number():
    sockets = [listening(address) for address in STREAMS]
    with Passed(sockets, "upper", "fd:b", names=["a", "b", "b"], lines=2,
                may_say="passed, but not served: fd:3 a: no address takes it$") as server:
        equal([address[:6] for address in server.addresses], ["tcp://", "unix:/"])
        for address in server.addresses:
            served(address)
    with Passed(sockets, "upper", "fd:5", "fd:a", names=["a"], lines=2,
                may_say="passed, but not served: fd:4: no address takes it$") as server:
        assert server.said().count("\n") == 1, server.said()
        equal([address[:6] for address in server.addresses], ["unix:/", "tcp://"])
        for address in server.addresses:
            served(address)
    for passed in sockets:
        passed.close()


@test
def without_an_address_each_is_served_once_whatever_its_name():
    with listening("tcp://127.0.0.1:0") as one, listening("unix:{directory}/s") as two:
        with Passed([one, two], "upper", names=["x", "3"]) as server:
            for address in server.addresses:
                served(address)


@test
def a_descriptor_that_is_simply_there_may_be_served():
    with listening("tcp://127.0.0.1:0") as passed:
        with Server("upper", f"fd:{passed.fileno()}", pass_fds=[passed.fileno()]) as server:
            server._read_address()
            served(server.addresses[0])


@test
def the_file_of_a_passed_socket_stays():
    with listening("unix:{directory}/s") as passed:
        with Passed([passed], "upper") as server:
            served(server.address)
    assert os.path.exists(f"{handler_test.directory}/s")


@for_each(([], ["fd:a"]))
def requests_are_counted_of_one_socket_only(which):
    with listening("tcp://127.0.0.1:0") as one, listening("unix:{directory}/s") as two:
        with Passed([one, two], "upper", *which, "--requests", "1", names=["a", "a"],
                    lines=0) as server:
            equal(server.wait(), 2)
            assert "--requests counts those of one" in server.said(), server.said()
            server.process.returncode, server.may_say = 0, "too many addresses"
        with Passed([one], "upper", "--requests", "1") as server:
            served(server.address)
            equal(server.wait(), 0)


@test
def where_a_name_is_not_there_those_that_are_are_said():
    with listening("tcp://127.0.0.1:0") as one, listening("unix:{directory}/s") as two:
        with Passed([one, two], "upper", "fd:3", "fd:web", names=["http"], lines=0) as server:
            equal(server.wait(), 1)
            equal(server.said(), "socketserver: no such socket: fd:web: take one of those passed: "
                                 "fd:3 http (served already), fd:4\n")
            server.process.returncode, server.may_say = 0, "no such socket"


@test
def what_is_passed_to_another_process_is_left_alone():
    environment = os.environ | {"LISTEN_PID": "1", "LISTEN_FDS": "1"}
    line, status = refused("upper", "fd:x", env=environment)
    equal((line.split(":")[0], status), ("no such socket", 1))
    with Server("upper", "tcp://127.0.0.1:0", env=environment) as server:
        served(server.address)


@for_each((("LISTEN_FDS", "many"), ("LISTEN_FDS", "129"), ("LISTEN_FDS", "-1")))
def a_wrong_number_of_sockets_is_refused(variable):
    name, value = variable
    done = subprocess.run(
        ["bash", "-c", f'LISTEN_PID=$$ {name}={value} exec "$@"', "bash", handler_test.PROGRAM,
         "serve", "echo", "tcp://127.0.0.1:0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        timeout=handler_test.PATIENCE)
    equal(done.returncode, 1)
    assert f"bad LISTEN_FDS: {value}".encode() in done.stderr, done.stderr


def is_served_already(which, *arguments, **settings):
    line, status = refused("echo", *arguments, **settings)
    assert line.startswith(f"address in use: {which}"), line
    assert line.endswith(": it is served already; take another one"), line
    equal(status, 1)


@for_each((("127.0.0.1", "127.0.0.1"), ("127.0.0.1", "localhost"), ("0.0.0.0", "127.0.0.1"),
           ("127.0.0.1", "")))
def a_port_that_is_served_already_is_no_other_process(hosts):
    with listening(f"tcp://{hosts[0]}:0") as passed:
        again = f"tcp://{hosts[1]}:{passed.getsockname()[1]}"
        one, keep = f"fd:{passed.fileno()}", {"pass_fds": [passed.fileno()]}
        is_served_already("--stats tcp://", one, "--stats", again, "--stats-public", **keep)
        is_served_already("tcp://", one, again, **keep)


@for_each((("unix:{directory}/s", "unix:{directory}/./s"), ("unix:@{directory}",) * 2))
def a_path_that_is_served_already_is_no_other_process(addresses):
    one, again = addresses
    is_served_already("--stats unix:", one, "--stats", again)
    is_served_already("unix:", one, again)


@test
def a_descriptor_that_is_no_socket_of_ours_is_refused():
    with open("/dev/null", "rb") as file, socket.socket() as unbound, \
            socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as packets:
        for passed, why in ((file, "not a socket"), (unbound, ""), (packets, "")):
            line, status = refused("echo", f"fd:{passed.fileno()}", pass_fds=[passed.fileno()])
            equal(status, 1)
            assert line.startswith(f"socket not to be served: fd:{passed.fileno()}: "), line
            assert why in line.lower().replace("socket operation on non-socket", "not a socket")
    line, status = refused("echo", "fd:999")
    equal((line, status), ("no such socket: fd:999: none was passed: have a socket unit start it, "
                           "or systemd-socket-activate", 1))


@test
def a_udp_socket_that_others_can_reach_has_to_be_meant():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as passed:
        passed.bind(("0.0.0.0", 0))
        fd = passed.fileno()
        line, status = refused("echo", f"fd:{fd}", pass_fds=[fd])
        assert "--public" in line and status == 2, line


# --- one connection ---

PAIRS = ("tcp", "unix")


def connection(kind):
    """Both ends of a connection that a listener has accepted."""
    address = "tcp://127.0.0.1:0" if kind == "tcp" else "unix:{directory}/s"
    with listening(address) as listener:
        client = socket.socket(listener.family)
        client.settimeout(handler_test.PATIENCE)
        client.connect(listener.getsockname())
        accepted, _ = listener.accept()
    return client, accepted


def is_served_and_then_it_ends(server, client, accepted):
    accepted.close()
    client.sendall(b"abc")
    equal(receive_exactly(client, 3), b"ABC")
    client.shutdown(socket.SHUT_WR)
    equal(receive_all(client), b"")
    equal(server.wait(), 0)


@for_each(PAIRS, MODES)
def a_connection_that_is_passed_is_served_and_then_it_ends(kind, mode):
    client, accepted = connection(kind)
    with client, accepted:
        with Passed([accepted], "upper", "--mode", mode, names=["connection"], lines=0) as server:
            is_served_and_then_it_ends(server, client, accepted)
            equal(server.process.stdout.read(), b"")


@for_each(PAIRS, MODES)
def as_inetd_starts_it_it_serves_its_standard_input(kind, mode):
    """And says nothing to the client, whose connection its output and messages are, too."""
    client, accepted = connection(kind)
    with client, accepted:
        process = subprocess.Popen(
            [handler_test.PROGRAM, "serve", "upper", "--inetd", "-v", "--mode", mode],
            stdin=accepted, stdout=accepted, stderr=accepted)
        accepted.close()
        client.sendall(b"abc")
        equal(receive_exactly(client, 3), b"ABC")
        client.shutdown(socket.SHUT_WR)
        equal(receive_all(client), b"")
        equal(process.wait(handler_test.PATIENCE), 0)


@test
def a_handler_may_speak_first_on_a_connection():
    client, accepted = connection("tcp")
    with client, accepted, Passed([accepted], "welcome", lines=0) as server:
        accepted.close()
        assert b"\n" in client.recv(1024)
        client.shutdown(socket.SHUT_WR)
        receive_all(client)
        equal(server.wait(), 0)


@test
def who_may_not_come_is_not_served_on_a_passed_connection():
    client, accepted = connection("tcp")
    with client, accepted:
        with Passed([accepted], "welcome", "--deny-from", "127.0.0.0/8", lines=0) as server:
            accepted.close()
            equal(receive_all(client), b"")
            equal(server.wait(), 0)


@for_each(("--rate=1", "--max-connections=1", "--max-per-address=1"), MODES)
def admission_has_its_say_on_a_passed_connection(limit, mode):
    client, accepted = connection("tcp")
    with client, accepted:
        with Passed([accepted], "upper", limit, "--mode", mode, lines=0) as server:
            is_served_and_then_it_ends(server, client, accepted)


@test
def inetd_may_pass_a_listener_or_a_datagram_socket():
    for address in ("tcp://127.0.0.1:0", "udp://127.0.0.1:0"):
        with listening(address) as passed:
            server = Process("serve", "upper", "--inetd", stdin=passed)
            try:
                served(server.readline().split()[2])
                server.process.send_signal(signal.SIGTERM)
                equal(server.wait(), 0)
            finally:
                server.kill()
    line, status = refused("upper", "--inetd")
    assert line.startswith("no socket: --inetd") and status == 2, line
    line, status = refused("upper", "tcp://127.0.0.1:0", "--inetd")
    assert line.startswith("an address with --inetd: tcp://127.0.0.1:0") and status == 2, line


@for_each((["--inetd", "--help"], ["--inet", "--unknown"], ["--inetd", "--config", "/nowhere"],
           ["--inetd", "tcp://127.0.0.1:0"], ["--inetd", "--timeout", "soon"],
           ["--config", "{directory}/config"]))
def a_client_of_inetd_is_not_told_what_is_wrong(arguments):
    write("config", "inetd\ntimeout = soon\n")
    arguments = [argument.format(directory=handler_test.directory) for argument in arguments]
    client, accepted = connection("tcp")
    with client, accepted:
        process = subprocess.Popen([handler_test.PROGRAM, "serve", "upper", *arguments],
                                   stdin=accepted, stdout=accepted, stderr=accepted)
        accepted.close()
        equal(receive_all(client), b"")
        equal(process.wait(handler_test.PATIENCE), 0 if "--help" in arguments else 2 - (
            "/nowhere" in arguments))


@test
def a_connection_comes_alone():
    client, accepted = connection("tcp")
    with client, accepted:
        for more in (["tcp://127.0.0.1:0"], ["--handover"], ["--stats", "unix:{directory}/stats"]):
            line, status = refused(
                "echo", f"fd:{accepted.fileno()}", *more, pass_fds=[accepted.fileno()])
            equal(status, 2)


# --- notices ---

@for_each((False, True))
def the_manager_is_told_when_it_is_ready_and_when_it_stops(abstract):
    with Manager(abstract) as manager:
        with Server("echo", "tcp://127.0.0.1:0", env=os.environ | manager.environment) as server:
            equal(manager.hear(), (server.pid, {"READY": "1", "STATUS": "serving"}))
            served(server.address, bytes)
            server.stop()
            equal(manager.hear(), (server.pid, {"STOPPING": "1", "STATUS": "stopping"}))
            assert manager.hears_nothing()


@test
def one_that_cannot_start_is_not_ready():
    with Manager() as manager:
        equal(refused("echo", "unix:/nowhere/at/all", env=os.environ | manager.environment)[1], 1)
        assert manager.hears_nothing() or "READY" not in manager.hear()[1]


@for_each(("", "relative", "@", "/nowhere/at/all", "/" + "x" * 200))
def a_manager_that_is_none_disturbs_nothing(address):
    with Server("echo", "tcp://127.0.0.1:0",
                env=os.environ | {"NOTIFY_SOCKET": address}) as server:
        served(server.address, bytes)


# --- privileges ---

def identity(pid):
    """Its user ids, group ids and supplementary groups, each once, of all its threads."""
    found = set()
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/status", encoding="utf-8") as file:
            fields = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
        found.add((frozenset(map(int, fields["Uid"].split())),
                   frozenset(map(int, fields["Gid"].split())),
                   frozenset(map(int, fields["Groups"].split())),
                   int(fields["CapEff"], 16), int(fields["CapPrm"], 16)))
    equal(len(found), 1)
    return found.pop()


@for_each(("nobody", str(NOBODY.pw_uid)), MODES)
def it_becomes_the_user_on_all_its_threads(user, mode):
    if not IS_ROOT:
        return
    with Server("upper", "tcp://127.0.0.1:0", "--user", user, "--mode", mode) as server:
        served(server.address)
        uid, gid = NOBODY.pw_uid, NOBODY.pw_gid
        groups = frozenset(os.getgrouplist("nobody", gid))
        equal(identity(server.pid), ({uid}, {gid}, groups, 0, 0))


@test
def a_group_may_be_given_and_numbers_without_a_name():
    if not IS_ROOT:
        return
    group = grp.getgrnam("daemon")
    with Server("upper", "tcp://127.0.0.1:0", "--user", "54321", "--group", "daemon") as server:
        equal(identity(server.pid), ({54321}, {group.gr_gid}, {group.gr_gid}, 0, 0))
    with Server("upper", "tcp://127.0.0.1:0", "--user", "nobody", "--group", "54321") as server:
        assert identity(server.pid)[1] == {54321}
    line, status = refused("upper", "tcp://127.0.0.1:0", "--user", "54321")
    assert "add --group" in line and status == 2, line


@for_each(("--user", "--group"))
def who_does_not_exist_is_refused(option):
    line, status = refused("upper", "tcp://127.0.0.1:0", option, "no-such-one")
    assert line.startswith(f"no such {option[2:]}: {option} no-such-one") and status == 2, line


@test
def the_socket_file_is_the_users_and_is_removed_where_that_is_possible():
    if not IS_ROOT:
        return
    os.chmod(handler_test.directory, 0o1777)
    with Server("upper", "unix:{directory}/s", "--user", "nobody") as server:
        found = os.stat(f"{handler_test.directory}/s")
        equal((found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)),
              (NOBODY.pw_uid, NOBODY.pw_gid, 0o600))
        served(server.address)
    assert not os.path.exists(f"{handler_test.directory}/s")


@test
def stats_may_be_where_only_root_may_write_and_are_the_users():
    if not IS_ROOT:
        return
    path = f"{handler_test.directory}/stats"
    with Server("upper", "tcp://127.0.0.1:0", "--user", "nobody", f"--stats=unix:{path}") as server:
        equal(server.readline(), f"stats on unix:{path}\n")
        found = os.stat(path)
        equal((found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)),
              (NOBODY.pw_uid, NOBODY.pw_gid, 0o600))
        with connect(f"unix:{path}") as client:
            client.sendall(b"text\n")
            assert b"upper" in receive_all(client)


@test
def privileged_ports_are_bound_before_it_drops_them():
    if not IS_ROOT:
        return
    with Server("upper", "tcp://127.81.7.3:81", "--user", "nobody") as server:
        served(server.address)


@test
def commands_run_as_that_user_too():
    if not IS_ROOT:
        return
    with Server("exec", "tcp://127.0.0.1:0", "--user", "nobody", "--allow", "id=/usr/bin/id",
                may_say="exec") as server:
        assert b"uid=65534(nobody)" in talk(server.address, b"id\n", "--as", "exec")


@test
def nobody_but_root_can_become_another():
    settings = as_user("nobody", NOBODY.pw_gid) if IS_ROOT else {}
    line, status = refused("upper", "tcp://127.0.0.1:0", "--user", "root", **settings)
    assert "only root can" in line and status == 1, line
    name = "nobody" if IS_ROOT else pwd.getpwuid(os.geteuid()).pw_name
    with Server("upper", "tcp://127.0.0.1:0", "--user", name, **settings) as server:
        served(server.address)


# --- the pid file ---

def read(name):
    with open(f"{handler_test.directory}/{name}", encoding="ascii") as file:
        return file.read()


def write(name, text):
    with open(f"{handler_test.directory}/{name}", "w", encoding="utf-8") as file:
        file.write(text)
    return f"{handler_test.directory}/{name}"


@test
def the_pid_file_is_there_while_it_serves():
    with Server("echo", "tcp://127.0.0.1:0", "--pid-file", "{directory}/pid") as server:
        equal(read("pid"), f"{server.pid}\n")
        equal(stat.S_IMODE(os.stat(f"{handler_test.directory}/pid").st_mode) & ~0o644, 0)
    assert not os.path.exists(f"{handler_test.directory}/pid")


@for_each(("", "1\n", "123456789012345678901234567890\n"))
def a_stale_pid_file_is_replaced(text):
    write("pid", text)
    with Server("echo", "tcp://127.0.0.1:0", "--pid-file", "{directory}/pid") as server:
        equal(read("pid"), f"{server.pid}\n")
    assert not os.path.exists(f"{handler_test.directory}/pid")


@for_each(("nonsense", "1 note\n", "\0", "0" * 1000))
def a_file_that_is_no_pid_file_is_not_written_over(text):
    path = write("precious", text)
    line, status = refused("echo", "tcp://127.0.0.1:0", "--pid-file", path)
    assert line.startswith(f"no pid file: --pid-file {path}: it has something else in it"), line
    equal((read("precious"), status), (text, 1))


@test
def a_start_that_fails_leaves_no_pid_file():
    equal(refused("echo", "unix:/nowhere/at/all", "--pid-file", "{directory}/pid")[1], 1)
    equal(os.listdir(handler_test.directory), [])


@test
def the_pid_file_of_one_that_was_killed_is_stale():
    path = f"{handler_test.directory}/pid"
    server = Server("echo", "tcp://127.0.0.1:0", "--pid-file", path)
    server.kill()
    assert os.path.exists(path)
    with Server("echo", "tcp://127.0.0.1:0", "--pid-file", path) as server:
        equal(read("pid"), f"{server.pid}\n")


@test
def of_two_with_one_pid_file_the_second_does_not_start():
    path = f"{handler_test.directory}/pid"
    with Server("echo", "tcp://127.0.0.1:0", "--pid-file", path) as server:
        equal(refused("echo", "tcp://127.0.0.1:0", "--pid-file", path),
              (f"pid file in use: --pid-file {path}: process {server.pid} serves; stop it, or take "
               "another path", 1))
        equal(read("pid"), f"{server.pid}\n")


@test
def anothers_file_is_not_removed():
    path = f"{handler_test.directory}/pid"
    with Server("echo", "tcp://127.0.0.1:0", "--pid-file", path):
        os.unlink(path)
        write("pid", "4711\n")
    equal(read("pid"), "4711\n")


@test
def a_pid_file_that_cannot_be_is_an_error():
    write("target", "precious")
    os.symlink(f"{handler_test.directory}/target", f"{handler_test.directory}/link")
    for path in ("/nowhere/at/all", "{directory}", "{directory}/link", "/dev/null"):
        line, status = refused("echo", "tcp://127.0.0.1:0", "--pid-file", path)
        assert line.startswith("no pid file: ") and status == 1, line
    equal(read("target"), "precious")


@test
def a_pid_file_that_may_not_be_removed_is_emptied():
    if not IS_ROOT:
        return
    with Server("echo", "tcp://127.0.0.1:0", "--pid-file", "{directory}/pid", "--user",
                "nobody") as server:
        equal(read("pid"), f"{server.pid}\n")
    equal(read("pid"), "")


# --- the configuration ---

@test
def a_file_may_say_it_all():
    path = write("config", f"""\
# upper, twice
handler = upper

  address tcp://127.0.0.1:0
address=unix:{handler_test.directory}/s
\tmode  =  forking\t
max-children 7
  # and so on
verbose
""")
    with Server("--config", path, may_say="DEBUG|debug") as server:
        server._read_address()
        server._read_address()
        equal(server.modes, ["forking", "forking"])
        for address in server.addresses:
            served(address)


@for_each((("--config", "{path}", "upper"), ("upper", "--config", "{path}"),
           ("upper", "--config={path}", "--mode", "threading")))
def the_command_line_wins(arguments):
    path = write("config", "handler = echo\naddress = tcp://127.0.0.1:1\nmode = forking\n")
    arguments = [argument.replace("{path}", path) for argument in arguments]
    with Server(*arguments, "tcp://127.0.0.1:0") as server:
        equal(server.modes, ["threading" if "--mode" in arguments else "forking"])
        served(server.address)


@test
def an_address_may_be_the_only_operand():
    path = write("config", "handler = upper\n")
    with Server("--config", path, "tcp://127.0.0.1:0") as server:
        served(server.address)


@test
def options_of_the_handler_are_set_and_repeatable_ones_add_up():
    path = write("config", "allow-from 10.0.0.0/8\nallow id=/usr/bin/id\nallow echo=/bin/echo\n")
    with Server("exec", "tcp://127.0.0.1:0", "--config", path, "--allow-from", "127.0.0.1",
                "--allow", "true=/bin/true", may_say="exec") as server:
        for command in (b"id", b"true"):
            assert b"not allowed" not in talk(server.address, command + b"\n", "--as", "exec")


WRONG = {
    "timeout = soon": "1: not a number: --timeout soon: give seconds from 0 to 2000000",
    "\n\nnonsense 3": "3: unknown option: nonsense=3; try socketserver serve --help",
    "time = 3": "1: unknown option: time=3; try socketserver serve --help",
    "timeo = 3": "1: unknown option: timeo: did you mean timeout?",
    "adress unix:s": "1: unknown option: adress: did you mean address?",
    "hanlder": "1: unknown option: hanlder: did you mean handler?",
    "x" * 4000: f"1: unknown option: {'x' * 4000}; try socketserver serve --help",
    "verbose = yes": "1: takes no value: --verbose=yes; try socketserver serve --help",
    "timeout": "1: value missing: --timeout; try socketserver serve --help",
    "= 3": "1: no name: = 3; try socketserver serve --help",
    "config = other": "1: not for a file: config=other: give it on the command line; try "
                      "socketserver serve --help",
    "help": "1: not for a file: help: give it on the command line; try socketserver serve --help",
    "handler": "1: value missing: handler; try socketserver serve --help",
    "handler = a\nhandler = b": "2: a second handler: b: a file has one; try socketserver serve "
                                "--help",
    "x" * 5000: "1: line too long: 4094 characters at most; try socketserver serve --help",
    "#\n" * 4096 + "verbose": "4097: too many lines: 4096 at most; try socketserver serve --help",
}


@for_each(range(len(WRONG)))
def what_is_wrong_is_said_with_its_line(number):
    text, said = list(WRONG.items())[number]
    path = write("config", text)
    equal(refused("echo", "tcp://127.0.0.1:0", "--config", path), (f"{path}:{said}", 2))


LATE = {
    "mode = treading": "unknown mode: --mode treading: upper has sync threading forking over tcp",
    "address = nonsense": "bad address: nonsense: the address must begin with tcp://, udp://, "
                          "unix: or unixgram:, or fd: for a socket that was passed; try "
                          "socketserver serve --help",
    "address = tcp://localhost": "bad address: tcp://localhost: a port must follow the host, as in "
                                 "tcp://localhost:80; try socketserver serve --help",
    "address = fd:web": "no such socket: fd:web: none was passed: have a socket unit with "
                        "FileDescriptorName=web start it, or systemd-socket-activate --fdname=web",
    "address = udp://:0": "other hosts can reach it: udp://:0: take 127.0.0.1 or [::1], or add "
                          "--public",
    "address = unix:/nowhere/s": "no such directory: unix:/nowhere/s: make it first, or take "
                                 "another path",
    "requests = 1\naddress = unix:a\naddress = unix:b":
        "too many addresses: unix:b: --requests counts those of one; try socketserver serve --help",
    "inetd\naddress = unix:a": "an address with --inetd: unix:a: standard input is what it serves: "
                               "leave one out; try socketserver serve --help",
    "when-full = refuse": "no --max-connections: --when-full refuse does nothing without: add it, "
                          "or leave it out; try socketserver serve --help",
    "drain = 5": "no --handover: --drain 5 does nothing without: add it, or leave it out; try "
                 "socketserver serve --help",
    "user = no-such": "no such user: --user no-such: give a name that `getent` knows, or a number",
    "group = no-such": "no such group: --group no-such: give a name that `getent` knows, or a "
                       "number",
    "user = 4000000": "no group: --user 4000000: this number has no name, and so no group of its "
                      "own: add --group; try socketserver serve --help",
    "stats = nonsense": "bad address: --stats nonsense: the address must begin with tcp://, "
                        "udp://, unix: or unixgram:; try socketserver serve --help",
    "stats = unix:/nowhere/s": "no such directory: --stats unix:/nowhere/s: make it first, or take "
                               "another path",
    "log-to = nowhere": "no place for a log: --log-to nowhere: take stderr, syslog or syslog:PATH; "
                        "try socketserver serve --help",
    "pid-file = /nowhere/pid": "no pid file: --pid-file /nowhere/pid: No such file or directory: "
                               "take a path in a directory that you may write to",
}


@for_each(LATE)
def what_turns_out_to_be_wrong_later_is_said_with_its_line_too(text):
    path = write("config", f"handler = upper\n{text}\nudp-rate = 7\n")
    found, status = refused("--config", path)
    equal(found, f"{path}:{2 + text.count(chr(10))}: {LATE[text]}")
    assert status in (1, 2)


@for_each((("--mode", "sinc"), ("--user", "sinc"), ("--stats", "sinc"), ("tcp:/sinc",)))
def what_is_wrong_on_the_command_line_is_not_said_of_the_file(arguments):
    path = write("config", "handler = upper\nmode = sync\nuser = root\nstats = unix:s\n"
                           "address = unix:a\n")
    line, status = refused("--config", path, *arguments)
    assert not line.startswith(path) and arguments[-1] in line, line
    equal(status, 2)


@test
def the_path_of_a_file_may_be_as_long_as_the_system_has_it():
    folder = handler_test.directory + 9 * ("/" + 200 * "f")
    os.makedirs(folder)
    path = f"{folder}/{'c' * 200}"
    with open(path, "w", encoding="ascii") as file:
        file.write(f"mode = {'m' * 4000}\n")
    equal(refused("echo", "--config", path)[0], f"{path}:1: unknown mode: --mode "
                                                f"{'m' * 4000}: echo has sync threading forking "
                                                "over tcp")


@test
def what_needs_another_option_is_said_of_where_it_stands():
    path = write("config", "handler = upper\ndrain = 3\n")
    for arguments, said in (((), f"{path}:2: no --handover: --drain 3 "),
                            (("--drain", "3"), "no --handover: --drain 3 ")):
        line, status = refused("--config", path, *arguments)
        assert line.startswith(said) and status == 2, line


@for_each(STREAMS)
def what_needs_another_option_may_find_it_on_the_command_line(address):
    path = write("config", "drain = 5\nwhen-full = refuse\n")
    with Server("upper", address, "--config", path, "--handover", "--max-connections",
                "1") as server:
        served(server.address)
    with Server("upper", address, "--drain", "0", "--when-full", "wait") as server:
        served(server.address)


@for_each(("/nowhere/at/all", "{directory}"))
def a_file_that_cannot_be_read_is_an_error(path):
    line, status = refused("echo", "--config", path)
    assert line.startswith("cannot read the file: --config ") and status == 1, line


@test
def a_handler_that_there_is_not_is_said_with_its_line():
    path = write("config", "\nhandler = no-such-one\n")
    line, _ = refused("--config", path)
    assert line.startswith(f"{path}:2: ") and "no-such-one" in line, line


@test
def a_mistyped_address_is_no_plug_in():
    path = write("config", "handler = upper\n")
    line, status = refused("--config", path, "tcp:/127.0.0.1:0")
    assert line.startswith("bad address: tcp:/127.0.0.1:0: ") and status == 2, line


@test
def a_file_may_begin_with_a_byte_order_mark():
    with Server("--config", write("config", "\ufeffhandler = upper\n"),
                "tcp://127.0.0.1:0") as server:
        served(server.address)


@test
def there_is_one_file():
    path = write("config", "timeout = 3\n")
    equal(refused("echo", "--config", path, "--config", path),
          (f"a second one: --config {path}: give one", 2))


@test
def without_any_handler_there_is_nothing_to_serve():
    line, status = refused("--config", write("config", "timeout = 3\n"))
    assert line.startswith("no handler: ") and status == 2, line


main()
