"""How often each answer came along an axis, as stacked bars."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import InputError, one_line
from ..scores import normal
from ..sweeps.answers import NOTHING, Answers, answers_at
from .drawing import INK, LONGEST_LABEL, dress, ink_on, ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..sweeps.result import SweepResult

# Okabe and Ito's, told apart by the colour-blind too.
COLOURS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442"]
SMALLEST = 0.07
"""The share of a bar in which its count still has room."""


def bars(figure: Figure, sweep: SweepResult, axis: str) -> Figure:
    """Draw a bar for each value of an axis, a part for each answer; return it.

    Raises `InputError` where nothing was answered.
    """
    points = answers_at(sweep, [axis])
    shown = _commonest(points)
    if not shown:
        raise InputError("No answer of the sweep can be counted.")
    axes = figure.add_subplot()
    dress(axes)
    values = [point.values[axis] for point in points]
    figure.set_size_inches(max(6.0, min(12, 3.2 + 0.8 * len(values))), 3.8)
    below = [0.0] * len(points)
    for key, colour in zip([*shown, ""], (*COLOURS[: len(shown)], INK), strict=True):
        counts = [(_count(point, key, shown), len(point.rows)) for point in points]
        name = _name(shown[key]) if key else "others"
        if any(count for count, _ in counts):
            below = _stack(axes, below, counts, colour, name)
    ticks(axes, "x", values)
    axes.set(xlabel=axis, ylabel="share of answers", ylim=(0, 1))
    figure.legend(loc="outside right center", frameon=False, labelcolor=INK)
    return figure


def _stack(
    axes: Axes,
    below: Sequence[float],
    counts: Sequence[tuple[int, int]],
    colour: str,
    name: str,
) -> list[float]:
    """Draw one answer's part of every bar on what is below; return how high it is."""
    parts = [count / max(n, 1) for count, n in counts]
    axes.bar(range(len(parts)), parts, bottom=below, color=colour, label=name)
    shades = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    style: dict[str, Any] = {"ha": "center", "va": "center", "color": ink_on(*shades)}
    for x, ((count, _), part) in enumerate(zip(counts, parts, strict=True)):
        if part >= SMALLEST:
            axes.text(x, below[x] + part / 2, str(count), **style)
    return [low + part for low, part in zip(below, parts, strict=True)]


def _name(said: str) -> str:
    name = one_line(said, LONGEST_LABEL)
    # What begins with _ is left out of a legend.
    return f'"{name}"' if not name or name.startswith("_") else name


def _key(said: str | None) -> str:
    """Return what tells an answer from others; never empty."""
    return "\0" if said is None else f"={normal(said)}"


def _commonest(points: list[Answers]) -> dict[str, str]:
    """Return how the commonest answers are written, by what tells them apart."""
    counts: Counter[str] = Counter()
    written: dict[str, str] = {}
    for point in points:
        for said, count in point.counted():
            counts[_key(said)] += count
            written.setdefault(_key(said), NOTHING if said is None else said)
    most = counts.most_common(len(COLOURS))
    return {key: written[key] for key, _ in most}


def _count(point: Answers, key: str, shown: dict[str, str]) -> int:
    """Return how often an answer came at a point; those not shown for no key."""
    found = {_key(said): count for said, count in point.counted()}
    if key:
        return found.get(key, 0)
    return sum(count for other, count in found.items() if other not in shown)
