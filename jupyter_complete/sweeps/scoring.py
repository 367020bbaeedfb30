"""How the answers of a sweep are scored: what was expected, what is taken out, by what.

All is checked before anything is sent; scoring itself asks no model anything.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

from .. import scores
from ..completion import Completion
from ..errors import InputError, one_line
from ..reading import is_gap, native
from ..redaction import without_secrets
from ..scores import Value
from .expected import Expected, expected_of
from .extract import Extract, extract_of
from .metrics import METRICS
from .scorers import Asked, Scorer, scorer_of
from .table import Marks, SweepRow

if TYPE_CHECKING:
    from .result import SweepResult

Result = TypeVar("Result", bound="SweepResult")
_LONGEST = 120
_TAKEN = {"score", "answers"}
_NONE: Mapping[str, object] = {}


@dataclass(frozen=True, slots=True)
class Scoring:
    """Scores sweeps over the same points."""

    scorers: tuple[Scorer, ...]
    expected: Expected | None
    extract: Extract | None

    def __call__(self, sweep: Result) -> Result:
        """Return the sweep with every complete answer scored, and remarks on that."""
        names = {name for axis in sweep.axes if axis.table for name in axis.names}
        if self.expected:
            names |= self.expected.names
        axes = tuple(
            replace(axis, table=axis.table or not names.isdisjoint(axis.names))
            for axis in sweep.axes
        )
        items = [name for axis in axes if axis.table for name in axis.names]
        items = items or [name for name in sweep.names if name in names]
        troubles = _Troubles()
        rows = tuple(self._marked(row, items, troubles) for row in sweep.rows)
        remarks = tuple(troubles.lines(self.scorers, self.extract))
        return replace(sweep, rows=rows, axes=axes, remarks=remarks, scoring=self)

    def _marked(
        self, row: SweepRow, items: Sequence[str], troubles: _Troubles
    ) -> SweepRow:
        wanted = self.expected.of(row.point) if self.expected else None
        item = tuple(str(row.point.values[name]) for name in items)
        one, found = row.completion, None
        given: dict[str, Value] = dict.fromkeys(scorer.name for scorer in self.scorers)
        if one is not None and one.status == "complete":
            troubles.answers += 1
            try:
                found = self.extract.of(one) if self.extract else None
            except Exception as error:  # noqa: BLE001 - a user's function may raise all
                troubles.note("extract", row, error)
            else:
                seen = replace(one, text=found or "") if self.extract else one
                lost = self.extract is not None and found is None
                troubles.lost += lost
                for scorer in self.scorers:
                    given[scorer.name] = _score(
                        scorer, seen, wanted, row, troubles, lost=lost
                    )
        taken = self.extract is not None
        why = {s.name: s.reasons(one) for s in self.scorers if s.reasons and one}
        return row._replace(marks=Marks(wanted, found, given, taken, item, why))


def _score(
    scorer: Scorer,
    seen: Completion,
    wanted: object,
    row: SweepRow,
    troubles: _Troubles,
    *,
    lost: bool,
) -> Value:
    if scorer.wants and is_gap(wanted):
        troubles.unlabelled[scorer.name] += 1
        return None
    if lost and scorer.strict:
        return False
    try:
        return _value(scorer.of(seen, wanted))
    except Exception as error:  # noqa: BLE001 - a user's function may raise all
        troubles.note(scorer.name, row, error)
        return None


def _value(found: Any) -> Value:
    found = native(found)
    if found is None or isinstance(found, bool):
        return found
    if not isinstance(found, (int, float, Decimal)):
        raise TypeError(f"gave {found!r}; give True, False, a number or None")
    number = float(found)
    if math.isinf(number):
        raise ValueError(f"gave {found!r}; give a finite number")
    return None if math.isnan(number) else number


class _Troubles:
    """What happened while a sweep was scored."""

    def __init__(self) -> None:
        self.answers = self.lost = 0
        self.unlabelled: Counter[str] = Counter()
        self._raised: dict[str, list[str]] = {}

    def note(self, name: str, row: SweepRow, error: Exception) -> None:
        """Note what a function raised."""
        place = row.point.label or f"sample={row.sample}"
        said = f"{type(error).__name__}: {error} (first at {place})"
        self._raised.setdefault(name, []).append(said)

    def lines(
        self, scorers: Iterable[Scorer], extract: Extract | None
    ) -> Iterable[str]:
        """Yield what a reader of the scores has to know, a line each."""
        of = f"of {self.answers:,} answers"
        if extract and self.lost:
            strict = any(scorer.strict for scorer in scorers)
            wrong = "; they count as wrong" * strict
            yield f"extract found nothing in {self.lost:,} {of}{wrong}."
        unlabelled = {*self.unlabelled.values()}
        for count in sorted(unlabelled):
            yield f"Nothing was expected of {count:,} {of}: they are not scored."
        for name, said in self._raised.items():
            first = one_line(without_secrets(said[0]), 2 * _LONGEST)
            yield f"{name} failed at {len(said):,} {of}, left unscored: {first}"


def scoring_of(
    sweep: SweepResult,
    score: Asked | Sequence[Asked] = (),
    expect: object = None,
    extract: Asked | None = None,
    variables: Mapping[str, object] = _NONE,
) -> Scoring | None:
    """Return how to score a sweep, checked against its points; None: nothing is asked.

    ``variables`` are those that may be named in text, functions among them. Raises
    `InputError`.
    """
    wanted: list[Any] = [*score] if isinstance(score, (list, tuple)) else [score]
    expected = (
        None if expect is None else expected_of(expect, sweep, variables.__getitem__)
    )
    if expected and not wanted:
        wanted = ["exact"]
    if not wanted and extract is None:
        return None
    labelled = expected is not None
    scorers = tuple(scorer_of(one, variables, labelled=labelled) for one in wanted)
    _check_names(scorers)
    for scorer in scorers:
        if scorer.wants and expected is None:
            hint = f", or write {scorer.name}:TEXT" * (scorer.name in scores.SCORES)
            raise InputError(
                f"{scorer.name} wants to know what was expected: add --expect COLUMN "
                f"(expect=){hint}."
            )
    taken = None if extract is None else extract_of(extract, variables)
    if expected:
        _check_expected(sweep, expected, scorers)
    return Scoring(scorers, expected, taken)


def _check_names(scorers: Sequence[Scorer]) -> None:
    names = [scorer.name for scorer in scorers]
    taken = {*METRICS, *(field.name for field in fields(Completion)), *_TAKEN}
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"score has {name} twice; give each a name of its own.")
        if name in taken:
            raise InputError(
                f"score is a function called {name}, as a metric or a column of every "
                "sweep is; give it a name of its own."
            )


def _check_expected(
    sweep: SweepResult, expected: Expected, scorers: Sequence[Scorer]
) -> None:
    """Refuse what a score could not compare, before an answer is paid for."""
    for point in sweep.points:
        value = expected.of(point)
        if is_gap(value):
            continue
        for scorer in scorers:
            try:
                scorer.checked(value)
            except InputError as error:
                where = one_line(point.label, _LONGEST)
                raise InputError(f"{str(error).rstrip('.')} (at {where}).") from error
