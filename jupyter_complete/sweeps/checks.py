"""Checks of one answer: whether it is as wanted. A check is a score of yes or no."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..completion import Check, Completion
from ..errors import CheckFailed, InputError, one_line
from ..reading import native
from ..redaction import without_secrets
from ..scores import SCORES
from .result import SweepResult
from .scorers import Asked, Scorer, scorer_of

_LONGEST = 80
"""Characters of what was got."""
_NONE: Mapping[str, object] = {}


@dataclass(frozen=True, slots=True)
class Checks:
    """Checks answers, one by one."""

    scorers: tuple[Scorer, ...]
    hint: str | None = None
    """What to say where an answer is not as wanted."""

    def __call__(self, completion: Completion) -> Completion:
        """Return an answer with its checks; no function of a user's makes it raise."""
        found = tuple(_checked(scorer, completion) for scorer in self.scorers)
        wrong = any(one.passed is False for one in found)
        hint = (self.hint,) if wrong and self.hint else ()
        return replace(completion, checks=found, notices=(*completion.notices, *hint))


def _checked(scorer: Scorer, completion: Completion) -> Check:
    try:
        passed, got = _look(scorer, completion)
    except Exception as error:  # noqa: BLE001 - a user's function may raise all
        passed, got = None, without_secrets(f"{type(error).__name__}: {error}")
    return Check(scorer.name, passed, one_line(got, _LONGEST))


def _look(scorer: Scorer, completion: Completion) -> tuple[bool | None, str]:
    if scorer.condition:
        number = scorer.condition.measure(completion)
        got = f"{number:g}" if isinstance(number, float) else str(number)
        return scorer.condition.holds(number), got
    value = native(scorer.of(completion, None))
    if not (value is None or isinstance(value, bool)):
        raise TypeError(
            f"it gave {value!r}; give True or False, or write {scorer.name}>=0.5"
        )
    return value, completion.text if scorer.strict else str(value)


def checks_of(
    asked: Asked | Sequence[Asked],
    hint: str | None = None,
    variables: Mapping[str, object] = _NONE,
) -> Checks:
    """Return what checks an answer, itself checked. Raises `InputError`.

    ``asked`` is a score with what it expects, as ``contains:Paris``, a condition, as
    ``words<=50``, a function of a completion, or a list of them.
    """
    several: list[Any] = [*asked] if isinstance(asked, (list, tuple)) else [asked]
    scorers = tuple(scorer_of(one, variables, "check") for one in several)
    for scorer in scorers:
        if scorer.wants:
            remedy = (
                f"write {scorer.name}:TEXT"
                if scorer.name in SCORES
                else f"write {scorer.name} as a function of the completion alone"
            )
            raise InputError(
                f"check is {scorer.name}, which wants to know what is expected; "
                f"{remedy}."
            )
    return Checks(scorers, hint)


def require(completion: Completion) -> None:
    """Raise `CheckFailed` for an answer that did not pass all of its checks."""
    wrong = [str(one) for one in completion.checks if not one.passed]
    if wrong:
        error = CheckFailed(
            f"The answer is not as wanted: {'; '.join(wrong)}. It is kept; change the "
            "prompt and run the cell again."
        )
        error.completion = completion
        raise error


def require_all(sweep: SweepResult, names: Iterable[str]) -> None:
    """Raise `CheckFailed` for a sweep of which an answer did not pass these scores."""
    counts = {
        name: sum(
            row.marks is None or row.marks.scores.get(name) is not True
            for row in sweep.rows
        )
        for name in names
    }
    wrong = [f"✗ {name}: {count:,}" for name, count in counts.items() if count]
    if wrong:
        raise CheckFailed(
            f"Not all of {len(sweep.rows):,} answers are as wanted: {'; '.join(wrong)}."
            " They are kept; view(wrong=True) of the sweep shows them."
        )
