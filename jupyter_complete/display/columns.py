"""Text laid out for a terminal: measured in its cells, cut and wrapped at its width."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
import unicodedata
from collections.abc import Sequence

FLOOR = 18
"""Cells that a column keeps before another is left out."""
GAP = 2
"""Cells between columns."""


def room() -> int | None:
    """Return the columns of the terminal; None where a file or a notebook takes it."""
    if sys.stdout is None or not sys.stdout.isatty():
        return None
    with contextlib.suppress(OSError):  # COLUMNS may tell of another time
        if columns := os.get_terminal_size(sys.stdout.fileno()).columns:
            return columns
    return shutil.get_terminal_size().columns


def wrapped(text: str) -> str:
    """Return the text, its lines broken between words where a terminal shows it."""
    width = room()
    return text if width is None else Wrapping().write(text, width)


def cells(text: str) -> int:
    """Return how many cells of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(map(_cells, text))


def _cells(character: str) -> int:
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def cut(text: str, most: int) -> str:
    """Return the text in at most so many cells, an ellipsis for what is cut."""
    if cells(text) <= most:
        return text
    taken = ""
    for character in text:
        if cells(taken) + _cells(character) >= most:
            break
        taken += character
    return f"{taken}…"


def aligned(
    lines: Sequence[Sequence[str]], width: int | None = None, spare: Sequence[str] = ()
) -> list[str]:
    """Return the lines, headings first, with their columns aligned.

    Where they are wider than ``width``, columns named in ``spare`` are left out, the
    first first, and a last line says so; then the widest columns are cut.
    """
    widths = [max(map(cells, column)) for column in zip(*lines, strict=True)]
    kept, out = list(range(len(widths))), []
    if width is not None:
        for name in spare:
            if _least(widths, kept, width) <= width:
                break
            if name in lines[0]:
                kept.remove(lines[0].index(name))
                out.append(name)
        widths = _narrowed(widths, kept, width)
    found = [
        (" " * GAP).join(_padded(line[index], widths[index]) for index in kept).rstrip()
        for line in lines
    ]
    if out:
        found.append(cut(f"… left out here: {', '.join(out)}", width or 0))
    return found


def _least(widths: Sequence[int], kept: Sequence[int], width: int) -> int:
    """Return the cells that the columns take at the least."""
    first, *others = kept
    least = min(widths[first], width // 2) + GAP * len(others)
    return least + sum(min(widths[index], FLOOR) for index in others)


def _narrowed(widths: Sequence[int], kept: Sequence[int], width: int) -> list[int]:
    """Return the widths with the widest cut, one as the other, until all fit."""
    found = list(widths)
    first, *others = kept
    found[first] = min(found[first], max(width // 2, 1))
    left = width - found[first] - GAP * len(others)
    for count, index in enumerate(sorted(others, key=found.__getitem__)):
        found[index] = max(min(found[index], left // (len(others) - count)), 1)
        left -= found[index]
    return found


def _padded(cell: str, width: int) -> str:
    cell = cut(cell, width)
    return cell + " " * (width - cells(cell))


_PARTS = re.compile(r"\n|[^\S\n]+|[^\s\u1100-\U0010ffff]+|.", re.DOTALL)
_FENCE = re.compile(r" {0,3}(```|~~~)")
_BEGIN = 8
"""Characters of a line that tell whether it is code."""


class Wrapping:
    """Breaks lines between words as a text comes, and leaves its own breaks alone.

    A word shows as it grows; when it meets the edge, what stands of it is taken back
    and begins the next line. Code keeps its lines: the terminal breaks those.
    """

    def __init__(self) -> None:
        self._column = 0
        self._begin = ""
        """The line's first characters: they tell code."""
        self._word = ""
        self._taken = 0
        """Cells of the word that stands at the end."""
        self._blank = ""
        self._fenced = False

    def write(self, text: str, width: int) -> str:
        """Return what to write for more of the text, in a terminal so wide."""
        # The last column stays free: a cursor behind it cannot go back.
        edge = max(width - 1, 1)
        return "".join(self._put(part, edge) for part in _PARTS.findall(text))

    def _put(self, part: str, edge: int) -> str:
        if part == "\n":
            self._fenced ^= bool(_FENCE.match(self._begin))
            self._column, self._taken = 0, 0
            self._begin, self._word, self._blank = "", "", ""
            return part
        indents = not self._begin.strip()
        if len(self._begin) < _BEGIN:
            self._begin += part
        if part.isspace():
            return self._put_blank(part.expandtabs(4), at_once=indents)
        if self._fenced or self._begin.startswith((" " * 4, "\t", "```", "~~~")):
            blank, self._blank = self._blank, ""
            return blank + part
        return self._put_word(part, edge)

    def _put_blank(self, blank: str, *, at_once: bool) -> str:
        """Keep what may be the end of a line until a word comes."""
        self._word, self._taken = "", 0
        if at_once:
            self._column += len(blank)
            return blank
        self._blank += blank
        return ""

    def _put_word(self, part: str, edge: int) -> str:
        blank, self._blank = self._blank, ""
        size = cells(part)
        if size == 2 * len(part):  # of a script without spaces: breaks anywhere
            self._word, self._taken = "", 0
        goes_on = self._taken > 0
        moved = self._column + len(blank) + size > edge and (
            self._taken < self._column <= edge or (self._column > edge and not goes_on)
        )
        back = "\b" * self._taken + " " * self._taken + "\n" + self._word
        if moved:
            self._column = self._taken
            blank = ""
        self._column += len(blank) + size
        self._taken += size
        if self._taken <= edge:  # a longer one is never moved
            self._word += part
        return (back if moved else blank) + part
