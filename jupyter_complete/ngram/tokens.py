"""A text as tokens, and the places where a context stands in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

PARAGRAPH = "\n\n"
END = ""
"""The token that ends a text; it adds nothing to it."""
PARAGRAPH_ID, END_ID = 0, 1
BREAKS = (PARAGRAPH_ID, END_ID)

LONGEST = 6
"""Tokens of context that count."""

_TOKEN = re.compile(
    r"\n\n+|"
    # Code in quotes is one token, as "x is y".
    r' ?"[^"\s]{1,40}(?: [^"\s]{1,12}){0,4}"(?:(?![\w"])|(?=s\b))|'
    r" ?\w+(?:[.'’-]\w+)*(?:\(\))?|"
    r" ?[^\w\s]|"
    r"\s"
)


def tokenise(text: str) -> list[str]:
    """Return the tokens of a text; joined they are the text, save runs of newlines."""
    return [
        PARAGRAPH if token.startswith(PARAGRAPH) else token
        for token in _TOKEN.findall(text)
    ]


class Followers(NamedTuple):
    """The tokens that follow a context."""

    counts: Mapping[int, float]
    units: Mapping[int, float]
    """What a discount of 1 takes from each."""
    total: float


class Places:
    """Where a context stands in the text: the positions of the token after it."""

    __slots__ = ("_followers", "_longer", "depth", "positions", "text")

    def __init__(
        self, text: Sequence[int], positions: Sequence[int], depth: int
    ) -> None:
        self.text = text
        self.positions = positions
        self.depth = depth
        self._longer: dict[int, Places] | None = None
        self._followers: Followers | None = None

    def longer(self, token: int) -> Places | None:
        """Return the places of this context with a token before it, if any."""
        if len(self.positions) == 1:  # most are: nothing to keep
            before = self.positions[0] - self.depth - 1
            known = before >= 0 and self.text[before] == token
            return Places(self.text, self.positions, self.depth + 1) if known else None
        if self._longer is None:
            groups: dict[int, list[int]] = {}
            text, reach = self.text, self.depth + 1
            for position in self.positions:
                if position >= reach:
                    groups.setdefault(text[position - reach], []).append(position)
            self._longer = {
                before: Places(text, found, reach) for before, found in groups.items()
            }
        return self._longer.get(token)

    def followers(self) -> Followers:
        """Return how often each token follows, as Kneser and Ney count.

        Below the longest context that is by how many different tokens stand before,
        save at the start of a paragraph, before which nothing differs.
        """
        if self._followers is None:
            text, reach = self.text, self.depth + 1
            followers: Iterable[int] = (text[place] for place in self.positions)
            opening = text[self.positions[0] - self.depth] == PARAGRAPH_ID
            if reach <= LONGEST and not opening:
                pairs = dict.fromkeys(
                    (text[place], text[place - reach]) for place in self.positions
                )
                followers = (token for token, _ in pairs)
            counts: dict[int, float] = {}
            for token in followers:
                counts[token] = counts.get(token, 0.0) + 1.0
            units = dict.fromkeys(counts, 1.0)
            self._followers = Followers(counts, units, sum(counts.values()))
        return self._followers


class Marks(NamedTuple):
    """The tokens of a text that end sentences, and those of its brackets."""

    ends: frozenset[int]
    unended: frozenset[int]
    """After these a full stop ends no sentence, as in "i.e."."""
    opening: frozenset[int]
    closing: frozenset[int]
    full_stops: frozenset[int]
    """The full stop and the breaks, which do not stand in a bracket."""
    last: frozenset[int]
    """Those that end a paragraph somewhere."""


@dataclass(frozen=True)
class Text:
    """A text as numbers, and the tokens these stand for."""

    vocabulary: Sequence[str]
    tokens: Sequence[int]
    starts: Sequence[int]
    """The position of the first token of each paragraph."""
    ids: Mapping[str, int]

    @classmethod
    def of(cls, sections: Iterable[Iterable[str]]) -> Text:
        """Return the text of sections of paragraphs; a section's end ends the text."""
        ids = {PARAGRAPH: PARAGRAPH_ID, END: END_ID}
        tokens: list[int] = []
        starts: list[int] = []
        for section in sections:
            for paragraph in section:
                tokens.append(PARAGRAPH_ID)
                starts.append(len(tokens))
                tokens.extend(
                    ids.setdefault(token, len(ids))
                    for token in tokenise(" " + paragraph)
                )
            tokens.append(END_ID)
        return cls(list(ids), tokens, starts, ids)

    @cached_property
    def places(self) -> Places:
        """Every position, from which the places of any context are found."""
        return Places(self.tokens, range(1, len(self.tokens)), 0)

    @cached_property
    def marks(self) -> Marks:
        """Return the tokens that make sentences and brackets."""

        def known(*tokens: str) -> frozenset[int]:
            found = (self.ids.get(f"{space}{t}") for t in tokens for space in ("", " "))
            return frozenset(token for token in found if token is not None)

        return Marks(
            ends=known(".", "!", "?"),
            unended=known("i.e", "e.g", "etc", "vs", ",", "."),
            opening=known("("),
            closing=known(")"),
            full_stops=known(".") | {*BREAKS},
            last=frozenset(
                token
                for token, after in pairwise(self.tokens)
                if after in BREAKS and token not in BREAKS
            ),
        )

    def span(self, paragraph: int) -> range:
        """Return the positions of a paragraph's tokens and of what ends it."""
        first = self.starts[paragraph]
        last = paragraph + 1 == len(self.starts)
        end = len(self.tokens) if last else self.starts[paragraph + 1]
        stop = end if last or self.tokens[end - 2] != END_ID else end - 1
        return range(first, stop)

    def known(self, text: str) -> list[int]:
        """Return the tokens of a text that the vocabulary has."""
        found = (self.ids.get(token) for token in tokenise(text))
        return [token for token in found if token is not None]
