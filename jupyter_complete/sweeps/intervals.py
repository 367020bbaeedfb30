"""Estimates with their 95 % intervals: means, shares, differences."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from statistics import NormalDist, fmean
from typing import NamedTuple

_Z = NormalDist().inv_cdf(0.975)
_SEED = 20090
_DRAWS = 100_000
"""Values drawn for one interval, about: 2,000 resamples of 50 values."""


class Estimate(NamedTuple):
    """A value, its 95 % interval (None where one cannot be told), and its count."""

    value: float
    low: float | None
    high: float | None
    n: int

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return f"{self.value:.3g} (n = {self.n})"
        return f"{self.value:.3g} [{self.low:.3g}, {self.high:.3g}] (n = {self.n})"


def mean(values: Sequence[float]) -> Estimate | None:
    """Return the mean with its percentile bootstrap interval; None of no values.

    The percentiles are expanded for small counts (Hesterberg 2014, section 4.3.2).
    The resampling is seeded: the same values have the same interval.
    """
    n = len(values)
    if n < 2:
        return Estimate(values[0], None, None, 1) if n else None
    draw = _resampled(values)
    return Estimate(fmean(values), *_middle(draw, _resamples(n), _tail(n)), n)


def share(hits: int, n: int) -> Estimate | None:
    """Return the share of hits with its Wilson score interval; None where n is 0."""
    if not n:
        return None
    return Estimate(hits / n, *_wilson(hits / n, n), n)


def _wilson(part: float, n: float) -> tuple[float, float]:
    weight = _Z**2 / n
    centre = (part + weight / 2) / (1 + weight)
    half = _Z / (1 + weight) * math.sqrt(part * (1 - part) / n + weight / (4 * n))
    return 0.0 if part == 0 else centre - half, 1.0 if part == 1 else centre + half


def clustered_share(groups: Sequence[Sequence[bool]]) -> Estimate | None:
    """Return the share of hits in groups whose members are alike, with its interval.

    Wilson's with the effective count (Franco et al. 2019, "Comparative study of
    confidence intervals for proportions in complex sample surveys"): twenty prompts
    asked five times tell less than a hundred prompts.
    """
    hits, n = sum(map(sum, groups)), sum(map(len, groups))
    many = len(groups)
    if many < 2 or n == many:
        return share(hits, n)
    part = hits / n
    off = sum((sum(group) - part * len(group)) ** 2 for group in groups)
    variance = many / (many - 1) * off / (n * n)
    if 0 < part < 1 and variance:
        effective = part * (1 - part) / variance * (_Z / _student(many - 1)) ** 2
    else:  # All groups are the same, which could be because each is of one mind.
        effective = many
    return Estimate(part, *_wilson(part, min(effective, n)), n)


def clustered_mean(groups: Sequence[Sequence[float]]) -> Estimate | None:
    """Return the mean of values in groups whose members are alike, with its interval.

    The bootstrap draws groups, not values.
    """
    values = [value for group in groups for value in group]
    many = len(groups)
    if many < 2 or len(values) == many:
        return mean(values)
    pairs = [(sum(group), len(group)) for group in groups]
    draw = random.Random(_SEED).choices  # noqa: S311 - no secret

    def drawn() -> float:
        sums, counts = zip(*draw(pairs, k=many), strict=True)
        return fmean(sums) / fmean(counts)

    interval = _middle(drawn, _resamples(many), _tail(many))
    return Estimate(fmean(values), *interval, len(values))


def sign_test(better: int, worse: int) -> float:
    """Return the p of an exact two-sided sign test: how often luck does as much."""
    n = better + worse
    tail = sum(math.comb(n, k) for k in range(min(better, worse) + 1))
    return min(1.0, 2 * tail / (1 << n))


def difference(first: Sequence[float], second: Sequence[float]) -> Estimate | None:
    """Return the second mean less the first, of values that do not pair."""
    if not first or not second:
        return None
    value, n = fmean(second) - fmean(first), min(len(first), len(second))
    if n < 2:
        return Estimate(value, None, None, n)
    one, other = _resampled(first), _resampled(second, _SEED + 1)
    count = _resamples(len(first) + len(second))
    return Estimate(value, *_middle(lambda: other() - one(), count, _tail(n)), n)


def jackknife(value: float, without: Sequence[float], *, largest: float) -> Estimate:
    """Return a value with the interval of its delete-one jackknife, within 0..largest.

    For what is no mean, such as the share of distinct words: a resample would hold
    an answer twice, and its words with it.
    """
    n = len(without)
    if n < 2:
        return Estimate(value, None, None, n)
    centre = fmean(without)
    spread = sum((other - centre) ** 2 for other in without)
    half = _Z * math.sqrt((n - 1) / n * spread)
    return Estimate(value, max(0.0, value - half), min(largest, value + half), n)


def _resamples(n: int) -> int:
    return min(2000, max(200, _DRAWS // n))


def _resampled(values: Sequence[float], seed: int = _SEED) -> Callable[[], float]:
    draw = random.Random(seed).choices  # noqa: S311 - no secret
    n = len(values)
    return lambda: sum(draw(values, k=n)) / n


def _tail(n: int) -> float:
    """Return the part of n values' resamples to leave out at either end.

    A resample of few values spreads less than they do, by (n - 1) / n, and its
    normal is narrower than Student's t.
    """
    return NormalDist().cdf(-math.sqrt(n / (n - 1)) * _student(n - 1))


def _student(free: int) -> float:
    """Return the 97.5 % point of Student's t with so many degrees of freedom, about."""
    return (
        _Z
        + (_Z**3 + _Z) / (4 * free)
        + (5 * _Z**5 + 16 * _Z**3 + 3 * _Z) / (96 * free**2)
    )


def _middle(draw: Callable[[], float], count: int, tail: float) -> tuple[float, float]:
    """Return the draws between which all but two such tails of that many lie."""
    found = sorted(draw() for _ in range(count))

    def percentile(part: float) -> float:
        index = part * (count - 1)
        below = math.floor(index)
        above = min(below + 1, count - 1)
        return found[below] + (index - below) * (found[above] - found[below])

    return percentile(tail), percentile(1 - tail)
