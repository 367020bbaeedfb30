"""What is known of the models of this machine: names, and what their headers say."""

from __future__ import annotations

import functools
from pathlib import Path

from ..catalog import Model
from .children import LOCAL
from .files import ModelFile, listed
from .gguf import Header, NotAModel, not_a_model, read_header
from .offers import megabytes


def header_of(path: Path) -> Header:
    """Return what a file's header says; it is read again when the file has changed.

    Raises `NotAModel`.
    """
    try:
        now = path.stat()
    except (OSError, ValueError):
        return read_header(path)  # which says why
    # Its rights may change, too, and it may be replaced within a tick of the clock.
    read = _read(path, now.st_size, now.st_mtime_ns, now.st_ctime_ns, now.st_ino)
    if isinstance(read, str):
        raise not_a_model(path, read)
    return read


@functools.lru_cache(maxsize=1024)
def _read(path: Path, *_: int) -> Header | str:
    try:
        return read_header(path)
    except NotAModel as error:
        return error.fault


def model_of(file: ModelFile) -> Model:
    """Return what is known of a file's model. Raises `NotAModel`."""
    header = header_of(file.path)
    told = (
        header.size_label or _rounded(header.parameters),
        megabytes(header.size),
        header.quantization,
        "chat template" if header.chat_template else "no chat template",
    )
    return Model(
        file.name,
        LOCAL,
        "openai",
        turns=header.chat_template,
        context_tokens=header.context_tokens,
        about=", ".join(word for word in told if word),
    )


def models(directory: Path) -> tuple[Model, ...]:
    """Return the models of a directory and of packages, by name.

    Of a file that is none it is known what is wrong.
    """
    return tuple(_listed(file) for file in listed(directory))


def _listed(file: ModelFile) -> Model:
    try:
        return model_of(file)
    except NotAModel as error:
        return Model(file.name, LOCAL, "openai", turns=False, about=error.fault)


def _rounded(parameters: int) -> str:
    for letter, size in (("T", 1e12), ("B", 1e9), ("M", 1e6)):
        if parameters >= size:
            return f"{parameters / size:.3g}{letter}"
    return f"{parameters / 1e3:.3g}K"
