"""Which answers came how often at each point, and what the most of them say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

from ..errors import one_line
from ..scores import normal
from .intervals import Estimate, share
from .measures import grouped
from .metrics import average, complete, of_score
from .table import Record, SweepRow, in_columns, to_dataframe

if TYPE_CHECKING:
    import pandas as pd

    from .result import SweepResult

NOTHING = "(nothing found)"


@dataclass(frozen=True, slots=True)
class Answers:
    """The distinct answers at one point, the commonest first."""

    values: Mapping[str, Any]
    """The point: the value of each name."""
    rows: tuple[SweepRow, ...]
    """The complete answers."""
    groups: tuple[tuple[SweepRow, ...], ...]
    """Those that say the same, as `exact` forgives."""

    def text(self, group: Sequence[SweepRow]) -> str | None:
        """Return how most of a group write it; None: nothing was found in them."""
        return Counter(map(answer, group)).most_common(1)[0][0]

    def counted(self) -> Iterator[tuple[str | None, int]]:
        """Yield each answer with how often it came."""
        for group in self.groups:
            yield self.text(group), len(group)

    def vote(self) -> tuple[SweepRow, ...]:
        """Return the rows of the commonest answer, the first to come of two as common.

        A row in which nothing was found has no vote. Empty: no answer has one.
        """
        return next((g for g in self.groups if answer(g[0]) is not None), ())


def answer(row: SweepRow) -> str | None:
    """Return what a row answers: what was taken out of its text, else all of it."""
    if row.marks is not None and row.marks.taken:
        return row.marks.extracted
    return row.completion.text.strip() if row.completion else None


def answers_at(sweep: SweepResult, by: Sequence[str] | None = None) -> list[Answers]:
    """Return the answers at each point, or pooled by the values of these names."""
    if by is None:
        beside = sweep.rows[0].point.beside if sweep.rows else frozenset[str]()
        by = [name for name in sweep.varying if name not in beside]
    return [
        _answers(values, complete(rows)) for values, rows in grouped(sweep.rows, by)
    ]


def _answers(values: Mapping[str, Any], rows: Sequence[SweepRow]) -> Answers:
    groups: dict[str | None, list[SweepRow]] = {}
    for row in rows:
        found = answer(row)
        groups.setdefault(None if found is None else normal(found), []).append(row)
    ordered = sorted(groups.values(), key=len, reverse=True)
    return Answers(values, tuple(rows), tuple(map(tuple, ordered)))


@dataclass(frozen=True, slots=True, repr=False)
class Tally(Sequence[Record]):
    """Records that show themselves as a table, with lines below it."""

    found: tuple[Record, ...]
    remarks: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.found)

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> Tally: ...
    def __getitem__(self, index: int | slice) -> Record | Tally:
        if isinstance(index, slice):
            return Tally(self.found[index], self.remarks)
        return self.found[index]

    def to_records(self) -> list[Record]:
        """Return a dict for each line of the table."""
        return [dict(record) for record in self.found]

    def to_dataframe(self) -> pd.DataFrame:
        """Return the records as a pandas DataFrame."""
        return to_dataframe(self.found)

    def __repr__(self) -> str:
        names = [*self.found[0]] if self.found else ["nothing was answered"]
        lines = [[_cell(record[name]) for name in names] for record in self.found]
        return "\n".join([in_columns([names, *lines]), *map(one_line, self.remarks)])


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def counts(sweep: SweepResult, by: Sequence[str] | None = None) -> Tally:
    """Return how often each distinct answer came at each point, or by these names."""
    return Tally(
        tuple(
            _beside(one, {"answer": text, "count": count})
            | {"share": count / len(one.rows), "n": len(one.rows)}
            for one in answers_at(sweep, by)
            for text, count in one.counted()
        )
    )


def votes(sweep: SweepResult) -> Tally:
    """Return the commonest answer at each point, and how its score compares.

    Self-consistency, of Wang et al. 2022, "Self-Consistency Improves Chain of Thought
    Reasoning in Language Models".
    """
    found = [(one, one.vote()) for one in answers_at(sweep)]
    return Tally(
        tuple(_vote(one, vote, sweep.scores) for one, vote in found),
        tuple(_remarks(sweep, [vote[0] for _, vote in found if vote])),
    )


def _vote(one: Answers, vote: Sequence[SweepRow], scores: Sequence[str]) -> Record:
    n = len(one.rows)
    most = share(len(vote), n)
    record = _beside(one, {"answer": one.text(vote) if vote else None})
    record |= {"share": most and most.value, "n": n}
    record["tied"] = sum(len(group) == len(vote) for group in one.groups) > 1
    for name in scores:
        marks = vote[0].marks if vote else None
        single = average([of_score(name).values(one.rows)])
        record |= {name: marks and marks.scores[name], f"{name}_single": _value(single)}
    return record


def _beside(one: Answers, record: Record) -> Record:
    """Return a record with its point in front; ``asked_name`` where a name is taken."""
    taken = {*record, "share", "count", "n", "tied"}
    return {
        f"asked_{name}" if name in taken else name: value
        for name, value in one.values.items()
    } | record


def _value(estimate: Estimate | None) -> float | None:
    return estimate and estimate.value


def _remarks(sweep: SweepResult, voted: Sequence[SweepRow]) -> Iterator[str]:
    """Yield, for each score and condition, the vote beside a single sample."""
    by = sweep.compared if sweep.scores else ()
    singles = {str(values): rows for values, rows in grouped(sweep.rows, by)}
    for name in sweep.scores:
        metric = of_score(name)
        for values, rows in grouped(voted, by):
            vote, single = metric(rows), metric(singles[str(values)])
            if vote and single:
                where = ", ".join(f"{key}={value}" for key, value in values.items())
                yield (
                    f"{name}{' at ' * bool(where)}{where}: the vote {vote}, a single "
                    f"sample {single}"
                )
