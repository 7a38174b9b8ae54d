#!/usr/bin/env python3
"""The unit files, ours and those of the how-to, as systemd-analyze judges them:
test_unit_files.py PROGRAM HOWTO UNIT_FILE...

Exit status 77, skipped, where there is no systemd-analyze.
"""

from code_block import code_blocks
import os
import re
import shutil
import subprocess
import sys
import tempfile

EXPOSURE = 15  # tenths, at most: of 100


def analyze(*arguments):
    """Its exit status, and all that it says."""
    done = subprocess.run(["systemd-analyze", *arguments], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=60, check=False,
                          env=os.environ | {"SYSTEMD_LOG_LEVEL": "warning"})
    return done.returncode, done.stdout.decode(errors="replace")


def documented(howto):
    """The text of each unit file in it, by name."""
    files = {}
    with open(howto, encoding="utf-8") as file:
        for block in code_blocks(file.read()):
            files = block.write(files)
    return {name: text for name, text in files.items() if name.endswith((".service", ".socket"))}


def installed(paths):
    """The same of those files."""
    texts = {}
    for path in paths:
        with open(path, encoding="utf-8") as file:
            texts[os.path.basename(path)] = file.read()
    return texts


def install(units, to, program):
    """The units as instances of their own, with the program where it is."""
    paths = []
    for unit, text in units.items():
        text = re.sub(r"^ExecStart=\S+/bin/\w+", f"ExecStart={program}", text, flags=re.MULTILINE)
        paths.append(os.path.join(to, unit.replace("@.", "@echo.")))
        for path in {paths[-1], os.path.join(to, unit)}:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
    return paths


def verify(paths):
    """What systemd says of our files; of other units of this host it may say what it wants."""
    status, said = analyze("verify", "--man=no", *paths)
    ours = [line for line in said.splitlines() if re.search("socketserver|shout", line)]
    return [f"verify: {line}" for line in ours or ([said] if status else [])]


def judge(path):
    status, said = analyze("security", "--offline=true", "--no-pager",
                           f"--threshold={EXPOSURE}", path)
    rest = re.findall(r"Overall exposure level.*", said)
    return [] if status == 0 else [f"security: {rest or said}"]


def main():
    if not shutil.which("systemd-analyze"):
        print("skipped: no systemd-analyze (Debian: systemd)")
        sys.exit(77)
    program, howto, *units = os.path.realpath(sys.argv[1]), *sys.argv[2:]
    units = installed(units) | documented(howto)
    with tempfile.TemporaryDirectory() as folder:
        paths = install(units, folder, program)
        services = [path for path in paths if path.endswith(".service")]
        wrong = verify(paths) + [text for path in services for text in judge(path)]
        if len(services) != 2:
            wrong.append(f"not one of ours and one of the how-to: {services}")
        # The test of this test.
        with open(services[0], "a", encoding="utf-8") as file:
            file.write("\n[Service]\nNoSuchSetting=1\nDynamicUser=no\nPrivateUsers=no\n"
                       "NoNewPrivileges=no\nSystemCallFilter=\nCapabilityBoundingSet=~\n")
        if not verify(paths) or not judge(services[0]):
            wrong.append("a wrong unit was not noticed")
    print("\n".join(wrong) or f"{len(units)} unit files: well")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
