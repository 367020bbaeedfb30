"""A sweep as a person sees it once it is there: table, facets, differences."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import InputError
from ...sweeps.result import SweepResult
from ..markdown import boxed, escape
from . import against as differing
from . import mistakes, tallies, variants
from .against import Baseline, Chosen, baselines, panels
from .looks import MOST_DIMENSIONS, style
from .summary import Dimension, chosen, column_names, dimensions, summary
from .table import MOST_BYTES, MOST_ROWS, PAGE, Part, table, weight
from .text import Kind, TextOptions, text

_OTHERS = {"Wrong only": 3, "Answers": 4}
_OVERHEAD = 60_000
"""Bytes kept for the style, the choices and the text beside the HTML."""


@dataclass(frozen=True, slots=True)
class SweepView:
    """A sweep that shows itself: as HTML in a notebook, as text in a terminal."""

    sweep: SweepResult
    rows: str | None
    columns: str | None
    full: bool
    differ: bool
    wrong: bool
    answers: bool
    against: Chosen
    page: int
    name: str

    def __repr__(self) -> str:
        varying = dimensions(self.sweep)
        baseline = (
            None
            if self.against is None
            else baselines(self.sweep, varying, self.against)[0]
        )
        kind: Kind = "wrong" if self.wrong else "answers" if self.answers else "calls"
        options = TextOptions(self.page, self.full, self.differ, baseline, kind)
        return text(self.sweep, varying, options, self.name)

    def _repr_html_(self) -> str:
        """Return all views in one, static; the chosen one is the first to be seen."""
        varying = dimensions(self.sweep)
        first = [chosen(varying, self.rows), chosen(varying, self.columns)]
        varying = _in_front(varying, [index for index in first if index is not None])
        part = Part.of(self.sweep, varying, self.page, self.name)
        offered = baselines(self.sweep, varying, self.against)
        others = _others(part, MOST_BYTES // 8)
        space = MOST_BYTES - _OVERHEAD - sum(map(weight, others.values()))
        if self.against is None:
            body = table(part, space * 9 // 10)
            most = differing.MOST_COMPARED
        else:
            body = table(part, space // 2)
            most = MOST_ROWS
        compared = panels(part, offered, budget=space - weight(body), most=most)
        return _Page(self, part, offered, body, compared, others).html()

    def bundle(self) -> dict[str, Any]:
        """Return it as a display takes it."""
        return {"text/plain": repr(self), "text/html": self._repr_html_()}


def view(
    sweep: SweepResult,
    *,
    rows: str | None = None,
    columns: str | None = None,
    full: bool = False,
    differ: bool = False,
    wrong: bool = False,
    answers: bool = False,
    against: Chosen = None,
    page: int = 0,
    name: str = "_sweep",
) -> SweepView:
    """Return a view of a sweep that a cell shows.

    ``rows`` and ``columns`` name what makes the rows and columns of the facets: an
    axis or ``sample``. ``against`` is a point, as ``{"temperature": 0}``, or the index
    of an answer, that the others are compared with, word by word. ``full`` shows
    whole texts, ``differ`` only what is not the same everywhere, ``page`` the page of
    50 calls; ``wrong`` begins with the answers that a score takes for wrong, and
    ``answers`` with how often each came. ``name`` is the variable that hints speak of.
    Raises `InputError`.
    """
    varying = dimensions(sweep)
    made = [chosen(varying, name) for name in (rows, columns)]
    if made[0] is not None and made[0] == made[1]:
        raise InputError(f"rows and columns are both {rows!r}; give two that differ.")
    if against is not None:
        baselines(sweep, varying, against)
    pages = max(-(-len(sweep.rows) // PAGE), 1)
    if not 0 <= page < pages:
        raise InputError(f"page is {page}; this sweep has pages 0 to {pages - 1}.")
    return SweepView(
        sweep, rows, columns, full, differ, wrong, answers, against, page, name
    )


def _in_front(
    varying: Sequence[Dimension], indexes: Sequence[int]
) -> tuple[Dimension, ...]:
    """Let the chosen ones be among those that are offered."""
    if all(index < MOST_DIMENSIONS for index in indexes):
        return tuple(varying)
    first = [varying[index] for index in indexes]
    return (*first, *(one for one in varying if one not in first))


def _others(part: Part, budget: int) -> dict[str, str]:
    """Return the views beside the calls' own, as HTML, by their titles."""
    names, found = column_names(part.dimensions), {}
    if part.sweep.scores:
        found["Wrong only"] = mistakes.panel(part.sweep, names, budget, part.name)
    if tallies.several(part.sweep):
        found["Answers"] = tallies.panel(part.sweep, budget, part.name)
    return found


@dataclass(frozen=True, slots=True)
class _Page:
    """The parts of a view put together."""

    view: SweepView
    part: Part
    offered: Sequence[Baseline]
    table: str
    panels: Sequence[str]
    others: dict[str, str]

    def html(self) -> str:
        """Return the whole, with the choices above it."""
        # Radio buttons of one name are one choice in the whole page: two views of the
        # same sweep must not share it.
        scope = f"jc-{secrets.token_hex(4)}"
        looks = style(
            scope,
            self.part.dimensions,
            pages=self.part.pages,
            baselines=len(self.panels),
            marks=len(self.part.marks),
        )
        lines = summary(self.view.sweep, self.part.dimensions)
        heads = "".join(f"<p>{escape(line)}</p>" for line in lines)
        compared = "".join(
            f"<div class=jc-b{index}>{panel}</div>"
            for index, panel in enumerate(self.panels)
        )
        others = "".join(
            f"<div class='jc-o jc-o{_OTHERS[title]}' hidden=hidden>{body}</div>"
            for title, body in self.others.items()
        )
        controls = "".join(self._controls(scope))
        return boxed(
            f"{looks}{heads}{variants.panel(self.view.sweep)}"
            f"<div class=jc-controls hidden=hidden>{controls}</div>"
            f"<p class=jc-n hidden=hidden>{self._hidden()}</p>"
            f"<div class=jc-scroll>{self.table}</div>"
            f"<div class=jc-d hidden=hidden>{compared}</div>{others}{self._more()}",
            f"jc-sweep {scope}",
        )

    def _controls(self, scope: str) -> Iterable[str]:
        view, part = self.view, self.part
        facets = view.rows is not None or view.columns is not None
        shown = 2 if view.against is not None else 1 if facets else 0
        ways = {"Table": 0, "Side by side": 1, "Word by word": 2}
        if not part.dimensions:
            del ways["Side by side"], ways["Word by word"]
        ways |= {title: _OTHERS[title] for title in self.others}
        asked = ("Wrong only" * view.wrong) or ("Answers" * view.answers)
        shown = ways.get(asked, shown)
        yield _radios(scope, "Show", "v", ways, shown)
        yield from self._boxes()
        yield from self._axes(scope)
        labels = {one.label: index for index, one in enumerate(self.offered)}
        yield _radios(scope, "Against", "a", labels, 0, kind="jc-against")
        if part.pages > 1:
            first = part.start // PAGE
            pages = {str(first + page): page for page in range(part.pages)}
            legend = f"Page of {PAGE} calls"
            yield _radios(scope, legend, "g", pages, view.page - first, kind="jc-pages")

    def _boxes(self) -> Iterable[str]:
        yield "<fieldset class=jc-text><legend>Text</legend>"
        yield _box("jc-full", "Full text", on=self.view.full)
        yield _box("jc-differ", "Only where they differ", on=self.view.differ)
        yield "</fieldset>"
        failed = [
            row.completion.status != "complete"
            for row in self.part.rows
            if row.completion
        ]
        if any(failed) and not all(failed):
            box = _box("jc-failed", "Only failed", on=False)
            yield f"<fieldset class=jc-failing><legend>Calls</legend>{box}</fieldset>"

    def _axes(self, scope: str) -> Iterable[str]:
        titles = [one.title for one in self.part.dimensions][:MOST_DIMENSIONS]
        if not titles:
            return
        rows, columns = self._start()
        for legend, letter, start in (("Rows", "r", rows), ("Columns", "c", columns)):
            ways: dict[str, int | str] = {t: index for index, t in enumerate(titles)}
            ways["none"] = "n"
            on = "n" if start is None else start
            yield _radios(scope, legend, letter, ways, on, kind="jc-facets")

    def _start(self) -> tuple[int | None, int | None]:
        """Return what makes the rows and the columns at first."""
        found = self.part.dimensions
        rows, columns = (
            chosen(found, name) for name in (self.view.rows, self.view.columns)
        )
        if self.view.rows is not None or self.view.columns is not None:
            return rows, columns
        return (0, 1) if len(found) > 1 else (None, 0)

    def _hidden(self) -> str:
        same = sum(self.part.alike.same(row) for row in self.part.rows)
        return f"{same:,} answers that are the same everywhere are hidden." * bool(same)

    def _more(self) -> str:
        part, name = self.part, escape(self.view.name)
        lines = []
        if len(part.rows) < len(part.sweep.rows):
            first, last = part.start, part.start + len(part.rows)
            lines.append(
                f"Calls {first:,} to {last - 1:,} of {len(part.sweep.rows):,}: "
                f"{name}.view(page=…) opens another page of {PAGE}, and the calls "
                "around it."
            )
        if self.view.against is None and len(self.offered) < len(part.sweep.points):
            lines.append(f"{name}.view(against={{…}}) compares with any other point.")
        if len(part.dimensions) > MOST_DIMENSIONS:
            names = ", ".join(column_names(part.dimensions)[MOST_DIMENSIONS:])
            lines.append(f"{name}.view(rows=…, columns=…) takes {escape(names)}, too.")
        return "".join(f"<p>{line}</p>" for line in lines)


def _radios(
    scope: str,
    legend: str,
    letter: str,
    ways: dict[str, Any],
    on: object,
    *,
    kind: str = "",
) -> str:
    choices = "".join(
        f"<label><input type=radio name={scope}-{letter} class=jc-{letter}{index}"
        f"{' checked' * (index == on)}>{escape(title)}</label>"
        for title, index in ways.items()
    )
    return f"<fieldset class='{kind}'><legend>{legend}</legend>{choices}</fieldset>"


def _box(name: str, title: str, *, on: bool) -> str:
    return f"<label><input type=checkbox class={name}{' checked' * on}>{title}</label>"
