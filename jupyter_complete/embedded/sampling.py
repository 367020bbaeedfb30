"""From an estimate to a token: temperature, then top_k, then top_p, then chance.

All three are exact over the whole vocabulary, which is never walked for it: tokens
come in the order of their probability, one at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heapify, heappop, heapreplace

from .level import Level


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a token is chosen.

    ``temperature``: 0 is always the likeliest. ``top_k``: that many of the likeliest,
    0 is no limit. ``top_p``: the fewest likeliest that together have this probability
    after the two others; 0 is the single likeliest. None is the default of the API:
    temperature 1, no limits.
    """

    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None


@dataclass(frozen=True, slots=True)
class Shaped:
    """An estimate as the sampling left it.

    ``cut`` has the tokens that are left and their weights; None means all of them,
    their weights being ``(p / top) ** power``.
    """

    level: Level
    power: float
    total: float
    cut: list[tuple[int, float]] | None

    def __iter__(self) -> Iterator[tuple[int, float]]:
        """Yield the tokens that are left and their probabilities, likeliest first."""
        total = self.total
        return ((token, weight / total) for token, weight in self._weights())

    def _weights(self) -> Iterator[tuple[int, float]]:
        if self.cut is not None:
            return iter(self.cut)
        return _powers(self.level, self.power)

    def choose(self, chance: float) -> tuple[int, float]:
        """Give the token that a number from 0 to 1 falls on, and its probability."""
        left = chance * self.total
        token, weight = 0, 0.0
        for following, share in self._weights():
            if not share:  # only rounding leads here
                break
            token, weight = following, share
            left -= weight
            if left < 0:
                break
        return token, weight / self.total


def ranked(level: Level) -> Iterator[tuple[int, float]]:
    """Yield every token of the vocabulary and its probability, likeliest first.

    Equal ones come in the order in which the text first has them.
    """
    # A token may stand in several levels; what the longest context says of it is the
    # highest of these, so the first time it comes up is the one that counts.
    heap: list[tuple[float, int, int, float, list[tuple[float, int]]]] = []
    scale, here = 1.0, level
    while True:
        ranking = here.ranking
        heap.append((ranking[0][0] * scale, ranking[0][1], 0, scale, ranking))
        if here.parent is None:
            break
        scale *= here.rest
        here = here.parent
    heapify(heap)
    excluded = not level.ranking[-1][0]
    seen = {token for minus, token in level.ranking if not minus} if excluded else set()
    while heap:
        minus, token, place, scale, ranking = heap[0]
        place += 1
        if place < len(ranking):
            following, another = ranking[place]
            heapreplace(heap, (following * scale, another, place, scale, ranking))
        else:
            heappop(heap)
        if token not in seen:
            seen.add(token)
            yield token, -minus


def shape(level: Level, sampling: Sampling) -> Shaped:
    """Give the estimate as temperature, top_k and top_p leave it."""
    temperature = 1.0 if sampling.temperature is None else sampling.temperature
    if temperature == 0 or sampling.top_p == 0 or sampling.top_k == 1:
        token, _ = next(ranked(level))
        return Shaped(level, 1.0, 1.0, [(token, 1.0)])
    power = 1.0 / temperature
    unlimited = sampling.top_p is None or sampling.top_p >= 1
    if sampling.top_k:
        weights = _powers(level, power)
        cut = [pair for pair, _ in zip(weights, range(sampling.top_k), strict=False)]
        total = sum(weight for _, weight in cut)
        if unlimited:
            return Shaped(level, power, total, cut)
        return _nucleus(level, power, iter(cut), total * (sampling.top_p or 0.0))
    total = level.power_sum(power)
    if unlimited:
        return Shaped(level, power, total, None)
    return _nucleus(
        level, power, _powers(level, power), total * (sampling.top_p or 0.0)
    )


def _powers(level: Level, power: float) -> Iterator[tuple[int, float]]:
    top = level.top
    for token, probability in ranked(level):
        yield token, (probability / top) ** power


def _nucleus(
    level: Level, power: float, weights: Iterator[tuple[int, float]], wanted: float
) -> Shaped:
    cut: list[tuple[int, float]] = []
    total = 0.0
    for token, weight in weights:
        cut.append((token, weight))
        total += weight
        if total >= wanted:
            break
    return Shaped(level, power, total, cut)
