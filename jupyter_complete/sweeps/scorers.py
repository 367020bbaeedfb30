"""A score as it is asked for: by name, as a condition, or as a function."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .. import scores
from ..completion import Completion
from ..errors import InputError
from .conditions import Condition, condition_of

Asked = str | Callable[..., Any]
"""A score's name, or a function: ``f(completion)`` or ``f(completion, expected)``."""


@dataclass(frozen=True, slots=True)
class Scorer:
    """One score as it is asked for."""

    name: str
    of: Callable[[Completion, Any], Any]
    """What it gives of an answer and the value expected."""
    wants: bool
    """Whether it can do without an expected value."""
    checked: Callable[[object], object] = lambda _: None
    """Raises for an expected value that it cannot take."""
    reasons: Callable[[Completion], str | None] | None = None
    """Why it gives what it gives, where it says so."""
    strict: bool = True
    """Whether an answer in which nothing was found is wrong, without a look."""
    condition: Condition | None = None
    """What it is, where it is a condition on a number."""


def scorer_of(
    asked: Asked,
    variables: Mapping[str, object],
    kind: str = "score",
    *,
    labelled: bool = False,
) -> Scorer:
    """Return the score that is asked for; ``kind`` is what its flag calls it.

    ``labelled``: whether it is said what is expected. Raises `InputError`.
    """
    if isinstance(asked, str):
        known = scores.named(asked)
        if known is not None:
            return _known(asked, *known, labelled=labelled)
        condition = condition_of(asked, variables, kind)
        if condition is not None:
            return Scorer(
                asked, lambda one, _: condition(one), wants=False, condition=condition
            )
        if asked not in variables:
            functions = [name for name in variables if callable(variables[name])]
            raise scores.unknown(asked, functions, kind)
        function = variables[asked]
        if not callable(function):
            raise InputError(
                f"{kind} is {asked}, which is a {type(function).__name__} and no "
                "function; give one of a completion."
            )
        return _of_function(asked, function, kind)
    if not callable(asked):
        raise InputError(
            f"{kind} is {asked!r}; give the name of a score, a function, or a list."
        )
    name = getattr(asked, "__name__", type(asked).__name__).strip("<>")
    return _of_function(name, asked, kind)


def _known(
    name: str, score: scores.Score, own: str | None, *, labelled: bool
) -> Scorer:
    if own is not None:
        return Scorer(name, lambda one, _: score(one.text, own), wants=False)
    return Scorer(
        name,
        lambda one, expected: score(one.text, expected),
        wants=labelled or score.alone is None,
        checked=score.checked,
    )


def _of_function(name: str, function: Callable[..., Any], kind: str) -> Scorer:
    if _takes(function, 2):
        wants = not _takes(function, 1)
        return Scorer(name, function, wants=wants, strict=False)
    if _takes(function, 1):
        return Scorer(
            name,
            lambda one, _: function(one),
            wants=False,
            reasons=getattr(function, "reasons", None),
            strict=False,
        )
    raise InputError(
        f"{kind} is {name}, which takes neither a completion nor a completion and what "
        "was expected; write it as f(completion, expected)."
    )


def _takes(function: Callable[..., Any], count: int) -> bool:
    try:
        inspect.signature(function).bind(*[None] * count)
    except TypeError:
        return False
    except ValueError:  # a function of C that does not say what it takes
        return count == 1
    return True
