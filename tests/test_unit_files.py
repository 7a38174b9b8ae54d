#!/usr/bin/env python3
"""The unit files, as systemd-analyze judges them: test_unit_files.py PROGRAM UNIT_FILE...

Exit status 77, skipped, where there is no systemd-analyze.
"""

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


def install(units, to, program):
    """The units as instances of their own, with the program where it is."""
    paths = []
    for source in units:
        unit = os.path.basename(source)
        with open(source, encoding="utf-8") as file:
            text = re.sub(r"^ExecStart=\S+/bin/socketserver ", f"ExecStart={program} ", file.read(),
                          flags=re.MULTILINE)
        paths.append(os.path.join(to, unit.replace("@.", "@echo.")))
        for path in (paths[-1], os.path.join(to, unit)):
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
    return paths


def verify(paths):
    """What systemd says of our files; of other units of this host it may say what it wants."""
    status, said = analyze("verify", "--man=no", *paths)
    ours = [line for line in said.splitlines() if "socketserver" in line]
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
    program, units = os.path.realpath(sys.argv[1]), sys.argv[2:]
    with tempfile.TemporaryDirectory() as folder:
        paths = install(units, folder, program)
        wrong = verify(paths) + judge(paths[0])
        # The test of this test.
        with open(paths[0], "a", encoding="utf-8") as file:
            file.write("\n[Service]\nNoSuchSetting=1\nDynamicUser=no\nPrivateUsers=no\n"
                       "NoNewPrivileges=no\nSystemCallFilter=\nCapabilityBoundingSet=~\n")
        if not verify(paths) or not judge(paths[0]):
            wrong.append("a wrong unit was not noticed")
    print("\n".join(wrong) or f"{len(units)} unit files: well")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
