"""The sweep that a user holds: its answers, drawn, shown and asked for again."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Self

from .display import view
from .errors import InputError
from .figures import plot
from .sweeps.metrics import Score
from .sweeps.result import SweepResult


@dataclass(frozen=True, slots=True, repr=False)
class Sweep(SweepResult):
    """The completions of a sweep, in the order of its points and samples.

    Iterates over what was answered, also in part or with an error; ``rows`` has the
    calls that are still to be made, too. Shows itself as a table in a notebook.
    """

    @classmethod
    def shown(cls, result: SweepResult) -> Self:
        """Return the sweep that ``result`` tells of, for a user to hold."""
        return cls(*(getattr(result, field.name) for field in fields(result)))

    def resume(self) -> Sweep:
        """Ask for what is missing, failed or was interrupted; return the whole sweep.

        Raises `InputError` for a sweep that came from another process.
        """
        if all(one.status == "complete" for one in self) and not self.pending:
            return self
        if self.again is None:
            raise InputError(
                "This sweep came from a file or another process; run its cell again."
            )
        whole = Sweep.shown(self.again())
        return self.scoring(whole) if self.scoring else whole

    def plot(
        self, spec: str | None = None, *, metric: str | Score | None = None
    ) -> Any:
        """Draw a measure over one to three axes as a matplotlib figure.

        ``spec`` is as ``words~temperature`` or ``distinct_2~temperature+tone``;
        ``metric`` is a function of a completion, for one that has no name.
        """
        return plot(self, spec, metric=metric)

    def view(self, **chosen: Any) -> Any:
        """Show the sweep as a table, in a cell.

        ``rows`` and ``columns`` name axes, ``full`` shows whole texts, ``differ``
        only what differs, ``wrong`` what a score takes for wrong, ``answers`` how often
        each came, ``against`` marks the differences word by word from a point such as
        ``{"temperature": 0}``, ``page`` counts from 0.
        """
        return view(self, **chosen)

    def _repr_html_(self) -> str:
        return str(self.view()._repr_html_())
