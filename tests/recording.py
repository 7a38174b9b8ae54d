#!/usr/bin/env python3
"""A transcript as a picture that moves: recording.py [--check] DOCUMENT

Writes beside the document the SVG that a line <!-- recording: NAME --> before one of its
transcripts names, or checks that it is so already. What is on it cannot be other than what happens:
test_transcripts.py replays the transcript.
"""
from code_block import code_blocks
from xml.sax.saxutils import escape
import os
import re
import sys

PROMPT = re.compile(r"\w*[$>](?: |$)")
LINE_HEIGHT, MARGIN, WIDTH, SECONDS = 20, 16, 760, 0.8
HEAD = """<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" role="img"
	aria-label="A session in a terminal">
<style>
	text {{ font: 14px monospace; fill: #d8dee9; white-space: pre }}
	.prompt {{ fill: #8fbcbb }}
	.typed {{ fill: #eceff4; font-weight: bold }}
	.line {{ animation: appear 0.2s backwards }}
	@keyframes appear {{ from {{ opacity: 0 }} }}
	@media (prefers-reduced-motion: reduce) {{ .line {{ animation: none }} }}
</style>
<rect width="100%" height="100%" rx="8" fill="#2e3440"/>
"""


def line(number, text):
    prompt = PROMPT.match(text)
    y = MARGIN + (number + 0.75) * LINE_HEIGHT
    if prompt:
        text = (f'<tspan class="prompt">{escape(prompt[0])}</tspan>'
                f'<tspan class="typed">{escape(text[prompt.end():])}</tspan>')
    else:
        text = escape(text)
    return (f'<text class="line" style="animation-delay: {number * SECONDS:.1f}s" x="{MARGIN}" '
            f'y="{y:g}" xml:space="preserve">{text}</text>\n')


def picture(lines):
    head = HEAD.format(width=WIDTH, height=2 * MARGIN + len(lines) * LINE_HEIGHT)
    return head + "".join(line(number, text) for number, text in enumerate(lines)) + "</svg>\n"


def main():
    check = sys.argv[1:2] == ["--check"]
    document = sys.argv[-1]
    with open(document, encoding="utf-8") as file:
        blocks = [b for b in code_blocks(file.read()) if b.mark and b.mark[0] == "recording"]
    if len(blocks) != 1 or blocks[0].language != "console":
        sys.exit(f"{document}: not one transcript behind a line <!-- recording: NAME -->")
    path, svg = os.path.join(os.path.dirname(document), blocks[0].mark[1]), picture(blocks[0].lines)
    if not check:
        with open(path, "w", encoding="utf-8") as file:
            file.write(svg)
        return
    with open(path, encoding="utf-8") as file:
        if file.read() != svg:
            sys.exit(f"{path} is not what {document} says: run tests/recording.py {document}")


if __name__ == "__main__":
    main()
