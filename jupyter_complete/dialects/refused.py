"""What an API or a model does not take: refused, or left out where all can see."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields

from ..errors import InputError
from ..request import CompletionRequest

LENIENCY = 'set %config CompletionSettings.unsupported = "drop"'


# What every dialect sends, or refuses in words of its own.
_EVERYWHERE = frozenset(
    {"model", "prompt", "max_tokens_to_sample", "stop_sequences", "betas", "user_id"}
)


def not_taken(request: CompletionRequest, takes: Collection[str]) -> dict[str, object]:
    """Return what is set in a request, by name, and not among what a dialect takes."""
    names = [one.name for one in fields(request) if one.name not in _EVERYWHERE]
    values = {name: getattr(request, name) for name in names if name not in takes}
    return {name: value for name, value in values.items() if value is not None}


class Refused:
    """Gathers what was left out of one request.

    ``unsupported`` is the setting: ``error`` or ``drop``.
    """

    def __init__(self, unsupported: str) -> None:
        self.notices: list[str] = []
        self._drop = unsupported == "drop"

    def leave_out(self, what: str, remedy: str) -> None:
        """Note that something was left out. Raises `InputError` unless that is wanted.

        ``what`` begins with the parameter and its value; ``remedy`` says what to do.
        """
        if not self._drop:
            raise InputError(f"{what}; {remedy}, or {LENIENCY}.")
        self.notices.append(f"{what}: left out.")
