"""What a server says of itself at its --stats address, and what each format promises."""

import json
import re

from handler_test import connect, receive_all

COUNTERS = ("accepted", "active", "refused", "failed", "timed_out", "hung_up", "bytes_read",
            "bytes_written")
_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"'
_SAMPLE = re.compile(rf"({_NAME})(?:\{{({_LABEL}(?:,{_LABEL})*)\}})? (\S+)")


def stats_address(server):
    """Where it says that it has its stats; after its other addresses."""
    found = re.fullmatch(r"stats on (\S+)\r?\n", server.readline())
    assert found, "no stats"
    return found[1]


def ask(address, question):
    """A question in a line, and all of the answer."""
    with connect(address) as client:
        client.sendall(question.encode() + b"\n")
        return receive_all(client)


def ask_json(address):
    return json.loads(ask(address, "json").decode())


def ask_http(address, request):
    """The status line, the headers, and the body."""
    with connect(address) as client:
        client.sendall(request.encode() + b"\r\nHost: localhost\r\n\r\n")
        head, body = receive_all(client).split(b"\r\n\r\n", 1)
    lines = head.decode().split("\r\n")
    return lines[0], dict(line.split(": ", 1) for line in lines[1:]), body


def parse_text(text):
    """Lines of words in pairs: a list of dictionaries."""
    rows = []
    for line in text.decode().splitlines():
        words = line.split(" ")
        assert len(words) % 2 == 0, f"words that are no pairs: {line!r}"
        rows.append(dict(zip(words[::2], words[1::2])))
    return rows


def _unescape(value):
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], value)


def parse_prometheus(text):
    """By the letter of its text format: {(name, labels): value}. HELP, TYPE and all samples of a
    metric stand together, and each is there once."""
    lines = text.decode().split("\n")
    assert lines.pop() == "", "the last line has no end"
    samples, types, current = {}, {}, None
    for line in lines:
        if line.startswith("# HELP "):
            current = re.fullmatch(rf"# HELP ({_NAME}) ((?:[^\\\n]|\\[\\n])+)", line)[1]
            assert current not in types, f"again: {line}"
        elif line.startswith("# TYPE "):
            name, kind = re.fullmatch(rf"# TYPE ({_NAME}) (counter|gauge)", line).groups()
            assert name == current, f"not behind its HELP: {line}"
            assert (kind == "counter") == name.endswith("_total"), line
            types[name] = kind
        else:
            found = _SAMPLE.fullmatch(line)
            assert found, f"no sample: {line!r}"
            assert found[1] == current and current in types, f"not behind its TYPE: {line}"
            labels = tuple((key, _unescape(value)) for key, value in
                           re.findall(_LABEL, found[2] or ""))
            assert (current, labels) not in samples, f"again: {line}"
            samples[current, labels] = float(found[found.re.groups])
    return samples
