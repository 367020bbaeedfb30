"""The next token's distribution as bars, and what each setting makes of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..distribution import Reshaped
from ..errors import one_line
from .markdown import boxed, escape
from .tokens import percent, token_label

ROWS = 12
"""Tokens that have a row of their own."""
LONGEST_PROMPT = 60
UNTOLD = 1e-6
"""Less than this is what rounding leaves."""
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
class TokenBar:
    """A token's probability as the model has it, after temperature, and what is left.

    ``left`` is None where a setting cut it, which ``cut`` names; ``scaled``, too,
    where nobody knows it.
    """

    label: str
    model: float
    scaled: float | None
    left: float | None
    cut: str = ""


@dataclass(frozen=True, slots=True)
class TokenBars:
    """A reshaped distribution that shows itself: as text, and as HTML with bars."""

    reshaped: Reshaped
    rows: int = ROWS

    def __repr__(self) -> str:
        """Return it as text, the columns aligned."""
        most = self._most()
        lines = [("next token", *self._headings())]
        for row in self._rows():
            cells = (
                row.cut if p is None else _text_bar(p, most) for p in self._columns(row)
            )
            lines.append((row.label, *cells))
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        table = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in lines]
        return "\n".join([self._title(), "", *table, "", *self.summary()])

    def _repr_html_(self) -> str:
        """Return it as HTML; needs no script, and follows the page's colours."""
        return self.html()

    def html(self, name: str = "jc-distribution") -> str:
        """Return it as HTML in a box of the class ``name``."""
        most = self._most()
        head = "".join(
            f'<th scope="col" style="{_CELL}">{escape(name)}</th>'
            for name in ("next token", *self._headings())
        )
        body = "".join(_html_row(row, self._columns(row), most) for row in self._rows())
        ticks = [TICK] if len(self._headings()) > 1 else []
        notes = "<br>".join(map(escape, [*self.summary(), *ticks]))
        return boxed(
            f"<p>{escape(self._title())}</p>"
            f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
            f"<p>{notes}</p>",
            name,
        )

    def summary(self) -> list[str]:
        """Return what the settings did, in a line or two."""
        before, scaled, left = self.reshaped.entropies
        entropies = [("", before)]
        if self._is_scaled:
            entropies.append((" after temperature", scaled))
        if self._is_cut:
            entropies.append((" of what is left", left))
        lines = [
            "Entropy: "
            + "; ".join(
                f"{bits:.2f} bits{when}, as of {2**bits:.1f} equally likely tokens"
                for when, bits in entropies
            )
            + "."
        ]
        return lines + self._cuts()

    def _cuts(self) -> list[str]:
        reshaped, total = self.reshaped, len(self.reshaped.scaled)
        lines = []
        if self._is_cut:
            lines.append(
                f"Left to sample from: {reshaped.after_top_p:,} of {total:,} tokens; "
                f"cut by top_k: {percent(reshaped.cut_by_top_k)}, "
                f"by top_p: {percent(reshaped.cut_by_top_p)}."
            )
        if reshaped.distribution.untold > UNTOLD:
            line = f"The endpoint told the {total:,} likeliest tokens"
            if not reshaped.rest:
                line += "; how likely the rest is at this temperature, it does not tell"
            lines.append(f"{line}.")
        return lines

    @property
    def _is_scaled(self) -> bool:
        return self.reshaped.temperature is not None

    @property
    def _is_cut(self) -> bool:
        return self.reshaped.top_k is not None or self.reshaped.top_p is not None

    def _columns(self, row: TokenBar) -> tuple[float | None, ...]:
        scaled = (row.scaled,) if self._is_scaled else ()
        left = (row.left,) if self._is_cut else ()
        return (row.model, *scaled, *left)

    def _title(self) -> str:
        distribution = self.reshaped.distribution
        end = token_label(distribution.prompt[-LONGEST_PROMPT:])
        cut = "…" if len(distribution.prompt) > LONGEST_PROMPT else ""
        return f"{one_line(distribution.model)} after {cut}{end}"

    def _headings(self) -> tuple[str, ...]:
        """Return the columns: a setting that was not given has none."""
        temperature, top_p = self.reshaped.temperature, self.reshaped.top_p
        headings = ["the model"]
        if temperature is not None:
            headings.append(f"temperature {temperature:g}")
        cuts = [f"top_k {self.reshaped.top_k}"] if self.reshaped.top_k else []
        cuts += [] if top_p is None or top_p >= 1 else [f"top_p {top_p:g}"]
        if self._is_cut:
            headings.append(" and ".join(cuts) or "no cut")
        return tuple(headings)

    def _rows(self) -> Iterator[TokenBar]:
        reshaped = self.reshaped
        model, scaled = reshaped.distribution.probabilities, reshaped.scaled
        left, shown = reshaped.left, min(self.rows, len(scaled))
        for index, token in enumerate(reshaped.distribution.tokens[:shown]):
            yield TokenBar(
                token_label(token),
                model[index],
                scaled[index],
                left[index] if index < len(left) else self._none(index),
                self._cut(index),
            )
        if shown < len(scaled):
            yield TokenBar(
                f"{len(scaled) - shown:,} others",
                math.fsum(model[shown:]),
                math.fsum(scaled[shown:]),
                math.fsum(left[shown:]) if shown < len(left) else self._none(shown),
                self._cut(shown),
            )
        if reshaped.distribution.untold > UNTOLD:
            yield self._rest()

    def _rest(self) -> TokenBar:
        """Return the row of all tokens that the endpoint did not tell."""
        reshaped, untold = self.reshaped, self.reshaped.distribution.untold
        label = "the rest, not told"
        if not reshaped.rest:
            return TokenBar(label, untold, None, None, "left out")
        cut = "cut by top_k" if reshaped.top_k else "cut by top_p"
        return TokenBar(label, untold, untold, reshaped.rest_left or None, cut)

    def _none(self, index: int) -> float | None:
        """Return 0 for what temperature left no chance, None for what was cut."""
        return None if self.reshaped.scaled[index] else 0.0

    def _cut(self, index: int) -> str:
        if index >= self.reshaped.after_top_k:
            return "cut by top_k"
        return "cut by top_p" if index >= self.reshaped.after_top_p else ""

    def _most(self) -> float:
        rows = list(self._rows())
        return max(p or 0.0 for row in rows for p in self._columns(row))


def _text_bar(probability: float, most: float) -> str:
    eighths = round(probability / most * TEXT_WIDTH * 8)
    bar = "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()
    return f"{percent(probability):>7} {bar}"


def _html_row(row: TokenBar, columns: Sequence[float | None], most: float) -> str:
    first, *others = columns
    cells = [_html_bar(first or 0.0, most)]
    for column in others:
        cut = f"<em>{row.cut}</em>"
        cells.append(cut if column is None else _html_bar(column, most, row.model))
    return (
        f'<tr><th scope="row" style="{_CELL}"><code>{escape(row.label)}</code></th>'
        + "".join(f'<td style="{_CELL}">{cell}</td>' for cell in cells)
        + "</tr>"
    )


def _html_bar(probability: float, most: float, before: float | None = None) -> str:
    """Return a bar with its number; a mark in it shows what it was before.

    A row of coloured boxes: a notebook from elsewhere, not yet trusted, is shown
    without its SVG and without its style sheets, but with these.
    """
    length = round(probability / most * _WIDTH)
    mark = length if before is None else round(before / most * _WIDTH)
    first = min(length, mark)
    boxes = [(first, _BAR)]
    if before is not None:
        boxes += [(mark - first, ""), (_MARK, _TICK)]
    boxes.append((length - first, _BAR))
    boxes.append((_WIDTH + _MARK - sum(width for width, _ in boxes), ""))
    drawn = "".join(_box(*box) for box in boxes if box[0] > 0)
    return f'<span aria-hidden="true">{drawn}</span> {percent(probability)}'


def _box(width: int, colour: str) -> str:
    fill = f"; background-color: {colour}" if colour else ""
    style = f"display: inline-block; width: {width}px; height: {_HEIGHT}px{fill}"
    return f'<span style="{style}"></span>'
