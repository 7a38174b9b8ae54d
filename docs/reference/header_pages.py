#!/usr/bin/env python3
"""Manual pages from Doxygen's XML: one for each public header, and one that leads to it for each
function and macro. What a comment says from the sentence on that begins with "Returns" is the
page's RETURN VALUE; the errors that are named in it are its ERRORS, each credited to whoever
returns it: see who_returns().
Usage: header_pages.py XML README VERSION DIRECTORY
"""
import errno
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import roff

HERE = Path(__file__).parent
ERROR = re.compile(r"-(E[A-Z]{3,})\b")
SENTENCE = re.compile(r"(?<=[.])\s+(?=[A-Z])")
OF_SERVER = re.compile(r"\b(open|close)(?:\(\))? (?:returns?|fails?|can)\b|\bmakes? (open)\b", re.I)
CODE = ("verbatim", "preformatted", "programlisting")
EVERYBODY = "the functions here that fail, see \\fBDESCRIPTION\\fP"
SYMBOLS = {"mdash": "\\(em", "ndash": "\\(en", "nbsp": "\\ ", "linebreak": "\n.br\n"}


def page_name(header):
    """socketserver/frame.h: ssv_frame"""
    stem = Path(header).stem
    return stem if stem == "socketserver" else f"ssv_{stem}"


def inline(node):
    """A paragraph and what is emphasised in it."""
    parts = [roff.prose(node.text or "")]
    for child in node:
        if child.tag == "computeroutput":
            parts.append(roff.bold("".join(child.itertext())))
        else:
            parts.append(SYMBOLS.get(child.tag) or inline(child))
        parts.append(roff.prose(child.tail or ""))
    return "".join(parts)


def paragraphs(node):
    """Of a description: text as one string, code and lists as lists of lines."""
    if node is None:
        return
    for child in node:
        if child.tag == "para":
            yield from paragraph(child)


def paragraph(node):
    text = ElementTree.Element("para")
    text.text = node.text
    for child in node:
        if child.tag in (*CODE, "itemizedlist"):
            yield inline(text).strip()
            yield items(child) if child.tag == "itemizedlist" else roff.block(code_of(child))
            text = ElementTree.Element("para")
            text.text = child.tail
        else:
            text.append(child)
    yield inline(text).strip()


def code_of(node):
    for space in node.iter("sp"):
        space.text = " "
    lines = node.findall("codeline")
    if lines:
        return "\n".join("".join(line.itertext()) for line in lines)
    return "".join(node.itertext()).strip("\n")


def items(node):
    lines = []
    for item in node.findall("listitem"):
        text = [part for part in paragraphs(item) if part]
        lines += [".IP \\(bu 2", *filled(text)]
    return lines


def filled(parts):
    """Paragraphs, one below the other."""
    lines = []
    for part in parts:
        if isinstance(part, list):
            is_code = part[0].startswith(".RS")
            lines += [".sp"] * bool(lines and is_code) + part + [".PP"] * (not is_code)
        else:
            lines += ([".PP"] if lines and lines[-1] != ".PP" else []) + [roff.guard(part)]
    return lines[:-1] if lines and lines[-1] == ".PP" else lines


def description(node):
    """The whole comment: the first sentence, which Doxygen has apart, and the rest of its
    paragraph are one again."""
    brief = [part for part in paragraphs(node.find("briefdescription")) if part]
    rest = [part for part in paragraphs(node.find("detaileddescription")) if part]
    if brief and rest and isinstance(rest[0], str):
        return [f"{brief[0]} {rest[0]}", *rest[1:]]
    return brief + rest


def split_returns(parts):
    """What comes before the sentence "Returns …", and what from there on."""
    for i, part in enumerate(parts):
        if isinstance(part, str):
            match = re.search(r"(^|(?<=[.)]\s))Returns\b", part)
            if match:
                before, after = part[: match.start()].strip(), part[match.start() :]
                return parts[:i] + [before] * bool(before), [after, *parts[i + 1 :]]
    return parts, []


class Header:
    """What a page is made of."""

    def __init__(self, xml, path):
        compound = ElementTree.parse(path).find("compounddef")
        self.name = compound.find("location").get("file")
        self.page = page_name(self.name)
        self.brief, *self.text = description_of_file(compound)
        self.comment = comment_of(compound)
        self.listed = [line for node in compound.find("detaileddescription").iter()
                       if node.tag in CODE for line in code_of(node).split("\n")
                       if line.lstrip().startswith("-E")]
        self.includes = [
            page_name(node.text) for node in compound.findall("includes")
            if node.text.startswith("socketserver/") and node.text != "socketserver/macros.h"
        ]
        members = [member for member in compound.iter("memberdef")]
        self.macros = [m for m in members if m.get("kind") == "define"]
        self.enums = [m for m in members if m.get("kind") == "enum"]
        self.functions = [m for m in members if m.get("kind") in ("function", "variable")]
        self.structs = [
            ElementTree.parse(xml / f"{node.get('refid')}.xml").find("compounddef")
            for node in compound.findall("innerclass") if "." not in node.text
            and "@" not in node.text
        ]

    def names(self):
        return [m.findtext("name") for m in self.macros + self.functions]


def description_of_file(compound):
    brief = list(paragraphs(compound.find("briefdescription")))
    rest = [part for part in paragraphs(compound.find("detaileddescription")) if part]
    return [brief[0].rstrip("."), *rest]


def prototype(function):
    """As the header has it; a long one breaks at its commas."""
    text = function.findtext("definition") + (function.findtext("argsstring") or "")
    return declaration(with_stars(text))


def with_stars(text):
    """As they are written here: char *name, int (*name)(void)."""
    text = re.sub(r"\s*\*\s*(?=[\w*])", " *", text).replace(",...", ", ...")
    return re.sub(r"\( \*(\w+)\)\s*\(", r" (*\1)(", text)


def declaration(text):
    lines, line = [], ""
    for word in re.split(r"(?<=,) ", text + ";"):
        if line and len(line) + len(word) > 76:
            lines.append(line.rstrip())
            line = "        "
        line += word + " "
    return "\n".join([*lines, line.rstrip()])


def macro(node):
    parameters = [p.findtext("defname") for p in node.findall("param")]
    return node.findtext("name") + (f"({', '.join(parameters)})" if any(parameters) else "")


def enumeration(node):
    values = ", ".join(value.findtext("name") for value in node.findall("enumvalue"))
    return declaration(f"enum {node.findtext('name')} {{ {values} }}")


def synopsis(header):
    groups = [
        [f"#define {macro(node)}" for node in header.macros],
        [enumeration(node) for node in header.enums],
        [f"struct {node.findtext('compoundname')} {{ … }};" for node in header.structs],
        [prototype(node) for node in header.functions],
    ]
    lines = [f"#include <{header.name}>"]
    for group in groups:
        if group:
            lines += ["", *group]
    return [".nf", *(roff.guard(f"\\fB{roff.code(line)}\\fP") if line else "" for text in lines
                     for line in text.split("\n")), ".fi"]


def tag(names):
    """The head of what is said of these."""
    return [".TP", *"\n.TQ\n".join(roff.bold(name) for name in names).split("\n")]


def member(node):
    """The type and name of a struct's member, without the struct's name."""
    text = re.sub(r"\b[\w:@]+::", "", node.findtext("definition"))
    return re.sub(r"union @\d+", "union { … }", with_stars(text))


def grouped(nodes, title):
    """Those that share a comment, with it: (titles, nodes, text)."""
    groups = []
    for node in nodes:
        text = description(node)
        if groups and groups[-1][2] == text:
            groups[-1][0].append(title(node))
            groups[-1][1].append(node)
        else:
            groups.append(([title(node)], [node], text))
    return groups


def entries(nodes, title):
    lines = []
    for titles, _, text in grouped(nodes, title):
        lines += tag(titles) + within(text)
    return lines


def within(text):
    """Paragraphs of an entry, all indented alike."""
    lines = []
    for part in text:
        lines += [".IP"] * bool(lines) + filled([part])
    return lines


def function_title(node):
    return node.findtext("name") + ("()" if node.get("kind") == "function" else "")


def is_void(function):
    return function.get("kind") == "function" and function.findtext("type") == "void"


def function_entries(header):
    """The functions' DESCRIPTION and RETURN VALUE, which those have that return something."""
    said, returned = [], []
    for titles, nodes, text in grouped(header.functions, function_title):
        before, returns = split_returns(text)
        said += tag(titles) + within(before) if before else []
        titles = [title for title, node in zip(titles, nodes) if not is_void(node)]
        returned += tag(titles) + within(returns) if returns and titles else []
    return said, returned


def check_returns(header):
    """Every function says what it returns, in words that can be read on their own."""
    for function in header.functions:
        text, returns = description(function), split_returns(description(function))[1]
        silent = not returns and not "".join(map(str, text)).startswith("Whether")
        orphan = re.match(r"Returns (as|what) that\b", str(returns[0]) if returns else "")
        if function.get("kind") == "function" and (silent or orphan) and not is_void(function):
            print(f"{header.name}: {function.findtext('name')}(): the comment says not what it "
                  "returns, in a sentence that begins with \"Returns\", or with \"Whether\", and "
                  "that names what it refers to", file=sys.stderr)
            if os.environ.get("WARN_AS_ERROR") != "NO":
                sys.exit(1)


def struct_section(node):
    members = [m for m in node.iter("memberdef") if description(m)]
    name = node.findtext("compoundname")
    return [f".SS struct {roff.code(name)}", *filled(description(node)),
            *entries(members, member)]


def comment_of(node):
    return " ".join("".join(part.itertext()) for part in node
                    if part.tag in ("briefdescription", "detaileddescription"))


def is_method(member):
    return "(*" in member.findtext("definition")


def who_returns(text, whose):
    """Of each error in a comment: (error, who). It is the open or close of a server where the
    sentence says so; else `whose` this comment is, None for what returns nothing."""
    for sentence in SENTENCE.split(text):
        server = OF_SERVER.search(sentence)
        who = f"ssv_server_{(server[1] or server[2]).lower()}()" if server else whose
        if who:
            yield from ((error, who) for error in ERROR.findall(sentence))


def named_errors(header):
    """As who_returns(), of all comments; what returns something are functions, handler classes,
    structs of methods, and all together where the file's own comment has a list of errors."""
    for function in header.functions:
        yield from who_returns(comment_of(function),
                               None if is_void(function) else function_title(function))
    for struct in header.structs:
        members = list(struct.iter("memberdef"))
        name = f"struct {struct.findtext('compoundname')}"
        whose = name if any(is_method(member) for member in members) else None
        yield from who_returns(comment_of(struct), whose)
        for member in members:
            yield from who_returns(comment_of(member), name if is_method(member) else None)
    yield from who_returns(header.comment, None)
    for line in header.listed:
        yield from ((error, EVERYBODY) for error in ERROR.findall(line))


def errors(header):
    """The errors that are named, and who returns them."""
    found = {}
    for error, who in named_errors(header):
        found.setdefault(error, {})[who] = True
    lines = []
    for error, where in sorted(found.items()):
        meaning = roff.prose(os.strerror(getattr(errno, error)))
        names = EVERYBODY if EVERYBODY in where else ", ".join(map(roff.bold, where))
        lines += tag([error]) + [f"{meaning}: {names}."]
    return lines


def cited(lines):
    """The manual pages that the text names."""
    return sorted(set(re.findall(r"\\fB(\w+)\\fP\(([1-8])\)", "\n".join(lines))),
                  key=lambda page: (page[1], page[0]))


def see_also(header, lines, headers):
    own = {(name, "3") for name in header.includes if name != header.page}
    own |= {("socketserver", "1"), ("socketserver", "3")} - {(header.page, "3")}
    if header.page == "socketserver":
        own |= {(other.page, "3") for other in headers} - {("socketserver", "3")}
    pages = sorted(own | set(cited(lines)), key=lambda page: (page[1], page[0]))
    return [".SH SEE ALSO", ",\n".join(f".BR \\%{roff.code(name)} ({section})"
                                       for name, section in pages).replace(",\n", " ,\n")]


def section(title, lines):
    return [f".SH {title}", *lines] if lines else []


def overview(header, headers, readme):
    """What the page of the whole library has besides."""
    if header.page != "socketserver":
        return []
    lines = [".SS The headers"]
    for other in headers:
        if other is not header:
            lines += [".TP", f".BR {roff.code(other.page)} (3)", f"{other.brief}."]
    lines += section("EXAMPLES", ["A server of lines:", *roff.block(example(readme))])
    return lines


def example(readme):
    return subprocess.run(
        [sys.executable, HERE.parent.parent / "tests" / "code_block.py", readme, "echo_server.c"],
        check=True, capture_output=True, text=True).stdout.strip("\n").expandtabs(4)


def name_line(header):
    names = [header.page] + [name for name in header.names() if name != header.page]
    return [f"{roff.code(', '.join(names))} \\- {header.brief}"]


def library(header):
    return roff.code("socketserver-testing" if header.page == "ssv_testing" else "socketserver")


def page(header, headers, readme, version):
    said, returned = function_entries(header)
    body = section("DESCRIPTION", [
        *filled(header.text),
        *([".SS Macros", *entries(header.macros, macro)] if header.macros else []),
        *([".SS Enumerations", *entries(header.enums, lambda node: "enum " + node.findtext("name"))]
          if header.enums else []),
        *(line for struct in header.structs for line in struct_section(struct)),
        *([".SS Functions", *said] if said else []),
        *overview(header, headers, readme),
    ])
    body += section("RETURN VALUE", returned) + section("ERRORS", errors(header))
    return [
        roff.header(header.page.upper(), 3, version),
        *section("NAME", name_line(header)),
        *section("SYNOPSIS", synopsis(header) + [
            ".PP", f"Link with \\fI$(pkg\\-config \\-\\-libs {library(header)})\\fP."]),
        *body,
        *see_also(header, body, headers),
    ]


def main():
    xml, readme, version, directory = Path(sys.argv[1]), *sys.argv[2:4], Path(sys.argv[4])
    headers = [Header(xml, path) for path in sorted(xml.glob("*_8h.xml"))]
    directory.mkdir(parents=True, exist_ok=True)
    for old in directory.glob("*.3"):
        old.unlink()
    for header in headers:
        check_returns(header)
        text = "\n".join(page(header, headers, readme, version))
        (directory / f"{header.page}.3").write_text(text + "\n")
    for header in headers:
        for name in header.names():
            alias = directory / f"{name}.3"
            if not alias.exists():
                alias.write_text(f".so man3/{header.page}.3\n")


main()
