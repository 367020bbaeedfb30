"""Completions in a saved notebook, read without a kernel."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .completion import Completion
from .errors import InputError, one_line

RECORD_TYPE = "application/vnd.jupyter-complete.completion.v1+json"
"""The type under which a card's output carries what `from_output` reads."""

_SHOWN = "$shown"


def output_record(completion: Completion, shown: str) -> dict[str, Any]:
    """Return the record for an output whose ``text/plain`` begins with ``shown``.

    Where that is the completion's text, save for empty lines around it, the record
    does not repeat it: ``{"$shown": [newlines before, characters, newlines after]}``
    stands for it, and for the same text in the answer's JSON.
    """
    record = completion.to_record()
    if not shown or completion.text.strip("\n") != shown or _named(record["raw"]):
        return record
    before, _, after = completion.text.partition(shown)
    stands_for = {_SHOWN: [before, len(shown), after]}
    for name in ("text", "raw"):
        record[name] = _swapped(record[name], completion.text, stands_for)
    return record


def from_output(data: Mapping[str, Any]) -> Completion:
    """Return the completion of an output's data, equal to the one that was shown.

    Raises `InputError` for a damaged record.
    """
    try:
        return Completion.from_record(_whole(data[RECORD_TYPE], data.get("text/plain")))
    except (AttributeError, TypeError, ValueError, RecursionError) as error:
        raise InputError(
            f"An output with a completion is damaged ({error!r}); "
            "take it from another copy."
        ) from error


def _whole(record: dict[str, Any], beside: Any) -> dict[str, Any]:
    """Return a record with its text; in a file, the one beside it may be of lines."""
    stands_for = record.get("text")
    if not isinstance(stands_for, dict) or _SHOWN not in stands_for:
        return record
    before, size, after = stands_for[_SHOWN]
    shown = "".join(beside)[:size]
    if len(shown) != size:
        raise ValueError(f"{len(shown)} of {size} characters are there")
    text = before + shown + after
    return record | {
        name: _swapped(record[name], stands_for, text)
        for name in ("text", "raw")
        if name in record
    }


def _named(value: Any) -> bool:
    """Tell whether an answer has our key itself."""
    if isinstance(value, dict):
        return _SHOWN in value or any(map(_named, value.values()))
    return isinstance(value, list) and any(map(_named, value))


def _swapped(value: Any, old: Any, new: Any) -> Any:
    if value == old:
        return new
    if isinstance(value, dict):
        return {name: _swapped(item, old, new) for name, item in value.items()}
    if isinstance(value, list):
        return [_swapped(item, old, new) for item in value]
    return value


def load(path: Path | str) -> list[Completion]:
    """Return the completions of a saved notebook, in the order of its cells.

    Each is equal to the one that was shown. Raises `InputError` for a file that is no
    notebook, cannot be read, or holds a damaged completion.
    """
    return [
        _completion(path, number, data)
        for number, data in _outputs(_notebook(path), path)
    ]


def _notebook(path: Path | str) -> dict[str, Any]:
    try:
        notebook = json.loads(Path(path).read_bytes())
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror}); give the path of a notebook."
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{path} is no notebook ({one_line(str(error), 120)}); "
            "give the path of an .ipynb file."
        ) from error
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        raise InputError(
            f"{path} is no notebook of format 4, as Jupyter saves it now; "
            "open and save it there first."
        )
    return notebook


def _outputs(notebook: dict[str, Any], path: Path | str) -> Iterator[tuple[int, Any]]:
    """Yield (number of the cell, data) of each output that carries a record."""
    try:
        for number, cell in enumerate(notebook["cells"], 1):
            for output in cell.get("outputs", ()):
                data = output.get("data", {})
                if RECORD_TYPE in data:
                    yield number, data
    except (AttributeError, TypeError) as error:
        raise InputError(
            f"{path} is no notebook ({one_line(str(error), 120)}); "
            "give the path of an .ipynb file."
        ) from error


def _completion(path: Path | str, number: int, data: Any) -> Completion:
    try:
        return from_output(data)
    except InputError as error:
        raise InputError(f"{path}, cell {number}: {error}") from error
