"""Plots of a sweep: a line for one axis, a heatmap for two, small multiples for three.

``words~temperature+tone`` plots the measure ``words`` over two axes, and
``answers~temperature`` stacked bars of how often each answer came. Nothing here
imports matplotlib before a figure is asked for.
"""

from __future__ import annotations

import io
import warnings
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import InputError
from ..sweeps.answers import Tally, counts
from ..sweeps.measures import Measures
from ..sweeps.metrics import Metric, find
from .answers import bars
from .drawing import DRAWINGS, Picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..sweeps.metrics import Score
    from ..sweeps.result import SweepResult

__all__ = ["Spec", "check", "parse_spec", "plot"]


ANSWERS = Metric("answers", "how often each answer came", lambda _: None)
"""What is drawn as stacked bars: it has no one value at a point."""
_LOOKS = {"layout": "constrained", "facecolor": "none"}


class Spec(NamedTuple):
    """What to plot: a measure over one to three axes."""

    metric: Metric
    axes: tuple[str, ...]


def parse_spec(
    text: str | None, sweep: SweepResult, metric: str | Score | None = None
) -> Spec:
    """Return what a text such as ``words~temperature+tone`` asks to plot.

    Either side may be left out: the measure is ``metric``, else ``words``, and the
    axes are those that vary, the first three. Raises `InputError`.
    """
    left, tilde, right = (text or "").partition("~")
    if metric is not None and not tilde:
        left, right = "", left
    wanted = left.strip() or metric or "words"
    names = [name.strip() for name in right.split("+")] if right.strip() else []
    axes = names or sweep.compared[: len(DRAWINGS)]
    if not axes:
        raise InputError("The sweep has one point; there is no axis to plot it over.")
    if len(axes) > len(DRAWINGS):
        raise InputError(f"plot {text!r} has {len(axes)} axes; give at most three.")
    for name in axes:
        if name not in sweep.names or names.count(name) > 1:
            known = ", ".join(sweep.varying)
            raise InputError(
                f"plot {text!r} cannot have {name or 'an empty name'} as an axis; "
                f"write metric~axis, with axes of {known}, each once."
            )
    if wanted == ANSWERS.name:
        if len(names) > 1:
            raise InputError(f"plot {text!r} has {len(names)} axes; answers takes one.")
        return Spec(ANSWERS, tuple(axes[:1]))
    return Spec(find(wanted, sweep.scores), tuple(axes))


def plot(
    sweep: SweepResult, spec: str | None = None, *, metric: str | Score | None = None
) -> Figure:
    """Return a matplotlib figure of the sweep; it shows itself in a notebook.

    Its text form is the table of what it shows. Raises `InputError` for a spec that
    the sweep cannot fill, or without matplotlib.
    """
    wanted = parse_spec(spec, sweep, metric)
    kind = _figure_class()
    if wanted.metric is ANSWERS:
        tally = counts(sweep, wanted.axes)
        return _finished(bars(kind(tally, **_LOOKS), sweep, wanted.axes[0]))
    measures = sweep.metrics(wanted.metric, by=wanted.axes)
    picture = Picture(
        wanted.metric,
        wanted.axes,
        tuple(sweep.values(name) for name in wanted.axes),
        {tuple(map(str, one.values.values())): one.estimate for one in measures},
    )
    if not any(picture.found.values()):
        raise InputError(f"No answer of the sweep has {wanted.metric.name} to plot.")
    figure: Figure = kind(measures, **_LOOKS)
    DRAWINGS[len(wanted.axes)](figure, picture)
    return _finished(figure)


def _finished(figure: Figure) -> Figure:
    for artist in figure.findobj():
        if parse_math := getattr(artist, "set_parse_math", None):
            parse_math(parse_math=False)  # a $ in a prompt is no formula
    return figure


def check(sweep: SweepResult, spec: str) -> None:
    """Raise `InputError` for a spec that `plot` would refuse, or without matplotlib."""
    parse_spec(spec, sweep)
    _figure_class()


@cache
def _figure_class() -> Any:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
        from matplotlib.figure import Figure  # noqa: PLC0415 - only who plots pays
    except ImportError as error:
        raise InputError(
            "A plot wants matplotlib: pip install 'jupyter-complete[plots]'."
        ) from error

    class SweepFigure(Figure):
        """A figure that shows itself, as PNG and as the table behind it."""

        def __init__(self, measures: Measures | Tally, **options: Any) -> None:
            super().__init__(**options)
            FigureCanvasAgg(self)
            self.measures = measures

        def __repr__(self) -> str:
            return repr(self.measures)

        def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
            width, height = (int(inches * 80) for inches in self.get_size_inches())
            file = io.BytesIO()
            with warnings.catch_warnings():
                # A prompt may hold what the font has not: a box stands for it.
                warnings.filterwarnings("ignore", message="Glyph .* missing")
                self.savefig(file, format="png", dpi=160, facecolor="none")
            return file.getvalue(), {"width": width, "height": height}

    return SweepFigure
