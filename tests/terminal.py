"""IPython in a terminal: a pseudo-terminal that a test types into."""

import contextlib
import sys

import pexpect

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
def opened():
    """Give an IPython with the extension, at its prompt."""
    child = pexpect.spawn(
        sys.executable, IPYTHON, encoding="utf-8", timeout=30, dimensions=(50, 200)
    )
    child.expect(PROMPT)
    try:
        yield child
    finally:
        child.close(force=True)
