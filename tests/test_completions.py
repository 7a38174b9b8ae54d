"""The completions of shells: what they offer is what the program takes, no more and no less.
COMPLETIONS names the folder of their files."""

from handler_test import PATIENCE, PROGRAM, equal, for_each, main, run, test
import grp
import handler_test
import os
import pty
import pwd
import re
import select
import shutil
import signal
import subprocess
import time

SHARE = os.environ["COMPLETIONS"]
HANDLERS = re.findall(r"^[a-z]\S*", run("handlers")[1].decode(), flags=re.M)
MODES = ("sync", "threading", "forking")
CHOICES = {"mode": MODES, "as": ("lines", "exec", "chat", "raw"),
           "log-to": ("stderr", "syslog", "syslog:")}


def complete(*words):
    """What the program offers for the last word, without what it means."""
    status, output, errors = run("complete", *words)
    equal((status, errors), (0, ""))
    return [line.split("\t")[0] for line in output.decode().splitlines()]


def options_in(text):
    """Those that a help text describes: {name: value or None}."""
    found = re.findall(r"^ {2}(?:-\w,|   ) --([\w-]+)(?: ([A-Z=]+|\S+\|\S+))? ", text, re.M)
    return {name: value or None for name, value in found}


def help_of(*words):
    status, output, errors = run(*words)
    equal((status, errors), (0, ""))
    return options_in(output.decode())


def lines_of(*words):
    """Each command's words with what its help says of its options."""
    return [(("serve",), help_of("serve", "--help-all")), (("talk",), help_of("talk", "--help")),
            (("top",), help_of("top", "--help")),
            *((("serve", name), help_of("serve", name, "--help-all")) for name in HANDLERS)]


@test
def every_option_in_the_help_is_offered_and_no_other():
    for words, options in lines_of():
        assert "help" in options and len(options) > 2, options
        equal(sorted(complete(*words, "--")), sorted(f"--{name}" for name in options))
        equal(sorted(complete(*words, "-")), sorted(f"--{name}" for name in options))


def modes(handler):
    """Those that its help says it has."""
    about = re.sub(r"\n {30}", " ", run("serve", handler, "--help")[1].decode())
    return re.search(rf"^{handler}: .*; over [a-z ]+; ([a-z ]+)", about, re.M)[1].split()


@test
def every_choice_in_the_help_is_offered_and_is_taken():
    for words, options in lines_of():
        for name, value in options.items():
            choices = CHOICES.get(name) or (value.split("|") if value and "|" in value else ())
            if name == "mode" and len(words) > 1:
                choices = modes(words[1])
            if choices:
                equal(complete(*words, f"--{name}", ""), list(choices))
                equal(complete(*words, f"--{name}=", )[0], f"--{name}={choices[0]}")
                equal(complete(*words, f"--{name}", choices[-1][:4])[-1], choices[-1])


@test
def the_modes_are_those_that_the_handler_has_there():
    equal(complete("serve", "--mode", ""), list(MODES))
    equal(complete("serve", "./mine.so", "--mode", ""), list(MODES))
    equal(complete("serve", "chat", "--mode", ""), ["threading"])
    equal(complete("serve", "chat", "unix:x", "--mode="), ["--mode=threading"])
    for address in ("udp://127.0.0.1:0", "unixgram:x"):
        equal(complete("serve", "chat", address, "--mode", ""), ["sync", "threading"])
        equal(complete("serve", "console", address, "--mode", ""), ["sync"])


@test
def users_and_groups_are_offered():
    users = [user.pw_name for user in pwd.getpwall()]
    groups = [group.gr_name for group in grp.getgrall()]
    equal(complete("serve", "echo", "--user", ""), users)
    equal(complete("serve", "exec", "--run-as", "nobo"), ["nobody"])
    equal(complete("serve", "echo", "--group", ""), groups)
    equal(complete("serve", "echo", "--group="), [f"--group={name}" for name in groups])


@test
def the_choices_are_those_that_errors_name():
    said = run("serve", "echo", "tcp://127.0.0.1:0", "--mode", "no")[2]
    assert " ".join(CHOICES["mode"]) in said, said
    said = run("talk", "tcp://127.0.0.1:1", "--as", "no")[2]
    equal(re.search("take (.*) or (.*);", said).groups(),
          (", ".join(CHOICES["as"][:-1]), CHOICES["as"][-1]))
    said = run("serve", "echo", "tcp://127.0.0.1:0", "--log-to", "no")[2]
    assert "stderr, syslog or syslog:PATH" in said, said


@test
def commands_and_handlers_are_those_that_there_are():
    shown = re.findall(r"^  (\w+|--\w+)[ ,]", run("--help")[1].decode(), re.M)
    shown = [word for word in shown if word not in ("socketserver", "printf", "tcp", "unix")]
    equal(set(complete("")), (set(shown) | {"--version"}) - {"COMMAND"})
    equal(complete("serve", ""), HANDLERS)
    equal(complete("serve", "e"), [name for name in HANDLERS if name.startswith("e")])


@test
def operands_are_told_from_values():
    equal(complete("serve", "--grace", "5", "ec"), ["echo"])
    equal(complete("serve", "-v", "ec"), ["echo"])
    equal(complete("serve", "--mode=sync", "ec"), ["echo"])
    equal(complete("serve", "echo", "t"), ["tcp://127.0.0.1:"])
    equal(complete("serve", "--grace", "5", "echo", "-v", "t"), ["tcp://127.0.0.1:"])
    equal(complete("top", "-n", "5", "t"), ["tcp://127.0.0.1:"])
    equal(complete("top", "unix:x", ""), [])
    equal(complete("serve", "echo", "--grace", ""), [])
    equal(complete("serve", "./x"), [":files "])
    equal(complete("serve", "~/x"), [":files "])
    equal(complete("serve", "echo", "unix:/tm"), [":files unix:"])


@test
def no_line_breaks_it():
    for words in ((), ("",), ("-",), ("--",), ("=",), ("nothing", ""), ("serve", "=", "-="),
                  ("serve", "--=", "--="), ("serve", "-", "--", "---", ""), ("handlers", ""),
                  ("complete", ""), ("serve", "--mode"), ("serve", "echo", "--mode", "--mode", ""),
                  ("serve", "\xff%s%n", "\x1b"), ("talk",) + ("x" * 1000,) * 100):
        complete(*words)


@test
def a_plug_in_is_not_loaded_for_it():
    plugin = os.environ["PLUGIN_HELLO"]
    assert "greeting" in help_of("serve", plugin, "--help")
    assert "--greeting" not in complete("serve", plugin, "--")


# Shells

def in_path():
    """A folder with the program under its own name, whatever it is here."""
    os.symlink(os.path.abspath(PROGRAM), f"{handler_test.directory}/socketserver")
    return handler_test.directory


def bash(line):
    """What bash's function makes of a line, called as bash calls it."""
    script = f"""source "$0/socketserver.bash"
        COMP_LINE=$1 COMP_POINT=${{#1}}
        _socketserver "$2" ; printf '%s\\n' "${{COMPREPLY[@]}}" """
    return subprocess.run(["bash", "-c", script, SHARE, line, PROGRAM], check=True, text=True,
                          stdout=subprocess.PIPE, timeout=PATIENCE).stdout.splitlines()


def fish(line):
    script = f"set PATH '{handler_test.directory}' $PATH; source '{SHARE}/socketserver.fish'; " \
             f"complete -C '{line}'"
    output = subprocess.run(["fish", "--no-config", "-c", script], check=True, text=True,
                            stdout=subprocess.PIPE, timeout=PATIENCE,
                            env=os.environ | {"HOME": handler_test.directory}).stdout
    return [candidate.split("\t")[0] for candidate in output.splitlines()]


@test
def bash_offers_what_the_program_does():
    equal(bash("socketserver se"), ["serve"])
    equal(bash("socketserver serve "), HANDLERS)
    equal(bash("socketserver serve echo --mode "), list(CHOICES["mode"]))
    equal(bash("socketserver serve echo --mode=f"), ["forking"])  # behind the =
    equal(bash("socketserver serve echo tcp:"), ["//127.0.0.1:"])  # behind the :
    os.mkdir(f"{handler_test.directory}/folder")
    open(f"{handler_test.directory}/file with blanks", "w").close()
    equal(sorted(bash(f"socketserver talk unix:{handler_test.directory}/")),
          sorted(f"{handler_test.directory}/{name}"
                 for name in ("folder/", "file\\ with\\ blanks")))
    equal(bash(f"socketserver talk unix:{handler_test.directory}/file\\ w"),
          [f"{handler_test.directory}/file\\ with\\ blanks"])


@test
def bash_takes_a_file_name_for_no_command():
    name = "$(touch ran);`touch ran`;touch ran"
    open(f"{handler_test.directory}/{name}", "w").close()
    offered = bash(f"socketserver talk unix:{handler_test.directory}/")
    os.makedirs(f"{handler_test.directory}/folder")
    done = subprocess.run(["bash", "-c", "printf %s " + " ".join(offered)], check=True, text=True,
                          stdout=subprocess.PIPE, cwd=f"{handler_test.directory}/folder")
    equal((done.stdout, os.listdir(f"{handler_test.directory}/folder")),
          (f"{handler_test.directory}/{name}", []))


@test
def bash_is_told_nothing_of_an_empty_line():
    script = 'source "$0/socketserver.bash"; COMP_LINE= COMP_POINT=0; _socketserver "$1"'
    done = subprocess.run(["bash", "-c", script, SHARE, PROGRAM], stderr=subprocess.PIPE,
                          timeout=PATIENCE)
    equal((done.returncode, done.stderr), (0, b""))


@test
def fish_offers_what_the_program_does():
    if not shutil.which("fish"):
        return
    in_path()
    equal(fish("socketserver se"), ["serve"])
    equal(sorted(fish("socketserver serve ")), sorted(HANDLERS))
    equal(sorted(fish("socketserver serve echo --mode ")), sorted(CHOICES["mode"]))
    os.mkdir(f"{handler_test.directory}/folder")
    equal(fish(f"socketserver talk unix:{handler_test.directory}/f"),
          [f"unix:{handler_test.directory}/folder/"])


@test
def fish_takes_a_file_name_as_it_is_meant():
    if not shutil.which("fish"):
        return
    in_path()
    name = f"{handler_test.directory}/with blanks"
    open(name, "w", encoding="ascii").close()
    for typed in (name[:-2].replace(" ", "\\ "), f'"{name[:-2]}'):
        equal(fish(f"socketserver serve echo --config {typed}"), [name])
    equal(fish(f"socketserver serve echo --config={handler_test.directory}/with\\ "),
          [f"--config={name}"])
    equal(fish(f"socketserver talk unix:{handler_test.directory}/wi"), [f"unix:{name}"])
    for words in ("serve echo --config", "serve"):  # HOME is that folder
        equal(fish(f"socketserver {words} ~/wi"), ["~/with blanks"])
    equal(fish("socketserver talk unix:~/wi"), [])  # no shell expands it there
    equal(fish('socketserver serve "exec" --allow-a'), ["--allow-args"])


SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "source '{share}/socketserver.bash'"),
    "zsh": (["zsh", "-f", "-i"], "fpath=('{share}' $fpath); autoload -U compinit; compinit -u -D"),
}


class Shell:
    """An interactive one, on a terminal."""

    def __init__(self, name):
        command, setup = SHELLS[name]
        environment = os.environ | {"PATH": f"{in_path()}:{os.environ['PATH']}", "TERM": "dumb",
                                    "HOME": handler_test.directory, "PS1": "", "LC_ALL": "C"}
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(command[0], command, environment)
        self.shown = ""
        self.type(setup.format(share=SHARE) + "\necho re''ady\n")
        self.sees("ready\r\n")

    def type(self, keys):
        os.write(self.fd, keys.encode())

    def sees(self, text):
        end = time.monotonic() + PATIENCE
        while text not in self.shown:
            assert select.select([self.fd], [], [], max(end - time.monotonic(), 0))[0], \
                f"no {text!r}: {self.shown!r}"
            self.shown += os.read(self.fd, 65536).decode(errors="replace")
        self.shown = self.shown.partition(text)[2]

    def end(self):
        os.close(self.fd)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


@for_each(SHELLS)
def at_the_tabulator_key_it_is_written_out(name):
    if not shutil.which(name):
        return
    shell = Shell(name)
    try:
        for begun, whole in (("ser\t", "serve "), ("ec\t", "echo "), ("tc\t", "tcp://127.0.0.1:"),
                             ("0 --mod\t", "--mode "), ("f\t", "forking ")):
            shell.type(("socketserver " if begun == "ser\t" else "") + begun)
            shell.sees(whole)
    finally:
        shell.end()


main()
