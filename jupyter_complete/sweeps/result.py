"""What a sweep gave: its completions by point, as tables and as numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, overload

from ..completion import Completion
from ..errors import InputError
from . import answers, comparison, metrics, table
from .answers import Tally
from .extract import extract_of
from .kinds import same
from .measures import Measures, differences, measures
from .metrics import Metric, Score
from .points import Axis, Point
from .scorers import Asked
from .scoring import Scoring, scoring_of
from .table import Record, SweepRow

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, repr=False)
class SweepResult(Sequence[Completion]):
    """The completions of a sweep, in the order of its points and samples.

    Iterates over what was answered, also in part or with an error; ``rows`` has the
    calls that are still to be made, too.
    """

    rows: tuple[SweepRow, ...]
    axes: tuple[Axis, ...] = ()
    id: str | None = None
    """Its id in the history."""
    interrupted: bool = False
    stopped: str | None = None
    """Why it ended before its end, in one line; None: it did not."""
    notices: tuple[str, ...] = ()
    again: Callable[[], SweepResult] | None = field(default=None, compare=False)
    """Asks for what is missing or failed of the whole sweep; None in another process.
    """
    remarks: tuple[str, ...] = ()
    """What to know of its scores, a line each."""
    scoring: Scoring | None = field(default=None, compare=False)
    """How its answers were scored, where they were; None in another process."""

    def __len__(self) -> int:
        return len(self.rows) - self.pending

    def __iter__(self) -> Iterator[Completion]:
        return (row.completion for row in self.rows if row.completion is not None)

    @overload
    def __getitem__(self, index: int) -> Completion: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: int | slice) -> Completion | Self:
        if isinstance(index, slice):
            made = [row for row in self.rows if row.completion is not None]
            return self._with(made[index])
        return list(self)[index]

    def __repr__(self) -> str:
        counts = Counter(row.completion and row.completion.status for row in self.rows)
        parts = ", ".join(
            f"{count:,} {status or 'pending'}" for status, count in counts.items()
        )
        over = ", ".join(self.varying) or "one point"
        calls = f"{len(self.rows):,} calls: {parts or 'none'}"
        return f"<{type(self).__name__} over {over}: {calls}>"

    def __reduce__(self) -> tuple[Any, ...]:
        # What asks again holds this process's connections, and stays here.
        state = (self.rows, self.axes, self.id, self.interrupted, self.stopped)
        return type(self), (*state, self.notices, None, self.remarks)

    @property
    def points(self) -> tuple[Point, ...]:
        """The points, in order, those still pending included."""
        seen: list[Point] = []
        for row in self.rows:
            if not seen or seen[-1] != row.point:
                seen.append(row.point)
        return tuple(seen)

    @property
    def varying(self) -> tuple[str, ...]:
        """The names that have more than one value, in the axes' order."""
        return tuple(name for name in self.names if len(self.values(name)) > 1)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all axes."""
        return tuple(self.rows[0].point.values) if self.rows else ()

    def values(self, name: str) -> tuple[Any, ...]:
        """Return the values of one name, in the axis' order."""
        found: list[Any] = []
        seen = set()
        for row in self.rows:
            value = row.point.values[name]
            if (key := (type(value), str(value))) not in seen:
                seen.add(key)
                found.append(value)
        return tuple(found)

    @property
    def scores(self) -> tuple[str, ...]:
        """The names of its scores, in the order they were asked for."""
        marks = next((row.marks for row in self.rows if row.marks), None)
        return tuple(marks.scores) if marks else ()

    @property
    def compared(self) -> tuple[str, ...]:
        """The names that vary, save those of the data that scores are pooled over."""
        if not self.scores:
            return self.varying
        data = {name for axis in self.axes if axis.table for name in axis.names}
        return tuple(name for name in self.varying if name not in data)

    @property
    def pending(self) -> int:
        """How many calls are still to be made."""
        return sum(row.completion is None for row in self.rows)

    @property
    def failed(self) -> Self:
        """The calls that ended with an error, or whose answer was cut."""
        return self._with(
            row
            for row in self.rows
            if row.completion is not None
            and row.completion.status in ("error", "broken")
        )

    def at(self, **values: Any) -> Self:
        """Return the part of the sweep at a point, as ``runs.at(temperature=0.5)``.

        ``sample=`` chooses among the samples. Raises `InputError`, naming what there
        is, where nothing is.
        """
        wanted = dict(values)
        sample = wanted.pop("sample", None) if "sample" not in self.names else None
        for name, value in wanted.items():
            self._check(name, value)
        return self._with(
            row
            for row in self.rows
            if (sample is None or row.sample == sample)
            and all(same(row.point.values[name], wanted[name]) for name in wanted)
        )

    def _check(self, name: str, value: object) -> None:
        if name not in self.names:
            known = ", ".join(self.names) or "no name"
            raise InputError(f"{name} is no axis of this sweep; it has {known}.")
        there = self.values(name)
        if not any(same(one, value) for one in there):
            known = ", ".join(map(repr, there[:12])) + ("…" if len(there) > 12 else "")
            raise InputError(f"No point has {name}={value!r}; {name} is {known}.")

    def _with(self, rows: Iterable[SweepRow]) -> Self:
        return replace(self, rows=tuple(rows))

    def metrics(
        self, *chosen: str | Score | Metric, by: Sequence[str] | None = None
    ) -> Measures:
        """Return measures at each point, with 95 % intervals and counts.

        ``chosen`` are names, such as ``words`` or a score's, or functions of a
        completion; none is all. ``by`` names the axes to keep apart; the others'
        answers are pooled, as by themselves those of the rows that were scored.
        """
        wanted = metrics.chosen(chosen, self.rows, self.scores)
        return measures(self.rows, wanted, self._by(by))

    def compare(
        self, name: str, metric: str | Score, *, baseline: Any = None
    ) -> Measures:
        """Measure how much higher a ``metric`` is at each value of an axis than at one.

        Paired by prompt: the two answers, or groups of answers, differ in ``name``
        alone. ``baseline`` is the axis' first value unless given. Below the table, at
        how many of the pairs it is higher, lower and equal, and an exact sign test.
        """
        self._by([name])
        base = self.values(name)[0] if baseline is None else baseline
        self._check(name, base)
        there = next(one for one in self.values(name) if same(one, base))
        measure = metrics.find(metric, self.scores)
        found = differences(self.rows, name, measure, there)
        signs = comparison.signs(self.rows, name, measure, there)
        score = measure.name in self.scores
        lines = comparison.told(name, there, measure.name, signs, score=score)
        return replace(found, remarks=tuple(lines))

    def scored(
        self,
        score: Asked | Sequence[Asked] = (),
        *,
        expect: object = None,
        extract: Asked | None = None,
    ) -> Self:
        """Return the sweep with its answers scored; no model is asked anything.

        ``score`` is a name (``exact``, ``contains``, ``regex``, ``number``, ``json``,
        or one with what it expects, as ``exact:Paris``), a function of a completion
        and what was expected, or a list of them. ``expect`` is a column, a text with
        ``{{name}}``, or a dict from values to what is expected there; ``extract`` is
        a regular expression with a group, or a function of a completion, that takes
        the answer out of the text first. Raises `InputError`.
        """
        wanted = scoring_of(self, score, expect, extract)
        return self if wanted is None else wanted(self)

    def counts(self, *, extract: Asked | None = None) -> Tally:
        """Return how often each distinct answer came at each point.

        Answers are the same where `exact` takes them to be. ``extract`` takes the
        answer out of the text, as in `scored`, whose own it is by itself.
        """
        return answers.counts(self._extracted(extract))

    def vote(self, *, extract: Asked | None = None) -> Tally:
        """Return the commonest answer at each point, its share, and its scores.

        Beside each score of the vote stands that of a single sample. Of two answers
        that are as common, the one that came first; ``tied`` says so. ``extract`` as
        in `counts`.
        """
        return answers.votes(self._extracted(extract))

    def _extracted(self, extract: Asked | None) -> Self:
        if extract is None:
            return self
        how = self.scoring or Scoring((), None, None)
        return replace(how, extract=extract_of(extract))(self)

    def _by(self, names: Sequence[str] | None) -> tuple[str, ...]:
        if names is None:
            return self.compared
        for name in names:
            if name not in self.names:
                known = ", ".join(self.names) or "no name"
                raise InputError(f"{name} is no axis of this sweep; it has {known}.")
        return tuple(names)

    def to_records(self) -> list[Record]:
        """Return a dict for each call made: varying names first, every field."""
        varying = self.varying
        constant = [name for name in self.names if name not in varying]
        return table.records(self.rows, [*varying, *constant])

    def to_dataframe(self) -> pd.DataFrame:
        """Return the records as a pandas DataFrame."""
        return table.to_dataframe(self.to_records())

    def to_jsonl(self, path: str | Path) -> Path:
        """Write a JSON object for each call made to a line of the file at ``path``."""
        return table.export(self.to_records(), path, ".jsonl")

    def export(self, path: str | Path) -> Path:
        """Write a row for each call made, as the path's ending says.

        The ending is .jsonl, .csv or .parquet, which wants pyarrow; the last two hold
        nested fields as JSON. In .csv, text that a spreadsheet would take for a formula
        begins with an apostrophe.
        """
        return table.export(self.to_records(), path)
