#!/usr/bin/env python3
"""docs/reliability.md says what is so.

test_reliability_doc.py DOCUMENT TEST_DIRECTORY

Its catalogue has all faults, each once and in order; each row names tests that there are, or says
why it does not apply.
"""
from named_tests import is_test, symbols_in, wrong_tests
import re
import sys

FAULTS = 124


def rows_of(text):
    """Number, and what proves it, of each row of the catalogue."""
    return [(int(number), proof)
            for number, proof in re.findall(r"^\| (\d+) \|.*\| ([^|]*) \|$", text, flags=re.M)]


def wrong_rows(text):
    rows = rows_of(text)
    wrong = [] if [n for n, _ in rows] == list(range(1, FAULTS + 1)) else ["not each fault once"]
    for number, proof in rows:
        if not any(map(is_test, symbols_in(proof))) and not re.match(r"none: ", proof):
            wrong.append(f"neither a test nor a reason: {number}")
    return wrong


def faults(text, directory):
    return wrong_rows(text) + wrong_tests(symbols_in(text), directory)


def unnoticed(text, directory):
    """The test of this test: each of these must be found out."""
    broken = {
        "an unknown test": text + "`test_parity: everything_is_well`\n",
        "an unknown test in Python": text + "`test_hostile: everybody_is_nice`\n",
        "an unknown script": text + "`test_wishes.sh`\n",
        "a row that is gone": text.replace("| 77 |", "| |"),
        "a row without a proof": re.sub(r"(^\| 77 \|.*)\| [^|]* \|$", r"\1| well |", text,
                                        flags=re.M),
        "an empty document": "",
    }
    return [f"this was not noticed: {what}" for what, changed in broken.items()
            if not faults(changed, directory)]


def main():
    if len(sys.argv) != 3:
        sys.exit(f"usage: {sys.argv[0]} DOCUMENT TEST_DIRECTORY")
    with open(sys.argv[1], encoding="utf-8") as file:
        text = file.read()
    found = faults(text, sys.argv[2]) or unnoticed(text, sys.argv[2])
    none = sum(proof.startswith("none: ") for _, proof in rows_of(text))
    print("\n".join(found) or f"{FAULTS} faults: {FAULTS - none} with tests, {none} that do"
          " not apply")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
