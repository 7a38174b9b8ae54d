"""Text for man(7)."""
import re

DATE = "2026-11-21"  # when the pages were last read from end to end

WORDS = re.compile(
    r"(?P<page>\b[a-z_]\w*(?=\([1-8]\)))"  # connect(2)
    r"|(?P<call>\b\w+(?=\(\)))"            # ssv_connect()
    r"|(?P<dash>(?<!\w)-+(?=\w))"          # -EINVAL, --help
)


def escape(text):
    """What roff would take for its own, and what is not ASCII."""
    text = text.replace("\\", "\\e").replace("'", "\\(aq").replace("`", "\\(ga")
    text = text.replace("^", "\\(ha").replace("~", "\\(ti")
    return "".join(c if c < "\x80" else f"\\[u{ord(c):04X}]" for c in text)


def guard(text):
    """A line that begins with a dot is none of roff's."""
    return re.sub(r"^(?=\.)", "\\&", text, flags=re.M)


def code(text):
    return escape(text).replace("-", "\\-")


def bold(text):
    return f"\\%\\fB{code(text)}\\fP"


def prose(text):
    """Running text, in which functions and other manual pages are bold."""

    def emphasise(match):
        word = match.group()
        return word.replace("-", "\\-") if match["dash"] else f"\\%\\fB{word}\\fP"

    return WORDS.sub(emphasise, escape(text).replace("\\-", "-"))


def block(text):
    """Lines as they are."""
    return [".RS 4", ".EX", *guard(code(text)).split("\n"), ".EE", ".RE"]


def header(name, section, version):
    return f'.TH {name} {section} {DATE} "libsocketserver {version}" "libsocketserver"'
