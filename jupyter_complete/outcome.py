"""How a call ended, whatever happened to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .completion import Completion
from .errors import CompleteError


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended: always with a completion, and with the error if it failed."""

    completion: Completion
    error: CompleteError | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    """The answer's headers, of an error those of the pace; empty where none came."""
