"""The servers that others would pick: how each is built, from Debian's packages."""

import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
BUILT = os.path.join(ROOT, "build", "peers")

# The name, its source, Debian's package, what must be there, and the command with the libraries'
# flags last.
_BUILDS = (
    ("glib", "glib.c", "libglib2.0-dev", ["pkg-config", "--exists", "gio-2.0"],
     ["gcc", "-O2", "{source}", "-o", "{program}", "$gio-2.0"]),
    ("poco", "poco.cpp", "libpoco-dev", ["test", "-e", "/usr/include/Poco/Net/TCPServer.h"],
     ["g++", "-O2", "{source}", "-o", "{program}", "-lPocoNet", "-lPocoFoundation"]),
    ("asio", "asio.cpp", "libboost-dev", ["test", "-e", "/usr/include/boost/asio.hpp"],
     ["g++", "-O2", "-pthread", "{source}", "-o", "{program}"]),
    ("libuv", "libuv.c", "libuv1-dev", ["pkg-config", "--exists", "libuv"],
     ["gcc", "-O2", "{source}", "-o", "{program}", "$libuv"]),
    ("goroutine", "goroutine.go", "golang-go", ["go", "version"],
     ["go", "build", "-o", "{program}", "{source}"]),
)


def _works(command):
    return bool(shutil.which(command[0])) and subprocess.run(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def _flags(package):
    return subprocess.run(["pkg-config", "--cflags", "--libs", package], check=True, text=True,
                          stdout=subprocess.PIPE).stdout.split()


def _command(template, **names):
    words = []
    for word in template:
        words += _flags(word[1:]) if word[0] == "$" else [word.format(**names)]
    return words


def program(name):
    return os.path.join(BUILT, name)


def build():
    """Builds those whose libraries are there. The names of those that can be run."""
    os.makedirs(BUILT, exist_ok=True)
    there = {"cpython"}
    for name, file, package, probe, template in _BUILDS:
        source, target = os.path.join(HERE, "peers", file), program(name)
        if not _works(probe):
            print(f"bench: left out: {name}: no {package} (./dev bench --peers)", file=sys.stderr)
            continue
        if not os.path.exists(target) or os.path.getmtime(target) < os.path.getmtime(source):
            subprocess.run(_command(template, source=source, program=target), check=True,
                           env={"HOME": BUILT, **os.environ})
        there.add(name)
    return there
