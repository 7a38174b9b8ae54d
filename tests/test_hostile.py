"""Good clients beside hostile ones, in every mode: each good one is served, every byte right, and
in the end nothing is left of the others. SSV_LONG=1 in the environment: for a minute."""

from handler_test import MODES, PATIENCE, Server, connect, equal, main, test, wait_until
import collections
import concurrent.futures
import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import time

# A child that was not let run when its time was over.
KILLED = "a child is killed at its deadline"
SECONDS = 60 if os.environ.get("SSV_LONG") else 5
# A connection may last so long: on a synchronous server the others wait for it meanwhile.
LIMITS = {"sync": ("--timeout", "0.2", "--deadline", "0.4"),
          "threading": ("--timeout", "0.5", "--deadline", "1"),
          "forking": ("--timeout", "0.5", "--deadline", "1")}
GOOD = {"sync": ("-c", "4"), "threading": ("-c", "16", "--rate", "100"),
        "forking": ("-c", "16", "--rate", "100")}


def until_cut(client):
    """Until the server has ended the connection: it does so though it gets nothing, or too much."""
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        while client.recv(65536):
            pass


def dribble(client):
    """A byte now and then, before the idle time is over each time: it is the deadline that ends
    it."""
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        while True:
            client.send(b"x")
            time.sleep(0.05)
    return True


def be_silent(client):
    until_cut(client)
    return True


def reset(client):
    client.sendall(b"something")
    client.recv(1)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return True


def never_read(client):
    """Sends until nobody takes it any more, for all is echoed."""
    sent = 0
    client.settimeout(5)
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        while True:
            sent += client.send(bytes(65536))
    return sent > 65536


def send_an_endless_line(client):
    sent = 0
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        while True:
            sent += client.send(b"a" * 4096)
            time.sleep(0.001)
    return sent > 65536


def half_close(client):
    """Not hostile at all: it gets its reply."""
    client.sendall(b"half")
    client.shutdown(socket.SHUT_WR)
    data = b""
    while piece := client.recv(1024):
        data += piece
    equal(data, b"half")
    return True


def send_urgently(client):
    """A byte out of band is none of the stream's."""
    client.sendall(b"ur")
    client.send(b"!", socket.MSG_OOB)
    client.sendall(b"gent")
    client.shutdown(socket.SHUT_WR)
    equal(b"".join(iter(lambda: client.recv(1024), b"")), b"urgent")
    return True


def scan(client):
    return True


def scan_with_reset(client):
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return True


ON_ECHO = (dribble, be_silent, reset, never_read, half_close, send_urgently, scan,
           scan_with_reset)
ON_CLOCK = (dribble, be_silent, send_an_endless_line, scan_with_reset)  # a handler of lines


def misbehave(address, how, end, done):
    """Again and again; counts how often it was to the end."""
    while time.monotonic() < end:
        with connect(address) as client:
            client.settimeout(6 * PATIENCE)
            done[how.__name__] += bool(how(client))
        time.sleep(0.02)


def ask_for_the_year(address, end, done):
    """The good client of the clock."""
    while time.monotonic() < end:
        with connect(address) as client:
            client.settimeout(6 * PATIENCE)
            client.sendall(b"%%Y\n")
            equal(client.recv(1024), b"%Y\n")
            done["good"] += 1
        time.sleep(0.005)


def ask_once(server):
    """It serves then, and has all that it needs for that."""
    with connect(server.address) as client:
        client.settimeout(6 * PATIENCE)
        client.sendall(b"%%\n")
        assert client.recv(1024)


def descriptors(server):
    return len(os.listdir(f"/proc/{server.pid}/fd"))


def children(server):
    with open(f"/proc/{server.pid}/task/{server.pid}/children") as file:
        return file.read().split()


def load(address, mode):
    command = [os.environ["LOAD"], "churn", address, "--json", "-s", str(SECONDS), "--timeout",
               str(6 * PATIENCE), *GOOD[mode]]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE).stdout)


def serve_both(mode):
    """What the hostile clients have done, and the good ones got."""
    done = {"echo": collections.Counter(), "clock": collections.Counter()}
    with Server("echo", "tcp://127.0.0.1:0", "--mode", mode, *LIMITS[mode],
                may_say=KILLED) as echo, \
            Server("clock", "unix:{directory}/" + mode, "--mode", mode, *LIMITS[mode],
                   may_say=KILLED) as clock:
        for server in echo, clock:
            ask_once(server)
        before = descriptors(echo), descriptors(clock)
        end = time.monotonic() + SECONDS
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            jobs = [pool.submit(misbehave, echo.address, how, end, done["echo"])
                    for how in ON_ECHO]
            jobs += [pool.submit(misbehave, clock.address, how, end, done["clock"])
                     for how in ON_CLOCK]
            jobs.append(pool.submit(ask_for_the_year, clock.address, end, done["clock"]))
            result = load(echo.address, mode)
            for job in jobs:
                job.result()
        wait_until(lambda: not children(echo) and not children(clock), "no children")
        wait_until(lambda: descriptors(echo) <= before[0] and descriptors(clock) <= before[1],
                   "as many descriptors as before")
    return done, result


@test
def good_clients_beside_hostile_ones_are_served_every_byte_right():
    signal.alarm(SECONDS + 12 * PATIENCE)
    with concurrent.futures.ThreadPoolExecutor(len(MODES)) as pool:
        results = dict(zip(MODES, pool.map(serve_both, MODES)))
    for mode, (done, result) in results.items():
        print(f"{mode}: {result['requests']} good, {dict(done['echo'])}, {dict(done['clock'])}")
        print(f"counted: {result['requests']} good requests")
        hostile = sum(done["echo"].values()) + sum(done["clock"].values())
        print(f"counted: {hostile} hostile clients")
        equal((result["lost"], result["corrupted"], result["surplus"], result["errors"]),
              (0, 0, 0, {}))
        assert result["requests"] >= SECONDS, (mode, result)
        for how in ON_ECHO:
            assert done["echo"][how.__name__] > 0, (mode, how)
        for how in ON_CLOCK:
            assert done["clock"][how.__name__] > 0, (mode, how)
        assert done["clock"]["good"] > 0, mode


main()
