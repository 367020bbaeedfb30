"""What is taken out of an answer before it is scored or counted."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..completion import Completion
from ..errors import InputError
from ..scores import pattern

_NONE: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Extract:
    """Takes the answer proper out of a completion's text."""

    of: Callable[[Completion], str | None]
    """The text taken out, None where there is none. A user's function raises anything.
    """


def extract_of(
    asked: str | Callable[..., Any], variables: Mapping[str, Any] = _NONE
) -> Extract:
    """Return what a regular expression with a group, or a function, takes out.

    The name of a function of the notebook will do. Raises `InputError`.
    """
    if not isinstance(asked, str):
        if not callable(asked):
            raise InputError(
                f"extract is {asked!r}; give a regular expression or a function."
            )
        return Extract(_function(asked))
    if asked.isidentifier():
        found = variables.get(asked)
        if callable(found):
            return Extract(_function(found))
    try:
        compiled = pattern(asked)
    except re.error as error:
        raise InputError(
            f"extract is {asked!r}, no regular expression: {error}."
        ) from error
    if not compiled.groups:
        raise InputError(
            f"extract is {asked!r}, which has no group: put what to take out in "
            "brackets, as in <answer>(.*?)</answer>, or name a function."
        )
    return Extract(lambda one: _group(compiled, one.text))


def _group(compiled: re.Pattern[str], text: str) -> str | None:
    match = compiled.search(text)
    groups = match.groups() if match else ()
    return next((group for group in groups if group is not None), None)


def _function(function: Callable[..., Any]) -> Callable[[Completion], str | None]:
    def of(one: Completion) -> str | None:
        found = function(one)
        return None if found is None else str(found)

    return of
