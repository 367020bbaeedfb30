"""A run on its way into the file."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from ..completion import Completion
from .row import Row, Sending


def _key() -> int:
    return secrets.randbits(63)


@dataclass(eq=False, slots=True)
class Entry:
    """A run as this process has it, whether or not the file has it yet."""

    row: Row
    """As it stands now; its id is 0. Once handed over, only the writer sets it."""
    key: int = field(default_factory=_key)
    """What it is known by wherever it is written, so that it is written once."""
    number: int | None = None
    """Its id in the file, None until that has the row as it stands now."""
    kept: bool = False
    """Whether the row, as it stands now, outlives this process."""

    counted: int = 0
    """The bytes that the writer counts for it."""

    @classmethod
    def of(cls, sending: Sending) -> Entry:
        """Return the entry of a request that is about to be sent."""
        nothing = Completion(
            "",
            sending.request,
            "broken",
            endpoint=sending.endpoint,
            dialect=sending.dialect,
            sample=sending.sample,
        )
        row = Row(
            0,
            datetime.now(UTC),
            "running",
            nothing,
            sending.base_url,
            sending.stream,
            sending.sweep,
            sending.point,
            sending.filled,
            sending.notebook,
            sending.cell,
            sending.source,
        )
        return cls(row)

    def with_text(self, text: str) -> Row:
        """Return the row with the text so far."""
        answer = replace(self.row.completion, text=text)
        return replace(self.row, completion=answer)

    def ended(self, completion: Completion) -> Row:
        """Return the row of the run's end; what was sent stays as it was noted."""
        sent = self.row.completion
        answer = replace(
            completion,
            request=sent.request,
            endpoint=sent.endpoint,
            dialect=sent.dialect,
            sample=sent.sample,
        )
        return replace(self.row, status=completion.status, completion=answer)

    @property
    def weight(self) -> int:
        """About how many bytes it takes in memory."""
        answer = self.row.completion
        return 2_000 + 2 * (len(answer.text) + len(answer.prompt))
