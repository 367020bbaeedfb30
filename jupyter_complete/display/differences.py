"""Where two texts differ, word by word."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

from .markdown import escape

MOST_WORDS = 8000
"""Words of two texts together, beyond which a person would wait for the result."""

_PIECE = re.compile(r"\s*\S+")


class Segment(NamedTuple):
    """Words in a row that both texts have, or one of them."""

    kind: Literal["equal", "delete", "insert"]
    pieces: Sequence[str]
    """Each a word with the white space before it."""

    @property
    def text(self) -> str:
        """The words with the white space between and before them."""
        return "".join(self.pieces)


def pieces(text: str) -> list[str]:
    """Return the words of a text, each with the white space before it."""
    return _PIECE.findall(text)


def segments(old: str, new: str) -> list[Segment] | None:
    """Return what both texts have, what the new one lacks and what it has more.

    In the old text's order; a deletion stands before the insertion in its place.
    None where the texts are too long to compare at once.
    """
    before, after = pieces(old), pieces(new)
    if len(before) + len(after) > MOST_WORDS:
        return None
    words = [[piece.lstrip() for piece in side] for side in (before, after)]
    found = []
    # Above 200 words difflib passes over the commonest where it looks for a match
    # to begin with: else 10,000 words would take minutes.
    matcher = difflib.SequenceMatcher(a=words[0], b=words[1])
    for kind, i, j, k, m in matcher.get_opcodes():
        if kind == "equal":
            # The same word; where only one of the two has space before it, so has this.
            pairs = zip(before[i:j], after[k:m], strict=True)
            found.append(Segment("equal", [max(pair, key=len) for pair in pairs]))
        else:
            sides = (Segment("delete", before[i:j]), Segment("insert", after[k:m]))
            found += [segment for segment in sides if segment.pieces]
    return found


def difference(old: str, new: str) -> str | None:
    """Return the old text with what the new one lacks and has more, as HTML.

    None where the texts are too long to compare at once.
    """
    found = segments(old, new)
    return None if found is None else "".join(map(marked, found))


def marked(segment: Segment) -> str:
    """Return a segment as HTML: in ``del`` or ``ins`` unless both texts have it."""
    if segment.kind == "equal":
        return escape(segment.text)
    words = segment.text.lstrip()
    space = segment.text[: len(segment.text) - len(words)]
    tag = "del" if segment.kind == "delete" else "ins"
    return f"{space}<{tag}>{escape(words)}</{tag}>" if words else ""
