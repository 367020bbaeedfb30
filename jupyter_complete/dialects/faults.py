"""An endpoint's error, in whatever shape it comes, as one line and a class of ours."""

from __future__ import annotations

import html
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from ..errors import EndpointError, error_for_status, one_line
from .wire import loads, name_of

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
# The status that an error's type or code stands for, where it comes under 200.
_STATUSES = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,  # OpenAI's
    "api_error": 500,
    "server_error": 500,
    "unavailable_error": 503,  # llama.cpp's
    "timeout_error": 504,
    "overloaded_error": 529,
}
# Where the words are, those that say most first: OpenAI and Anthropic, pydantic,
# OAuth, FastAPI, problem details (RFC 9457), and what else was seen.
_WORDS = (
    *("message", "msg", "error_description", "detail", "error", "errors"),
    *("reason", "title", "description"),
)
DEEPEST = 8
MOST_REASONS = 5
MOST_HEADINGS = 10
LONGEST = 400
LONGEST_TYPE = 100

_UNREADABLE = re.compile(
    r"<(script|style|head)\b.*?(?:</\1\s*>|\Z)|<[^<>]*>", re.DOTALL | re.IGNORECASE
)
_HEADING = re.compile(r"<(title|h1)\b[^<>]*>", re.IGNORECASE)
_RAY = re.compile(r"Ray ID:?\s*(?:<[^<>]*>\s*)*([0-9a-f]{8,})", re.IGNORECASE)


def endpoint_error(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    ids: Sequence[str] = ("request-id",),
) -> EndpointError:
    """Return the error of an answer whose status is not 200, JSON or not.

    ``ids`` are the headers in which the request's id may be.
    """
    names = {name.lower(): value for name, value in headers.items()}
    try:
        told = loads(body)
    except (ValueError, RecursionError):
        told = readable(body, names.get("cf-ray", ""))
    request_id = next((names[name] for name in ids if name in names), None)
    return _error(told, status, request_id)


def error_in(answer: Mapping[str, Any], *, named: bool = False) -> EndpointError | None:
    """Return the error that the JSON of an answer or event is, None if it is none.

    ``{"error": …}``, or the error itself: ``{"object": "error", "message": …}`` of
    vLLM, or one that its event has ``named`` so.
    """
    itself = "error" in (answer.get("object"), answer.get("type"))
    return _error(answer, 200) if named or itself or answer.get("error") else None


def _error(told: object, status: int, request_id: str | None = None) -> EndpointError:
    """Return the error that was told under an HTTP status.

    Under 200 it has the status that its code or type stands for.
    """
    outer = told if isinstance(told, Mapping) else {}
    inner = outer["error"] if isinstance(outer.get("error"), Mapping) else outer
    kind = inner.get("type", outer.get("error_type"))
    kind = one_line(kind, LONGEST_TYPE) if isinstance(kind, str) else None
    words = _too_long(inner) or reason(told) or _default(status)
    facts = ", ".join(filter(None, (f"HTTP {status}" * (status != 200), kind)))
    stands_for = _stands_for(inner.get("code"), kind) if status == 200 else status
    return error_for_status(500 if stands_for == 200 else stands_for, kind)(
        f"{one_line(words, LONGEST)} ({facts})" if facts else words,
        status=stands_for,
        type=kind,
        request_id=request_id or name_of(outer.get("request_id")),
    )


def _too_long(error: Mapping[str, Any]) -> str:
    """Return what llama.cpp says of a prompt that is longer than its context, if so.

    Its own words advise to make the context larger, which it already is at its most.
    """
    prompt, context = error.get("n_prompt_tokens"), error.get("n_ctx")
    if error.get("type") != "exceed_context_size_error" or not (prompt and context):
        return ""
    return (
        f"The prompt has {prompt} tokens, and the model's context holds {context}: "
        "shorten the prompt, or name a model with more"
    )


def _stands_for(code: object, kind: str | None) -> int:
    if type(code) is int and 400 <= code < 600:
        return code
    return _STATUSES.get(str(code), _STATUSES.get(str(kind), 200))


def _default(status: int) -> str:
    if status in _DEFAULT_MESSAGES:
        return _DEFAULT_MESSAGES[status]
    known = status != HTTPStatus.OK and status in set(HTTPStatus)
    return HTTPStatus(status).phrase if known else "The endpoint gave no reason"


def reason(told: object, depth: int = DEEPEST) -> str:
    """Return the words of a reason in any shape of JSON, empty if it has none."""
    if isinstance(told, str):
        return _of_text(told, depth)
    if isinstance(told, list) and depth:
        return _joined(reason(item, depth - 1) for item in told)
    if isinstance(told, Mapping) and depth:
        names = {name.lower(): value for name, value in told.items() if value}
        for name in _WORDS:
            if words := reason(names.get(name), depth - 1):
                return _placed(words, names)
        return _joined(
            f"{name}: {words}"
            for name, value in told.items()
            if name.lower() not in _WORDS and (words := reason(value, depth - 1))
        )
    told_nothing = told is None or isinstance(told, (bool, list, Mapping))
    return "" if told_nothing else str(told)


def _joined(reasons: Iterable[str]) -> str:
    return "; ".join(itertools.islice(filter(None, reasons), MOST_REASONS))


def _placed(words: str, names: Mapping[str, Any]) -> str:
    """Return the words, with the field that they are about if they do not name it."""
    place = names.get("loc", names.get("param"))
    if isinstance(place, list):
        place = ".".join(str(part) for part in place if part != "body")
    if not isinstance(place, str) or not place or place in words:
        return words
    return f"{place}: {words}"


def _of_text(text: str, depth: int) -> str:
    """Return the words of a text, which may be JSON or a web page itself."""
    text = text.strip()
    if depth and text[:1] in ("{", "["):
        try:
            return reason(loads(text), depth - 1) or one_line(text, LONGEST)
        except (ValueError, RecursionError):
            pass
    return _page(text) if re.match(r"<[!a-zA-Z?]", text) else one_line(text, LONGEST)


def readable(body: bytes, ray: str = "") -> str:
    """Return the words of a body that is not JSON: of a web page, its title.

    ``ray`` is the id by which Cloudflare knows the request, where a header has it.
    """
    text = body[:100_000].decode("utf-8", "replace").removeprefix("\ufeff")
    words = _of_text(text, 0)
    if not ray or ray.partition("-")[0] in words:
        return words
    return f"{words or 'No words'}, Ray ID {one_line(ray, 50)}"


def _page(text: str) -> str:
    """Return a page's title, else its heading, else its words; and its Ray ID."""
    words = _heading(text) or one_line(html.unescape(_UNREADABLE.sub(" ", text)))
    ray = _RAY.search(text)
    return f"{words}, Ray ID {ray[1]}" if ray else words


def _heading(text: str) -> str:
    for found in itertools.islice(_HEADING.finditer(text), MOST_HEADINGS):
        inside = text[found.end() : found.end() + 1000]
        inside = re.split(f"(?i)</{found[1]}", inside, maxsplit=1)[0]
        if words := one_line(html.unescape(_UNREADABLE.sub(" ", inside)), LONGEST // 2):
            return words
    return ""
