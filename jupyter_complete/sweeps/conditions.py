"""A condition on a number of an answer: ``words<=50``, ``lines==3``, ``mine>0.5``."""

from __future__ import annotations

import difflib
import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..completion import Completion
from ..errors import InputError
from .metrics import METRICS
from .points import Point
from .table import SweepRow

_CONDITION = re.compile(r"\s*(\w+)\s*(<=|>=|==|!=|<|>|=)\s*(.*?)\s*", re.DOTALL)
_SIGNS: Mapping[str, Callable[[Any, Any], Any]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}
MEASURES = tuple(name for name, metric in METRICS.items() if metric.score)
"""The metrics that a condition can be on: those that are measured of each answer."""


@dataclass(frozen=True, slots=True)
class Condition:
    """How a number of an answer is to compare with another."""

    measure: Callable[[Completion], Any]
    """The number, None where it cannot be told. A user's function raises anything."""
    sign: str
    bound: float

    def holds(self, found: Any) -> bool | None:
        """Tell whether a number that was measured is as it should be."""
        return None if found is None else bool(_SIGNS[self.sign](found, self.bound))

    def __call__(self, completion: Completion) -> bool | None:
        """Tell whether an answer is as it should be; None: it cannot be told."""
        return self.holds(self.measure(completion))


def condition_of(
    text: str, variables: Mapping[str, object], kind: str
) -> Condition | None:
    """Return the condition that a text writes; None: it writes none.

    It is on a metric of one answer or on a function of the notebook. ``kind`` is what
    the text was given for, as ``check``. Raises `InputError`.
    """
    match = _CONDITION.fullmatch(text)
    if match is None:
        return None
    name, sign, number = match.groups()
    measure = _measure(name, text, variables, kind)
    if sign == "=":
        raise InputError(f"{kind} is {text!r}; write == for equal: {name}=={number}.")
    try:
        bound = float(number)
    except ValueError:
        bound = math.nan
    if not math.isfinite(bound):
        raise InputError(
            f"{kind} is {text!r}; give a number after {sign}, as in {name}{sign}50."
        )
    return Condition(measure, sign, bound)


def _measure(
    name: str, text: str, variables: Mapping[str, object], kind: str
) -> Callable[[Completion], Any]:
    if name in MEASURES:
        of_row = METRICS[name].score
        # A metric is of a row, and one answer is a sweep of one point.
        return lambda one: of_row and of_row(SweepRow(Point({}, frozenset()), 0, one))
    function = variables.get(name)
    if callable(function):
        return function
    known = [*MEASURES, *(one for one in variables if callable(variables[one]))]
    near = difflib.get_close_matches(name, known, 2, 0.6)
    hint = f"did you mean {' or '.join(near)}?" if near else f"use {_OR}."
    raise InputError(f"{kind} is {text!r}, and nobody has a number {name}; {hint}")


_OR = f"one of {', '.join(MEASURES)}, or a function"
