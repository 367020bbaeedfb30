"""Two conditions on the same rows, compared in pairs: better, worse, or luck."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .intervals import sign_test
from .measures import pairs
from .metrics import Metric
from .table import SweepRow

_LUCK = 0.05


@dataclass(frozen=True, slots=True)
class Signs:
    """How many rows are higher, lower and equal at a value than at the baseline."""

    value: Any
    higher: int
    lower: int
    equal: int
    p: float
    """Of an exact two-sided sign test: how often luck alone does as much."""

    @property
    def n(self) -> int:
        """How many rows are compared."""
        return self.higher + self.lower + self.equal


def signs(
    rows: Sequence[SweepRow], name: str, metric: Metric, baseline: Any
) -> list[Signs]:
    """Compare a measure at each value of a name with that at one, row by row.

    Where the rows are of scored data, each row of it counts once, whatever else was
    swept; else each point that differs in the name alone does.
    """
    found = []
    for value, groups in pairs(rows, name, baseline):
        merged: dict[tuple[str, ...], tuple[list[SweepRow], list[SweepRow]]] = {}
        for nth, (base, other) in enumerate(groups):
            marks = base[0].marks
            key = marks.item if marks and marks.item else (str(nth),)
            both = merged.setdefault(key, ([], []))
            both[0].extend(base)
            both[1].extend(other)
        both_sides = ((metric(base), metric(other)) for base, other in merged.values())
        off = [two.value - one.value for one, two in both_sides if one and two]
        higher, lower = sum(d > 0 for d in off), sum(d < 0 for d in off)
        equal = len(off) - higher - lower
        found.append(Signs(value, higher, lower, equal, sign_test(higher, lower)))
    return found


def told(
    name: str, baseline: Any, metric: str, found: Sequence[Signs], *, score: bool
) -> Iterator[str]:
    """Yield each comparison in words; the p are Holm's where there are several.

    Of a ``score``, more is better; of another measure it is more.
    """
    up, down = ("better", "worse") if score else ("higher", "lower")
    adjusted = _holm([one.p for one in found])
    for one, p in zip(found, adjusted, strict=True):
        if one.n < 2:
            continue
        yield (
            f"{metric} at {name}={one.value} against {baseline}: {up} in "
            f"{one.higher:,}, {down} in {one.lower:,}, equal in {one.equal:,} of "
            f"{one.n:,} pairs; {_in_words(one, p, len(found))}"
        )


def _in_words(one: Signs, p: float, tests: int) -> str:
    if not one.higher + one.lower:
        return "no difference."
    holm = f", Holm's for {tests} comparisons" * (tests > 1)
    test = f"(exact sign test, p = {p:.2g}{holm})"
    if p < _LUCK:
        return f"that is more than luck {test}."
    return f"that could be luck {test}."


def _holm(ps: Sequence[float]) -> list[float]:
    """Return the p of several tests, adjusted as Holm 1979 does."""
    order = sorted(range(len(ps)), key=lambda index: ps[index])
    adjusted, highest = [1.0] * len(ps), 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(ps) - rank) * ps[index]))
        adjusted[index] = highest
    return adjusted
