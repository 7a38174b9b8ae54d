#!/usr/bin/env python3
"""Prints a program that stands in a document: code_block.py README.md NAME

It is the ```c block that follows the line <!-- code: NAME -->.
"""
import sys


def code_block(text, name):
    """The lines of the block, or None where there is none."""
    lines = iter(text.splitlines(keepends=True))
    for line in lines:
        if line.strip() == f"<!-- code: {name} -->":
            break
    first = next((line for line in lines if line.strip()), "")
    if first.strip() != "```c":
        return None
    block = []
    for line in lines:
        if line.strip() == "```":
            return block
        block.append(line)
    return None


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: code_block.py DOCUMENT NAME")
    document, name = sys.argv[1:]
    with open(document, encoding="utf-8") as file:
        block = code_block(file.read(), name)
    if block is None:
        sys.exit(f"{document}: no ```c block behind a line <!-- code: {name} -->")
    sys.stdout.writelines(block)


if __name__ == "__main__":
    main()
