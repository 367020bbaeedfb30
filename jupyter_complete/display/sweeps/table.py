"""The calls of a sweep as one HTML table, which the style can lay out as facets.

Its texts are cut to what a saved notebook can bear.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...errors import one_line
from ...sweeps.result import SweepResult
from ...sweeps.table import SweepRow
from ..markdown import escape
from .differences import Alike
from .summary import LONGEST_VALUE, Dimension, column_names, error, value
from .verdict import mark, mark_columns

PAGE = 50
"""Calls on one page."""
MOST_ROWS = 20 * PAGE
"""Calls in one view."""

FACTS = ("status", "tokens", "seconds", "#")
"""The last columns; before them stand what varies, the text and its scores."""


@dataclass(frozen=True, slots=True)
class Part:
    """The calls of a sweep that one view shows, and what is known of the whole."""

    sweep: SweepResult
    dimensions: tuple[Dimension, ...]
    start: int
    """The index of the first call shown."""
    name: str
    """The variable that holds the sweep."""
    alike: Alike
    marks: tuple[str, ...] = ()
    """The columns that scores add."""

    @classmethod
    def of(
        cls, sweep: SweepResult, varying: tuple[Dimension, ...], page: int, name: str
    ) -> Part:
        """Return the part that the page of 50 calls is in."""
        start = page * PAGE // MOST_ROWS * MOST_ROWS
        alike = Alike(sweep.rows, column_names(varying))
        return cls(sweep, varying, start, name, alike, mark_columns(sweep))

    @property
    def rows(self) -> tuple[SweepRow, ...]:
        """The calls that are shown."""
        return self.sweep.rows[self.start : self.start + MOST_ROWS]

    @property
    def pages(self) -> int:
        """How many pages they make."""
        return -(-len(self.rows) // PAGE)

    def indexes(self) -> list[int | None]:
        """Return the index of each call's answer in the sweep, None without one."""
        return [index for _, index in numbered(self.sweep)][self.start :][:MOST_ROWS]


def numbered(sweep: SweepResult) -> list[tuple[SweepRow, int | None]]:
    """Return each call with the index of its answer in the sweep, None without one."""
    made = iter(range(len(sweep.rows)))
    return [(row, next(made) if row.completion else None) for row in sweep.rows]


def table(part: Part, budget: int) -> str:
    """Return the table; its texts are cut so that all of it stays in the budget."""
    headings = [*column_names(part.dimensions), "text", *part.marks, *FACTS]
    head = "".join(f"<th scope=col>{escape(name)}</th>" for name in headings)
    frames = [
        _frame(part, nth, row, index)
        for nth, (row, index) in enumerate(zip(part.rows, part.indexes(), strict=True))
    ]
    heads = _facet_heads(part)
    spent = weight(heads) + sum(weight(frame) for both in frames for frame in both)
    texts = _texts(part, budget - spent)
    lines = [
        f"{before}{text}{after}"
        for (before, after), text in zip(frames, texts, strict=True)
    ]
    bodies = "".join(
        f"<tbody class='jc-p jc-p{page}'>"
        f"{''.join(lines[page * PAGE : (page + 1) * PAGE])}</tbody>"
        for page in range(part.pages)
    )
    return f"<table><thead><tr>{head}</tr></thead>{_facet_heads(part)}{bodies}</table>"


def _frame(part: Part, nth: int, row: SweepRow, index: int | None) -> tuple[str, str]:
    """Return what stands before and after the text in the line of a call."""
    names = column_names(part.dimensions)
    one = row.completion
    kinds = ["jc-t"]
    if one is None or one.status != "complete":
        kinds.append("jc-b" if one else "jc-w")
    if part.alike.same(row):
        kinds.append("jc-s")
    at = ";".join(
        f"--d{number}:{dimension.indexes[part.start + nth]}"
        for number, dimension in enumerate(part.dimensions)
    )
    cells = "".join(f"<td>{escape(value(row, name))}</td>" for name in names)
    # Also without the style, an answer is no number to be set to the right.
    answer = "<td><div class=jc-x style=text-align:left>"
    before = f"<tr class='{' '.join(kinds)}' style='{at}'>{cells}{answer}"
    bad = f"<div class=jc-bad>{escape(error(one))}</div>" if one and one.error else ""
    marks = "".join(_mark(row, name) for name in part.marks)
    facts = "".join(f"<td>{fact}</td>" for fact in facts_of(row, index))
    return before, f"</div>{bad}</td>{marks}{facts}</tr>"


def _mark(row: SweepRow, name: str) -> str:
    return f"<td>{escape(one_line(mark(row, name), LONGEST_VALUE))}</td>"


def facts_of(row: SweepRow, index: int | None) -> tuple[str, str, str, str]:
    """Return a call's status, tokens, seconds and index in the sweep."""
    one = row.completion
    if one is None or index is None:
        return "pending", "", "", ""
    status = "reused" if one.reused and one.status == "complete" else one.status
    tokens = one.usage.output_tokens if one.usage else None
    return (
        status,
        "" if tokens is None else f"{tokens:,}",
        f"{one.seconds:.2f}",
        str(index),
    )


def _texts(part: Part, budget: int) -> list[str]:
    texts = [row.completion.text.strip() if row.completion else "" for row in part.rows]
    # No HTML is shorter than its text, so that more of it is not worth a look.
    most = longest([len(text) for text in texts], budget) + 1
    texts = [text[:most] for text in texts]

    def rendered(row: SweepRow, text: str) -> str:
        return broken(part.alike.marked(row, text))

    found = [rendered(*both) for both in zip(part.rows, texts, strict=True)]
    weights = [weight(markup) for markup in found]
    limit = longest(weights, budget)
    for nth, index in enumerate(part.indexes()):
        if weights[nth] > limit:
            note = f"… <i>cut: {escape(part.name)}[{index}].text has the whole</i>"
            room = limit - weight(note)
            text = texts[nth][: len(texts[nth]) * max(room, 0) // weights[nth]]
            render = functools.partial(rendered, part.rows[nth])
            found[nth] = cut(text, room, render) + note
    return found


def _facet_heads(part: Part) -> str:
    """Return a line for each dimension's values, hidden until facets are chosen."""
    lines = [
        f"<tr hidden=hidden class='jc-h jc-h{number}' style=--i:{nth}>"
        f"<th>{escape(dimension.title)} = {escape(label)}</th></tr>"
        for number, dimension in enumerate(part.dimensions)
        for nth, label in enumerate(_shown(part, dimension))
    ]
    return f"<tbody class=jc-hs>{''.join(lines)}</tbody>"


def _shown(part: Part, dimension: Dimension) -> Sequence[str]:
    last = max(dimension.indexes[part.start : part.start + len(part.rows)], default=-1)
    return dimension.labels[: last + 1]


MOST_BYTES = 1_600_000
"""Bytes that a sweep takes of the notebook it is saved in, with all its views."""


# Jupyter writes each line of an output as a string of its own: a break is shorter.
_LINE_END = re.compile("[\n\u2028\u2029]")


def html(text: str) -> str:
    """Return a text as HTML that keeps its lines, also where no style is left."""
    return broken(escape(text))


def broken(markup: str) -> str:
    """Return HTML with a break for each line end."""
    return _LINE_END.sub("<br>", markup)


def weight(markup: str) -> int:
    """Return the bytes that HTML on one line takes in a notebook's file: it is JSON."""
    escapes = markup.count("\\") + markup.count('"') + markup.count("\t")
    return len(markup.encode()) + escapes


def longest(weights: Sequence[int], budget: int) -> int:
    """Return the weight at which texts are to be cut, so that all fit the budget."""
    left = budget
    for index, size in enumerate(sorted(weights)):
        share = left // (len(weights) - index)
        if size > share:
            return max(share, 0)
        left -= size
    return max(weights, default=0)


def cut(text: str, limit: int, render: Callable[[str], str]) -> str:
    """Return the longest beginning of a text whose HTML has at most this weight."""
    text = text[: max(limit, 0)]
    markup = render(text)
    while text and (size := weight(markup)) > limit:
        text = text[: min(len(text) - 1, len(text) * limit // size)]
        markup = render(text)
    return markup
