"""Rows to files and back: JSON lines exactly, CSV for tables."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

from ..completion import Completion
from ..errors import HistoryError, InputError, one_line
from ..plain import csv_cell, plain, restored
from ..request import CompletionRequest
from .row import Row, RunStatus

CSV_COLUMNS = (
    "id",
    "created",
    "status",
    "endpoint",
    "dialect",
    "sample",
    "sweep",
    "point",
    *(item.name for item in fields(CompletionRequest)),
    "answered_by",
    "text",
    "stop_reason",
    "stop",
    "input_tokens",
    "output_tokens",
    "first_token_seconds",
    "seconds",
    "attempts",
    "http_status",
    "error_type",
    "error",
    "request_id",
    "notebook",
    "cell",
)


def write(path: Path, rows: Iterable[Row]) -> int:
    r"""Write rows as the file's name ends, ``.jsonl`` or ``.csv``; give their number.

    A file that stood there is replaced when the new one is whole. In CSV, half a
    character stands as its escape (``\ud800``), and text that a spreadsheet would take
    for a formula begins with an apostrophe. Raises `InputError`.
    """
    writers = {".jsonl": _write_jsonl, ".csv": _write_csv}
    if path.suffix.lower() not in writers:
        raise InputError(f"{path} ends in neither .jsonl nor .csv; name one that does.")
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            count = writers[path.suffix.lower()](descriptor, rows)
            fresh.replace(path)
        finally:
            fresh.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(
            f"{path} cannot be written ({error.strerror}); name another file."
        ) from error
    return count


def read(path: Path) -> Iterator[Row]:
    """Yield the rows of a ``.jsonl`` file. Raises `InputError`, naming the line."""
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield _row(path, number, line)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} cannot be read ({one_line(str(error))}); give a .jsonl file that "
            "--export wrote."
        ) from error


def _write_jsonl(descriptor: int, rows: Iterable[Row]) -> int:
    count = 0
    with open(descriptor, "w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(record_of(row)) + "\n")
            count += 1
    return count


def record_of(row: Row) -> dict[str, Any]:
    """Return everything of a row as `plain` JSON; `row_of_record` has an equal one."""
    record = {item.name: plain(getattr(row, item.name)) for item in fields(row)[4:]}
    return {
        "id": row.id,
        "created": row.created.isoformat(),
        "status": row.status,
        "completion": row.completion.to_record(),
        **record,
    }


def _write_csv(descriptor: int, rows: Iterable[Row]) -> int:
    count = 0
    with open(
        descriptor, "w", encoding="utf-8", errors="backslashreplace", newline=""
    ) as file:
        table = csv.DictWriter(file, CSV_COLUMNS)
        table.writeheader()
        for row in rows:
            table.writerow(
                {name: csv_cell(value) for name, value in _flat(row).items()}
            )
            count += 1
    return count


def _flat(row: Row) -> dict[str, object]:
    answer, request = row.completion, row.completion.request
    flat: dict[str, object] = {}
    for name in CSV_COLUMNS:
        holder = next((it for it in (request, row, answer) if hasattr(it, name)), None)
        value = getattr(holder, name, None)
        flat[name] = json.dumps(value) if isinstance(value, tuple | dict) else value
    usage = answer.usage
    return flat | {
        "id": row.id,
        "created": row.created.isoformat(),
        "answered_by": answer.model,
        "input_tokens": usage and usage.input_tokens,
        "output_tokens": usage and usage.output_tokens,
    }


_DAMAGE = (
    *(ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError),
    InputError,
)


def _row(path: Path, number: int, line: str) -> Row:
    try:
        return row_of_record(json.loads(line))
    except (ValueError, RecursionError, HistoryError) as error:
        raise HistoryError(
            f"Line {number} of {path} is no completion ({one_line(str(error), 120)}); "
            "nothing was imported."
        ) from error


def row_of_record(record: dict[str, Any]) -> Row:
    """Return the row of a record. Raises `HistoryError` for what is none."""
    try:
        completion = Completion.from_record(record["completion"])
        values = {
            item.name: restored(record[item.name])
            for item in fields(Row)
            if item.name in record and item.name != "completion"
        }
        values["created"] = datetime.fromisoformat(values["created"])
        values["created"].astimezone(UTC)  # raises for a time that is out of it
        if values["created"].tzinfo is None or values["status"] not in get_args(
            RunStatus
        ):
            raise ValueError("created has no time zone, or status is unknown")
        return Row(completion=completion, **values)
    except _DAMAGE as error:
        raise HistoryError(str(error)) from error
