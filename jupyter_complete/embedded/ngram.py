"""An interpolated n-gram model: what follows a context, from long contexts to none.

The estimate after a context is its own discounted counts (Kneser-Ney: below the
longest context a word counts once for each different word before it) and, with what
the discount left, the estimate after the context that is one token shorter. Counts
are taken when a context is first met, from the places where it stands in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

PARAGRAPH = "\n\n"
END = ""
"""The token that ends a text; it adds nothing to it."""
PARAGRAPH_ID, END_ID = 0, 1

LONGEST = 6
"""Tokens of context that count."""
MOST_PLACES = 20_000
"""Contexts that one model keeps, so that memory stays bounded."""

_TOKEN = re.compile(
    r"\n\n+|"
    # Code in quotes is one token, as "x is y".
    r' ?"[^"\s]{1,40}(?: [^"\s]{1,12}){0,4}"(?:(?![\w"])|(?=s\b))|'
    r" ?\w+(?:[.'’-]\w+)*(?:\(\))?|"
    r" ?[^\w\s]|"
    r"\s"
)


def tokenise(text: str) -> list[str]:
    """Give the tokens of a text; joined they are the text, save runs of newlines."""
    return [
        PARAGRAPH if token.startswith(PARAGRAPH) else token
        for token in _TOKEN.findall(text)
    ]


class Level:
    """The estimate after one context.

    ``own``: probability of each token that was seen there; any other token has
    ``rest`` times its probability at ``parent``.
    """

    __slots__ = ("_powers", "_ranking", "_top", "own", "parent", "rest")

    def __init__(
        self, own: Mapping[int, float], rest: float, parent: Level | None
    ) -> None:
        self.own = own
        self.rest = rest
        self.parent = parent
        self._ranking: list[tuple[float, int]] | None = None
        self._top: float | None = None
        self._powers: dict[float, float] = {}

    def probability(self, token: int) -> float:
        """Give the probability of a token, 0 for one outside the vocabulary."""
        scale, level = 1.0, self
        while (known := level.own.get(token)) is None:
            if level.parent is None:
                return 0.0
            scale *= level.rest
            level = level.parent
        return scale * known

    def without(self, tokens: Iterable[int]) -> Level:
        """Give the estimate when none of these tokens comes next."""
        lost = sum(map(self.probability, tokens))
        return Level(dict.fromkeys(tokens, 0.0), 1 / (1 - lost), self)

    @property
    def ranking(self) -> list[tuple[float, int]]:
        """(minus probability, token) of the tokens seen here, the likeliest first."""
        if self._ranking is None:
            self._ranking = sorted((-p, token) for token, p in self.own.items())
        return self._ranking

    @property
    def top(self) -> float:
        """The probability of the likeliest token."""
        if self._top is None:
            here = -self.ranking[0][0]
            above = self.parent.top if self.parent is not None else 0.0
            self._top = max(here, self.rest * above)
        return self._top

    def power_sum(self, power: float) -> float:
        """Give the sum of ``(p / top) ** power`` over the whole vocabulary."""
        known = self._powers.get(power)
        if known is not None:
            return known
        top = self.top
        total: float = sum((p / top) ** power for p in self.own.values())
        if self.parent is not None:
            above = self.parent.top
            probability = self.parent.probability
            seen = sum(
                min(1.0, probability(token) / above) ** power for token in self.own
            )
            others = max(0.0, self.parent.power_sum(power) - seen)
            total += min(1.0, self.rest * above / top) ** power * others
        if len(self._powers) >= 8:
            self._powers.clear()
        self._powers[power] = total
        return total


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
        """Give the places of this context with a token before it, None if it has none."""
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
        """Give how often each token follows, as Kneser and Ney count.

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


@dataclass(frozen=True)
class Text:
    """A text as numbers, and the tokens these stand for."""

    vocabulary: Sequence[str]
    tokens: Sequence[int]
    starts: Sequence[int]
    """The position of the first token of each paragraph."""
    ids: Mapping[str, int]
    levels: dict[tuple[int, float], Level] = field(default_factory=dict)
    """Estimates after one token, by the token and the discount."""

    @classmethod
    def of(cls, sections: Iterable[Iterable[str]]) -> Text:
        """Give the text of sections of paragraphs; a section's end ends the text."""
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
    def root(self) -> Level:
        """The estimate without context: each token by how many different precede it."""
        pairs = set(zip(self.tokens, self.tokens[1:], strict=False))
        counts = [0] * len(self.vocabulary)
        for _, token in pairs:
            counts[token] += 1
        total = sum(counts) + 1.0
        # A token that nothing precedes still is a token of the text.
        floor = 1.0 / len(counts)
        return Level(
            {token: (count + floor) / total for token, count in enumerate(counts)},
            0.0,
            None,
        )

    def span(self, paragraph: int) -> range:
        """Give the positions of a paragraph's tokens and of what ends it."""
        first = self.starts[paragraph]
        last = paragraph + 1 == len(self.starts)
        end = len(self.tokens) if last else self.starts[paragraph + 1]
        stop = end if last or self.tokens[end - 2] != END_ID else end - 1
        return range(first, stop)

    def known(self, text: str) -> list[int]:
        """Give the tokens of a text that the vocabulary has."""
        found = (self.ids.get(token) for token in tokenise(text))
        return [token for token in found if token is not None]


@dataclass(frozen=True)
class Emphasis:
    """Passages that count more: weights by position, and where contexts stand there."""

    places: Places
    weights: Mapping[int, float]

    @classmethod
    def on(cls, text: Text, weights: Mapping[int, float]) -> Emphasis:
        """Emphasise the positions of a text that have a weight."""
        return cls(Places(text.tokens, sorted(weights), 0), weights)

    def followers(self, places: Places) -> Followers:
        """Give the weight with which each token follows."""
        sums: dict[int, float] = {}
        heaviest: dict[int, float] = {}
        for position in places.positions:
            token, weight = places.text[position], self.weights[position]
            sums[token] = sums.get(token, 0.0) + weight
            heaviest[token] = max(heaviest.get(token, 0.0), weight)
        return Followers(sums, heaviest, sum(sums.values()))


class _Place:
    """A context that was met: its estimate, and the contexts that are longer."""

    __slots__ = ("emphasised", "level", "longer", "text")

    def __init__(
        self, level: Level, text: Places | None, emphasised: Places | None
    ) -> None:
        self.level = level
        self.text = text
        self.emphasised = emphasised
        self.longer: dict[int, _Place | None] = {}


@dataclass(frozen=True)
class Discounts:
    """What is taken from each count and left to shorter contexts, by their length."""

    text: Sequence[float]
    emphasis: Sequence[float]


class Estimator:
    """Gives the estimate after any context; safe to ask from several threads.

    Of two contexts the longer speaks first, and of the same context its places in
    the emphasised passages speak before those in the whole text.
    """

    def __init__(
        self, text: Text, discounts: Discounts, emphasis: Emphasis | None = None
    ) -> None:
        self._text = text
        self._discounts = discounts
        self._emphasis = emphasis
        self._start = self._fresh()
        self._count = 0

    def _fresh(self) -> _Place:
        emphasised = self._emphasis.places if self._emphasis else None
        return _Place(self._text.root, self._text.places, emphasised)

    def after(self, history: Sequence[int]) -> Level:
        """Give the estimate of the token that follows the history."""
        if self._count > MOST_PLACES:
            self._start, self._count = self._fresh(), 0
        place = self._start
        for token in reversed(history[-LONGEST:]):
            if token in place.longer:
                longer = place.longer[token]
            else:
                longer = place.longer[token] = self._longer(place, token)
                self._count += 1
            if longer is None:
                break
            place = longer
        return place.level

    def _longer(self, place: _Place, token: int) -> _Place | None:
        text = place.text.longer(token) if place.text else None
        emphasised = place.emphasised.longer(token) if place.emphasised else None
        level = place.level
        if text is not None:
            level = self._text_level(text, level)
        if emphasised is not None and self._emphasis is not None:
            discount = self._discounts.emphasis[emphasised.depth - 1]
            level = _level(self._emphasis.followers(emphasised), discount, level)
        if level is place.level:
            return None
        return _Place(level, text, emphasised)

    def _text_level(self, places: Places, parent: Level) -> Level:
        discount = self._discounts.text[places.depth - 1]
        if places.depth > 1:
            return _level(places.followers(), discount, parent)
        # After one token the whole text says the same whatever the emphasis.
        key = (self._text.tokens[places.positions[0] - 1], discount)
        level = self._text.levels.get(key)
        if level is None:
            level = self._text.levels[key] = _level(
                places.followers(), discount, parent
            )
        return level


def _level(followers: Followers, discount: float, parent: Level) -> Level:
    counts, units, total = followers
    rest = discount * sum(units.values()) / total
    probability = parent.probability
    own = {
        token: (count - discount * units[token]) / total + rest * probability(token)
        for token, count in counts.items()
    }
    return Level(own, rest, parent)
