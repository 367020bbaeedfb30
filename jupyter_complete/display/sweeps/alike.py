"""What is the same in all answers that are compared: whole answers, and words."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence

from ...sweep.table import Row
from ..differences import pieces

SPAN = 3
"""Words in a row that all have to share before a reader is spared them."""

Span = tuple[str, ...]


class Alike:
    """What the answers of a sweep have in common.

    Where a setting was swept, the answers to the same prompt are compared; where only
    the prompt changes, all are.
    """

    def __init__(self, rows: Sequence[Row], varying: Sequence[str]) -> None:
        self._varying = varying
        self._by_prompt = any(
            name in row.point.settings_names for row in rows[:1] for name in varying
        )
        self._texts: dict[Hashable, list[str]] = defaultdict(list)
        for row in rows:
            text = row.completion.text.strip() if row.completion else ""
            self._texts[self._group(row)].append(text)
        self._spans: dict[Hashable, frozenset[Span]] = {}

    def _group(self, row: Row) -> Hashable:
        if not self._by_prompt:
            return ()
        return tuple(
            str(row.point.values[name])
            for name in self._varying
            if name != "sample" and name not in row.point.settings_names
        )

    def same(self, row: Row) -> bool:
        """Tell whether all answers that a call's is compared with are the same."""
        texts = self._texts[self._group(row)]
        return len(texts) > 1 and bool(texts[0]) and len(set(texts)) == 1

    def parts(self, row: Row, text: str) -> Iterator[tuple[bool, str]]:
        """Yield the text in parts, each with whether all others have its words too."""
        group = self._group(row)
        if group not in self._spans:
            self._spans[group] = _shared(self._texts[group])
        spans = self._spans[group]
        if not spans:
            yield False, text
            return
        found = pieces(text)
        words = [piece.lstrip() for piece in found]
        flags = [False] * len(words)
        for place, span in enumerate(_spans(words)):
            if span in spans:
                flags[place : place + SPAN] = [True] * SPAN
        pairs = zip(flags, found, strict=True)
        for shared, run in itertools.groupby(pairs, key=lambda pair: pair[0]):
            yield shared, "".join(piece for _, piece in run)


def _spans(words: Sequence[str]) -> Iterator[Span]:
    return zip(*(words[place:] for place in range(SPAN)), strict=False)


def _shared(texts: Sequence[str]) -> frozenset[Span]:
    """Give the spans of words that are in every text, if there is more than one."""
    texts = [text for text in texts if text]
    if len(texts) < 2:
        return frozenset()
    shared = set(_spans(texts[0].split()))
    for text in texts[1:]:
        if not shared:
            break
        shared.intersection_update(_spans(text.split()))
    return frozenset(shared)
