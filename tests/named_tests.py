"""What documents say in backticks, and which tests there are: "file: name", or a file alone, with
its ending."""

import os
import re

NAMES = {".c": r"START_TEST\((\w+)\)", ".py": r"^@(?:test|for_each\(.*?\))\n(?:def) (\w+)"}


def symbols_in(text):
    """All that stands in backticks, outside of the code blocks."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.S | re.M)
    return re.findall(r"`([^`\n]+)`", text)


def is_test(symbol):
    """Whether it is meant to be one."""
    return re.fullmatch(r"test_\w+: .*|\w+\.(sh|py)|test_\w+\.c", symbol) is not None


def tests_in(directory):
    """All tests of a directory."""
    found = set()
    for name in os.listdir(directory):
        base, kind = os.path.splitext(name)
        if kind in (".sh", ".py", ".c"):
            found.add(name)
        if base.startswith("test_") and kind in NAMES:
            with open(os.path.join(directory, name), encoding="utf-8") as file:
                tests = re.findall(NAMES[kind], file.read(), flags=re.S | re.M)
            found |= {f"{base}: {test}" for test in tests}
    return found


def wrong_tests(symbols, directory):
    """What is wrong with the tests among them."""
    named = [s for s in symbols if is_test(s)]
    if not named:
        return ["it names no test"]
    known = tests_in(directory)
    return [f"no such test: {name}" for name in named if name not in known]
