#!/usr/bin/env python3
"""Do the tests see a fault? Each file of tests/mutants/ puts one into a copy of the tree, and the
tests that it names must fail then.

    mutants.py DIRECTORY [NAME...]    the copy and its build, kept for the next time; all, or these
    mutants.py --dry-run              only whether each can still be applied, and names tests

A mutant is a patch, with what is wrong and the tests above it: `Tests: test_parity:load
test_stream`, of the first one test case alone. A patch that does not apply is an error; so is a
test that fails without one, since then its failing proves nothing."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

TREE = pathlib.Path(__file__).resolve().parent.parent
PATCHES = TREE / "tests" / "mutants"
PATCH = ("--batch", "--fuzz=0", "--no-backup-if-mismatch", "--strip=1")
PATIENCE = 120  # seconds, for a test program; one that hangs has seen the fault as well
FAILURE = re.compile(rb"^not ok \d+ - \S+:(\w+): ", re.M)


class Broken(Exception):
    """A mutant that proves nothing."""


def run(command, **more):
    """Its output, or Broken."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, **more)
    if done.returncode != 0:
        raise Broken(f"{' '.join(map(str, command))}\n{done.stdout}")
    return done.stdout


def named(output):
    """The first test that failed so far, or None."""
    failed = FAILURE.search(os.pread(output.fileno(), 1 << 20, 0))
    return failed[1].decode() if failed else None


class Mutant:
    """A patch, and what it says of itself."""

    def __init__(self, path):
        text = path.read_text(encoding="utf-8")
        self.name = path.stem
        self.path = path
        self.what = text.splitlines()[0]
        self.tests = re.search(r"^Tests: (.+)$", text, re.M)[1].split()


class Build:
    """A copy of the tree, and what ninja has made of it."""

    def __init__(self, directory):
        self.tree = directory / "tree"
        self.directory = directory / "build"
        self.copy()
        if not (self.directory / "build.ninja").exists():
            run(["meson", "setup", self.directory, self.tree, "-Dtests=enabled",
                 "-Ddocs=disabled"])

    def copy(self):
        """What is the same keeps its time, so that ninja leaves it alone."""
        for source in (path for path in TREE.iterdir() if path.name[0] != "." and
                       path.name != "build"):
            for file in [source] if source.is_file() else source.rglob("*"):
                to = self.tree / file.relative_to(TREE)
                if file.is_dir():
                    to.mkdir(parents=True, exist_ok=True)
                elif not to.exists() or to.read_bytes() != file.read_bytes():
                    to.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(file, to)

    def patch(self, mutant, *how):
        """Applies it, or (--reverse) takes it back."""
        run(["patch", *PATCH, *how, "--input", mutant.path], cwd=self.tree)

    def make(self, tests):
        """What the tests need."""
        targets = sorted({f"tests/{test.partition(':')[0]}" for test in tests})
        run(["ninja", "-C", self.directory, *targets])

    def failure(self, test):
        """What fails first in it, or None."""
        program, _, case = test.partition(":")
        env = dict(os.environ, CK_TIMEOUT_MULTIPLIER="3", CK_TAP_LOG_FILE_NAME="-",
                   **({"CK_RUN_CASE": case} if case else {}))
        command = ["stdbuf", "-oL", self.directory / "tests" / program]
        with tempfile.TemporaryFile() as output, \
                subprocess.Popen(command, env=env, stdout=output, stderr=output,
                                 start_new_session=True) as process:
            end = time.monotonic() + PATIENCE
            while process.poll() is None and not named(output) and time.monotonic() < end:
                time.sleep(0.05)
            result = process.poll()
            # And what a failing test has left behind, in groups of its own.
            subprocess.run(["pkill", "-KILL", "-s", str(process.pid), "."], check=False)
            if result == 0:
                return None
            return named(output) or ("hangs" if result is None else "ends")

    def killer(self, tests):
        """The first of the tests that fails, and what in it; or None."""
        for test in tests:
            failure = self.failure(test)
            if failure is not None:
                return f"{test.partition(':')[0]}: {failure}"
        return None


def try_mutant(build, mutant):
    """What kills it, or None."""
    build.patch(mutant)
    try:
        build.make(mutant.tests)
        return build.killer(mutant.tests)
    finally:
        build.patch(mutant, "--reverse")


def check_tests(build, mutants):
    """They pass without a mutant."""
    tests = sorted({test for mutant in mutants for test in mutant.tests})
    build.make(tests)
    killer = build.killer(tests)
    if killer is not None:
        raise Broken(f"without a mutant this fails: {killer}")
    print(f"{len(mutants)} mutants; without one, {len(tests)} tests pass", flush=True)


def dry_run():
    """How many do not apply."""
    bad = 0
    for mutant in map(Mutant, sorted(PATCHES.glob("*.patch"))):
        try:
            run(["patch", "--dry-run", *PATCH, "--input", mutant.path], cwd=TREE)
            sources = [TREE / "tests" / f"{test.partition(':')[0]}.c" for test in mutant.tests]
            missing = [source.name for source in sources if not source.exists()]
            if missing:
                raise Broken(f"no test {' '.join(missing)}")
        except Broken as why:
            bad += 1
            print(f"{mutant.name}: {why}")
    return bad


def main(directory, *names):
    """How many survive or prove nothing."""
    if directory.startswith("-") and directory != "--dry-run":
        raise Broken(f"{directory}: no such option: see the head of this file")
    if directory == "--dry-run":
        return dry_run()
    paths = [PATCHES / f"{name}.patch" for name in names] or sorted(PATCHES.glob("*.patch"))
    mutants = [Mutant(path) for path in paths]
    build = Build(pathlib.Path(directory))
    check_tests(build, mutants)
    bad = 0
    for number, mutant in enumerate(mutants, 1):
        start = time.monotonic()
        try:
            killer = try_mutant(build, mutant)
            end = f"killed by {killer}" if killer else f"SURVIVES: {mutant.what}"
        except Broken as why:
            killer, end = None, f"ERROR: {why}"
        bad += killer is None
        took = time.monotonic() - start
        print(f"{number:3}/{len(mutants)}  {mutant.name:32} {took:5.1f} s  {end}", flush=True)
    print(f"{len(mutants) - bad} of {len(mutants)} mutants were killed")
    return bad


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]) > 0)
    except Broken as broken:
        sys.exit(str(broken))
