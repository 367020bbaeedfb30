"""Backed-off next-token distribution."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from heapq import heapify, heappop, heapreplace

LEAST_LEFT = 1e-6
"""Tokens may come after all where less than this would be left without them."""

ROUNDED = 1e-5
"""The share of a sum that a difference has to be, to be exact enough."""

Ranking = list[tuple[float, int]]
"""(minus probability, token), the likeliest first."""


class Level:
    """The estimate after one context.

    ``own``: probability of each token that was seen there; any other token has
    ``rest`` times its probability at ``parent``, and less than its own here.
    """

    __slots__ = ("_likeliest", "_powers", "_ranking", "own", "parent", "rest")

    def __init__(
        self, own: Mapping[int, float], rest: float, parent: Level | None
    ) -> None:
        self.own = own
        self.rest = rest
        self.parent = parent
        self._ranking: Ranking | None = None
        self._likeliest: tuple[int, float] | None = None
        self._powers: dict[float, float] = {}

    def probability(self, token: int) -> float:
        """Return the probability of a token, 0 for one outside the vocabulary."""
        scale, level = 1.0, self
        while (known := level.own.get(token)) is None:
            if level.parent is None:
                return 0.0
            scale *= level.rest
            level = level.parent
        return scale * known

    def ranked(
        self, share: float = 1.0, leaving_out: Iterable[int] = ()
    ) -> Iterator[tuple[int, float]]:
        """Yield every token and this share of its probability, likeliest first.

        Equal ones come in the order in which the text first has them.
        """
        heap: list[tuple[float, int, int, float, Ranking]] = []
        scale, level = share, self
        while True:
            ranking = level.ranking
            heap.append((ranking[0][0] * scale, ranking[0][1], 0, scale, ranking))
            if level.parent is None:
                break
            scale *= level.rest
            level = level.parent
        heapify(heap)
        # A token may stand in several levels; what the longest context says of it is
        # the highest of these, so the first time it comes up is the one that counts.
        seen = set(leaving_out)
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

    @property
    def ranking(self) -> Ranking:
        """The tokens that were seen here."""
        if self._ranking is None:
            self._ranking = _ranking(self.own)
        return self._ranking

    @property
    def likeliest(self) -> tuple[int, float]:
        """The likeliest token and its probability."""
        if self._likeliest is None:
            minus, token = self.ranking[0]
            if self.parent is not None:
                other, above = self.parent.likeliest
                minus, token = min((minus, token), (-self.rest * above, other))
            self._likeliest = token, -minus
        return self._likeliest

    @property
    def size(self) -> int:
        """How many tokens the vocabulary has."""
        return len(self.own) if self.parent is None else self.parent.size

    def power_sum(self, power: float) -> float:
        """Return the sum of ``(p / top) ** power`` over the vocabulary."""
        known = self._powers.get(power)
        if known is not None:
            return known
        _, top = self.likeliest
        if power == 1:
            return 1 / top
        total: float = sum((p / top) ** power for p in self.own.values())
        if self.parent is not None:
            _, above = self.parent.likeliest
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


class Estimate:
    """What can come next: a level in which some tokens were ruled out.

    Any other token has ``share`` times its probability at ``level``. What is ruled
    out later joins them: there is one distribution, whatever was done before.
    """

    __slots__ = ("_top", "level", "ruled_out", "share")

    def __init__(
        self, level: Level, share: float = 1.0, ruled_out: frozenset[int] = frozenset()
    ) -> None:
        self.level = level
        self.share = share
        self.ruled_out = ruled_out
        self._top: float | None = None

    def probability(self, token: int) -> float:
        """Return the probability of a token, 0 for one outside the vocabulary."""
        if token in self.ruled_out:
            return 0.0
        return self.share * self.level.probability(token)

    def without(self, tokens: Collection[int]) -> Estimate:
        """Return the estimate when none of these tokens comes next.

        They may come after all if hardly anything else could.
        """
        ruled_out = self.ruled_out.union(tokens)
        left = 1.0 - sum(map(self.level.probability, ruled_out))
        if left < ROUNDED:
            left = sum(p for _, p in self.level.ranked(leaving_out=ruled_out))
        if ruled_out == self.ruled_out or left < LEAST_LEFT / self.share:
            return self
        return Estimate(self.level, 1 / left, ruled_out)

    @property
    def top(self) -> float:
        """The probability of the likeliest token."""
        if self._top is None:
            token, known = self.level.likeliest
            if token in self.ruled_out:
                _, self._top = next(self.ranked())
            else:
                self._top = self.share * known
        return self._top

    def ranked(self) -> Iterator[tuple[int, float]]:
        """Yield every token that can come and its probability, likeliest first."""
        return self.level.ranked(self.share, self.ruled_out)

    def power_sum(self, power: float) -> float | None:
        """Return the sum of ``(p / top) ** power`` over the whole vocabulary.

        None where it would be the small difference of two large numbers.
        """
        if power == 1:
            return 1 / self.top
        whole, (_, above) = self.level.power_sum(power), self.level.likeliest
        left: float = whole - sum(
            min(1.0, self.level.probability(token) / above) ** power
            for token in self.ruled_out
        )
        if left < ROUNDED * whole:
            return None
        factor: float = (self.share * above / self.top) ** power
        return factor * left


def _ranking(probabilities: Mapping[int, float]) -> Ranking:
    return sorted((-p, token) for token, p in probabilities.items())
