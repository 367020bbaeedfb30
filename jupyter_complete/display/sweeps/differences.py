"""Where texts differ, word by word, and what the answers of a sweep have alike."""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Hashable, Iterator, Sequence
from typing import Literal, NamedTuple

from ...sweeps.table import SweepRow
from ..markdown import escape

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
    return f"{escape(space)}<{tag}>{escape(words)}</{tag}>" if words else ""


SPAN = 4
"""Words in a row that all have to share before a reader can be spared them."""

Span = tuple[str, ...]


class _Group:
    """Answers that are compared with each other."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    @functools.cached_property
    def same(self) -> bool:
        """Whether there are several, and all are the same."""
        return len(self.texts) > 1 and len(set(self.texts)) == 1 and self.texts[0] != ""

    @functools.cached_property
    def spans(self) -> frozenset[Span]:
        """The spans of words that are in every text of several."""
        texts = list(dict.fromkeys(text for text in self.texts if text))
        if len(self.texts) < 2 or not texts:
            return frozenset()
        shared = set(_spans(texts[0].split()))
        for text in texts[1:]:
            if not shared:
                break
            shared.intersection_update(_spans(text.split()))
        return frozenset(shared)


class Alike:
    """What the answers of a sweep have in common.

    Where a setting was swept, the answers to the same prompt are compared; where only
    the prompt changes, all are.
    """

    def __init__(self, rows: Sequence[SweepRow], varying: Sequence[str]) -> None:
        settings = rows[0].point.settings_names if rows else frozenset()
        prompt = [name for name in varying if name not in settings and name != "sample"]
        by_prompt = len(prompt) < len([name for name in varying if name != "sample"])
        groups: dict[Hashable, _Group] = {}
        self._groups: dict[int, _Group] = {}
        for row in rows:
            values = row.point.values
            key = tuple(str(values[name]) for name in prompt) if by_prompt else ()
            group = self._groups[id(row)] = groups.setdefault(key, _Group())
            group.texts.append(row.completion.text.strip() if row.completion else "")

    def same(self, row: SweepRow) -> bool:
        """Tell whether all answers that a call's is compared with are the same."""
        return self._groups[id(row)].same

    def marked(self, row: SweepRow, text: str) -> str:
        """Return a text as HTML, what all have in common in hideable spans."""
        markup = escape(text)
        spans = self._groups[id(row)].spans
        if not spans:
            return markup
        found, words = pieces(markup), text.split()
        if len(found) != len(words):  # a control character that divides words is shown
            return markup
        marks: list[int] = []
        """Where a run begins, and where it ends, in turn."""
        for index, span in enumerate(_spans(words)):
            if span not in spans:
                continue
            if marks and index <= marks[-1]:
                marks[-1] = index + SPAN
            else:
                marks += [index, index + SPAN]
        for index, tag in zip(marks, _TAGS * len(marks), strict=False):
            at = min(index, len(found) - 1)
            found[at] = tag + found[at] if index == at else found[at] + tag
        return "".join(found)


_TAGS = ("<span class=jc-e>", "</span>")


def _spans(words: Sequence[str]) -> Iterator[Span]:
    return zip(*(words[index:] for index in range(SPAN)), strict=False)
