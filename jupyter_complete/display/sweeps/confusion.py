"""Which of a few labels was expected, and which one came."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ...errors import one_line
from ...scores import SCORES, normal
from ...sweeps.answers import answer
from ...sweeps.measures import grouped
from ...sweeps.metrics import complete
from ...sweeps.result import SweepResult
from ...sweeps.table import SweepRow
from .verdict import expected

MOST_LABELS = 8
LONGEST_LABEL = 30
MOST_TABLES = 4
OTHER = "(other)"

Confusion = tuple[str, list[list[str]]]
"""A condition, and its table: a head, then a line for each label expected."""


def confusions(sweep: SweepResult) -> list[Confusion]:
    """Return a table for each condition, none where the labels are many or unique."""
    rows = [row for row in complete(sweep.rows) if expected(row)]
    labels = list(dict.fromkeys(one_line(expected(row), 200) for row in rows))
    items = {row.marks.item for row in rows if row.marks}
    few = 2 <= len(labels) <= MOST_LABELS and len(items) >= 2 * len(labels)
    if not few or any(len(label) > LONGEST_LABEL for label in labels):
        return []
    score = next((name for name in sweep.scores if name in SCORES), "exact")
    found = []
    for values, group in grouped(rows, sweep.compared)[:MOST_TABLES]:
        where = ", ".join(f"{name}={value}" for name, value in values.items())
        found.append((one_line(where, 120), _table(group, labels, score)))
    return found


def _table(
    rows: Sequence[SweepRow], labels: Sequence[str], score: str
) -> list[list[str]]:
    counts = Counter(
        (one_line(expected(row), 200), _label(row, labels, score)) for row in rows
    )
    columns = [*labels, *[OTHER] * any(got == OTHER for _, got in counts)]
    head = ["expected \\ got", *columns]
    return [
        head,
        *(
            [label, *(str(counts[label, got] or "") for got in columns)]
            for label in labels
        ),
    ]


def _label(row: SweepRow, labels: Sequence[str], score: str) -> str:
    """Return the one label that an answer gives, `OTHER` for none or several."""
    text = answer(row)
    if text is None:
        return OTHER
    alike = [label for label in labels if normal(label) == normal(text)]
    if not alike and score in ("contains", "number"):
        alike = [label for label in labels if SCORES[score](text, label)]
    return alike[0] if len(alike) == 1 else OTHER
