"""The answers of a sweep, word by word against those of a chosen point."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ...errors import InputError, one_line
from ...sweep.result import Sweep
from ...sweep.table import Row
from ..differences import Run, marked, runs
from ..markdown import escape
from .dimensions import LONGEST_VALUE, Dimension, column_names, value
from .fitting import weight
from .table import PAGE, Part

MOST_BASELINES = 12
"""Points that a reader can choose among."""
MOST_COMPARED = 300
"""Comparisons made unasked; more would let a reader wait."""
LONGEST_TEXT = 6000
"""Characters of each answer that are compared."""
SPARED = 8
"""Words in a row that are the same, from which on the middle ones can be hidden."""
CONTEXT = 3
"""Words that stay at either end of them."""

Chosen = Mapping[str, object] | int | None


@dataclass(frozen=True, slots=True)
class Baseline:
    """The answers that the others are compared with."""

    rows: tuple[Row, ...]
    label: str

    def answer(self, sample: int) -> str:
        """Give the text of the same sample, else of the first."""
        texts = {
            row.sample: row.completion.text
            for row in self.rows
            if row.completion is not None
        }
        return texts.get(sample, next(iter(texts.values()), ""))


def baselines(
    sweep: Sweep, varying: Sequence[Dimension], against: Chosen = None
) -> list[Baseline]:
    """Give what can be compared with: the chosen point, else the first ones.

    ``against`` is a point by its values, or the place of an answer in the sweep.
    Raises `InputError` where there is no such point or answer.
    """
    names = column_names(varying)
    made = [row for row in sweep.rows if row.completion and row.completion.text]
    if against is not None:
        return [_chosen(sweep, names, against)]
    axes = [name for name in names if name != "sample"]
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in made:
        key = tuple(str(row.point.values[name]) for name in axes) or (str(row.sample),)
        if key in groups or len(groups) < MOST_BASELINES:
            groups.setdefault(key, []).append(row)
    count = max(MOST_COMPARED // max(len(made), 1), 1)
    shown = axes or names
    return [_baseline(rows, shown) for rows in list(groups.values())[:count]]


def _chosen(sweep: Sweep, names: Sequence[str], against: Chosen) -> Baseline:
    if isinstance(against, Mapping):
        sample = "sample" in against
        found = [row for row in sweep.at(**against).rows if row.completion is not None]
        if not found:
            raise InputError(
                f"against is {dict(against)!r}; nothing was answered there."
            )
        rows = [row for row in found if row.point == found[0].point]
        shown = [name for name in names if sample or name != "sample"]
        return _baseline(rows, shown)
    answered = [row for row in sweep.rows if row.completion is not None]
    if not isinstance(against, int) or not -len(answered) <= against < len(answered):
        raise InputError(
            f"against is {against!r}; give a point, as {{'temperature': 0}}, or the "
            f"place of one of the {len(answered)} answers."
        )
    return _baseline([answered[against]], names)


def _baseline(rows: Sequence[Row], names: Sequence[str]) -> Baseline:
    return Baseline(tuple(rows), label(rows[0], names) or "the first answer")


def label(row: Row, names: Sequence[str]) -> str:
    """Give where a call stands, as ``temperature=0.5, sample=1``."""
    text = ", ".join(f"{name}={value(row, name)}" for name in names)
    return one_line(text, 2 * LONGEST_VALUE)


def panels(
    part: Part, chosen: Sequence[Baseline], *, budget: int, most: int
) -> list[str]:
    """Give, for each baseline, the other answers compared with it, as HTML.

    All together stay in the budget of bytes, and each has at most so many answers.
    """
    found = []
    for place, baseline in enumerate(chosen):
        left = max(budget // (len(chosen) - place), 0)
        found.append(_panel(part, baseline, left, most))
        budget -= weight(found[-1])
    return found


def _panel(part: Part, baseline: Baseline, budget: int, most: int) -> str:
    names = column_names(part.dimensions)
    mine = {id(row.completion) for row in baseline.rows}
    others = [
        row
        for row in part.rows
        if row.completion is not None
        and row.completion.text
        and id(row.completion) not in mine
    ]
    lines = []
    for row in others[:most]:
        line = _line(row, names, baseline)
        budget -= weight(line)
        if budget < 0:
            break
        lines.append(line)
    pages = [lines[start : start + PAGE] for start in range(0, len(lines), PAGE)]
    body = "".join(_page(number, page) for number, page in enumerate(pages))
    if not lines:
        body = "<p>There is no other answer to compare.</p>"
    if len(lines) < len(others):
        more = len(others) - len(lines)
        body += (
            f"<p>and {more:,} more: "
            f"{escape(part.name)}.at(…).view(against=…) compares a part of them.</p>"
        )
    text = "<br>".join(
        escape(one_line(row.completion.text, 300))
        for row in baseline.rows[:1]
        if row.completion
    )
    return (
        f"<p>Against {escape(baseline.label)}: <del>what it has more</del> "
        f"<ins>what the other has more</ins></p><p class=jc-same>{text}</p>{body}"
    )


def _page(number: int, lines: Sequence[str]) -> str:
    start = number * PAGE + 1
    return (
        f"<details{' open' * (not number)}><summary>{start}–"  # noqa: RUF001
        f"{start + len(lines) - 1}</summary>{''.join(lines)}</details>"
    )


def _line(row: Row, names: Sequence[str], baseline: Baseline) -> str:
    assert row.completion is not None  # noqa: S101 - only answers are compared
    text = row.completion.text.strip()
    other = baseline.answer(row.sample).strip()
    head = f"<h4>{escape(label(row, names))}</h4>"
    if text == other:
        return f"<div class=jc-s>{head}<div class=jc-same>the same text</div></div>"
    found = runs(other[:LONGEST_TEXT], text[:LONGEST_TEXT])
    if found is None:
        return f"<div>{head}<div class=jc-same>too long to compare</div></div>"
    longer = max(len(text), len(other)) > LONGEST_TEXT
    end = f" … <i>(only {LONGEST_TEXT:,} characters were compared)</i>" * longer
    return f"<div>{head}<div class=jc-x>{''.join(map(_run, found))}{end}</div></div>"


def _run(run: Run) -> str:
    if run.kind != "equal" or len(run.pieces) < SPARED:
        return _breaks(marked(run))
    first, middle, last = (
        "".join(run.pieces[:CONTEXT]),
        "".join(run.pieces[CONTEXT:-CONTEXT]),
        "".join(run.pieces[-CONTEXT:]),
    )
    hidden = f"<span class=jc-e>{_breaks(escape(middle))}</span>"
    return f"{_breaks(escape(first))}{hidden}{_breaks(escape(last))}"


def _breaks(markup: str) -> str:
    return markup.replace("\n", "<br>")


def plain(row: Row, baseline: Baseline) -> Iterator[str]:
    """Yield an answer against the baseline as text: [-less-] {+more+}."""
    text = row.completion.text.strip() if row.completion else ""
    other = baseline.answer(row.sample).strip()
    for run in runs(other[:LONGEST_TEXT], text[:LONGEST_TEXT]) or ():
        words = run.text.lstrip()
        space = run.text[: len(run.text) - len(words)]
        yield space + _BRACKETS[run.kind].format(words)


_BRACKETS = {"equal": "{}", "delete": "[-{}-]", "insert": "{{+{}+}}"}
