"""A sweep as text, for a terminal and for readers that show no HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ...errors import one_line, printable_lines
from ...sweeps.result import SweepResult
from ...sweeps.table import SweepRow
from ..columns import wrapped
from ..tables import EXCERPT, Table
from . import mistakes, tallies, variants
from .against import Baseline, label, plain
from .differences import Alike
from .summary import Dimension, column_names, error, summary, value
from .table import PAGE, facts_of, numbered
from .verdict import mark, mark_columns, wrong

Kind = Literal["calls", "wrong", "answers"]
"""What is listed."""
LONGEST = 24
"""Characters of a value in a column."""


@dataclass(frozen=True, slots=True)
class TextOptions:
    """What the text is to show."""

    page: int = 0
    full: bool = False
    differ: bool = False
    baseline: Baseline | None = None
    kind: Kind = "calls"


def text(
    sweep: SweepResult, varying: tuple[Dimension, ...], options: TextOptions, name: str
) -> str:
    """Return a page of the calls, varying columns first, with what came of all."""
    names = column_names(varying)
    if options.kind != "calls":
        found = (
            mistakes.text(sweep, names, options.page)
            if options.kind == "wrong"
            else tallies.text(sweep)
        )
        return "\n".join([found, "", *map(wrapped, summary(sweep, varying))])
    rows = numbered(sweep)
    rest = sum(not _has_news(row) for row in sweep.rows)
    if rest > 1:  # a single one is a line anyway
        rows = [(row, index) for row, index in rows if _has_news(row)]
    if options.differ:
        alike = Alike(sweep.rows, names)
        rows = [(row, index) for row, index in rows if not alike.same(row)]
    start = options.page * PAGE
    page = rows[start : start + PAGE]
    if options.full or options.baseline:
        found = "\n\n".join(_block(row, index, names, options) for row, index in page)
    else:
        found = repr(_table(page, names, mark_columns(sweep)))
    more = len(rows) - start - len(page)
    lines = summary(sweep, varying)
    if wrong(sweep):
        lines.append(f"{name}.view(wrong=True) shows what is wrong.")
    if rest > 1:
        lines.insert(0, f"… and {rest:,} without an answer yet.")
    if more > 0:
        lines.append(
            f"… {more:,} more: {name}.view(page={options.page + 1}) shows the next "
            f"{min(more, PAGE)}, {name}.to_dataframe() has all."
        )
    return "\n".join([found, "", *map(wrapped, lines), *variants.lines(sweep)])


def _has_news(row: SweepRow) -> bool:
    """Tell whether there is something to list: a text, or how the call ended."""
    one = row.completion
    return one is not None and bool(one.text or one.status != "interrupted")


def _table(
    rows: Sequence[tuple[SweepRow, int | None]],
    names: Sequence[str],
    marks: Sequence[str],
) -> Table:
    headings = (*names, "text", *marks, "status", "tokens", "seconds", "#")
    return Table(
        headings,
        [
            (
                *(one_line(value(row, name), LONGEST) for name in names),
                _excerpt(row),
                *(one_line(mark(row, name), LONGEST) for name in marks),
                *facts_of(row, index),
            )
            for row, index in rows
        ],
        spare=("#", "seconds", "tokens", "status"),
    )


def _excerpt(row: SweepRow) -> str:
    one = row.completion
    return one_line(one.error or one.text, EXCERPT) if one else ""


def _answer(row: SweepRow, options: TextOptions) -> str:
    if options.baseline:
        return "".join(plain(row, options.baseline))
    return row.completion.text.strip() if row.completion else ""


def _block(
    row: SweepRow, index: int | None, names: Sequence[str], options: TextOptions
) -> str:
    one = row.completion
    status, tokens, seconds, number = facts_of(row, index)
    facts = [label(row, names), status]
    facts += [f"{tokens} tokens"] * bool(tokens) + [f"{seconds} s"] * bool(seconds)
    head = f"[{number}] {' · '.join(fact for fact in facts if fact)}"
    lines = [head, printable_lines(_answer(row, options))]
    if one is not None and one.error:
        lines.append(error(one))
    return "\n".join(line for line in lines if line)
