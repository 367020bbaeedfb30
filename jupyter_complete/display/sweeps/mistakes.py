"""What went wrong in a scored sweep: what was expected beside what came."""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import one_line, printable_lines
from ...sweeps.answers import answer
from ...sweeps.result import SweepResult
from ...sweeps.table import SweepRow, in_columns
from ..markdown import escape
from .against import LONGEST_TEXT, label
from .confusion import Confusion, confusions
from .differences import Segment, marked, segments
from .table import PAGE, broken, html, weight
from .verdict import expected, labels, mark, wrong

NONE = "No score of this sweep says that an answer is wrong."


def panel(sweep: SweepResult, names: Sequence[str], budget: int, name: str) -> str:
    """Return the wrong answers as HTML, within a budget of bytes."""
    rows = wrong(sweep)
    if not rows:
        return f"<p>{NONE}</p>"
    names = [one for one in names if one not in labels(sweep)]
    tables = "".join(map(_confusion_html, confusions(sweep)))
    budget -= weight(tables)
    lines: list[str] = []
    for row in rows:
        line = _line(row, names, sweep.scores)
        budget -= weight(line)
        if budget < 0:
            break
        lines.append(line)
    heads = ("where", "expected", "got", *sweep.scores)
    head = "".join(f"<th scope=col>{escape(one)}</th>" for one in heads)
    pages = [lines[start : start + PAGE] for start in range(0, len(lines), PAGE)]
    body = "".join(
        f"<details{' open' * (not nth)}><summary>{nth * PAGE + 1}\N{EN DASH}"
        f"{nth * PAGE + len(page)}</summary><table><thead><tr>{head}</tr></thead>"
        f"<tbody>{''.join(page)}</tbody></table></details>"
        for nth, page in enumerate(pages)
    )
    more = len(rows) - len(lines)
    rest = f"<p>and {more:,} more: {escape(name)}.at(…) has a part of them.</p>"
    return f"{tables}<p>{_count(rows)}</p>{body}{rest * bool(more)}"


def _count(rows: Sequence[SweepRow]) -> str:
    return f"{len(rows):,} wrong answer{'s' * (len(rows) != 1)}"


def _line(row: SweepRow, names: Sequence[str], scores: Sequence[str]) -> str:
    wanted, got = _sides(row)
    cells = "".join(f"<td>{escape(mark(row, name))}</td>" for name in scores)
    return (
        f"<tr><td>{escape(label(row, names))}</td>"
        f"<td><div class=jc-x>{wanted}</div></td>"
        f"<td><div class=jc-x>{got}</div></td>{cells}</tr>"
    )


def _sides(row: SweepRow) -> tuple[str, str]:
    """Return what was expected and what came as HTML, each with what it has alone."""
    wanted, got = expected(row), answer(row)
    if got is None:
        return html(wanted), "<i>nothing found</i>"
    found = segments(wanted[:LONGEST_TEXT], got[:LONGEST_TEXT]) if wanted else None
    if found is None:
        return html(wanted[:LONGEST_TEXT]), html(got[:LONGEST_TEXT])
    return _side(found, "insert"), _side(found, "delete")


def _side(found: Sequence[Segment], without: str) -> str:
    return broken("".join(marked(one) for one in found if one.kind != without))


def _confusion_html(one: Confusion) -> str:
    where, (head, *lines) = one
    top = "".join(f"<th scope=col>{escape(cell)}</th>" for cell in head)
    body = "".join(
        f"<tr><th scope=row>{escape(first)}</th>"
        + "".join(
            f"<td{' class=jc-right' * (column == first)}>{escape(cell)}</td>"
            for column, cell in zip(head[1:], cells, strict=True)
        )
        + "</tr>"
        for first, *cells in lines
    )
    caption = f"<caption>{escape(where)}</caption>" * bool(where)
    return (
        f"<table class=jc-confusion>{caption}<thead><tr>{top}</tr></thead>"
        f"<tbody>{body}</tbody></table>"
    )


def text(sweep: SweepResult, names: Sequence[str], page: int) -> str:
    """Return a page of the wrong answers as text, a confusion table before them."""
    rows = wrong(sweep)
    if not rows:
        return NONE
    names = [one for one in names if one not in labels(sweep)]
    parts = [
        f"{where}\n{in_columns(lines)}".lstrip() for where, lines in confusions(sweep)
    ]
    start = page * PAGE
    for row in rows[start : start + PAGE]:
        marks = ", ".join(f"{mark(row, name)} {name}" for name in sweep.scores)
        got = answer(row)
        parts.append(
            f"{label(row, names)} · {one_line(marks)}\n"
            f"  expected: {printable_lines(expected(row))}\n"
            f"  got:      {'(nothing found)' if got is None else printable_lines(got)}"
        )
    more = len(rows) - start - PAGE
    parts.append(_count(rows) + f", {more:,} more on the next page" * (more > 0))
    return "\n\n".join(parts)
