"""The transcripts in the documentation, replayed: test_transcripts.py DOCUMENT...

A transcript is a block fenced as ```console, and is replayed in a fresh folder, in which lie the
files that the document has shown so far (code_block.py). What it compiles, it compiles against the
library of this tree, and a warning is an error:

    $ COMMAND       is run by bash until it ends; the lines that follow are what it prints
    $ COMMAND &     is started, and goes on; it is a server, and its "listening on" line follows
    NAME$ COMMAND   is started, and goes on, at a terminal of that name
    NAME> TEXT      is typed there; without a TEXT nothing is: what follows is printed there now

What goes on may print between the lines of others, as on a terminal that they share. Whatever is
printed must be in the transcript. At the end of the block what is typed at the terminals ends, then
the servers get a SIGTERM; all must end with status 0. Of each `127.0.0.1` in a command another
loopback address is made, which nobody else uses. Times, process ids and port numbers may be any.
"""

from concurrent.futures import ThreadPoolExecutor
from code_block import code_blocks
from handler_test import PATIENCE, PROGRAM, equal, for_each, main, test
import handler_test
import os
import queue
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

PROMPT = re.compile(r"(?:(\w+)|)([$>])(?: (.*)|)")
DAY, MONTH = "Mon|Tue|Wed|Thu|Fri|Sat|Sun", "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
ANY = (  # what stands for what may be any
    (r"\r$", ""),  # a terminal does not show it
    (rf"({DAY}) ({MONTH}) [ \d]\d \d\d:\d\d:\d\d \d{{4}}\b", "CTIME"),
    (r"\b\d{4}-\d\d-\d\d\b", "DATE"),
    (r"\b\d\d:\d\d:\d\d\b", "TIME"),
    (r"\bunix:\d+\b", "unix:PID"),
    (r"\bprocess \d+\b", "process PID"),
    (r"\bpid([ =:]+)\d+\b", r"pid\1PID"),
    (r"\b127\.\d+\.\d+\.\d+\b", "127.0.0.1"),
    (r"(\b127\.0\.0\.1|\[::1\]):\d+\b", r"\1:PORT"),
)


class Wrong(AssertionError):
    """The transcript is not what happens."""


class Step:
    """A prompt, what is typed there, and the lines that follow."""

    def __init__(self, name, sign, text):
        self.name, self.text, self.output = name, text or "", []
        self.is_typing = sign == ">"
        self.is_server = not name and self.text.endswith(" &")


class Block:
    def __init__(self, name, files):
        self.name, self.files, self.steps = name, files, []

    def __str__(self):
        return self.name

    def compiles(self):
        return any(step.text.startswith("cc ") for step in self.steps)

    def add(self, line):
        prompt = PROMPT.fullmatch(line)
        if prompt and (prompt[1] or prompt[2] == "$"):
            self.steps.append(Step(*prompt.groups()))
        elif self.steps:
            self.steps[-1].output.append(line)
        else:
            raise Wrong(f"{self.name}: it begins with no prompt, but: {line}")


def blocks_in(text, document):
    blocks, files = [], {}
    for code in code_blocks(text):
        files = code.write(files)
        if code.language == "console":
            block = Block(f"{document}:{code.number}", files)
            for line in code.lines:
                block.add(line)
            blocks.append(block)
    return blocks


def normal(line):
    for found, stands_for_it in ANY:
        line = re.sub(found, stands_for_it, line)
    return line


def write(folder, files, mode=0o644):
    for name, text in files.items():
        with open(os.open(f"{folder}/{name}", os.O_WRONLY | os.O_CREAT, mode), "w",
                  encoding="utf-8") as file:
            file.write(text)


# What a user has installed is found in the build directory.
BUILD = os.path.dirname(os.path.dirname(PROGRAM))
INSTALLED = {
    "PKG_CONFIG_PATH": f"{BUILD}/meson-uninstalled",
    "LD_LIBRARY_PATH": f"{BUILD}/src",
}
STRICT_CC = """#!/bin/sh
PATH=${PATH#*:}
exec cc -Wall -Wextra -Werror "$@"
"""


class Command:
    """What bash runs, in a session of its own; its output comes by lines."""

    def __init__(self, command, folder, **settings):
        path = ":".join((f"{folder}/bin", os.path.dirname(PROGRAM), os.environ["PATH"]))
        self.command, self.head, self._lines = command, None, queue.Queue()
        self.process = subprocess.Popen(
            ["bash", "-c", command], cwd=folder, start_new_session=True,
            env=os.environ | INSTALLED | {"PATH": path}, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, **({"stdin": subprocess.DEVNULL} | settings))
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self._lines.put(line.decode(errors="replace").rstrip("\n"))

    def next_is(self, line):
        """Whether the line is the next that it printed and that was not asked for yet. Takes it."""
        if self.head is None and not self._lines.empty():
            self.head = self._lines.get()
        if self.head is None or normal(self.head) != normal(line):
            return False
        self.head = None
        return True

    def rest(self):
        """The lines that were not asked for; once it has ended, all of them."""
        rest = [] if self.head is None else [self.head]
        while not self._lines.empty():
            rest.append(self._lines.get())
        return rest

    def type(self, text):
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()

    def wait(self, patience):
        try:
            status = self.process.wait(patience)
        except subprocess.TimeoutExpired:
            raise Wrong(f"it does not end: {self.command}") from None
        self._reader.join(patience)
        if self._reader.is_alive():
            raise Wrong(f"something of it goes on: {self.command}")
        return status

    def _running(self):
        """What bash runs, or has become."""
        children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.process.pid)],
                                  stdout=subprocess.PIPE, check=False).stdout.split()
        return list(map(int, children)) or [self.process.pid]

    def terminate(self):
        for pid in self._running():
            try:
                os.kill(pid, signal.SIGTERM)
            except ProcessLookupError:
                pass

    def kill(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self._reader.join()
        self.process.stdout.close()


class Replay:
    def __init__(self, block, patience):
        self.block, self.patience = block, patience
        self.servers, self.terminals = [], {}
        self.folder = tempfile.mkdtemp(dir=handler_test.directory)
        write(self.folder, block.files)
        os.mkdir(f"{self.folder}/bin")
        write(f"{self.folder}/bin", {"cc": STRICT_CC}, 0o755)
        self.address = ".".join(map(str, [127] + [random.randint(1, 254) for _ in range(3)]))

    def run(self):
        """Raises Wrong where the transcript is."""
        try:
            for step in self.block.steps:
                self._step(step)
            self._end()
        finally:
            for command in self._going_on():
                command.kill()

    def _going_on(self):
        return self.servers + list(self.terminals.values())

    def _start(self, text, **settings):
        return Command(text.replace("127.0.0.1", self.address), self.folder, **settings)

    def _step(self, step):
        if step.is_typing or step.name:
            self._at_terminal(step)
        elif step.is_server:
            self.servers.append(self._start(step.text.removesuffix(" &")))
            if not any(line.startswith("listening on ") for line in step.output):
                raise Wrong(f'it does not show "listening on": {step.text}')
            self._expect(step)
        else:
            self._run_to_its_end(step)

    def _at_terminal(self, step):
        if not step.is_typing:
            if step.name in self.terminals:
                raise Wrong(f"the terminal is in use: {step.name}$ {step.text}")
            self.terminals[step.name] = self._start(step.text, stdin=subprocess.PIPE)
        elif step.name not in self.terminals:
            raise Wrong(f"nothing runs at that terminal: {step.name}> {step.text}")
        elif step.text:
            self.terminals[step.name].type(step.text)
        self._expect(step, self.terminals[step.name])

    def _run_to_its_end(self, step):
        command = self._start(step.text)
        try:
            command.wait(PATIENCE)
            self._expect(step, command)
            if rest := command.rest():
                raise Wrong(f"{step.text}: printed, but not in the transcript: {rest}")
        finally:
            command.kill()

    def _expect(self, step, *own):
        """Each line that follows is printed, by what is run or by a server."""
        for line in step.output:
            end = time.monotonic() + self.patience
            while not any(command.next_is(line) for command in (*own, *self.servers)):
                if time.monotonic() > end:
                    waiting = [command.rest() for command in (*own, *self.servers)]
                    raise Wrong(f"{step.text}: not printed: {line!r}, but: {waiting}")
                time.sleep(0.002)

    def _end(self):
        for terminal in self.terminals.values():
            terminal.process.stdin.close()
            self._check_end(terminal)
        for server in self.servers:
            server.terminate()
            self._check_end(server)

    def _check_end(self, command):
        status = command.wait(PATIENCE)
        if status != 0:
            raise Wrong(f"it ended with status {status}: {command.command}: {command.rest()}")
        if rest := command.rest():
            raise Wrong(f"{command.command}: printed, but not in the transcript: {rest}")


def replay(text, patience):
    blocks = blocks_in(text, "this one")
    assert blocks, "no transcript"
    for block in blocks:
        Replay(block, patience).run()


def read(document):
    with open(document, encoding="utf-8") as file:
        return blocks_in(file.read(), os.path.basename(document))


# --- what the documents say ---

DOCUMENTS = [read(document) for document in sys.argv[1:]]
# Nobody installs a library that is built for a sanitizer.
BLOCKS = [block for block in sum(DOCUMENTS, [])
          if not (os.environ.get("SANITIZED") and block.compiles())]


@for_each(BLOCKS)
def a_transcript_is_what_happens(block):
    Replay(block, PATIENCE).run()


@test
def each_server_of_a_document_has_a_socket_file_of_its_own():
    """So its transcripts can be typed one after the other in one folder."""
    for blocks in DOCUMENTS:
        found = [path for block in blocks for step in block.steps if step.is_server
                 for path in re.findall(r" unix(?:gram)?:(\S+)", step.text)]
        equal(sorted(found), sorted(set(found)))


@test
def there_are_transcripts():
    assert BLOCKS, "none in " + ", ".join(sys.argv[1:])


# --- and that they would be found wrong ---

GOOD = """
```console
$ socketserver serve upper unix:upper.sock &
listening on unix:upper.sock (sync)
$ socketserver serve echo tcp://127.0.0.1:9999 udp://127.0.0.1:0 &
listening on tcp://127.0.0.1:9999 (sync)
listening on udp://127.0.0.1:4711 (sync)
$ printf 'hello\\nworld' | socketserver talk unix:upper.sock; date '+%a %b %e %H:%M:%S %Y'
HELLO
WORLDSat Nov 21 01:33:14 2026
$ printf hello | socketserver talk tcp://127.0.0.1:9999
hello
$ socketserver talk unix:n.sock
socketserver: nobody listens: unix:n.sock: start a server with: socketserver serve echo unix:n.sock
me$ socketserver talk tcp://127.0.0.1:9999
you$ socketserver talk unix:upper.sock
me> one
one
you> two
TWO
you> three
me> four
four
you>
THREE
$ true
```
"""

# What is done to it, by replacing the first with the second; and how that is noticed.
WRONG = {
    "other output": ("\nHELLO\n", "\nHELLo\n", "not printed: 'HELLo'"),
    "output that is missing": ("\nHELLO\n", "\n", "not printed: 'WORLD"),
    "output too much": ("\nHELLO\n", "\nHELLO\nHELLO\n", "not printed: 'HELLO'"),
    "output where there is none": ("$ true\n", "$ true\ntrue\n", "not printed: 'true'"),
    "no output where there is one": ("$ true\n", "$ echo\n", "not in the transcript: ['']"),
    "another end of the output": ("WORLDSat", "WORLD\nSat", "not printed: 'WORLD'"),
    "no time": ("Nov 21 01:33:14 2026", "Nov 21 01:33 2026", "not printed: 'WORLDSat"),
    "another address": (
        "upper.sock (sync)", "other.sock (sync)", "not printed: 'listening on unix:other.sock"),
    "another mode": ("upper.sock (sync)", "upper.sock (threading)", "not printed: 'listening"),
    "a server that is not waited for": (
        "listening on unix:upper.sock (sync)\n", "", 'does not show "listening on"'),
    "an address too few": (
        "listening on udp://127.0.0.1:4711 (sync)\n", "", "not in the transcript: ['listening"),
    "an address too many": (
        "listening on unix:upper.sock (sync)\n", "listening on unix:upper.sock (sync)\n" * 2,
        "not printed: 'listening on unix"),
    "a server that does not start": ("serve upper", "serve uper", "not printed: 'listening on"),
    "a server that ends badly": (
        "$ socketserver serve upper", "$ ! socketserver serve upper", "status 1: ! socketserver"),
    "a server that says more": (
        "$ socketserver serve upper", "$ echo more; exec socketserver serve upper",
        "not printed: 'listening on"),
    "output of another": ("\nyou> two\nTWO\n", "\nme> two\nTWO\n", "not printed: 'TWO'"),
    "output too early": ("one\nyou> two\nTWO\n", "TWO\nyou> two\none\n", "not printed: 'TWO'"),
    "a terminal's output that is missing": (
        "\nyou>\nTHREE\n", "\n", "not in the transcript: ['THREE']"),
    "a terminal where nothing runs": ("\nme> one\n", "\nhim> one\n", "nothing runs at that"),
    "a terminal that is in use": ("you$ socketserver", "me$ socketserver", "terminal is in use"),
    "a terminal that ends badly": (
        "me$ socketserver", "me$ ! socketserver", "status 1: ! socketserver"),
    "a command that is not there": ("$ true", "$ treu", "not in the transcript: ['bash"),
    "no prompt": ("```console\n", "```console\nhello\n", "begins with no prompt"),
    "no transcript": ("```console", "```", "no transcript"),
}


@test
def a_good_transcript_is_found_good():
    replay(GOOD, PATIENCE)


def how_it_is_noticed(what):
    before, after, _ = WRONG[what]
    assert GOOD.count(before) == 1, f"{what}: {before!r} is there {GOOD.count(before)} times"
    try:
        replay(GOOD.replace(before, after), PATIENCE / 4)
    except AssertionError as wrong:
        return str(wrong)
    return "not at all"


@test
def a_wrong_transcript_is_noticed():
    """Side by side, since most of them wait for what does not come."""
    with ThreadPoolExecutor(8) as pool:
        said = dict(zip(WRONG, pool.map(how_it_is_noticed, WRONG)))
    equal({what: said[what] for what in WRONG if WRONG[what][2] not in said[what]}, {})


del sys.argv[1:]
main()
