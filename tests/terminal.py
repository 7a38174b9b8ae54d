"""A program on a terminal of its own, and what is to be seen there: enough of a VT100 for a prompt
and a line that is edited. For a server that just prints on one there is handler_test's
Server(terminal=True)."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

from handler_test import PATIENCE, PROGRAM

_PIECE = re.compile(r"\x1b\[[?]?([0-9;]*)([A-Za-z@])|\x1b[=>()][B0]?|(.)", re.S)


class Screen:
    """Rows of text, as long as they are needed; nothing scrolls."""

    def __init__(self, columns):
        self.columns = columns
        self.rows, self.row, self.column = [[]], 0, 0
        self._left = b""

    def show(self, data):
        text, self._left = _whole(self._left + data)
        for piece in _PIECE.finditer(text):
            if piece[2]:
                self._command(piece[2], int(piece[1].split(";")[0] or 0))
            elif piece[3]:
                self._character(piece[3])

    def lines(self):
        """What is to be seen, without the spaces at the ends of lines."""
        return ["".join(row).rstrip() for row in self.rows]

    def _go(self, row, column):
        self.row, self.column = max(row, 0), max(column, 0)
        while len(self.rows) <= self.row:
            self.rows.append([])

    def _character(self, c):
        if c == "\r":
            self.column = 0
        elif c == "\n":
            self._go(self.row + 1, self.column)
        elif c == "\b":
            self._go(self.row, self.column - 1)
        elif c == "\t":
            self.column = self.column // 8 * 8 + 8
        elif c >= " ":
            self._put(c)

    def _put(self, c):
        if self.column == self.columns:  # the wrap that a VT100 puts off
            self._go(self.row + 1, 0)
        row = self.rows[self.row]
        row += " " * (self.column + 1 - len(row))
        row[self.column] = c
        self.column += 1

    def _command(self, name, n):
        row = self.rows[self.row]
        if name in "ABCD":
            down, right = {"A": (-1, 0), "B": (1, 0), "C": (0, 1), "D": (0, -1)}[name]
            n = n or 1
            self._go(self.row + down * n, min(self.column, self.columns - 1) + right * n)
        elif name == "H" and n == 0:
            self._go(0, 0)
        elif name == "G":
            self.column = max(n, 1) - 1
        elif name in "KJ" and n == 0:
            del row[self.column:]
            if name == "J":
                del self.rows[self.row + 1:]
        elif name == "P":
            del row[self.column:self.column + max(n, 1)]
        elif name == "@":
            row[self.column:self.column] = " " * max(n, 1)
        elif name not in "mhl":
            raise AssertionError(f"the terminal was sent what it does not know: CSI {n} {name}")


def _whole(data):
    """As text, and what may be the beginning of something longer."""
    cut = re.search(rb"(\x1b(\[[?]?[0-9;]*)?|[\xc0-\xff][\x80-\xbf]*)\Z", data)
    end = cut.start() if cut else len(data)
    try:
        return data.decode(), b""
    except UnicodeDecodeError:
        return data[:end].decode(errors="replace"), data[end:]


def _log_in(slave):
    """As whoever sits there: also where the tests were started with signals ignored."""
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)


class Terminal:
    """Our program with these arguments, on a terminal; or a `script` of bash, with them after the
    program as $0. Whatever of `settings` is given goes elsewhere: stdin, stdout, stderr."""

    def __init__(self, *arguments, columns=80, term="vt100", locale="C.UTF-8", script=None,
                 **settings):
        self.master, slave = pty.openpty()
        self.screen = Screen(columns)
        self.resize(columns)
        self.raw = b""
        self.modes = termios.tcgetattr(slave)
        standard = {name: slave for name in ("stdin", "stdout", "stderr")}
        environment = os.environ | {"TERM": term, "LC_ALL": locale, "HOME": "/nonexistent"}
        command = ["bash", "-c", script, PROGRAM] if script else [PROGRAM]
        self.process = subprocess.Popen(
            [*command, *arguments], env=environment, start_new_session=True,
            preexec_fn=lambda: _log_in(slave), **(standard | settings))
        self.slave = slave  # kept open, so that its modes may be looked at in the end

    def resize(self, columns):
        """As its user does it: whoever is in the foreground is told. What is shown stays."""
        self.screen.columns = columns
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def type(self, keys):
        os.write(self.master, keys.encode() if isinstance(keys, str) else keys)

    def _read(self, wait):
        if not select.select([self.master], [], [], wait)[0]:
            return False
        data = os.read(self.master, 65536)
        self.raw += data
        self.screen.show(data)
        return True

    def sees(self, *expected):
        """Waits until the lines that are to be seen are these."""
        end = time.monotonic() + PATIENCE
        while self.screen.lines() != list(expected):
            left = end - time.monotonic()
            assert left > 0, (f"\n  seen:     {self.screen.lines()}\n  expected: {list(expected)}"
                              f"\n  bytes:    {self.raw!r}")
            self._read(left)

    def look(self):
        """Waits for something more to be shown, but not for ever."""
        assert self._read(PATIENCE), f"nothing more is shown: {self.screen.lines()}"

    def wait(self):
        """Its exit status, or minus the signal, and all that it has shown."""
        end = time.monotonic() + PATIENCE
        while self.process.poll() is None:
            assert time.monotonic() < end, f"it has not ended: {self.screen.lines()}"
            self._read(0.01)
        while self._read(0):
            pass
        return self.process.returncode

    def is_as_before(self):
        """Whether the modes of the terminal are those that the program found."""
        return termios.tcgetattr(self.slave) == self.modes

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.slave)
        os.close(self.master)
