"""What the dialects share: JSON in and out, and what may stand in it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from ..completion import Usage
from ..counts import count_of
from ..endpoint import HttpCall
from ..errors import ProtocolError, one_line
from ..events import Event

DONE = "[DONE]"
"""What ends a stream of OpenAI's kind, and of the gateways like it."""
NO_REASON = "The endpoint did not tell why the answer ends here."
LONGEST_REASON = 100
LONGEST_NAME = 500
DEEPEST = 64
"""Arrays and objects within each other; the answers of today have eight."""


def compact(body: Mapping[str, Any]) -> bytes:
    """Return the JSON of the fields that are not None, without white space."""
    fields = {name: value for name, value in body.items() if value is not None}
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()


def json_call(
    path: str, body: Mapping[str, Any], notices: Iterable[str] = (), **headers: str
) -> HttpCall:
    """Return the HTTP request that posts JSON."""
    json_both_ways = {"Accept": "application/json", "Content-Type": "application/json"}
    return HttpCall(
        "POST", path, json_both_ways | headers, compact(body), tuple(notices)
    )


def loads(text: str | bytes) -> Any:
    """Return what a JSON text holds. Raises `ValueError` and `RecursionError`.

    A number of more digits than Python reads is infinite, as one of many more is.
    Nothing nests so deep that writing it again could fail.
    """
    try:
        value = json.loads(text)
    except ValueError:
        value = json.loads(text, parse_int=_integer)
    # What nests takes two characters, so that few events need be looked at.
    if len(text) > 2 * DEEPEST and _opened(text) > DEEPEST and _depth(value) > DEEPEST:
        raise RecursionError("It nests too deep.")
    return value


def _integer(digits: str) -> float:
    try:
        return int(digits)
    except ValueError:
        return math.copysign(math.inf, -1 if digits.startswith("-") else 1)


def _opened(text: str | bytes) -> int:
    """Return how many arrays and objects there are, at most."""
    if isinstance(text, str):
        return text.count("[") + text.count("{")
    return text.count(b"[") + text.count(b"{")


def _depth(value: object) -> int:
    """Return how many arrays and objects stand within each other, at most."""
    depth, level = 0, [value]
    while level := [
        item
        for each in level
        if isinstance(each, (list, dict))
        for item in (each.values() if isinstance(each, dict) else each)
    ]:
        depth += 1
    return depth


def parse_object(text: str | bytes) -> dict[str, Any]:
    """Return a JSON object. Raises `ProtocolError` for anything else."""
    try:
        value = loads(text)
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


def parse_event(event: Event) -> dict[str, Any] | None:
    """Return an event's JSON, None for a last one that was cut.

    One that is named an error may hold any text. Raises as `parse_object`.
    """
    try:
        return parse_object(event.data)
    except ProtocolError:
        if event.name == "error":
            return {"error": event.data}
        if event.whole:
            raise
        return None


def _excerpt(text: str | bytes) -> str:
    if isinstance(text, bytes):
        text = text[:400].decode("utf-8", "replace")
    return f"it begins {one_line(text, 60)!r}" if text.strip() else "it is empty"


def string_of(value: object) -> str | None:
    """Return the value if it is text."""
    return value if isinstance(value, str) else None


def name_of(value: object) -> str | None:
    """Return the value if it is text, as something can be named: whole, not endless."""
    return whole_characters(value[:LONGEST_NAME]) if isinstance(value, str) else None


def whole_characters(text: str) -> str:
    """Return the text without half characters, which JSON can carry in escapes."""
    if text.isascii():
        return text
    pairs = text.encode("utf-16-le", "surrogatepass")
    return pairs.decode("utf-16-le", "replace")


def stop_reason_of(value: object) -> str | None:
    """Return why an answer ended, whatever form that has; None if it does not say."""
    if not value:
        return None
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return one_line(text, LONGEST_REASON) or None


def usage_of(value: object) -> Usage | None:
    """Return the token counts of ``{"input_tokens", "output_tokens"}``, if they are."""
    if not isinstance(value, dict):
        return None
    known = [count_of(value.get(name)) for name in Usage._fields]
    return Usage(*known) if any(count is not None for count in known) else None


def first_model(page: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the first model of an answer to ``GET /v1/models``, empty if none is."""
    items = page.get("data")
    first = items[0] if isinstance(items, list) and items else {}
    return first if isinstance(first, Mapping) else {}
