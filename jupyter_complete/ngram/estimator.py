"""An interpolated n-gram model: what follows a context, from long contexts to none.

The estimate after a context is its own discounted counts (Kneser-Ney) and, with what
the discount left, the estimate after the context that is one token shorter. Counts
are taken when a context is first met, from the places where it stands in the text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .level import Level
from .tokens import LONGEST, Followers, Places, Text

MOST_PLACES = 5_000
"""Contexts that one model keeps, so that memory stays bounded."""


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
        """Return the weight with which each token follows."""
        sums: dict[int, float] = {}
        heaviest: dict[int, float] = {}
        for position in places.positions:
            token, weight = places.text[position], self.weights[position]
            sums[token] = sums.get(token, 0.0) + weight
            heaviest[token] = max(heaviest.get(token, 0.0), weight)
        return Followers(sums, heaviest, sum(sums.values()))


@dataclass(slots=True)
class _Place:
    """A context that was met: its estimate, and the contexts that are longer."""

    level: Level
    text: Places | None
    emphasised: Places | None
    longer: dict[int, _Place | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Discounts:
    """What is taken from each count and left to shorter contexts, by their length."""

    text: Sequence[float]
    emphasis: Sequence[float]


class SharedLevels:
    """The estimates that all questions share: without context, and after one token."""

    def __init__(self, text: Text) -> None:
        self.text = text
        self.root = _root(text)
        self._levels: dict[tuple[int, float], Level] = {}

    def level(self, token: int, discount: float, places: Places) -> Level:
        """Return the estimate after a token, which has these places."""
        key = (token, discount)
        known = self._levels.get(key)
        if known is None:
            known = _level(places.followers(), discount, self.root)
            self._levels[key] = known
        return known


def _root(text: Text) -> Level:
    """Return each token's share by how many different tokens stand before it."""
    counts = [0] * len(text.vocabulary)
    for _, token in set(zip(text.tokens, text.tokens[1:], strict=False)):
        counts[token] += 1
    # A token that nothing precedes still is a token of the text.
    floor = 1.0 / len(counts)
    total = sum(counts) + 1.0
    shares = {token: (count + floor) / total for token, count in enumerate(counts)}
    return Level(shares, 0.0, None)


class Estimator:
    """Gives the estimate after any context; safe to ask from several threads.

    Of two contexts the longer speaks first, and of the same context its places in
    the emphasised passages speak before those in the whole text.
    """

    def __init__(
        self,
        shared: SharedLevels,
        discounts: Discounts,
        emphasis: Emphasis | None = None,
    ) -> None:
        self._shared = shared
        self._discounts = discounts
        self._emphasis = emphasis
        self._start = self._fresh()
        self._count = 0

    def _fresh(self) -> _Place:
        emphasised = self._emphasis.places if self._emphasis else None
        shared = self._shared
        return _Place(shared.root, shared.text.places, emphasised)

    def after(self, history: Sequence[int]) -> Level:
        """Return the estimate of the token that follows the history."""
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
            discount = self._discounts.text[text.depth - 1]
            if text.depth == 1:
                level = self._shared.level(token, discount, text)
            else:
                level = _level(text.followers(), discount, level)
        if emphasised is not None and self._emphasis is not None:
            discount = self._discounts.emphasis[emphasised.depth - 1]
            level = _level(self._emphasis.followers(emphasised), discount, level)
        if level is place.level:
            return None
        return _Place(level, text, emphasised)


def _level(followers: Followers, discount: float, parent: Level) -> Level:
    counts, units, total = followers
    rest = discount * sum(units.values()) / total
    probability = parent.probability
    own = {
        token: (count - discount * units[token]) / total + rest * probability(token)
        for token, count in counts.items()
    }
    return Level(own, rest, parent)
