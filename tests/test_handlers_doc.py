#!/usr/bin/env python3
"""docs/handlers.md says which files belong to each handler.

test_handlers_doc.py DOCUMENT HANDLERS_DIRECTORY

Its line "Source: ..." has what the handler's file includes, and what that includes, and so on.
"""
import os
import re
import sys


def sources_in(text):
    """The files of each section that names some."""
    return {name: re.findall(r"`handlers/(\w+)\.c`", line)
            for name, line in re.findall(r"^## (\w+)\n\n(Source: .*(?:\n.+)*)", text, flags=re.M)}


class Directory:
    """Its files without their endings, and which headers of its own each includes."""

    def __init__(self, path):
        self.includes = {}
        for name in os.listdir(path):
            with open(os.path.join(path, name), encoding="utf-8") as file:
                self.includes[name] = re.findall(r'^#include "(\w+)\.h"', file.read(), flags=re.M)

    def handlers(self):
        """Those who include the list of them."""
        return sorted(name[:-2] for name, included in self.includes.items()
                      if "handlers" in included)

    def _reached_from(self, name):
        """What it includes; and what is in a file without a header, of the header it is about."""
        for ending in (".c", ".h"):
            yield from self.includes.get(name + ending, ())
        for other, included in self.includes.items():
            if other.endswith(".c") and other[:-2] + ".h" not in self.includes \
                    and included[:1] == [name] and other[:-2] not in self.handlers():
                yield other[:-2]

    def files_of(self, handler):
        found, left = set(), [handler]
        while left:
            name = left.pop()
            if name not in found and name != "handlers":
                found.add(name)
                left += self._reached_from(name)
        return [name for name in sorted(found) if name + ".c" in self.includes]


def faults(text, directory):
    said, there = sources_in(text), directory.handlers()
    return [f"{name}: the document has {said.get(name)}, there are {directory.files_of(name)}"
            for name in there if sorted(said.get(name, ())) != directory.files_of(name)] + [
                f"no handler: {name}" for name in said if name not in there]


def main():
    if len(sys.argv) != 3:
        sys.exit(f"usage: {sys.argv[0]} DOCUMENT HANDLERS_DIRECTORY")
    with open(sys.argv[1], encoding="utf-8") as file:
        text = file.read()
    found = faults(text, Directory(sys.argv[2]))
    print("\n".join(found) or f"the files of {len(sources_in(text))} handlers")
    sys.exit(1 if found else 0)


main()
