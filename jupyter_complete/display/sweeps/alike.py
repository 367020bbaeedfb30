"""What is the same in all answers that are compared: whole answers, and words."""

from __future__ import annotations

import functools
from collections.abc import Hashable, Iterator, Sequence

from ...sweeps.table import SweepRow
from ..differences import pieces
from ..markdown import escape

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
