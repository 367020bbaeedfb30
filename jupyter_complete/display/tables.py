"""Tables: of past completions, and of models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ..errors import one_line, printable
from ..prices import dollars, total
from .columns import aligned, room, wrapped
from .markdown import boxed, escape

if TYPE_CHECKING:
    from ..catalog import Model
    from ..completion import Completion
    from ..history import Row

EXCERPT = 60
"""Characters of a prompt or an answer in a table."""

_STYLE = "text-align:left; vertical-align:top; white-space:pre-wrap"


@dataclass(frozen=True, slots=True)
class Table:
    """A table that shows itself: as text in a terminal, as HTML in a notebook."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""
    spare: Sequence[str] = ()
    """Headings of the columns that a narrow terminal leaves out, the first first."""

    def __repr__(self) -> str:
        """Return it as text, the columns aligned, as wide as the terminal at most."""
        rows = (self.headings, *self.rows)
        lines = [[printable(cell) for cell in row] for row in rows]
        text = "\n".join(aligned(lines, room(), self.spare))
        return f"{text}\n{wrapped(printable(self.caption))}".rstrip()

    def _repr_html_(self) -> str:
        """Return it as HTML, every cell escaped."""
        head = "".join(
            f"<th scope='col' style='text-align:left'>{escape(name)}</th>"
            for name in self.headings
        )
        body = "".join(
            "<tr>"
            + "".join(f"<td style='{_STYLE}'>{escape(cell)}</td>" for cell in row)
            + "</tr>"
            for row in self.rows
        )
        caption = f"<p>{escape(self.caption)}</p>" if self.caption else ""
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        return boxed(f"{table}{caption}", "jc-table")


def history_table(rows: Sequence[Row]) -> Table:
    """Return the rows of the history, in their order, and the sweeps they are of."""
    sweeps = any(row.sweep for row in rows)
    return Table(
        ("id", "when", "model", "status", *["sweep"] * sweeps, "prompt", "text"),
        [
            (
                str(row.id),
                f"{row.created.astimezone():%Y-%m-%d %H:%M:%S}",
                row.completion.model,
                row.status,
                *[row.sweep or ""] * sweeps,
                _middle(row.completion.prompt),
                one_line(row.completion.text, EXCERPT),
            )
            for row in rows
        ],
        "" if rows else "Nothing was found.",
        ("sweep", "model", "when", "status"),
    )


def cost_table(rows: Sequence[Row]) -> Table:
    """Return what the answers of hosted models cost, by day and model."""
    groups: dict[tuple[str, str], list[Completion]] = {}
    for row in sorted(rows, key=lambda row: row.created, reverse=True):
        one = row.completion
        if one.cost is not None or one.endpoint not in ("", "embedded", "local"):
            day = f"{row.created.astimezone():%Y-%m-%d}"
            groups.setdefault((day, one.request.model), []).append(one)
    unknown = sum(one.cost is None for found in groups.values() for one in found)
    every = total(one.cost for found in groups.values() for one in found)
    caption = [f"In all about {dollars(every)}."] if every is not None else []
    caption += [f"What {unknown:,} of the calls cost is not known."] * bool(unknown)
    return Table(
        ("day", "model", "calls", "input", "output", "cost"),
        [
            (day, model, f"{len(found):,}", *_spent(found))
            for (day, model), found in groups.items()
        ],
        " ".join(caption) or "Nothing was found that is paid for.",
        ("input", "output"),
    )


def _spent(found: Sequence[Completion]) -> tuple[str, str, str]:
    tokens = [
        sum((one.usage and one.usage[index]) or 0 for one in found) for index in (0, 1)
    ]
    cost = total(one.cost for one in found)
    said = "unknown" if cost is None else f"about {dollars(cost)}"
    return f"{tokens[0]:,}", f"{tokens[1]:,}", said


def _middle(prompt: str) -> str:
    """Return what a prompt is about: its last words before the answer begins."""
    text = prompt.removesuffix("\n\nAssistant:")
    text = text.rpartition("\n\nHuman:")[2] or text
    return one_line(text, EXCERPT)


def models_table(models: Sequence[Model], note: str) -> Table:
    """Return what is known of the models, as of today."""
    day = datetime.now(UTC).date().isoformat()
    notes = [note]
    notes += [UNCONFIRMED] * any(not model.confirmed for model in models)
    return Table(
        ("model", "endpoint", "API", "sampling", "prefill", "context", "output", "is"),
        [
            (
                one_line(model.id),
                model.endpoint,
                model.dialect,
                _SAMPLING[model.sampling],
                "yes" if model.prefill else "no",
                _count(model.context_tokens),
                _count(model.output_tokens),
                _state(model, day),
            )
            for model in models
        ],
        " ".join(notes),
        ("prefill", "output", "API", "context", "endpoint", "sampling"),
    )


UNCONFIRMED = (
    "Not confirmed: not all that is said of it was found in its maker's documentation."
)
_SAMPLING = {
    "both": "temperature, top_p, top_k",
    "either": "temperature or top_p",
    "none": "none",
}


def _count(tokens: int | None) -> str:
    return "" if tokens is None else f"{tokens:,}"


def _state(model: Model, day: str) -> str:
    if model.about:
        return one_line(model.about)
    said: list[str] = [model.status_on(day)]
    said += [f"ends {model.ends}"] * bool(model.ends)
    said += ["not confirmed"] * (not model.confirmed)
    return ", ".join(said)
