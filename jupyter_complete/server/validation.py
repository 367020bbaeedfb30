"""What a client sent, checked: nothing that passes here is wrong later.

The rules are those of the API reference (``additionalProperties: false`` included);
each refusal has the documented status and error type, and names the field.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from ..errors import one_line
from ..request import LONGEST_USER_ID, Bound

VERSION = "2023-06-01"
LONGEST_BODY = 32 * 2**20
MOST_STOPS = 1000
EXTRAS: Mapping[str, Bound] = {
    "seed": Bound(0, 2**63 - 1, whole=True),
    "logprobs": Bound(0, 20, whole=True),
}
"""Parameters that the API has not, and their bounds, each in a header
``jupyter-complete-NAME``; the model takes them by name."""

_NUMBER = r"[0-9]{1,19}(\.[0-9]{0,30})?(e[+-]?[0-9]{1,2})?"
_REQUIRED = ("model", "prompt", "max_tokens_to_sample")
_OPTIONAL = ("metadata", "stop_sequences", "stream", "temperature", "top_k", "top_p")
_FIELDS = frozenset(_REQUIRED + _OPTIONAL)


class Refused(Exception):
    """An answer that is an error: its HTTP status, type and message."""

    def __init__(
        self, status: int, type_: str, message: str, *, allow: str | None = None
    ) -> None:
        super().__init__(one_line(message))
        self.status = status
        self.type = type_
        self.allow = allow
        """The methods that the path takes, where the method was the fault."""


def invalid(message: str) -> Refused:
    """Return the refusal of a bad request."""
    return Refused(400, "invalid_request_error", message)


@dataclass(frozen=True, slots=True)
class CompletionBody:
    """A valid request body of ``POST /v1/complete``."""

    model: str
    prompt: str
    max_tokens: int
    temperature: float | None
    top_k: int | None
    top_p: float | None
    stop_sequences: tuple[str, ...]
    stream: bool


def content_length(environ: Mapping[str, Any]) -> int | None:
    """Return the length of the body, None for one that comes in chunks."""
    length = environ.get("CONTENT_LENGTH") or ""
    if length and not re.fullmatch("[0-9]+", length):
        raise invalid("Content-Length: Input should be a whole number, 0 or more")
    # Compared by its digits first: an int of thousands of them cannot be read.
    if len(length.lstrip("0")) > 18 or int(length or 0) > LONGEST_BODY:
        raise _too_large()
    chunked = "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower()
    return None if chunked else int(length or 0)


def _too_large() -> Refused:
    message = f"body: is over {LONGEST_BODY} bytes"
    return Refused(413, "request_too_large", message)


def read_body(environ: Mapping[str, Any], length: int | None) -> bytes:
    """Return the body of this length, or of all chunks. Raises `Refused`."""
    stream = environ["wsgi.input"]
    parts, size = [], 0
    wanted = LONGEST_BODY + 1 if length is None else length
    try:
        while size < wanted and (part := stream.read(min(wanted - size, 2**20))):
            parts.append(part)
            size += len(part)
    except TimeoutError as error:
        message = "body: took too long to come"
        raise Refused(408, "invalid_request_error", message) from error
    except OSError as error:
        if error.errno is None:  # a server's own limit on what chunks sum up to
            raise _too_large() from error
        raise invalid("body: the connection broke before its end") from error
    except ValueError as error:
        raise invalid("body: its chunks are not well formed") from error
    if size > LONGEST_BODY:
        raise _too_large()
    if length is not None and size < length:
        raise invalid(f"body: ended after {size} of {length} bytes")
    if not size:
        raise invalid("body: is empty; send JSON, and its Content-Length")
    return b"".join(parts)


def read_completion_body(body: bytes) -> CompletionBody:
    """Return the request in a body. Raises `Refused`."""
    fields = _read_object(body)
    for name in fields:
        if name not in _FIELDS:
            raise invalid(f"{shown(name)}: Extra inputs are not permitted")
    for name in _REQUIRED:
        if name not in fields:
            raise invalid(f"{name}: Field required")
    _check_metadata(fields.get("metadata", {}))
    stream = fields.get("stream", False)
    if not isinstance(stream, bool):
        raise invalid("stream: Input should be a valid boolean")
    return CompletionBody(
        model=_text("model", fields["model"]),
        prompt=_text("prompt", fields["prompt"]),
        max_tokens=_whole("max_tokens_to_sample", fields["max_tokens_to_sample"], 1),
        temperature=_unit("temperature", fields),
        top_k=_whole("top_k", fields["top_k"], 0) if "top_k" in fields else None,
        top_p=_unit("top_p", fields),
        stop_sequences=_stops(fields.get("stop_sequences", [])),
        stream=stream,
    )


def read_extras(environ: Mapping[str, Any]) -> dict[str, Any]:
    """Return the `EXTRAS` that the request's headers set. Raises `Refused`."""
    version = environ.get("HTTP_ANTHROPIC_VERSION", VERSION)
    if version != VERSION:
        raise invalid(
            f'anthropic-version: "{version}" is not a valid version; '
            f"this endpoint speaks {VERSION}"
        )
    for key in environ:
        name = key.removeprefix("HTTP_JUPYTER_COMPLETE_").lower()
        if len(name) < len(key) and name not in EXTRAS:
            header = f"jupyter-complete-{name.replace('_', '-')}"
            raise invalid(f"{shown(header)}: Extra inputs are not permitted")
    given = {name: _header_number(environ, name) for name in EXTRAS}
    return {name: value for name, value in given.items() if value is not None}


def _read_object(body: bytes) -> dict[str, Any]:
    if body.startswith(b"\xef\xbb\xbf"):
        raise invalid("body: begins with a byte order mark; send UTF-8 without one")
    try:
        value = json.loads(
            body.decode(), object_pairs_hook=_no_doubles, parse_constant=_no_constant
        )
    except UnicodeDecodeError as error:
        raise invalid(f"body: not UTF-8 at byte {error.start}") from error
    except RecursionError as error:
        raise invalid("body: nested too deeply") from error
    except json.JSONDecodeError as error:
        raise invalid(f"body: not valid JSON: {error}") from error
    except ValueError as error:  # a number of more digits than Python reads
        raise invalid("body: holds a number with too many digits") from error
    if not isinstance(value, dict):
        raise invalid("body: Input should be an object")
    return value


def _no_doubles(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in pairs:
        if name in fields:
            raise invalid(f"{shown(name)}: given more than once")
        fields[name] = value
    return fields


def _no_constant(name: str) -> NoReturn:
    raise invalid(f"body: {name} is not a number in JSON")


def shown(name: str) -> str:
    """Return a name that a client gave, as it may stand in an error."""
    return one_line(name, 100) or "(empty name)"


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise invalid(f"{name}: Input should be a valid string")
    if not value:
        raise invalid(f"{name}: should have at least 1 character")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise invalid(
            f"{name}: has half a surrogate pair at position {error.start}"
        ) from error
    return value


def _whole(name: str, value: object, smallest: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise invalid(f"{name}: Input should be a valid integer")
    if value < smallest:
        raise invalid(f"{name}: Input should be greater than or equal to {smallest}")
    return value


def _unit(name: str, fields: Mapping[str, Any]) -> float | None:
    if name not in fields:
        return None
    value = fields[name]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise invalid(f"{name}: Input should be a valid number")
    # An int is compared as it is: one of 400 digits has no float.
    if not 0 <= value <= 1 or not math.isfinite(value):
        raise invalid(f"{name}: Input should be from 0 to 1")
    return float(value)


def _stops(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise invalid("stop_sequences: Input should be a valid list")
    if len(value) > MOST_STOPS:
        raise invalid(f"stop_sequences: should have at most {MOST_STOPS} items")
    return tuple(
        _text(f"stop_sequences.{index}", stop) for index, stop in enumerate(value)
    )


def _check_metadata(value: object) -> None:
    if not isinstance(value, dict):
        raise invalid("metadata: Input should be an object")
    for name in value:
        if name != "user_id":
            raise invalid(f"metadata.{shown(name)}: Extra inputs are not permitted")
    user_id = value.get("user_id")
    if user_id is None:
        return
    if not isinstance(user_id, str):
        raise invalid("metadata.user_id: Input should be a valid string")
    if len(user_id) > LONGEST_USER_ID:
        raise invalid(
            f"metadata.user_id: should have at most {LONGEST_USER_ID} characters"
        )


def _header_number(environ: Mapping[str, Any], name: str) -> float | None:
    header = f"jupyter-complete-{name.replace('_', '-')}"
    text = environ.get("HTTP_" + header.upper().replace("-", "_"))
    if text is None:
        return None
    smallest, largest, whole = EXTRAS[name]
    if not re.fullmatch("[0-9]{1,19}" if whole else _NUMBER, text):
        value = math.nan
    else:
        value = int(text) if whole else float(text)
    if smallest <= value <= (math.inf if largest is None else largest):
        return value
    kind = "whole number" if whole else "number"
    raise invalid(f"{header}: Input should be a {kind} from {smallest} to {largest}")
