"""The answers of a sweep, word by word against those of a chosen point."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ...errors import InputError, one_line
from ...sweeps.result import SweepResult
from ...sweeps.table import SweepRow
from ..markdown import escape
from .differences import Segment, marked, segments
from .summary import LONGEST_VALUE, Dimension, column_names, value
from .table import PAGE, Part, broken, html, weight

MOST_BASELINES = 8
"""Points that a reader can choose among."""
MOST_COMPARED = 200
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

    rows: tuple[SweepRow, ...]
    label: str

    def answer(self, sample: int) -> str:
        """Return the text of the same sample, else of the first."""
        texts = {
            row.sample: row.completion.text
            for row in self.rows
            if row.completion is not None
        }
        return texts.get(sample, next(iter(texts.values()), ""))


def baselines(
    sweep: SweepResult, varying: Sequence[Dimension], against: Chosen = None
) -> list[Baseline]:
    """Return what can be compared with: the chosen point, else the first ones.

    ``against`` is a point by its values, or the index of an answer in the sweep.
    Raises `InputError` where there is no such point or answer.
    """
    names = column_names(varying)
    made = [row for row in sweep.rows if row.completion and row.completion.text]
    if against is not None:
        return [_chosen(sweep, names, against)]
    axes = [name for name in names if name != "sample"]
    groups: dict[tuple[str, ...], list[SweepRow]] = {}
    for row in made:
        key = tuple(str(row.point.values[name]) for name in axes) or (str(row.sample),)
        if key in groups or len(groups) < MOST_BASELINES:
            groups.setdefault(key, []).append(row)
    count = max(MOST_COMPARED // max(len(made), 1), 1)
    shown = axes or names
    return [_baseline(rows, shown) for rows in list(groups.values())[:count]]


def _chosen(sweep: SweepResult, names: Sequence[str], against: Chosen) -> Baseline:
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
            f"index of one of the {len(answered)} answers."
        )
    return _baseline([answered[against]], names)


def _baseline(rows: Sequence[SweepRow], names: Sequence[str]) -> Baseline:
    return Baseline(tuple(rows), label(rows[0], names) or "the first answer")


def label(row: SweepRow, names: Sequence[str]) -> str:
    """Return where a call stands, as ``temperature=0.5, sample=1``."""
    text = ", ".join(f"{name}={value(row, name)}" for name in names)
    return one_line(text, 2 * LONGEST_VALUE)


def panels(
    part: Part, chosen: Sequence[Baseline], *, budget: int, most: int
) -> list[str]:
    """Return, for each baseline, the other answers compared with it, as HTML.

    All together stay in the budget of bytes, and each has at most so many answers.
    """
    found = []
    for index, baseline in enumerate(chosen):
        left = max(budget // (len(chosen) - index), 0)
        found.append(_panel(part, baseline, left, most))
        budget -= weight(found[-1])
    return found


def _panel(part: Part, baseline: Baseline, budget: int, most: int) -> str:
    names = column_names(part.dimensions)
    groups = _groups(part, baseline)
    lines = []
    for (other, text), rows in [*groups.items()][:most]:
        labels = " · ".join(label(row, names) for row in rows)
        line = f"<p><strong>{escape(labels)}</strong></p>{_compared(other, text)}"
        line = f"<div{' class=jc-s' * (other == text)}>{line}</div>"
        budget -= weight(line)
        if budget < 0:
            break
        lines.append(line)
    pages = [lines[start : start + PAGE] for start in range(0, len(lines), PAGE)]
    body = "".join(_page(number, page) for number, page in enumerate(pages))
    if not groups:
        body = "<p>There is no other answer to compare.</p>"
    if more := len(groups) - len(lines):
        body += (
            f"<p>and {more:,} more: {escape(part.name)}.at(…).view(against=…) "
            "compares a part of them.</p>"
        )
    text = one_line(baseline.answer(baseline.rows[0].sample), 300)
    return (
        f"<p>Against {escape(baseline.label)}: <del>what it has more</del> "
        f"<ins>what the other has more</ins></p>"
        f"<p class=jc-same>{escape(text)}</p>{body}"
    )


def _groups(part: Part, baseline: Baseline) -> dict[tuple[str, str], list[SweepRow]]:
    """Return the calls by what is compared: the baseline's answer and theirs."""
    mine = {id(row.completion) for row in baseline.rows}
    groups: dict[tuple[str, str], list[SweepRow]] = {}
    for row in part.rows:
        one = row.completion
        if one is not None and one.text and id(one) not in mine:
            key = (baseline.answer(row.sample).strip(), one.text.strip())
            groups.setdefault(key, []).append(row)
    return groups


def _page(number: int, lines: Sequence[str]) -> str:
    start = number * PAGE + 1
    return (
        f"<details{' open' * (not number)}><summary>{start}\N{EN DASH}"
        f"{start + len(lines) - 1}</summary>{''.join(lines)}</details>"
    )


def _compared(other: str, text: str) -> str:
    if text == other:
        return "<div class=jc-same>the same text</div>"
    found = segments(other[:LONGEST_TEXT], text[:LONGEST_TEXT])
    if found is None:  # pragma: no cover - so few characters hold fewer words
        return "<div class=jc-same>too long to compare</div>"
    longer = max(len(text), len(other)) > LONGEST_TEXT
    end = f" … <i>(only {LONGEST_TEXT:,} characters were compared)</i>" * longer
    return f"<div class=jc-x>{''.join(map(_folded, found))}{end}</div>"


def _folded(segment: Segment) -> str:
    if segment.kind != "equal" or len(segment.pieces) < SPARED:
        return broken(marked(segment))
    first, middle, last = (
        html("".join(segment.pieces[part]))
        for part in (
            slice(CONTEXT),
            slice(CONTEXT, -CONTEXT),
            slice(-CONTEXT, None),
        )
    )
    return f"{first}<span class=jc-e>{middle}</span>{last}"


def plain(row: SweepRow, baseline: Baseline) -> Iterator[str]:
    """Yield an answer against the baseline as text: [-less-] {+more+}."""
    text = row.completion.text.strip() if row.completion else ""
    yield from in_brackets(baseline.answer(row.sample).strip(), text)


def in_brackets(old: str, new: str) -> Iterator[str]:
    """Yield a text with what it has less than the old one, and what it has more."""
    for segment in segments(old[:LONGEST_TEXT], new[:LONGEST_TEXT]) or ():
        words = segment.text.lstrip()
        space = segment.text[: len(segment.text) - len(words)]
        yield space + _BRACKETS[segment.kind].format(words)


_BRACKETS = {"equal": "{}", "delete": "[-{}-]", "insert": "{{+{}+}}"}
