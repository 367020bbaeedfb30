"""A completion token by token: how likely each was, and what else it could be."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..completion import Completion, TokenLogprob
from ..errors import printable
from .markdown import boxed, escape, preformatted

MOST_ALTERNATIVES = 5
"""Other tokens that are shown beside each, however many there are."""


class Shade(NamedTuple):
    """How tokens of at least this probability look."""

    least: float
    alpha: float
    line: str
    """The style of the line below: a second sign, for eyes that see no shade."""


SHADES = (
    Shade(0.9, 0.0, "none"),
    Shade(0.5, 0.15, "none"),
    Shade(0.2, 0.3, "dotted"),
    Shade(0.05, 0.45, "dashed"),
    Shade(0.0, 0.6, "solid"),
)
_TEXT = "white-space: pre-wrap; line-height: 1.7"
_HUE = "217, 130, 43"
_STYLE = (
    ".jc-tokens span:focus { outline: 2px solid currentColor; outline-offset: 1px; "
    "position: relative; } "
    ".jc-tokens span:focus::after { content: attr(title); position: absolute; "
    "left: 0; top: 100%; z-index: 9; padding: 4px 8px; white-space: pre; "
    "background: var(--jp-layout-color0, Canvas); "
    "color: var(--jp-ui-font-color0, CanvasText); border: 1px solid currentColor; }"
)


def token_label(token: str) -> str:
    """Return a token so that its spaces and line ends are seen."""
    if not token:
        return "(end)"
    text = token.replace("\r", "␍").replace("\n", "⏎").replace("\t", "⇥")
    start = len(text) - len(text.lstrip(" "))
    end = len(text.rstrip(" "))
    text = "␣" * start + text[start:end] + "␣" * (len(text) - max(start, end))
    return printable(text)


def percent(probability: float) -> str:
    """Return a probability for a reader: two digits that count, where it has them."""
    if not probability:
        return "0 %"
    if probability < 0.0001:
        return "<0.01 %"
    if 0.9995 <= probability < 1 - 1e-9:
        return ">99.9 %"
    places = 2 if probability < 0.001 else 1
    return f"{probability * 100:.{places}f} %"


@dataclass(frozen=True, slots=True)
class Tokens:
    """A completion's tokens that show themselves, each shaded by its probability."""

    completion: Completion

    def __repr__(self) -> str:
        """Return a line for each token: its probability, a bar, and the others."""
        if not self.completion.logprobs:
            return NO_LOGPROBS
        labels = [token_label(token) for token, *_ in self.completion.logprobs]
        width = max(map(len, labels))
        lines = (
            f"{_percent(one):>7} {_bar(one):10} {label:{width}}  {_others(one)}"
            for one, label in zip(self.completion.logprobs, labels, strict=True)
        )
        return "\n".join(map(str.rstrip, lines))

    def _repr_html_(self) -> str:
        """Return the text as HTML; hover over a token, or tab to it, for the others."""
        return self.html()

    def html(self) -> str:
        """Return that HTML; the text itself where it has no log-probabilities."""
        if not self.completion.logprobs:
            text = preformatted(self.completion.text.strip())
            return boxed(f"{text}<p><small>{NO_LOGPROBS}</small></p>", "jc-tokens")
        tokens = "".join(map(_html_token, self.completion.logprobs))
        tokens = tokens.replace("> ", ">", 1)  # the text's own start, as on a card
        return f"<style>{_STYLE}</style>" + boxed(
            f'<div style="{_TEXT}">{tokens}</div><p><small>{_legend()}</small></p>',
            "jc-tokens",
        )


NO_LOGPROBS = (
    "No probabilities were told for the tokens of this completion; ask with "
    "--logprobs 5, of a model that has them."
)


def _percent(token: TokenLogprob) -> str:
    return "?" if token.logprob is None else percent(math.exp(token.logprob))


def _bar(token: TokenLogprob) -> str:
    return "" if token.logprob is None else "█" * round(math.exp(token.logprob) * 10)


def _alternatives(token: TokenLogprob) -> Iterator[str]:
    others: Sequence[tuple[str, float]] = sorted(
        (pair for pair in token.alternatives if pair[0] != token.token),
        key=lambda pair: -pair[1],
    )
    for other, logprob in others[:MOST_ALTERNATIVES]:
        yield f"{token_label(other)} {percent(math.exp(logprob))}"


def _others(token: TokenLogprob) -> str:
    return ", ".join(_alternatives(token))


def _html_token(one: TokenLogprob) -> str:
    token, logprob, _ = one
    lines = [f"{token_label(token)} {_percent(one)}", *_alternatives(one)]
    title = "&#10;".join(map(escape, lines))
    style = "" if logprob is None else _shade(math.exp(logprob))
    # A token that is all line end has no width to hover over: its sign has.
    text = escape(token) if token.strip("\r\n") else token_label(token) + token
    return f'<span tabindex="0" title="{title}" style="{style}">{text}</span>'


def _shade(probability: float) -> str:
    shade = next((s for s in SHADES if probability >= s.least), SHADES[-1])
    return (
        f"background-color: rgba({_HUE}, {shade.alpha}); "
        f"border-bottom: 2px {shade.line} #808080"
    )


def _legend() -> str:
    names = [
        f"{shade.least * 100:.0f} % or more" if shade.least else "less"
        for shade in SHADES
    ]
    parts = [
        f'<span style="{_shade(shade.least)}">{name}</span>'
        for shade, name in zip(SHADES, names, strict=True)
    ]
    return "Probability of each token: " + ", ".join(parts) + "."
