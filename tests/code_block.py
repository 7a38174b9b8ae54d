#!/usr/bin/env python3
"""The code in a document: code_block.py README.md NAME prints the file that stands there.

A file is the block that follows the line <!-- code: NAME -->, and those that follow lines
<!-- more: NAME -->, one behind the other; with the changes made to it that stand behind lines
<!-- change: NAME -->: as diff(1) writes them, but for the line numbers. A document may show a file
more than once: what is printed is its last state.
"""
import re
import sys

MARK = re.compile(r"<!-- (\w+): (.*) -->")


class CodeBlock:
    """A fenced block; `mark` is what the comment in the line before it says, such as code: NAME."""

    def __init__(self, number, language, mark):
        self.number, self.language, self.mark, self.lines = number, language, mark, []

    @property
    def text(self):
        return "".join(line + "\n" for line in self.lines)

    @property
    def name(self):
        """Of the file that it is, or changes, or None."""
        kinds = ("code", "more", "change")
        return self.mark[1] if self.mark and self.mark[0] in kinds else None

    def write(self, files):
        """Those files, by name, with what this block is or changes."""
        if not self.name:
            return files
        if self.mark[0] == "code":
            return files | {self.name: self.text}
        if self.mark[0] == "more":
            return files | {self.name: files[self.name] + "\n" + self.text}
        return files | {self.name: changed(files[self.name], self)}


def changed(text, block):
    """Each part's old lines are there once, and become the new ones."""
    for part in block.text.split("@@\n"):
        lines = part.splitlines(keepends=True)
        old = "".join(line[1:] or line for line in lines if line[0] != "+")
        new = "".join(line[1:] or line for line in lines if line[0] != "-")
        if text.count(old) != 1:
            raise ValueError(f"line {block.number}: not once in {block.name}:\n{old}")
        text = text.replace(old, new)
    return text


def code_blocks(text):
    """All of them, in order."""
    blocks, block, mark = [], None, None
    for number, line in enumerate(text.splitlines(), 1):
        if block is not None and line.strip() == "```":
            blocks.append(block)
            block = mark = None
        elif block is not None:
            block.lines.append(line)
        elif line.startswith("```"):
            block = CodeBlock(number, line[3:].strip(), mark)
        elif line.strip():
            found = MARK.fullmatch(line.strip())
            mark = found and (found[1], found[2])
    return blocks


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: code_block.py DOCUMENT NAME")
    document, name = sys.argv[1:]
    files = {}
    with open(document, encoding="utf-8") as file:
        for block in code_blocks(file.read()):
            files = block.write(files)
    if name not in files:
        sys.exit(f"{document}: no block behind a line <!-- code: {name} -->")
    sys.stdout.write(files[name])


if __name__ == "__main__":
    main()
