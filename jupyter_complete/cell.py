r"""A cell of the magics as text: read to the byte, and written so that it reads back.

IPython cleans a cell before a magic sees it: white space goes from lines that have
nothing else, and ``>>> `` from their beginning. To a prompt they belong.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .errors import printable

_ABOVE = re.compile(r"(?:[ \t\f]*(?:#[^\r\n]*)?(?:\r\n|\r|\n))*")
_FIRST = re.compile(
    r"(?P<margin>[ \t]*)%%(?P<magic>\w+)(?:[ \t]+(?P<line>[^\r\n]*))?(?:\r\n|\r|\n|\Z)"
)
OURS = re.compile(r"complete(?:_\w+)?")
"""The names of the magics."""
_ENDS = re.compile("[\r\x85\u2028\u2029]")


class Cell(NamedTuple):
    """A cell that begins with a cell magic."""

    magic: str
    line: str
    body: str
    """All below the first line, to the byte."""

    @property
    def prompt(self) -> str:
        """The body without the line break that ends every cell."""
        return self.body.removesuffix("\n")


def read(source: str) -> Cell | None:
    """Return the cell of one of our magics, None if the text is no such cell.

    Blank lines and comments may stand above its first line, and so may the first
    lines of other magics, as ``%%time``: then it is the cell of the outermost.
    """
    outermost = None
    rest = source
    while first := _FIRST.match(rest, _end_of(_ABOVE, rest)):
        body = _without(first["margin"], rest[first.end() :])
        outermost = outermost or Cell(
            first["magic"], (first["line"] or "").rstrip(), body
        )
        if OURS.fullmatch(first["magic"]):
            return outermost
        rest = body
    return None


def _end_of(pattern: re.Pattern[str], text: str) -> int:
    match = pattern.match(text)
    return match.end() if match else 0


def _without(margin: str, body: str) -> str:
    """Take away an indentation that the whole cell has."""
    lines = body.splitlines(keepends=True)
    if margin and all(line.startswith(margin) or line.isspace() for line in lines):
        return "".join(line.removeprefix(margin) for line in lines)
    return body


def written(magic: str, line: str, prompt: str) -> str:
    """Return the text of the cell that `read` reads as this prompt."""
    # A cell's last line break is its end, no part of the prompt.
    end = "\n" if prompt.endswith("\n") else ""
    return f"%%{magic} {line}".rstrip() + f"\n{prompt}{end}"


def holds(prompt: str) -> bool:
    """Tell whether a prompt comes through editors and terminals as a cell's text."""
    return printable(prompt) == prompt and _ENDS.search(prompt) is None
