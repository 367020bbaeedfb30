"""How likely every token is after a context, kept as what a shorter one leaves open."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

LEAST_LEFT, NEGLIGIBLE = 1e-6, 1e-4
"""Tokens stay if what is left without them is less, or if they are no likelier."""

ROUNDED = 1e-5
"""The share of a sum that a difference has to be, to be exact enough."""


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
        """Give the estimate when none of these tokens comes next.

        They stay if hardly anything else could, or if they hardly could.
        """
        left = 1 - sum(map(self.probability, tokens))
        if left < LEAST_LEFT or left > 1 - NEGLIGIBLE:
            return self
        return _Without(dict.fromkeys(tokens, 0.0), 1 / left, self)

    def with_at_least(self, token: int, probability: float) -> Level:
        """Give the estimate when a token comes next at least as likely as this."""
        known = self.probability(token)
        if known >= probability:
            return self
        return Level({token: probability}, (1 - probability) / (1 - known), self)

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
        if power == 1:
            return 1 / top
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


class _Without(Level):
    """The estimate when some tokens, which are its own, do not come next."""

    __slots__ = ()

    @property
    def top(self) -> float:
        if self._top is None:
            scale, best, level = self.rest, 0.0, self.parent
            while level is not None:
                likeliest = (-m for m, token in level.ranking if token not in self.own)
                best = max(best, scale * next(likeliest, 0.0))
                scale *= level.rest
                level = level.parent
            self._top = best
        return self._top

    def power_sum(self, power: float) -> float:
        if power == 1 or self.parent is None:
            return 1 / self.top
        scale, above = self.rest / self.top, self.parent
        whole: float = above.power_sum(power)
        shares = (above.probability(token) / above.top for token in self.own)
        left: float = whole - sum(share**power for share in shares)
        if left > ROUNDED * whole:
            factor: float = (scale * above.top) ** power
            return factor * left
        # So small a difference would be rounding errors.
        return self._walked(scale, power)

    def _walked(self, scale: float, power: float) -> float:
        seen, total, level = set(self.own), 0.0, self.parent
        while level is not None:
            total += sum(
                (scale * p) ** power
                for token, p in level.own.items()
                if token not in seen
            )
            seen.update(level.own)
            scale *= level.rest
            level = level.parent
        return total
