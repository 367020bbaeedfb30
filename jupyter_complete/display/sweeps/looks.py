"""The style of a sweep's view: what is shown, as its radio buttons and boxes say.

No script runs: a rule holds as long as an input is checked. Where a reader's page
strips the style or knows no ``:has``, the table is there with every text in full, and
what only the style makes useful is hidden. JupyterLab, which strips it from a notebook
it does not trust, keeps ``hidden=hidden``, and takes away a mere ``hidden``.
"""

from __future__ import annotations

import functools
import importlib.resources
import math
from collections.abc import Iterator, Sequence

from .summary import Dimension, column_names

MOST_DIMENSIONS = 5
"""Dimensions that a reader can choose among for rows and columns."""


@functools.cache
def _common() -> str:
    files = importlib.resources.files(__package__)
    return (files / "looks.css").read_text("utf-8").replace("\n", "")


def style(
    scope: str,
    varying: Sequence[Dimension],
    *,
    pages: int,
    baselines: int,
    marks: int = 0,
) -> str:
    """Return the style of one view; ``scope`` is the class of it alone.

    ``marks`` is how many columns of scores stand after the text.
    """
    rules = [
        _common(),
        "@supports selector(:has(*)){",
        *_choices(f".{scope}", pages, baselines),
        *_facets(f".{scope}", varying, marks),
        "}",
    ]
    return f"<style>{''.join(rules)}</style>"


def _choices(scope: str, pages: int, baselines: int) -> Iterator[str]:
    for page in range(pages):
        yield (
            f"{scope}.jc-sweep:has(.jc-v0:checked):has(.jc-g{page}:checked) "
            f".jc-p{page}{{display:table-row-group}}"
        )
    for index in range(baselines):
        yield f"{scope}:has(.jc-a{index}:checked) .jc-d>.jc-b{index}{{display:block}}"


def _facets(scope: str, varying: Sequence[Dimension], marks: int) -> Iterator[str]:
    """Yield where each call stands, for every choice of rows and columns.

    Calls that share a place in rows and columns stand below each other: `--n` is how
    many can, `--o` is a call's place among them.
    """
    shown = f"{scope}.jc-sweep:has(.jc-v1:checked)"
    yield f"{scope}{{--n:1}}{shown} .jc-t{{--r:0;--c:0}}"
    sizes = [len(dimension.labels) for dimension in varying]
    titles = column_names(varying)
    for column, name in enumerate(titles, 1):
        if not name.isidentifier():  # a column's own name may be any text
            continue
        before = f".jc-t>td:nth-child({column})::before"
        yield f'{shown} {before}{{content:"{_css_text(name)} = "}}'
    last = len(titles)
    status = last + 2 + marks
    for column in range(status, status + 4):
        keep = ":not(.jc-b,.jc-w)" if column == status else ""
        yield (
            f"{scope}.jc-sweep.jc-sweep:has(.jc-v1:checked) "
            f".jc-t{keep}>td:nth-child({column}){{display:none}}"
        )
    text = f".jc-t>td:nth-child({last + 1})"
    yield f"{scope}.jc-sweep.jc-sweep {text}{{width:60%;max-width:none}}"
    yield (
        f"{scope}.jc-sweep.jc-sweep:has(.jc-v1:checked) {text}"
        "{display:block;font-size:1em;opacity:1;width:auto}"
    )
    offered = min(len(varying), MOST_DIMENSIONS)
    for index in range(offered):
        yield from _chosen(shown, index, varying)
    for row in [*range(offered), None]:
        for column in [*range(offered), None]:
            yield _stack(shown, row, column, sizes)


def _chosen(shown: str, index: int, varying: Sequence[Dimension]) -> Iterator[str]:
    rows, columns = f":has(.jc-r{index}:checked)", f":has(.jc-c{index}:checked)"
    head = f".jc-h.jc-h{index}"
    yield f"{shown}{rows} .jc-t{{--r:var(--d{index})}}"
    yield f"{shown}{columns} .jc-t{{--c:var(--d{index})}}"
    yield (
        f"{shown}{columns} {head}{{display:block!important;grid-row:1;"
        "grid-column:calc(2 + var(--i));position:sticky;top:0;z-index:2;"
        "background:var(--jc-back)}"
    )
    yield (
        f"{shown}{rows} {head}{{display:block!important;grid-column:1;"
        "grid-row:calc(2 + var(--i)*var(--n))/span var(--n);position:static}"
    )
    # A dimension that makes the rows cannot make the columns as well.
    yield f"{shown}{rows}{columns} .jc-t{{--c:0}}"
    yield f"{shown}{rows} label:has(.jc-c{index}){{opacity:.4;pointer-events:none}}"
    first = 1 + sum(len(dimension.names) for dimension in varying[:index])
    for child in range(first, first + len(varying[index].names)):
        for chosen in (rows, columns):
            cell = f".jc-t>td:nth-child({child})"
            yield f"{shown}.jc-sweep.jc-sweep{chosen} {cell}{{display:none}}"


def _stack(
    shown: str, row: int | None, column: int | None, sizes: Sequence[int]
) -> str:
    rest = [index for index in range(len(sizes)) if index not in (row, column)]
    steps = [math.prod(sizes[other] for other in rest if other > one) for one in rest]
    offset = " + ".join(
        f"var(--d{index})*{step}" for index, step in zip(rest, steps, strict=True)
    )
    names = ("n" if index is None else index for index in (row, column))
    chosen = "{}:has(.jc-r{}:checked):has(.jc-c{}:checked)".format(shown, *names)
    size = math.prod(sizes[index] for index in rest)
    return f"{chosen}{{--n:{size}}}{chosen} .jc-t{{--o:calc({offset or 0})}}"


def _css_text(text: str) -> str:
    return "".join(c if c.isalnum() or c in "_-." else f"\\{ord(c):x} " for c in text)
