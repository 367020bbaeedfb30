"""The drawings: marks, inks and labels, on a matplotlib figure that is given."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import one_line
from ..sweeps.intervals import Estimate
from ..sweeps.metrics import Metric

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Inks that stand out against white and against a dark theme alike (4:1 and more).
INK = "#7a7a7a"
LINE = "#3a7fd0"
FAINT = "#7a7a7a40"
MOST_CELLS = 64
"""Cells of a heatmap that still have room for their intervals."""
LONGEST_LABEL = 22


class Picture(NamedTuple):
    """The measures of a plot, by the values of its axes."""

    metric: Metric
    axes: tuple[str, ...]
    values: tuple[tuple[Any, ...], ...]
    """The values of each axis."""
    found: dict[tuple[str, ...], Estimate | None]

    def at(self, *values: Any) -> Estimate | None:
        """Return the measure at a point, by its value on each axis."""
        return self.found.get(tuple(map(str, values)))

    @property
    def title(self) -> str:
        """The measure with its unit and the count at each point."""
        counts = {one.n if one else 0 for one in self.found.values()}
        low, high = min(counts), max(counts)
        each = f"{low}" if low == high else f"{low} to {high}"
        return self.metric.label(f"{each} at each point")


def _line(figure: Figure, picture: Picture) -> None:
    (name,), (values,) = picture.axes, picture.values
    figure.set_size_inches(max(5.5, min(11, 0.45 * len(values))), 3.6)
    axes = figure.add_subplot()
    dress(axes)
    numeric = _numeric(values)
    places = [float(value) for value in values] if numeric else [*range(len(values))]
    points = sorted(
        (x, one)
        for x, value in zip(places, values, strict=True)
        if (one := picture.at(value)) is not None
    )
    across = [x for x, _ in points]
    heights = [one.value for _, one in points]
    low = [one.value if one.low is None else one.low for _, one in points]
    high = [one.value if one.high is None else one.high for _, one in points]
    if numeric:
        axes.fill_between(across, low, high, color=LINE, alpha=0.25, linewidth=0)
        axes.plot(across, heights, color=LINE, marker="o", markersize=4)
        if min(across) > 0 and max(across) / min(across) >= 50:
            axes.set_xscale("log")
    else:
        error = [
            [value - below for value, below in zip(heights, low, strict=True)],
            [above - value for value, above in zip(heights, high, strict=True)],
        ]
        axes.errorbar(across, heights, error, color=LINE, fmt="o", capsize=4)
        axes.set_xlim(-0.5, len(values) - 0.5)
        ticks(axes, "x", values)
    axes.set_xlabel(name)
    axes.set_ylabel(_wrapped(picture.title))
    axes.grid(color=FAINT, linewidth=0.6)
    axes.set_title("with the 95 % interval", fontsize="small")


def _one_heatmap(figure: Figure, picture: Picture) -> None:
    across, down = picture.values
    figure.set_size_inches(*_size(len(across), len(down)))
    axes = figure.add_subplot()
    image = _heatmap(axes, picture, (), _range(picture))
    _bar(figure, image, [axes], picture)


def _multiples(figure: Figure, picture: Picture) -> None:
    across, down, facets = picture.values
    columns = min(len(facets), 3)
    rows = math.ceil(len(facets) / columns)
    width, height = _size(len(across), len(down))
    figure.set_size_inches(min(13, width * 0.8 * columns + 1), height * rows)
    limits = _range(picture)
    every = []
    for index, value in enumerate(facets):
        axes = figure.add_subplot(rows, columns, index + 1)
        image = _heatmap(axes, picture, (value,), limits)
        label = f"{picture.axes[2]} = {_short(value)}"
        axes.set_title(label, fontsize="medium")
        every.append(axes)
    _bar(figure, image, every, picture)


def _heatmap(
    axes: Axes, picture: Picture, facet: tuple[Any, ...], limits: tuple[float, float]
) -> Any:
    across, down = picture.values[:2]
    found = [[picture.at(x, y, *facet) for x in across] for y in down]
    heights = [[one.value if one else math.nan for one in row] for row in found]
    image = axes.imshow(heights, cmap="viridis", aspect="auto", clim=limits)
    dress(axes)
    ticks(axes, "x", across)
    ticks(axes, "y", down)
    axes.set(xlabel=picture.axes[0], ylabel=picture.axes[1])
    if len(across) * len(down) <= MOST_CELLS:
        for y, row in enumerate(found):
            for x, one in enumerate(row):
                _write(axes, (x, y), one, image)
    return image


def _write(axes: Axes, at: tuple[int, int], one: Estimate | None, image: Any) -> None:
    """Write a cell's value and interval, dark on light and light on dark."""
    if one is None:
        axes.text(*at, "n = 0", ha="center", va="center", fontsize=7, color=INK)
        return
    red, green, blue, _ = image.to_rgba(one.value)
    ink = ink_on(red, green, blue)
    x, y = at
    style: dict[str, Any] = {"ha": "center", "va": "center", "color": ink}
    axes.text(x, y - 0.1, f"{one.value:.3g}", **style)
    if one.low is not None and one.high is not None:
        interval = f"{one.low:.3g} to {one.high:.3g}"
        axes.text(x, y + 0.24, interval, fontsize=6.5, **style)


def _bar(figure: Figure, image: Any, axes: Sequence[Axes], picture: Picture) -> None:
    bar = figure.colorbar(image, ax=axes)
    bar.set_label(_wrapped(picture.title), color=INK)
    bar.ax.tick_params(colors=INK)
    bar.outline.set_visible(False)


def ink_on(red: float, green: float, blue: float) -> str:
    """Return the ink that is read on a colour, its parts from 0 to 1."""
    return "#000000" if 0.3 * red + 0.59 * green + 0.11 * blue > 0.45 else "#ffffff"


def dress(axes: Axes) -> None:
    """Return the axes inks that are read on any background."""
    axes.set_facecolor("none")
    axes.tick_params(colors=INK)
    for label in (axes.xaxis.label, axes.yaxis.label, axes.title):
        label.set_color(INK)
    for name, spine in axes.spines.items():
        spine.set_color(INK)
        spine.set_visible(name in ("left", "bottom"))


def ticks(axes: Axes, which: str, values: Sequence[Any]) -> None:
    """Name the places of an axis, ``x`` or ``y``, by its values."""
    labels = [_short(value) for value in values]
    set_ticks = axes.set_xticks if which == "x" else axes.set_yticks
    set_ticks(range(len(values)), labels=labels)
    if which == "x" and max(map(len, labels)) * len(labels) > 60:
        axes.tick_params("x", rotation=30)
        for label in axes.get_xticklabels():
            label.set_horizontalalignment("right")


def _size(across: int, down: int) -> tuple[float, float]:
    return max(5.0, min(12.0, 2.4 + 0.95 * across)), max(3.0, min(9, 1.5 + 0.6 * down))


def _range(picture: Picture) -> tuple[float, float]:
    heights = [one.value for one in picture.found.values() if one]
    return min(heights), max(heights)


def _numeric(values: Sequence[Any]) -> bool:
    return len(values) > 1 and all(
        isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)
        for value in values
    )


def _short(value: object) -> str:
    return one_line("not sent" if value is None else str(value), LONGEST_LABEL) or '""'


def _wrapped(title: str) -> str:
    return title.replace(" (n", "\n(n") if len(title) > LONGEST_LABEL else title


DRAWINGS: Mapping[int, Callable[[Figure, Picture], None]] = {
    1: _line,
    2: _one_heatmap,
    3: _multiples,
}
"""What draws a picture of so many axes."""
