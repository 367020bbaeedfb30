"""The APIs this project speaks: a request to HTTP, HTTP to chunks; pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol, Self

from ..completion import Chunk, CompletionRequest, HttpCall
from ..errors import EndpointError
from ..events import Event

__all__ = ["Dialect", "Event"]


class Dialect(Protocol):
    """How one API writes a request and an answer: no network, no clock."""

    @property
    def name(self) -> str:
        """What users call it: ``text``, ``messages`` or ``openai``."""
        ...

    def headers(self, key: str | None) -> Mapping[str, str]:
        """Return what every call to this API carries: its version, and the key."""
        ...

    def for_request(self, request: CompletionRequest) -> Self:
        """Return this dialect as it reads the answer to a request."""
        ...

    def encode(self, request: CompletionRequest, *, stream: bool) -> HttpCall:
        """Return the HTTP request. Raises `InputError` for what this API refuses."""
        ...

    def decode(self, body: bytes) -> Sequence[Chunk]:
        """Return a whole answer's chunks. Raises `ProtocolError`."""
        ...

    def decode_stream(self, events: Iterable[Event]) -> Iterator[Chunk]:
        """Yield a streamed answer's chunks; pings and unknown events give none.

        It returns at the event that ends the answer, and need not read on.
        Raises `EndpointError` for an error inside the stream, `ProtocolError`.
        """
        ...

    def decode_error(
        self, status: int, headers: Mapping[str, str], body: bytes
    ) -> EndpointError:
        """Return the error of an answer whose status is not 200."""
        ...
