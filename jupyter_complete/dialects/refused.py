"""What an API or a model does not take: refused, or left out where all can see."""

from __future__ import annotations

from ..errors import InputError

LENIENCY = 'set %config CompletionSettings.unsupported = "drop"'


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
