"""Why a model cannot be served, in one line."""

from __future__ import annotations

import importlib.util
import re
import signal
from collections.abc import Mapping

from ..errors import InputError, one_line
from .files import ModelFile

ENGINE = "xllamacpp"
INSTALL = "pip install 'jupyter-complete[local]'"

_LONGEST = 150
_OUT_OF_MEMORY = re.compile(
    r"(?:failed|unable) to allocate|failed to create context|bad_alloc"
)
_REASON = re.compile(r"error loading model: (?:\w+: )?(.*)")
_ARCHITECTURE = re.compile(r"unknown model architecture: ('.*')")


def refuse_missing_engine() -> None:
    """Raise `InputError` if the engine is not installed."""
    if importlib.util.find_spec(ENGINE) is None:
        raise InputError(f"Local models want the package {ENGINE}: {INSTALL}.")


def why(file: ModelFile, status: int, told: Mapping[str, str], log: str) -> InputError:
    """Return the error of a child that ended before it served its file.

    ``status`` is how its process ended, ``told`` what it said, ``log`` the engine's.
    """
    if missing := told.get("missing"):
        return InputError(_missing(missing))
    if _OUT_OF_MEMORY.search(log) or status == -_kill():
        return InputError(
            f"There is too little memory for {file.name} ({size(file)}); end what else "
            "needs much, %complete_models --unload ends other local models, or name a "
            "smaller file."
        )
    if "couldn't bind" in log:
        return InputError(
            f"The system gave no port for {file.name}; end programs that hold many, "
            "and run the cell again."
        )
    if architecture := _ARCHITECTURE.search(log):
        return InputError(
            f"{file.path} has the architecture {one_line(architecture[1], 50)}, which "
            f"this {ENGINE} does not know; pip install -U {ENGINE}, or name another "
            "file."
        )
    reason = _REASON.search(log)
    said = reason[1] if reason else f"the engine ended with status {status}"
    return InputError(
        f"{file.path} cannot be loaded ({one_line(said, _LONGEST)}); get the file "
        "again, or name another."
    )


def size(file: ModelFile) -> str:
    """Return the size of a file as it is shown."""
    return f"{file.path.stat().st_size / 1e6:,.0f} MB"


def _kill() -> int:
    """Return the signal that ends a process that has taken all memory."""
    return getattr(signal, "SIGKILL", 9)


def _missing(text: str) -> str:
    if "libgomp" in text:
        return (
            "Local models want the system's library libgomp: on Debian and Ubuntu, "
            "apt-get install libgomp1."
        )
    return f"{ENGINE} cannot be imported ({one_line(text, _LONGEST)}); {INSTALL}."
