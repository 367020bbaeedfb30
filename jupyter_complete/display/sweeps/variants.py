"""How the variants of a prompt differ, word by word, from the first of them."""

from __future__ import annotations

from collections.abc import Iterator

from ...errors import one_line, printable_lines
from ...sweeps.result import SweepResult
from ..markdown import escape
from .against import LONGEST_TEXT, in_brackets
from .differences import marked, segments
from .table import broken, html

MOST = 12
"""Variants that are shown."""


def _variants(sweep: SweepResult) -> list[tuple[str, str]]:
    """Return the names and texts of the variants that the sweep has answers of."""
    for axis in sweep.axes:
        if axis.templates:
            here = set(map(str, sweep.values(axis.names[0])))
            both = zip(axis.rows, axis.templates, strict=True)
            return [(str(name), text) for (name,), text in both if str(name) in here]
    return []


def panel(sweep: SweepResult) -> str:
    """Return the variants as HTML, to be unfolded; nothing where there are not two."""
    found = _variants(sweep)
    if len(found) < 2:
        return ""
    (first, base), *others = [
        (name, text[:LONGEST_TEXT]) for name, text in found[:MOST]
    ]
    parts = [(first, html(base))]
    for name, text in others:
        compared = segments(base, text)
        whole = html(text) if compared is None else "".join(map(marked, compared))
        parts.append((name, broken(whole)))
    body = "".join(
        f"<p><strong>{escape(name)}</strong></p><div class=jc-x>{markup}</div>"
        for name, markup in parts
    )
    summary = "<summary>How the prompts differ</summary>"
    return f"<details>{summary}{body}</details>"


def lines(sweep: SweepResult) -> Iterator[str]:
    """Yield the variants as text: [-what the first has more-] {+what it lacks+}."""
    found = _variants(sweep)
    if len(found) < 2:
        return
    (first, base), *others = found[:MOST]
    yield "How the prompts differ from the first:"
    yield f"{one_line(first)}: {printable_lines(base[:LONGEST_TEXT])}"
    for name, text in others:
        said = "".join(in_brackets(base, text))
        yield f"{one_line(name)}: {printable_lines(said)}"
