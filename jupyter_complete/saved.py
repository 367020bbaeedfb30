"""Completions in a saved notebook, read without a kernel."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .completion import Completion
from .errors import InputError, one_line

RECORD_TYPE = "application/vnd.jupyter-complete.completion.v1+json"
"""The type under which a card's output carries `Completion.to_record`."""


def load(path: Path | str) -> list[Completion]:
    """Return the completions of a saved notebook, in the order of its cells.

    Each is equal to the one that was shown. Raises `InputError` for a file that is no
    notebook, cannot be read, or holds a damaged completion.
    """
    return [
        _completion(path, number, record)
        for number, record in _records(_notebook(path), path)
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


def _records(notebook: dict[str, Any], path: Path | str) -> Iterator[tuple[int, Any]]:
    """Yield (number of the cell, record) of each output that carries one."""
    try:
        for number, cell in enumerate(notebook["cells"], 1):
            for output in cell.get("outputs", ()):
                data = output.get("data", {})
                if RECORD_TYPE in data:
                    yield number, data[RECORD_TYPE]
    except (AttributeError, TypeError) as error:
        raise InputError(
            f"{path} is no notebook ({one_line(str(error), 120)}); "
            "give the path of an .ipynb file."
        ) from error


def _completion(path: Path | str, number: int, record: Any) -> Completion:
    try:
        return Completion.from_record(record)
    except InputError as error:
        raise InputError(f"{path}, cell {number}: {error}") from error
