"""Texts as HTML, cut to what a saved notebook can bear."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from ..markdown import escape

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
