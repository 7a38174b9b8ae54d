"""serve --handover: a successor takes over, and nothing is lost."""

from handler_test import (DATAGRAMS, MODES, PATIENCE, PROGRAM, STREAMS, Server, connect, equal,
                          for_each, main, receive_all, receive_exactly, run, test, wait_until)
from service_test import Line, Manager, Passed, is_alive, listening
import handler_test
import json
import os
import shutil
import signal
import socket
import subprocess
import threading

LOAD = os.environ["LOAD"]
HANDOVERS = 20 if os.environ.get("SSV_LONG") else 2
# Of a sanitizer's server: a child of its own for each request takes its time.
SANITIZED = os.environ.get("SANITIZED", "")
COUNT = 40 if SANITIZED else 200
# A child that is forked while the thread that hands over allocates may never get
# AddressSanitizer's allocator, which does not survive that.
LOADED = [mode for mode in MODES if mode != "forking" or "address" not in SANITIZED]
LOADS = {"tcp": ("churn", "--connections", "8", "--count", str(COUNT)),
         "unix": ("churn", "--connections", "8", "--count", str(COUNT)),
         "udp": ("datagram", "--connections", "2", "--window", "16", "--count", str(2 * COUNT)),
         "unixgram": ("datagram", "--connections", "2", "--window", "4", "--count",
                      str(2 * COUNT))}


def start(*arguments, **settings):
    return Line(Server(*arguments, "--handover", **settings))


class Load:
    """Puts the server under load, again and again, until its end; nothing may go wrong."""

    def __init__(self, address):
        scenario, *options = LOADS[address.split(":", 1)[0]]
        self.command = [LOAD, scenario, address, *options, "--json"]
        self.over, self.runs, self.wrong = threading.Event(), 0, None
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        while not self.over.is_set() and not self.wrong:
            done = subprocess.run(self.command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            result = json.loads(done.stdout) if done.stdout else {}
            if done.returncode != 0 or result["lost"] or result["errors"]:
                self.wrong = done.stdout + done.stderr
            self.runs += 1

    def __enter__(self):
        self.thread.start()
        wait_until(lambda: self.runs > 0 or self.wrong, "the load")
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        assert not self.wrong, self.wrong


@for_each(STREAMS + DATAGRAMS, LOADED)
def nothing_is_lost_under_load(address, mode):
    with start("echo", address, "--mode", mode, "--udp-rate", "0") as line, \
            Load(line.address) as load:
        for _ in range(HANDOVERS):
            before = load.runs
            old = line.hand_over()
            equal(line.wait(old), 0)
            wait_until(lambda: load.runs > before + 1 or load.wrong, "the load")


@for_each(STREAMS, ("threading", "forking"))
def who_is_served_is_served_to_the_end(address, mode):
    """By the old one, while new clients are the new one's."""
    with start("upper", address, "--mode", mode) as line, connect(line.address) as before:
        before.send(b"before")
        equal(receive_exactly(before, 6), b"BEFORE")
        old = line.hand_over()
        with connect(line.address) as after:
            after.send(b"after")
            equal(receive_exactly(after, 5), b"AFTER")
        before.send(b"still")
        equal(receive_exactly(before, 5), b"STILL")
        assert is_alive(old)
        before.shutdown(socket.SHUT_WR)
        equal(receive_all(before), b"")
        equal(line.wait(old), 0)


@for_each(MODES)
def after_the_time_of_drain_connections_are_cut(mode):
    with start("echo", "tcp://127.0.0.1:0", "--mode", mode, "--drain", "0.1") as line:
        with connect(line.address) as client:
            client.send(b"x")
            equal(receive_exactly(client, 1), b"x")
            old = line.hand_over()
            equal(receive_all(client), b"")
            equal(line.wait(old), 0)


@for_each(("unix:{directory}/s", "unixgram:{directory}/s"))
def the_successor_removes_the_socket_file_at_its_end(address):
    with start("upper", address) as line:
        path = line.address.split(":", 1)[1]
        for _ in range(2):
            equal(line.wait(line.hand_over()), 0)
            assert os.path.exists(path)
            with connect(line.address) as client:
                client.send(b"a")
                equal(client.recv(16), b"A")
        line.stop()
        assert not os.path.exists(path)


OTHERS = {"nothing": lambda path: None,
          "a plain file": lambda path: open(path, "w", encoding="ascii").close(),
          "a socket": lambda path: listening(f"unix:{path}").close()}


def inode(path):
    return os.lstat(path).st_ino if os.path.lexists(path) else None


@for_each(("unix:{directory}/s", "unixgram:{directory}/s"), OTHERS)
def no_file_but_the_one_that_was_bound_is_taken_over(address, what):
    """Whose that is, it stays; and the new one serves on."""
    with start("upper", address, "--stats=unix:{directory}/stats", may_say=".") as line:
        path, moved = line.address.split(":", 1)[1], f"{handler_test.directory}/moved"
        others = [path, f"{handler_test.directory}/stats"]
        os.rename(path, moved)
        os.unlink(others[1])
        for other in others:
            OTHERS[what](other)
        found = [inode(other) for other in others]
        for times in (1, 2):
            equal(line.wait(line.hand_over()), 0)
            wait_until(lambda: line.said().count("\n") == 3 * times)
            lost = [text for text in line.said().splitlines() if "socket file lost" in text]
            equal(lost, times * [f"socketserver: socket file lost: {text}: somebody has removed or "
                                 "replaced it: a restart makes it anew" for text in
                                 (line.address, f"unix:{others[1]}")])
            with connect(line.address.replace(path, moved)) as client:
                client.send(b"a")
                equal(client.recv(16), b"A")
        line.stop()
        equal([inode(other) for other in others], found)


@for_each(("", "file:{made.st_dev}:{made.st_ino}:"))
def a_predecessor_that_does_not_say_which_file_is_its_own_keeps_it(file):
    """The test is the one before."""
    with listening("unix:{directory}/s") as listener:
        path = f"{handler_test.directory}/s"
        made = os.lstat(path)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours, theirs:
            ours.settimeout(PATIENCE)
            socket.send_fds(ours, [f"{file.format(made=made)}unix:{path}\0".encode()],
                            [listener.fileno()])
            with Server("upper", f"unix:{path}", pass_fds=[theirs.fileno()], may_say="lost",
                        env=os.environ | {"SOCKETSERVER_HANDOVER": str(theirs.fileno())}):
                equal(ours.recv(16), b"R1")
                ours.send(b"Y")
                with connect(f"unix:{path}") as client:
                    client.send(b"a")
                    equal(client.recv(16), b"A")
    equal(os.path.exists(path), not file)


@for_each(("file:", "file:1", "file:1:", "file:1:2", "file:x:y:unix:/s", "file:1:2;unix:/s"))
def what_no_predecessor_would_send_is_refused(text):
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs, listening("unix:{directory}/s") as listener:
        socket.send_fds(ours, [text.encode() + b"\0"], [listener.fileno()])
        status, _, errors = run(
            "serve", "echo", "tcp://127.0.0.1:0", pass_fds=[theirs.fileno()],
            env=os.environ | {"SOCKETSERVER_HANDOVER": str(theirs.fileno())})
    equal(status, 1)
    assert errors.startswith("socketserver: nothing to take over: ") and \
        errors.count("\n") == 1, errors


@test
def a_file_of_a_predecessor_that_is_not_wanted_any_more_is_removed():
    config = f"{handler_test.directory}/config"
    with open(config, "w", encoding="ascii") as file:
        file.write("handler echo\naddress unix:{0}/one\naddress unix:{0}/two\n".format(
            handler_test.directory))
    with start("--config", config) as line:
        wait_until(lambda: os.path.exists(f"{handler_test.directory}/two"))
        line.server.readline()
        with open(config, "w", encoding="ascii") as file:
            file.write("handler upper\naddress unix:{0}/two\naddress unix:{0}/three\n".format(
                handler_test.directory))
        equal(line.wait(line.hand_over()), 0)
        equal([os.path.exists(f"{handler_test.directory}/{name}") for name in
               ("one", "two", "three")], [False, True, True])
        for name in ("two", "three"):
            with connect(f"unix:{handler_test.directory}/{name}") as client:
                client.send(b"a")
                equal(client.recv(16), b"A")


def held(address):
    """A client that is being served."""
    client = connect(address)
    client.send(b"x")
    equal(receive_exactly(client, 1), b"X")
    return client


def is_refused(address):
    try:
        connect(address).close()
        return False
    except (ConnectionRefusedError, ConnectionResetError, FileNotFoundError):  # reset: just now
        return True


@for_each(STREAMS, MODES)
def after_the_end_of_the_new_one_the_address_is_free_though_the_old_one_drains(address, mode):
    with start("upper", address, "--mode", mode, "--pid-file", "{directory}/pid") as line:
        with held(line.address) as client:
            old = line.hand_over()
            os.kill(line.pid, signal.SIGTERM if mode == "forking" else signal.SIGKILL)
            wait_until(lambda: is_refused(line.address))
            wait_until(lambda: not os.path.exists(f"/proc/{line.pid}"), "no zombie")
            with Server("upper", line.address, "--pid-file", "{directory}/pid") as again, \
                    held(again.address):
                client.send(b"still")
                equal(receive_exactly(client, 5), b"STILL")
        equal(line.wait(old), 0)


@for_each(STREAMS, MODES)
def a_stop_ends_listening_at_once(address, mode):
    with start("upper", address, "--mode", mode) as line, held(line.address) as client:
        os.kill(line.pid, signal.SIGTERM)
        wait_until(lambda: is_refused(line.address))
        client.send(b"still")
        equal(receive_exactly(client, 5), b"STILL")
        client.close()
        equal(line.wait(line.pid), 0)


@for_each(MODES)
def an_address_that_is_not_wanted_any_more_is_closed_while_the_old_one_drains(mode):
    config = f"{handler_test.directory}/config"
    kept, dropped = (f"unix:{handler_test.directory}/{name}" for name in ("kept", "dropped"))
    with open(config, "w", encoding="ascii") as file:
        file.write(f"handler upper\naddress {kept}\naddress {dropped}\nmode = {mode}\n")
    with start("--config", config) as line:
        line.address = kept
        line.server.readline(), line.server.readline()
        with held(kept) as client:
            with open(config, "w", encoding="ascii") as file:
                file.write(f"handler upper\naddress {kept}\nmode = {mode}\n")
            old = line.hand_over()
            wait_until(lambda: is_refused(dropped))
            client.send(b"still")
            equal(receive_exactly(client, 5), b"STILL")
            held(kept).close()
        equal(line.wait(old), 0)
        assert not os.path.exists(dropped.removeprefix("unix:"))


# --- the new program ---

def own_copy():
    """A copy of the program, for it to be exchanged, and what it needs to run elsewhere."""
    path = f"{handler_test.directory}/program"
    shutil.copy(PROGRAM, path)
    libraries = os.path.join(os.path.dirname(PROGRAM), "..", "src")
    return path, os.environ | {"LD_LIBRARY_PATH": os.path.abspath(libraries)}


def exchange(path, text):
    with open(path + ".new", "w", encoding="ascii") as file:
        file.write(text)
    os.chmod(path + ".new", 0o755)
    os.rename(path + ".new", path)


class Copy(Server):
    """A server whose program is `path`."""

    def __init__(self, path, *arguments, **settings):
        self.program = path
        super().__init__(*arguments, **settings)


@test
def what_is_there_by_then_is_what_is_started():
    path, environment = own_copy()
    with Line(Copy(path, "echo", "tcp://127.0.0.1:0", "--handover", env=environment)) as line:
        exchange(path, f'#!/bin/sh\necho upgraded >&2\nexec {PROGRAM} "$@"\n')
        equal(line.wait(line.hand_over()), 0)
        assert "upgraded\n" in line.said()
        with connect(line.address) as client:
            client.send(b"a")
            equal(client.recv(16), b"a")


@test
def a_hangup_does_not_end_a_successor_that_starts():
    """It hands over in its turn."""
    path, environment = own_copy()
    with Line(Copy(path, "echo", "tcp://127.0.0.1:0", "--handover", env=environment)) as line:
        exchange(path, f'#!/bin/bash\n[ -e $0.once ] || {{ touch $0.once; kill -HUP $$; }}\n'
                       f'exec {PROGRAM} "$@"\n')
        first = line.hand_over()
        second = line.pid
        line.wait_for_successor()
        equal([line.wait(pid) for pid in (first, second)], [0, 0])
        with connect(line.address) as client:
            client.send(b"a")
            equal(client.recv(16), b"a")


@for_each(("{directory}/link/program", "link/program", "program"))
def a_link_is_followed_when_it_hands_over(path):
    """Called by its path, a relative one, and as found in PATH."""
    program, environment = own_copy()
    path = path.format(directory=handler_test.directory)
    for version in ("1", "2"):
        os.mkdir(f"{handler_test.directory}/{version}")
    os.rename(program, f"{handler_test.directory}/1/program")
    exchange(f"{handler_test.directory}/2/program",
             f'#!/bin/sh\necho upgraded >&2\nexec {os.path.abspath(PROGRAM)} "$@"\n')
    os.symlink("1", f"{handler_test.directory}/link")
    environment["PATH"] = f"/nowhere:{handler_test.directory}/link:" + environment["PATH"]
    with Line(Copy(path, "echo", "tcp://127.0.0.1:0", "--handover", env=environment,
                   cwd=handler_test.directory)) as line:
        os.symlink("2", f"{handler_test.directory}/new")
        os.rename(f"{handler_test.directory}/new", f"{handler_test.directory}/link")
        equal(line.wait(line.hand_over()), 0)
        assert "upgraded\n" in line.said()


BAD = {"status 3": "#!/bin/sh\nexit 3\n", "signal 9": "#!/bin/sh\nkill -9 $$\n",
       "Exec format error": "no program\n", "No such file": None}


@for_each(BAD)
def the_old_one_goes_on_where_the_new_one_does_not_start(why):
    path, environment = own_copy()
    with Line(Copy(path, "echo", "unix:{directory}/s", "--handover", "--pid-file",
                   "{directory}/pid", env=environment)) as line, Load(line.address):
        if BAD[why] is None:
            os.unlink(path)
        else:
            exchange(path, BAD[why])
        for times in (1, 2):
            line.ask()
            wait_until(lambda: line.said().count("this one goes on\n") == times)
        equal(line.said().count("\n"), 2)
        assert line.said().startswith("socketserver: not handed over: ") and why in line.said()
        with open(f"{handler_test.directory}/pid", encoding="ascii") as file:
            equal(file.read(), f"{line.pid}\n")
        with connect(line.address) as client:
            client.send(b"a")
            equal(client.recv(16), b"a")
        line.server.may_say = "not handed over"
    assert not os.path.exists(f"{handler_test.directory}/s")


@test
def with_a_configuration_that_is_wrong_by_then_the_old_one_goes_on():
    config = f"{handler_test.directory}/config"
    with open(config, "w", encoding="ascii") as file:
        file.write("timeout = 10\n")
    with start("echo", "tcp://127.0.0.1:0", "--config", config, may_say=".") as line:
        with open(config, "w", encoding="ascii") as file:
            file.write("\ntimeout = soon\n")
        line.ask()
        wait_until(lambda: "this one goes on\n" in line.said())
        equal(line.said().splitlines(), [
            f"socketserver: {config}:2: not a number: --timeout soon: give seconds from 0 to "
            "2000000",
            "socketserver: not handed over: the new program ended with status 2: this one goes on"])


LATE = {"no stats": "stats = unix:/nonexistent/s\n", "no address": "address unix:/nonexistent/s\n",
        "no pid file": "pid-file = /nonexistent/pid\n"}


@for_each(LATE)
def what_fails_late_takes_nothing_from_the_old_one(what):
    """Its files are there, and are still its own to remove."""
    config = f"{handler_test.directory}/config"
    files = [f"{handler_test.directory}/{name}" for name in ("s", "pid", "stats")]
    lines = {"address": f"address unix:{files[0]}\n", "pid-file": f"pid-file = {files[1]}\n",
             "stats": f"stats = unix:{files[2]}\n"}
    with open(config, "w", encoding="ascii") as file:
        file.write("".join(lines.values()))
    with start("echo", "--config", config, may_say=".") as line:
        line.address = f"unix:{files[0]}"
        line.server.readline(), line.server.readline()
        with open(config, "w", encoding="ascii") as file:
            kept = [text for name, text in lines.items() if name not in LATE[what].split()[0]]
            file.write("".join(kept) + lines["address"] * (what == "no address") + LATE[what])
        line.ask()
        wait_until(lambda: "this one goes on\n" in line.said())
        equal([path for path in files if not os.path.exists(path)], [])
        with open(files[1], encoding="ascii") as file:
            equal(file.read(), f"{line.pid}\n")
        with connect(line.address) as client:
            client.send(b"a")
            equal(client.recv(16), b"a")
    equal([path for path in files if os.path.exists(path)], [])


@for_each((signal.SIGTERM, signal.SIGINT))
def a_stop_ends_a_successor_that_is_not_ready(number):
    path, environment = own_copy()
    with Line(Copy(path, "echo", "unix:{directory}/s", "--handover", env=environment,
                   may_say="being started already")) as line:
        exchange(path, "#!/bin/sh\necho $$ >$0.pid\nexec sleep 1000\n")
        line.ask()
        wait_until(lambda: os.path.exists(path + ".pid") and os.path.getsize(path + ".pid"))
        line.ask()
        wait_until(lambda: "being started already\n" in line.said())
        with connect(line.address) as client:
            client.send(b"a")
            equal(client.recv(16), b"a")
        os.kill(line.pid, number)
        equal(line.wait(line.pid), 0)
        with open(path + ".pid", encoding="ascii") as file:
            assert not is_alive(int(file.read()))
        assert not os.path.exists(f"{handler_test.directory}/s")


@test
def all_of_its_sockets_are_handed_over_those_that_it_was_passed_too():
    with listening("tcp://127.0.0.1:0") as one, listening("unix:{directory}/s") as two:
        sockets = [one, two]
        with Manager() as manager, Line(Passed(
                sockets, "echo", "fd:web", "fd:4", "udp://127.0.0.1:0", "--handover",
                names=["web", "local"], lines=2, environment=manager.environment)) as line:
            addresses = line.server.addresses
            equal(len(addresses), 3)
            for _ in range(2):
                equal(line.wait(line.hand_over()), 0)
                for address in addresses:
                    with connect(address) as client:
                        client.send(b"a")
                        equal(client.recv(16), b"a")
            with open(f"/proc/{line.pid}/environ", encoding="utf-8") as file:
                names = [entry.split("=")[0] for entry in file.read().split("\0")]
            assert "NOTIFY_SOCKET" in names and not any("LISTEN_" in name for name in names), names
            equal([name for name in os.listdir(handler_test.directory) if name == "s"], ["s"])
    assert os.path.exists(f"{handler_test.directory}/s")  # it is the manager's


@test
def all_that_was_passed_is_what_a_successor_serves_by_default():
    with listening("tcp://127.0.0.1:0") as one, listening("udp://127.0.0.1:0") as two:
        with Line(Passed([one, two], "echo", "--handover", names=["a", "a"])) as line:
            equal(line.wait(line.hand_over()), 0)
            for address in line.server.addresses:
                with connect(address) as client:
                    client.send(b"a")
                    equal(client.recv(16), b"a")


@test
def what_is_said_while_it_serves_goes_to_its_log():
    with start("echo", "tcp://127.0.0.1:0", "--log", "json", may_say=".") as line:
        old = line.ask()
        wait_until(lambda: "handed over to process" in line.said())
        event = json.loads(line.said().splitlines()[0])
        equal((event["pid"], event["level"]), (old, "warning"))
        line.pid, line.handed = int(event["message"].split()[-1]), 1
        equal(line.wait(old), 0)


@test
def the_manager_is_told_of_each_step_by_the_main_process():
    with Manager() as manager:
        environment = os.environ | manager.environment
        with start("echo", "tcp://127.0.0.1:0", env=environment) as line:
            equal(manager.hear(), (line.pid, {"READY": "1", "STATUS": "serving"}))
            old = line.hand_over()
            pid, notice = manager.hear()
            equal((pid, notice["RELOADING"]), (old, "1"))
            assert int(notice["MONOTONIC_USEC"]) > 0
            equal(manager.hear(), (old, {"MAINPID": str(line.pid)}))
            equal(manager.hear(), (line.pid, {"READY": "1", "STATUS": "serving"}))
            equal(line.wait(old), 0)
            line.stop()
            equal(manager.hear(), (line.pid, {"STOPPING": "1", "STATUS": "stopping"}))
            assert manager.hears_nothing()


@test
def the_pid_file_goes_along():
    path = f"{handler_test.directory}/pid"

    def number():
        with open(path, encoding="ascii") as file:
            return int(file.read())

    with start("echo", "tcp://127.0.0.1:0", "--pid-file", path) as line:
        equal(number(), line.pid)
        for _ in range(3):
            equal(line.wait(line.hand_over()), 0)
            equal(number(), line.pid)
            status, _, errors = run("serve", "echo", "tcp://127.0.0.1:0", "--pid-file", path)
            equal(status, 1)
            assert f"process {line.pid} serves" in errors, errors
        line.stop()
    assert not os.path.exists(path)


@for_each(("tcp://127.0.0.1:0", "unix:{directory}/stats"))
def stats_are_handed_over_too(address):
    address = address.format(directory=handler_test.directory)
    with start("echo", "tcp://127.0.0.1:0", env=os.environ | {"STATS": address},
               wrapper=("bash", "-c", 'exec "$@" --stats "$STATS"', "bash")) as line:
        where = line.server.readline().split()[2]
        for _ in range(2):
            equal(line.wait(line.hand_over()), 0)
            with connect(where) as client:
                client.send(b"text\n")
                assert b"echo" in receive_all(client)
    assert not os.path.exists(f"{handler_test.directory}/stats")


@test
def nobody_listens_to_the_successors_first_line():
    with start("echo", "tcp://127.0.0.1:0") as line:
        line.server.process.stdout.close()
        equal(line.wait(line.hand_over()), 0)
        with connect(line.address) as client:
            client.send(b"a")
            equal(client.recv(16), b"a")


@test
def without_the_option_a_hangup_ends_it():
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup has it ignored
    with Server("echo", "tcp://127.0.0.1:0") as server:
        server.process.send_signal(signal.SIGHUP)
        equal(server.wait(), -signal.SIGHUP)
        server.process.returncode = 0


@for_each((("console", "unix:{directory}/s"), ("echo", "tcp://127.0.0.1:0", "--requests", "3")))
def what_cannot_be_handed_over_says_so_at_the_start(arguments):
    status, _, errors = run("serve", *arguments, "--handover")
    equal(status, 2)
    assert "--handover" in errors and errors.count("\n") == 1, errors


main()
