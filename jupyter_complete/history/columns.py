"""A completion as columns, and back: what is searched, and the rest as JSON."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from ..completion import Completion, Usage
from ..errors import HistoryError
from ..plain import plain, restored
from ..request import CompletionRequest
from .row import Row, RunStatus, request_hash
from .texts import decoded, digest, encoded

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
FILLED = "{{}}"
"""Where `Row.filled` is stored among the values of a point: no axis is called so."""

# The fields of a completion's record that have a column of their own name.
COLUMNS = (
    "model",
    "stop_reason",
    "stop",
    "http_status",
    "error_type",
    "error",
    "request_id",
    "attempts",
    "first_token_seconds",
    "seconds",
)
# What the sum of a run is of; its texts count by their hashes.
SEALED = (
    "id",
    "created",
    "status",
    "sample",
    "point",
    *COLUMNS[1:],
    "input_tokens",
    "output_tokens",
    "detail",
    "answered_by",
    "asked",
    "request_hash",
    "endpoint",
    "dialect",
    "base_url",
    "stream",
    "prompt_hash",
    "answer_hash",
    "source_hash",
    "sweep",
    "notebook",
    "cell",
)
# Kept in other columns, or said by the row itself.
ELSEWHERE = frozenset(
    {"request", "text", "status", "endpoint", "dialect", "sample", "history_id"}
)
UNENDED = {
    "lost": "lost: the kernel ended before the answer did; this is what had arrived.",
    "running": "running: the answer is still arriving; this is what has.",
}

# JSON holds no control character, so this one can stand for the answer's text, which
# the raw JSON of an answer repeats.
_TEXT = "\x01"
# What the raw JSON of answers has in common. Never edit it: what was compressed with it
# is read with it.
_COMMON = json.dumps(
    {
        "usage": {"input_tokens": 1, "output_tokens": 1, "completion_tokens": 1},
        "choices": [{"finish_reason": "length", "index": 0, "logprobs": None}],
        "message": {"content": [], "role": "assistant", "stop_sequence": None},
        "logprobs": [["", -0.1, [["", -0.1]]]],
        "id": "compl_",
        "raw": {
            "completion": "",
            "id": "compl_",
            "log_id": "compl_",
            "model": "ngram-chat",
            "stop": "\n\nHuman:",
            "stop_reason": "stop_sequence",
            "type": "completion",
        },
    },
    separators=(",", ":"),
).encode()
_BARE = Completion("", CompletionRequest("-", "-", 1))
_UNTOLD = _BARE.to_record()
_DETAIL = tuple(_UNTOLD.keys() - {*COLUMNS, *ELSEWHERE, "usage"})


def columns_of(completion: Completion) -> dict[str, object]:
    """Return the columns of a completion, without its text and status."""
    usage = completion.usage or Usage()
    values: dict[str, object] = {
        name: encoded(value) if isinstance(value, str) else value
        for name in COLUMNS
        if isinstance(value := getattr(completion, name), str | int | float)
    }
    if completion.model == completion.request.model:
        del values["model"]
    detail = {
        name: plain(value)
        for name in _DETAIL
        if (value := getattr(completion, name)) != getattr(_BARE, name)
    }
    if completion.usage == Usage():  # not the same as none
        detail["usage"] = completion.usage._asdict()
    return values | {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "detail": _packed(written(detail), completion.text) if detail else None,
    }


def written(value: Any, *, sorted_names: bool = True) -> str:
    """Return plain JSON in one form, or with its names in their own order."""
    return json.dumps(value, sort_keys=sorted_names, separators=(",", ":"))


def _packed(detail: str, text: str) -> bytes:
    packer = zlib.compressobj(wbits=-15, zdict=_COMMON)
    short = detail.replace(json.dumps(text), _TEXT)
    return packer.compress(short.encode()) + packer.flush()


def _unpacked(packed: bytes | None, text: str) -> str:
    if packed is None:
        return "{}"
    short = zlib.decompressobj(wbits=-15, zdict=_COMMON).decompress(packed)
    return short.decode().replace(_TEXT, json.dumps(text))


def seal(values: Sequence[object]) -> bytes:
    """Return the sum of what a run says, in the order of `SEALED`."""
    return hashlib.blake2b(ascii(tuple(values)).encode(), digest_size=8).digest()


def row_of(values: Mapping[str, Any]) -> Row:
    """Return the run of a row of the tables, joined, if all of it is as it was stored.

    Raises `HistoryError` if it is not.
    """
    number = values["id"]
    try:
        row = _row(values)
        asked = request_hash(row.completion.request)
        whole = asked == values["request_hash"] and _is_whole(values)
    except Exception as error:  # damage may look like anything
        raise HistoryError(_damaged(number)) from error
    if not whole:
        raise HistoryError(_damaged(number))
    return row


def _damaged(number: object) -> str:
    return (
        f"The completion {number} is damaged in the history; leave it out, or delete "
        f"it: %complete_history --delete {number}."
    )


def _is_whole(values: Mapping[str, Any]) -> bool:
    """Tell whether a run's texts and all that it says are what was stored."""
    for name in ("prompt", "answer", "source"):
        key = values[f"{name}_hash"]
        if key is not None and digest(values[name]) != key:
            return False
    if values["status"] == "running":
        return True
    if values["sum"] is None:  # it ended before there were sums
        return values["key"] is None and values["answer_hash"] is not None
    return bool(seal([values[name] for name in SEALED]) == values["sum"])


def _row(values: Mapping[str, Any]) -> Row:
    point = restored(json.loads(values["point"])) if values["point"] else None
    return Row(
        id=values["id"],
        created=EPOCH + values["created"] * MILLISECOND,
        status=values["status"],
        completion=_completion(values),
        base_url=values["base_url"],
        stream=bool(values["stream"]),
        sweep=values["sweep"] or None,
        filled=point.pop(FILLED, None) if point else None,
        point=point,
        notebook=values["notebook"] or None,
        cell=values["cell"] or None,
        source=decoded(values["source"] or "") or None,
    )


def _completion(values: Mapping[str, Any]) -> Completion:
    body = values["answer"] if values["answer"] is not None else values["partial"]
    text = decoded(body or "")
    status: RunStatus = values["status"]
    columns = {
        name: decoded(value) if isinstance(value := values[name], bytes) else value
        for name in COLUMNS
        if values[name] is not None
    }
    parameters = json.loads(values["parameters"])
    unended = status in UNENDED
    usage = Usage(values["input_tokens"], values["output_tokens"])
    completion = Completion.from_record(
        {
            **_UNTOLD,
            **columns,
            "usage": None if usage == Usage() else usage._asdict(),
            **json.loads(_unpacked(values["detail"], text)),
            "request": {**parameters, "prompt": decoded(values["prompt"])},
            "text": text,
            "status": "broken" if unended else status,
            "endpoint": values["endpoint"],
            "dialect": values["dialect"],
            "sample": values["sample"],
            "history_id": values["id"],
        }
    )
    return replace(completion, error=UNENDED[status]) if unended else completion
