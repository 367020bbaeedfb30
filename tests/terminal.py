"""IPython in a terminal: a pseudo-terminal that a test types into."""

import contextlib
import sys

import pexpect
import wcwidth

PROMPT = r"In \[\d+\]: "
IPYTHON = [
    "-m",
    "IPython",
    "--simple-prompt",
    "--colors=nocolor",
    "--no-banner",
    "--ext=jupyter_complete",
]


@contextlib.contextmanager
def opened(width=200):
    """Return an IPython with the extension, at its prompt, in a terminal so wide."""
    child = pexpect.spawn(
        sys.executable, IPYTHON, encoding="utf-8", timeout=30, dimensions=(50, width)
    )
    child.expect(PROMPT)
    try:
        yield child
    finally:
        child.close(force=True)


def on_screen(out, width):
    """Return the lines that a terminal so wide shows of what was written to it."""
    lines, at = [[]], 0
    for character in out.replace("\r\n", "\n"):
        if character in "\n\r":
            lines += [[]] * (character == "\n")
            lines[-1], at = list(lines[-1]), 0
        elif character == "\b":
            at = max(at - 1, 0)
        elif (size := wcwidth.wcwidth(character)) > 0:
            if at + size > width:
                lines, at = [*lines, []], 0
            line = lines[-1]
            line += [" "] * (at + size - len(line))
            line[at : at + size] = [character, *[""] * (size - 1)]
            at += size
    return ["".join(line).rstrip() for line in lines]
