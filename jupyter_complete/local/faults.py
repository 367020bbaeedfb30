"""Why a model cannot be served, in one line."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping

from ..errors import CompleteError, InputError, one_line
from .files import ModelFile

ENGINE = "xllamacpp"
INSTALL = "pip install 'jupyter-complete[local]'"


def refuse_missing_engine() -> None:
    """Raise `InputError` if the engine is not installed."""
    if importlib.util.find_spec(ENGINE) is None:
        raise InputError(f"Local models want the package {ENGINE}: {INSTALL}.")


def why(
    file: ModelFile, status: int, told: Mapping[str, str], log: str
) -> CompleteError:
    """Return the error of a child that ended before it served its file."""
    if missing := told.get("missing"):
        return InputError(_missing(missing))
    return InputError(f"{file.path} cannot be loaded: {one_line(log, 200)} ({status}).")


def _missing(text: str) -> str:
    if "libgomp" in text:
        return (
            "Local models want the system's library libgomp: on Debian and Ubuntu, "
            "apt-get install libgomp1."
        )
    return f"{ENGINE} cannot be imported ({one_line(text, 200)}); {INSTALL}."
