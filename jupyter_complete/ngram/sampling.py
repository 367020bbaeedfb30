"""From an estimate to a token: temperature, then top_k, then top_p, then chance.

All three are exact over the whole vocabulary, which is never walked for it: tokens
come in the order of their probability, one at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from .level import Estimate

STEEP = 100
"""The power of the probabilities from which on few of them count."""
EXACT = 1e-13
"""The share of a sum that what is left of it no longer changes."""


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

    estimate: Estimate
    power: float
    total: float
    cut: list[tuple[int, float]] | None

    def __iter__(self) -> Iterator[tuple[int, float]]:
        """Yield the tokens that are left and their probabilities, likeliest first."""
        total = self.total
        return ((token, weight / total) for token, weight in self._weights())

    def probability(self, token: int) -> float:
        """Return the probability of a token, 0 for one that was cut."""
        if self.cut is not None:
            return dict(self.cut).get(token, 0.0) / self.total
        share = self.estimate.probability(token) / self.estimate.top
        weight: float = share**self.power
        return weight / self.total

    def nucleus(self, share: float) -> Iterator[tuple[int, float]]:
        """Yield the fewest tokens, and their weights, that have this share."""
        total, wanted = 0.0, share * self.total
        for token, weight in self._weights():
            yield token, weight
            total += weight
            if total >= wanted:
                return

    def _weights(self) -> Iterator[tuple[int, float]]:
        if self.cut is not None:
            return iter(self.cut)
        return _powers(self.estimate, self.power)

    def choose(self, chance: float) -> tuple[int, float]:
        """Return the token that a number from 0 to 1 falls on, and its probability."""
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


def shape(estimate: Estimate, sampling: Sampling) -> Shaped:
    """Return the estimate as temperature, top_k and top_p leave it."""
    temperature = 1.0 if sampling.temperature is None else sampling.temperature
    if temperature == 0 or sampling.top_p == 0 or sampling.top_k == 1:
        token, _ = next(estimate.ranked())
        return Shaped(estimate, 1.0, 1.0, [(token, 1.0)])
    power = 1.0 / temperature
    if sampling.top_k:
        shaped = _cut(estimate, power, islice(_powers(estimate, power), sampling.top_k))
    else:
        total = None if power > STEEP else estimate.power_sum(power)
        if total is None:
            shaped = _cut(estimate, power, _counting(estimate, power))
        else:
            shaped = Shaped(estimate, power, total, None)
    if sampling.top_p is None or sampling.top_p >= 1:
        return shaped
    return _cut(estimate, power, shaped.nucleus(sampling.top_p))


def _cut(
    estimate: Estimate, power: float, weights: Iterator[tuple[int, float]]
) -> Shaped:
    cut = list(weights)
    return Shaped(estimate, power, sum(weight for _, weight in cut), cut)


def _powers(estimate: Estimate, power: float) -> Iterator[tuple[int, float]]:
    """Yield the tokens and ``(p / top) ** power``, whose first is 1."""
    top = 0.0
    for token, probability in estimate.ranked():
        top = top or probability
        yield token, (probability / top) ** power


def _counting(estimate: Estimate, power: float) -> Iterator[tuple[int, float]]:
    """Yield the same until what is left no longer counts."""
    total, size = 0.0, estimate.level.size
    for token, weight in _powers(estimate, power):
        total += weight
        yield token, weight
        if weight * size < EXACT * total:
            break
