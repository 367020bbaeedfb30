"""The next token's distribution as bars, and what each setting makes of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..distribution import Reshaped
from ..errors import one_line
from .markdown import escape
from .tokens import percent, token_label

ROWS = 12
"""Tokens that have a row of their own."""
LONGEST_PROMPT = 60
TICK = "The orange mark in a bar is where the model itself has it."
TEXT_WIDTH = 10
"""Characters of the longest bar in a terminal."""
_WIDTH, _HEIGHT, _MARK = 120, 9, 2
"""Pixels: of the longest bar, of each, and of the mark of what it was."""
_EIGHTHS = " ▏▎▍▌▋▊▉"

# Mid-tones that stand out from a light page and from a dark one.
_BAR, _TICK = "#3b7fc4", "#d9822b"
_CELL = "text-align: left; padding: 1px 16px 1px 0; white-space: nowrap"


@dataclass(frozen=True, slots=True)
class Row:
    """A token's probability as the model has it, after temperature, and what is left.

    ``left`` is None where a setting cut it, which ``cut`` names.
    """

    label: str
    model: float
    scaled: float
    left: float | None
    cut: str = ""


@dataclass(frozen=True, slots=True)
class Bars:
    """A reshaped distribution that shows itself: as text, and as HTML with bars."""

    reshaped: Reshaped
    rows: int = ROWS

    def __repr__(self) -> str:
        """Give it as text, the columns aligned."""
        most = self._most()
        lines = [("next token", *self._headings())]
        for row in self._rows():
            model, scaled = (_text_bar(p, most) for p in (row.model, row.scaled))
            left = row.cut if row.left is None else _text_bar(row.left, most)
            lines.append((row.label, model, scaled, left))
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        table = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in lines]
        return "\n".join([self._title(), "", *table, "", *self.summary()])

    def _repr_html_(self) -> str:
        """Give it as HTML; needs no script, and follows the page's colours."""
        return self.html()

    def html(self, name: str = "jc-distribution") -> str:
        """Give that HTML in a box of this class."""
        most = self._most()
        head = "".join(
            f'<th scope="col" style="{_CELL}">{escape(name)}</th>'
            for name in ("next token", *self._headings())
        )
        body = "".join(_html_row(row, most) for row in self._rows())
        notes = "<br>".join(map(escape, [*self.summary(), TICK]))
        return (
            f'<div class="{name} mathjax_ignore tex2jax_ignore">'
            f"<p>{escape(self._title())}</p>"
            f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
            f"<p>{notes}</p></div>"
        )

    def summary(self) -> list[str]:
        """Give what the settings did, in a line or two."""
        reshaped = self.reshaped
        total = len(reshaped.scaled)
        before, scaled, left = reshaped.entropies
        alike = [f"{2**bits:.1f}" for bits in (before, scaled, left)]
        entropy = (
            f"Entropy: {before:.2f} bits, {scaled:.2f} after temperature, {left:.2f} "
            f"of what is left: as of {alike[0]}, {alike[1]} and {alike[2]} equally "
            "likely tokens."
        )
        cuts = (
            f"Left to sample from: {reshaped.after_top_p:,} of {total:,} tokens; "
            f"cut by top_k: {percent(reshaped.cut_by_top_k)}, "
            f"by top_p: {percent(reshaped.cut_by_top_p)}."
        )
        lines = [entropy, cuts]
        if reshaped.distribution.untold > 1e-6:
            lines.append(
                f"The endpoint told the {total} likeliest tokens; the others, "
                f"{percent(reshaped.distribution.untold)}, are left out."
            )
        return lines

    def _title(self) -> str:
        distribution = self.reshaped.distribution
        end = token_label(distribution.prompt[-LONGEST_PROMPT:])
        cut = "…" if len(distribution.prompt) > LONGEST_PROMPT else ""
        return f"{one_line(distribution.model)} after {cut}{end}"

    def _headings(self) -> tuple[str, str, str]:
        temperature = self.reshaped.temperature
        scaled = f"temperature {1 if temperature is None else temperature:g}"
        top_k, top_p = self.reshaped.top_k, self.reshaped.top_p
        cuts = [f"top_k {top_k}"] if top_k else []
        cuts += [] if top_p is None or top_p >= 1 else [f"top_p {top_p:g}"]
        return "the model", scaled, " and ".join(cuts) or "no cut"

    def _rows(self) -> Iterator[Row]:
        reshaped = self.reshaped
        model, scaled = reshaped.distribution.probabilities, reshaped.scaled
        left, shown = reshaped.left, min(self.rows, len(scaled))
        for place, token in enumerate(reshaped.distribution.tokens[:shown]):
            yield Row(
                token_label(token),
                model[place],
                scaled[place],
                left[place] if place < len(left) else self._none(place),
                self._cut(place),
            )
        if shown < len(scaled):
            yield Row(
                f"{len(scaled) - shown:,} others",
                math.fsum(model[shown:]),
                math.fsum(scaled[shown:]),
                math.fsum(left[shown:]) if shown < len(left) else self._none(shown),
                self._cut(shown),
            )

    def _none(self, place: int) -> float | None:
        """Give 0 for what temperature left no chance, None for what was cut."""
        return None if self.reshaped.scaled[place] else 0.0

    def _cut(self, place: int) -> str:
        if place >= self.reshaped.after_top_k:
            return "cut by top_k"
        return "cut by top_p" if place >= self.reshaped.after_top_p else ""

    def _most(self) -> float:
        rows: Sequence[Row] = list(self._rows())
        return max(max(row.model, row.scaled, row.left or 0.0) for row in rows)


def _text_bar(probability: float, most: float) -> str:
    eighths = round(probability / most * TEXT_WIDTH * 8)
    bar = "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()
    return f"{percent(probability):>7} {bar}"


def _html_row(row: Row, most: float) -> str:
    cells = [_html_bar(row.model, most), _html_bar(row.scaled, most, row.model)]
    if row.left is None:
        cells.append(f"<em>{row.cut}</em>")
    else:
        cells.append(_html_bar(row.left, most, row.model))
    return (
        f'<tr><th scope="row" style="{_CELL}"><code>{escape(row.label)}</code></th>'
        + "".join(f'<td style="{_CELL}">{cell}</td>' for cell in cells)
        + "</tr>"
    )


def _html_bar(probability: float, most: float, before: float | None = None) -> str:
    """Give a bar with its number; a mark in it shows what it was before.

    A row of coloured boxes: a notebook from elsewhere, not yet trusted, is shown
    without its SVG and without its style sheets, but with these.
    """
    length = round(probability / most * _WIDTH)
    place = length if before is None else round(before / most * _WIDTH)
    first = min(length, place)
    boxes = [(first, _BAR)]
    if before is not None:
        boxes += [(place - first, ""), (_MARK, _TICK)]
    boxes.append((length - first, _BAR))
    boxes.append((_WIDTH + _MARK - sum(width for width, _ in boxes), ""))
    drawn = "".join(_box(*box) for box in boxes if box[0] > 0)
    return f'<span aria-hidden="true">{drawn}</span> {percent(probability)}'


def _box(width: int, colour: str) -> str:
    fill = f"; background-color: {colour}" if colour else ""
    style = f"display: inline-block; width: {width}px; height: {_HEIGHT}px{fill}"
    return f'<span style="{style}"></span>'
