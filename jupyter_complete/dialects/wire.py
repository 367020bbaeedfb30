"""What the dialects share: JSON in and out, and an error's one line."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from typing import Any

from ..completion import Usage
from ..errors import EndpointError, ProtocolError, error_for_status, one_line

# What the API says where an answer has no message of its own (its OpenAPI text).
_DEFAULT_MESSAGES = {
    400: "Invalid request",
    401: "Authentication error",
    402: "Billing error",
    403: "Permission denied",
    404: "Not found",
    429: "Rate limited",
    500: "Internal server error",
    504: "Request timeout",
    529: "Overloaded",
}

DONE = "[DONE]"
"""What ends a stream of OpenAI's kind, and of the gateways like it."""
NO_REASON = "The endpoint did not tell why the answer ends here."
LONGEST_REASON = 100
LARGEST_COUNT = 10**12
"""More tokens than any text has, and a million of these still fit 64 bits."""

# What is wrong with the request, where no status says so.
_OUR_FAULT = {"invalid_request_error", "request_too_large", "conflict_error"}

_UNREADABLE = re.compile(r"(?is)<(script|style|head)\b.*?</\1\s*>|<[^>]*>")
_TITLE = re.compile(r"(?is)<title[^>]*>(.*?)</title")


def compact(body: Mapping[str, Any]) -> bytes:
    """Give the JSON of the fields that are not None, without white space."""
    fields = {name: value for name, value in body.items() if value is not None}
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()


def parse_object(text: str | bytes) -> dict[str, Any]:
    """Give a JSON object. Raises `ProtocolError` for anything else."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(
            f"The endpoint's answer is not JSON ({_excerpt(text)}); "
            "check the endpoint's URL and dialect."
        ) from error
    if not isinstance(value, dict):
        raise ProtocolError(
            f"The endpoint's answer is no JSON object ({_excerpt(text)}); "
            "check the endpoint's URL and dialect."
        )
    return value


def _excerpt(text: str | bytes) -> str:
    if isinstance(text, bytes):
        text = text[:400].decode("utf-8", "replace")
    return f"it begins {one_line(text, 60)!r}" if text.strip() else "it is empty"


def readable(body: bytes) -> str:
    """Give the words of a body that is not JSON: a web page's without its tags."""
    text = body[:100_000].decode("utf-8", "replace").removeprefix("\ufeff")
    if not re.match(r"\s*<[!a-zA-Z?]", text):
        return one_line(text)
    words = html.unescape(_UNREADABLE.sub(" ", text))
    title = _TITLE.search(text)
    return one_line(words) or (one_line(html.unescape(title[1])) if title else "")


def endpoint_error(
    status: int, headers: Mapping[str, str], body: bytes
) -> EndpointError:
    """Give the error of an answer whose status is not 200, JSON or not."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        answer = {"error": {"message": readable(body)}}
    return error_of(answer, status=status, request_id=headers.get("request-id"))


def error_of(
    answer: Mapping[str, Any], *, status: int = 200, request_id: str | None = None
) -> EndpointError:
    """Give the error in ``{"error": {"type", "message"}, "request_id"}``.

    Under status 200, inside a stream, the type alone decides the class.
    """
    error = answer.get("error")
    if not isinstance(error, dict):
        error = {"message": error if isinstance(error, str) else answer.get("message")}
    type_ = error.get("type") if isinstance(error.get("type"), str) else None
    message = error.get("message")
    if not isinstance(message, str) or not message.strip():
        message = _DEFAULT_MESSAGES.get(status, "The endpoint gave no reason")
    named = answer.get("request_id")
    facts = ", ".join([*([f"HTTP {status}"] if status != 200 else []), type_ or ""])
    facts = facts.strip(", ")
    inside = 400 if type_ in _OUR_FAULT else 500
    return error_for_status(inside if status == 200 else status, type_)(
        f"{one_line(message, 400)} ({facts})" if facts else message,
        status=status,
        type=type_,
        request_id=request_id or (named if isinstance(named, str) else None),
    )


def string_of(value: object) -> str | None:
    """Return the value if it is text."""
    return value if isinstance(value, str) else None


def stop_reason_of(value: object) -> str | None:
    """Return why an answer ended, whatever form that has; None if it does not say."""
    if not value:
        return None
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return one_line(text, LONGEST_REASON) or None


def count_of(value: object) -> int | None:
    """Return a number from outside if it can be a count; None for any other value.

    What is larger would overflow where counts are stored and summed.
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 <= value <= LARGEST_COUNT else None


def usage_of(value: object) -> Usage | None:
    """Give the token counts of ``{"input_tokens", "output_tokens"}``, if they are."""
    if not isinstance(value, dict):
        return None
    known = [count_of(value.get(name)) for name in Usage._fields]
    return Usage(*known) if any(count is not None for count in known) else None
