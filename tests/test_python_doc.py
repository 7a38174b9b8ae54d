#!/usr/bin/env python3
"""docs/python.md says what is so.

test_python_doc.py DOCUMENT LIBRARY INCLUDE_DIRECTORY TEST_DIRECTORY

What of ours it names exists: functions and objects are declared in the headers and exported by the
library, struct members compile, tests are there. And its tables have every class, attribute and
method that Python's own module has.
"""
from named_tests import symbols_in, wrong_tests
import os
import re
import socketserver
import subprocess
import sys

# What Python's classes make in their constructors, which a class does not show.
INSTANCE_ATTRIBUTES = {
    "BaseServer": ["server_address", "RequestHandlerClass", "socket"],
    "BaseRequestHandler": ["request", "client_address", "server"],
    "StreamRequestHandler": ["connection", "rfile", "wfile"],
    "DatagramRequestHandler": ["packet", "socket", "rfile", "wfile"],
}
# Of the classes that a platform or an older Python may lack.
CLASSES = [
    f"{mode}{transport}Server"
    for mode in ("", "Forking", "Threading")
    for transport in ("TCP", "UDP", "UnixStream", "UnixDatagram")
]


def first_cells(text):
    """The first cell of each row of each table whose first column is headed Python."""
    cells, inside = [], False
    for line in text.splitlines():
        columns = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|"):
            inside = False
        elif columns[0] == "Python":
            inside = True
        elif inside:
            cells.append(columns[0])
    return cells


def python_names():
    """What Python's module has, as Class or Class.member."""
    names = set(CLASSES) | set(socketserver.__all__)
    for name in socketserver.__all__:
        members = [m for m in vars(getattr(socketserver, name)) if not m.startswith("_")]
        names |= {f"{name}.{m}" for m in members + INSTANCE_ATTRIBUTES.get(name, [])}
    return names | {"BaseServer.__init__", "BaseServer.__enter__", "BaseServer.__exit__"}


def missing_in_tables(text):
    named = {name.removesuffix("()") for cell in first_cells(text) for name in symbols_in(cell)}
    return [f"no row for Python's {name}" for name in sorted(python_names() - named)]


def undeclared(symbols, include):
    """Which of them the headers do not declare."""
    first = 3  # each symbol has a line of its own
    lines = ["#include <socketserver/socketserver.h>", ""]
    lines += [f"int f{i}(void) {{ return sizeof({expression(s)}) > 0; }}"
              for i, s in enumerate(symbols)]
    run = subprocess.run(
        [os.environ.get("CC", "cc"), "-std=c11", "-D_GNU_SOURCE", "-fsyntax-only",
         "-I", include, "-xc", "-"],
        input="\n".join(lines) + "\n", stderr=subprocess.PIPE, text=True, check=False)
    wrong = sorted({int(n) - first for n in re.findall(r"<stdin>:(\d+):.*error:", run.stderr)})
    if run.returncode != 0 and not wrong:
        sys.exit(run.stderr)
    return [symbols[i] for i in wrong]


def expression(symbol):
    """What compiles exactly where the headers have the symbol; None for what is not ours."""
    member = re.fullmatch(r"(struct ssv_\w+)((?:\.\w+)+)", symbol)
    if member:
        return f"((({member[1]} *)0)->{member[2][1:]})"
    if re.fullmatch(r"(struct|enum) ssv_\w+|SSV_\w+", symbol):
        return symbol
    if re.fullmatch(r"ssv_\w+(\(\))?", symbol):
        return f"&{symbol.removesuffix('()')}"
    return None


def exported(library):
    run = subprocess.run(["nm", "-D", "--defined-only", library], stdout=subprocess.PIPE,
                         text=True, check=True)
    return {line.split()[-1] for line in run.stdout.splitlines()}


def wrong_symbols(symbols, library, include):
    ours = sorted({s for s in symbols if expression(s)})
    if not ours:
        return ["it names nothing of ours"]
    wrong = [f"not in the headers: {s}" for s in undeclared(ours, include)]
    in_library = exported(library)
    names = [s.removesuffix("()") for s in ours if s.startswith("ssv_")]
    return wrong + [f"not exported: {name}" for name in names if name not in in_library]


def faults(text, library, include, directory):
    symbols = symbols_in(text)
    return (wrong_symbols(symbols, library, include) + wrong_tests(symbols, directory)
            + missing_in_tables(text))


def unnoticed(text, arguments):
    """The test of this test: each of these must be found out."""
    broken = {
        "an unknown function": text + "`ssv_server_serve_for_now()`\n",
        "an unknown object": text + "`ssv_carrier_pigeon_handler`\n",
        "an unknown struct": text + "`struct ssv_carrier_pigeon_server`\n",
        "an unknown member": text + "`struct ssv_tcp_server.request_queue_sizes`\n",
        "a member's unknown member": text + "`struct ssv_server.limits.patience`\n",
        "an unknown macro": text + "`SSV_ENTRANCE`\n",
        "an unknown test": text + "`test_parity: everything_is_well`\n",
        "a row that is gone": text.replace("| `UDPServer.max_packet_size` |", "| |"),
        "a class that is gone": text.replace("| `ForkingUDPServer` |", "| |"),
        "a method that is gone": text.replace("`BaseServer.handle_timeout()`", "none"),
        "an empty document": "",
    }
    return [f"this was not noticed: {what}" for what, changed in broken.items()
            if not faults(changed, *arguments)]


def main():
    if len(sys.argv) != 5:
        sys.exit(f"usage: {sys.argv[0]} DOCUMENT LIBRARY INCLUDE_DIRECTORY TEST_DIRECTORY")
    with open(sys.argv[1], encoding="utf-8") as file:
        text = file.read()
    found = faults(text, *sys.argv[2:])
    if not found:
        found = unnoticed(text, sys.argv[2:])
    print("\n".join(found) or f"{len(set(filter(expression, symbols_in(text))))} symbols of ours,"
          f" {len(python_names())} of Python's: all there")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
