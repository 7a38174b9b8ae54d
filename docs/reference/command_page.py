#!/usr/bin/env python3
"""socketserver(1): what socketserver.1.in says, and what the program itself says of its commands,
options and handlers.
Usage: command_page.py PROGRAM TEMPLATE VERSION >socketserver.1
"""
import re
import subprocess
import sys

import roff

OPTION = re.compile(r" +(?:(-\w), )?(--[\w-]+)(?: (\S+))? +(\S.*)")
ROW = re.compile(r" +(\S+(?: \S+)*)  +(\S+(?: \S+)*)")
TITLE = re.compile(r"([A-Z][a-z ]+): *(.*)")


def ask(program, *arguments):
    """What it prints; an option that it tells of in several lines is in one."""
    done = subprocess.run([program, *arguments], check=True, capture_output=True, text=True)
    return re.sub(r"\n {30}(?=\S)", " ", done.stdout)


def help_of(program, *command):
    """All of a command's help; that of `serve` begins with what is usual."""
    return ask(program, *command, "--help-all" if command == ("serve",) else "--help")


def blocks(text):
    """What stands between empty lines, as lists of lines."""
    return [block.split("\n") for block in text.strip("\n").split("\n\n")]


def option(match):
    letter, name, value, about = match.groups()
    names = ", ".join(roff.bold(text) for text in (letter, name) if text)
    return [".TP", names + (f" \\fI{roff.code(value)}\\fP" if value else ""), roff.prose(about)]


def row(match):
    return [".TP", roff.bold(match[1]), roff.prose(match[2])]


def indented(lines):
    """Lines below a title: a list of options, a table, or as they are."""
    if all(OPTION.fullmatch(line) for line in lines):
        return [part for line in lines for part in option(OPTION.fullmatch(line))]
    if all(ROW.fullmatch(line) for line in lines):
        return [part for line in lines for part in row(ROW.fullmatch(line))]
    return roff.block("\n".join(line[2:] for line in lines))


def told(block):
    """A block of help: text and what is below it."""
    lines, below = [], []
    for line in [*block, ""]:
        if line.startswith(" "):
            below.append(line)
            continue
        if below:
            lines += [*indented(below), ".PP"]
            below = []
        if line:
            lines.append(roff.guard(roff.prose(line)))
    return lines[:-1] if lines[-1] == ".PP" else lines


def is_usage(block):
    return block[0].startswith("usage: ")


def command_names(help_text):
    """Of the rows of the table below the usage, those that name a command."""
    found = re.findall(r"^  ([a-z]+)\b.*  ", help_text.split("\n\n")[1], re.M)
    return list(dict.fromkeys(found))


def command(program, name):
    lines = [f".SS {name}"]
    for block in blocks(help_of(program, name)):
        if is_usage(block):
            lines += roff.block(block[0].removeprefix("usage: "))
        else:
            lines += [".PP", *told(block)]
    return lines


def sections(blocks_of_help):
    """A section for each block that begins with its title, by that."""
    found = {}
    for block in blocks_of_help:
        title, rest = TITLE.fullmatch(block[0]).groups()
        found[title.upper()] = [f".SH {title.upper()}",
                                *told([rest, *block[1:]] if rest else block[1:])]
    return found


def handler(program, name):
    """What `serve NAME --help` says beyond `serve --help`: one block, `name: …` and options."""
    for block in blocks(ask(program, "serve", name, "--help")):
        if block[0].startswith(f"{name}: "):
            about = block[0].removeprefix(f"{name}: ")
            return [f".SS {name}", roff.prose(about), *indented(block[1:])]
    sys.exit(f"`serve {name} --help` says nothing about {name}")


def handler_names(program):
    return re.findall(r"^[a-z]\S*", ask(program, "handlers"), flags=re.M)


def parts(program):
    """What the template asks for, by name."""
    help_text = ask(program, "--help")
    names = [name for name in command_names(help_text) if name != "handlers"]
    return {
        "SYNOPSIS": [".nf", *(roff.bold(block[0].removeprefix("usage: "))
                              for name in [*names, ""]
                              for block in blocks(ask(program, *name.split(), "--help"))[:1]),
                     ".fi"],
        "COMMANDS": [line for name in names for line in command(program, name)],
        "HANDLERS": [line for name in handler_names(program) for line in handler(program, name)],
    } | sections(blocks(help_text)[2:])


def main():
    program, template, version = sys.argv[1:]
    told_by_program = parts(program)
    print(roff.header("SOCKETSERVER", 1, version))
    with open(template, encoding="utf-8") as lines:
        for line in lines.read().splitlines():
            asked = re.fullmatch("@(.*)@", line)
            print("\n".join(told_by_program.pop(asked[1])) if asked else line)
    if told_by_program:
        sys.exit(f"{template} has no place for {', '.join(told_by_program)}")


main()
