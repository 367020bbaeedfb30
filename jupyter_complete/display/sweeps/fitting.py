"""Texts as HTML, cut to what a saved notebook can bear."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..markdown import escape

MOST_BYTES = 1_600_000
"""Bytes that a sweep takes of the notebook it is saved in, with all its views."""


def html(text: str) -> str:
    """Give a text as HTML that keeps its lines, also where no style is left."""
    return escape(text).replace("\n", "<br>")


def weight(markup: str) -> int:
    """Give the bytes that HTML takes in a notebook's file, which is JSON."""
    escapes = markup.count("\\") + markup.count('"') + markup.count("\t")
    # Each of its lines becomes a string of its own, indented.
    lines = len(markup.splitlines()) - 1 if not markup.isascii() else 0
    return len(markup.encode()) + escapes + 12 * (lines + markup.count("\n"))


def longest(weights: Sequence[int], budget: int) -> int:
    """Give the weight at which texts are to be cut, so that all fit the budget."""
    left = budget
    for place, size in enumerate(sorted(weights)):
        share = left // (len(weights) - place)
        if size > share:
            return max(share, 0)
        left -= size
    return max(weights, default=0)


def cut(text: str, limit: int, render: Callable[[str], str]) -> str:
    """Give the longest beginning of a text whose HTML has at most this weight."""
    text = text[: max(limit, 0)]
    markup = render(text)
    while text and (size := weight(markup)) > limit:
        text = text[: min(len(text) - 1, len(text) * limit // size)]
        markup = render(text)
    return markup
