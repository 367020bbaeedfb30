"""A run: a request that was sent, where it came from, and the completion of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from ..completion import Completion
from ..plain import by_name
from ..request import CompletionRequest

RunStatus = Literal["running", "complete", "interrupted", "broken", "error", "lost"]
"""A run is ``lost`` when its process ended before the answer did."""


@dataclass(frozen=True, slots=True)
class Sending:
    """A request, where it goes and where it came from."""

    request: CompletionRequest
    endpoint: str
    dialect: str
    base_url: str = ""
    stream: bool = True
    sample: int = 0
    sweep: str | None = None
    point: Mapping[str, Any] | None = None
    """The values of a sweep's axes."""
    filled: str | None = None
    """What else filled the prompts of a sweep, as a digest; None: nobody noted it."""
    notebook: str | None = None
    cell: str | None = None
    source: str | None = None
    """The text of the cell."""


@dataclass(frozen=True, slots=True)
class Row:
    """A run as the history has it."""

    id: int
    created: datetime
    """When it was sent, UTC."""
    status: RunStatus
    completion: Completion
    base_url: str = ""
    stream: bool = True
    sweep: str | None = None
    point: Mapping[str, Any] | None = None
    filled: str | None = None
    notebook: str | None = None
    cell: str | None = None
    source: str | None = None

    @property
    def sending(self) -> Sending:
        """What was sent."""
        answer = self.completion
        told = {name: getattr(self, name) for name in _SENT}
        return Sending(
            answer.request,
            answer.endpoint,
            answer.dialect,
            sample=answer.sample,
            **told,
        )


_SENT = ("base_url", "stream", "sweep", "point", "filled", "notebook", "cell", "source")
"""What a row tells of what was sent, beside what its completion does."""


def row_of_sending(sending: Sending) -> Row:
    """Return the row of a request that is about to be sent; its id is 0."""
    nothing = Completion(
        "",
        sending.request,
        "broken",
        endpoint=sending.endpoint,
        dialect=sending.dialect,
        sample=sending.sample,
    )
    told = {name: getattr(sending, name) for name in _SENT}
    return Row(0, datetime.now(UTC), "running", nothing, **told)


def canonical(request: CompletionRequest) -> str:
    """Return the request as JSON in which equal requests are equal texts.

    What is not sent is left out, so that a parameter of a later version changes no
    earlier request. There is no key, time limit or streaming in a request.
    """
    values = {k: v for k, v in by_name(request).items() if v is not None and v != ()}
    for name in ("temperature", "top_p"):
        if name in values:
            values[name] = float(values[name])
    return json.dumps(values, sort_keys=True, separators=(",", ":"))


def request_hash(request: CompletionRequest) -> bytes:
    """Return what `History.answered` knows a request by."""
    return hashlib.sha256(canonical(request).encode()).digest()
