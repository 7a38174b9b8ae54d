#!/usr/bin/env python3
"""No code in the documents escapes the tests: test_code_blocks.py SOURCE_DIRECTORY REPLAYED...

REPLAYED are the documents whose transcripts test_transcripts.py replays: all that have any must be
among them. Each ```c block compiles without a warning: as a file of its own, <!-- code: NAME -->,
with what follows of it, <!-- more: NAME -->, or what stands in a function, behind
<!-- inside: DECLARATIONS -->, or at the top of a file. A program is compiled in a transcript of its
document, which runs it, or is one of those in tests/meson.build that test_documents.c runs. Behind
<!-- file: PATH, WORD = TEXT --> is that file of ours, with TEXT for WORD.
"""
from code_block import code_blocks
from concurrent.futures import ThreadPoolExecutor
import os
import re
import subprocess
import sys
import tempfile

LANGUAGES = ("c", "cmake", "console", "diff", "ini", "json", "meson", "python", "sh", "text", "")
ANYTHING = "#include <errno.h>\n#include <socketserver/socketserver.h>\n#include <stdio.h>\n"
MAIN = "int main("


def compile_c(text, include, folder, *options):
    """What the compiler complains of."""
    command = [os.environ.get("CC", "cc").split()[0], "-std=c11", "-D_GNU_SOURCE", "-Wall",
               "-Wextra", "-Werror", *options, f"-I{include}", f"-I{folder}", "-fsyntax-only",
               "-x", "c", "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False).stderr


def wrong_c(block, files, include):
    """What is wrong with a ```c block, `files` being those that the document has shown so far."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            with open(f"{folder}/{name}", "w", encoding="utf-8") as file:
                file.write(text)
        if block.name:
            return compile_c(files[block.name], include, folder)
        if block.mark and block.mark[0] == "inside":
            body = f"{{\n{block.mark[1]}\n{block.text}}}\n"
            text = f"{ANYTHING}void inside(void);\nvoid inside(void)\n{body}"
            return compile_c(text, include, folder, "-Wno-unused")
        return compile_c(ANYTHING + block.text, include, folder, "-Wno-unused")


def goes_on(block, blocks):
    """Whether the rest of its file is the next block that names one."""
    named = [other for other in blocks[blocks.index(block) + 1:] if other.name]
    return bool(named) and named[0].name == block.name and named[0].mark[0] == "more"


def wrong_program(block, blocks, tests):
    """A program that nobody runs."""
    compiled = any(line.startswith("$ cc ") and f" {block.name} " in line
                   for other in blocks if other.language == "console" for line in other.lines)
    if MAIN not in block.text or compiled or f"'{block.name}'" in tests:
        return ""
    return f"nothing runs this program: {block.name}"


def wrong_file(block, root):
    """A file of ours that is shown otherwise than it is."""
    if not block.mark or block.mark[0] != "file":
        return ""
    path, word, text = re.fullmatch(r"(\S+), (\S+) = (\S+)", block.mark[1]).groups()
    with open(f"{root}/{path}", encoding="utf-8") as file:
        return "" if block.text == file.read().replace(word, text) else f"this is not {path}"


def wrong_python(block):
    try:
        compile(block.text, "python", "exec")
    except SyntaxError as error:
        return str(error)
    return ""


def wrong_in(path, text, root, replayed, tests):
    """What is wrong in a document, a line each."""
    blocks, files, jobs = code_blocks(text), {}, []
    with ThreadPoolExecutor(4) as pool:
        for block in blocks:
            files = block.write(files)
            where = f"{path}:{block.number}"
            if block.language not in LANGUAGES:
                yield f"{where}: a block of another language: {block.language}"
            if block.language == "console" and path not in replayed:
                yield f"{where}: nobody replays this: name the document in tests/meson.build"
            if block.language == "python" and wrong_python(block):
                yield f"{where}: {wrong_python(block)}"
            is_c = block.language == "c" or (block.name or "").endswith(".c")
            if is_c and not goes_on(block, blocks):
                jobs.append((where, pool.submit(wrong_c, block, files, f"{root}/include")))
            if wrong_file(block, root):
                yield f"{where}: {wrong_file(block, root)}"
            if block.language == "c" and wrong_program(block, blocks, tests):
                yield f"{where}: {wrong_program(block, blocks, tests)}"
        for where, job in jobs:
            if job.result():
                yield f"{where}: does not compile:\n{job.result()}"


GOOD = """
<!-- code: good.c -->
```c
int main(void)
{
	return 0;
}
```

<!-- inside: int a = 0; -->
```c
a++;
```

```console
$ cc good.c -o good
```
"""
MORE = GOOD.replace("int main(void)", "static int f(void)").replace("```c\na++", """```c
a++;
```

<!-- more: good.c -->
```c
int main(void)
{
	return f();
}
```

<!-- inside: int a = 0; -->
```c
a++""")
BAD = {  # what is made of the good one, and what is to be said then
    "a program that nobody runs": ("$ cc good.c", "$ cc bad.c", "nothing runs this program"),
    "a program that does not compile": ("return 0", "retrun 0", "does not compile"),
    "a fragment that does not compile": ("a++", "b++", "does not compile"),
    "a language of its own": ("```console", "```bash", "another language"),
}


def unnoticed(root):
    """What would not be found."""
    yield from wrong_in("good", GOOD, root, ["good"], "")
    for what, (before, after, said) in BAD.items():
        found = list(wrong_in("bad", GOOD.replace(before, after), root, ["bad"], ""))
        if not any(said in line for line in found):
            yield f"not noticed: {what}: {found}"
    yield from wrong_in("more", MORE, root, ["more"], "")
    if not list(wrong_in("bad", "<!-- file: LICENSE, a = b -->\n```\na\n```\n", root, [], "")):
        yield "not noticed: a file that is shown otherwise than it is"
    if not list(wrong_in("bad", MORE.replace("f();", "g();"), root, ["bad"], "")):
        yield "not noticed: the rest of a program does not compile"
    if not list(wrong_in("bad", GOOD, root, [], "")):
        yield "not noticed: a transcript that nobody replays"


def main():
    root, *replayed = sys.argv[1:]
    replayed = [os.path.relpath(path, root) for path in replayed]
    with open(f"{root}/tests/meson.build", encoding="utf-8") as file:
        tests = file.read()
    paths = ["README.md", "CONTRIBUTING.md"] + sorted(
        f"docs/{name}" for name in os.listdir(f"{root}/docs") if name.endswith(".md"))
    wrong = list(unnoticed(root))
    for path in paths:
        with open(f"{root}/{path}", encoding="utf-8") as file:
            wrong += wrong_in(path, file.read(), root, replayed, tests)
    print("\n".join(wrong) or f"no code escapes in {len(paths)} documents")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
