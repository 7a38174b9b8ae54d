#!/usr/bin/env python3
"""A public header, or a document, as Doxygen is to see it; both are written for people.

The first comment is the file's. A comment holds for all that is declared in one piece below it, up
to an empty line or another comment. What is private, a struct or a struct's members from a comment
`private` on, is not there.
Usage: filter.py FILE
"""
import re
import sys

# What says itself where one reads the struct.
USUAL = {
    r"struct ssv_layer layer;": "This class's link in the chain, see layer.h.",
    r"struct ssv_server base;": "BaseServer, which the functions of server.h take.",
    r"struct ssv_\w+_server \w+;": "The server; its `base` is what the functions of server.h take.",
    r"struct ssv_\w+_mixin \w+;": "The mix-in in front of it, with its options.",
}

SEVERAL = re.compile(r"\t((?:const )?(?:struct )?\w+ )([*\w]+(?:, [*\w]+)+);(.*)")


def end_of(lines, at, mark):
    while mark not in lines[at]:
        at += 1
    return at


def without_private(lines):
    kept, at = [], 0
    while at < len(lines):
        if lines[at].startswith("/** private"):
            at = end_of(lines, at, ";" if lines[at + 1].endswith(";") else "};") + 1
            continue
        if lines[at].startswith("\t/* private"):
            at = end_of(lines, at, "};")
        kept.append(lines[at])
        at += 1
    return kept


def one_each(lines):
    """`int a, b;` is two declarations, which have the same comment."""
    for line in lines:
        several = SEVERAL.fullmatch(line)
        if several:
            for name in several[2].split(", "):
                yield f"\t{several[1]}{name};{several[3]}"
        else:
            yield line


def escaped(comment):
    """As text: \\ and @ begin no command, :: no link; in a block of code they are left alone."""
    return [
        line if line.startswith(" *     ") else re.sub(r"[\\@]|::", r"\\\g<0>", line)
        for line in comment
    ]


def usual(line):
    for pattern, comment in USUAL.items():
        if re.fullmatch("\t" + pattern, line):
            return f" /**< {comment} */"
    return ""


def shared(lines):
    """Gives each declaration the comment that holds for it."""
    lines, comment, bare, inside = list(lines), [], False, False
    while lines:
        if lines[0].startswith(("/**", "\t/**")):
            end = end_of(lines, 0, "*/") + 1
            comment, bare = escaped(lines[:end]), False
            yield from comment
            del lines[:end]
            continue
        line = lines.pop(0)
        if line == "" or re.match(r"(struct|enum|union) .*{$", line.strip()):
            comment = []
        elif not inside and re.match(r"\t\w|SSV_API |\w.*\(|#define ", line):
            if bare and "/**<" not in line:
                yield from comment
            bare, inside = True, True
        inside = inside and not re.search(r";|^#define", line)
        yield line + usual(line)


def document(text):
    """Headings that are linked to have the name that the link has; what is not among the documents
    is no link."""

    def named(match):
        name = re.sub(r"[^\w -]", "", match[1].lower()).replace(" ", "-")
        return f"{match[0]} {{#{name}}}" if f"](#{name})" in text else match[0]

    outside = r"\[([^\]]*)\]\([^)]*(?:CONTRIBUTING\.md|bench/)[^)]*\)"
    return re.sub(r"^#+ (.*)$", named, re.sub(outside, r"\1", text), flags=re.M)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        text = file.read()
    if sys.argv[1].endswith(".md"):
        print(document(text), end="")
        return
    lines = text.split("\n")
    lines = list(shared(one_each(without_private(lines))))
    lines[0] = lines[0].replace("/**", "/** @file\n *", 1)
    print("\n".join(lines), end="")


main()
