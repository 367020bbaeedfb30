"""The APIs this project speaks: a request to HTTP, HTTP to chunks; pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any, ClassVar, NamedTuple, Protocol, Self

from ..catalog import Model
from ..catalog.listing import Spoken
from ..completion import Chunk
from ..counts import count_of
from ..endpoint import DIALECTS, Endpoint, HttpCall, InCode
from ..errors import EndpointError, ProtocolError
from ..events import Event
from ..request import CompletionRequest

__all__ = ["Dialect", "Event", "Options", "dialect_named", "recognise"]


MOST_LOGPROBS = 20


class Options(NamedTuple):
    """What a dialect may take into account besides its endpoint and the model."""

    version: str = "2023-06-01"
    """The setting ``api_version``."""
    unsupported: str = "error"
    """The setting of that name."""
    left_out: frozenset[str] = frozenset()
    """The fields that the endpoint was found to refuse."""


class Dialect(Protocol):
    """How one API writes a request and an answer: no network, no clock.

    What a dialect must have is empty here; what few have is what the others do.
    """

    name: ClassVar[str]
    """What users call it; the name of its module and in the table `DIALECTS`."""

    in_code: ClassVar[InCode]
    """How code sends its request and reads its answer."""

    wants_turns: ClassVar[bool] = True
    """Whether a prompt is to be a Human's and an Assistant's turns."""

    models_query: ClassVar[Mapping[str, str]] = {}
    """The query of ``GET /v1/models``: as long a first page as the API has."""

    @classmethod
    def at(cls, endpoint: Endpoint, model: Model | None, options: Options) -> Self:  # noqa: ARG003
        """Return the dialect as an endpoint has it for a model."""
        return cls()

    @classmethod
    def recognise(
        cls,
        page: Mapping[str, Any],  # noqa: ARG003
        headers: Mapping[str, str],  # noqa: ARG003
    ) -> Spoken | None:
        """Return what a server speaks, if its answer to ``GET /v1/models`` tells.

        The answer may be an error; the headers' names are in lower case.
        """
        return None

    @property
    def most_logprobs(self) -> int:
        """How many of the likeliest tokens are told at most."""
        return MOST_LOGPROBS

    @property
    def left_out(self) -> frozenset[str]:
        """The fields that are not sent, as the endpoint was found to refuse them."""
        return frozenset()

    def without(self, fields: frozenset[str]) -> Self:  # noqa: ARG002
        """Return this dialect, leaving out the fields too, of those that it may."""
        return self

    def field_named(
        self,
        refusal: str,  # noqa: ARG002
        request: CompletionRequest,  # noqa: ARG002
        *,
        stream: bool,  # noqa: ARG002
    ) -> str | None:
        """Return the field that a refusal names, of those that may be left out."""
        return None

    def count(self, request: CompletionRequest) -> HttpCall | None:  # noqa: ARG002
        """Return the HTTP request that counts a prompt's tokens, None without one."""
        return None

    def counted(self, body: Mapping[str, Any]) -> int:
        """Return the tokens in the answer to `count`. Raises `ProtocolError`."""
        tokens = body.get("tokens")  # llama.cpp lists them
        told = len(tokens) if isinstance(tokens, list) else body.get("input_tokens")
        count = count_of(told)
        if count is None:
            raise ProtocolError(
                "The endpoint's answer has no input_tokens; check that it speaks "
                f"{self.name}."
            )
        return count

    def template(self, request: CompletionRequest) -> HttpCall | None:  # noqa: ARG002
        """Return the HTTP request whose answer has the prompt as the model reads it.

        That is a text under ``prompt``; None where the endpoint does not tell it.
        """
        return None

    def headers(self, key: str | None) -> Mapping[str, str]:
        """Return what every call to this API carries: its version, and the key."""
        ...

    def for_request(self, request: CompletionRequest) -> Self:  # noqa: ARG002
        """Return this dialect as it reads the answer to a request."""
        return self

    def for_look(self) -> Self:
        """Return this dialect as it asks for one token, for what may stand there."""
        return self

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


def _class_named(name: str) -> type[Dialect]:
    found: type[Dialect] = import_module(f"{__name__}.{name}").DIALECT
    return found


def dialect_named(
    name: str,
    endpoint: Endpoint,
    model: Model | None = None,
    options: Options = Options(),  # noqa: B008 - it is frozen
) -> Dialect:
    """Return the dialect of the table `DIALECTS` as an endpoint has it for a model."""
    return _class_named(name).at(endpoint, model, options)


def recognise(page: Mapping[str, Any], headers: Mapping[str, str]) -> Spoken | None:
    """Tell from the answer to ``GET /v1/models`` what a server speaks.

    The answer may be an error, as without a key. None: it is no server we know.
    """
    names = {name.lower(): value for name, value in headers.items()}
    told = (_class_named(name).recognise(page, names) for name in DIALECTS)
    return next(filter(None, told), None)
