"""``jupyter complete get`` and ``remove``: the model directory."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from .say import say

if TYPE_CHECKING:
    from ..local.offers import Offer

_CELLS = 30
"""The width of the bar."""


def add(commands: Any) -> None:
    """Add the commands to the command line."""
    get = commands.add_parser(
        "get",
        help="fetch a model to run on this machine",
        description="Fetch a model into the model directory, as pip is set up: its "
        "index, mirrors and proxies hold, and what comes is checked to the bit.",
        allow_abbrev=False,
    )
    get.set_defaults(run=_get)
    what = get.add_mutually_exclusive_group(required=True)
    what.add_argument("name", nargs="?", metavar="NAME", help="a model that --list has")
    what.add_argument(
        "--list", action="store_true", help="list what can be had, and what is there"
    )
    remove = commands.add_parser(
        "remove",
        help="remove a model from the model directory",
        description="Remove a model from the model directory.",
        allow_abbrev=False,
    )
    remove.set_defaults(run=_remove)
    remove.add_argument("name", metavar="NAME", help="its name, as for -m")
    for command in (get, remove):
        command.add_argument(
            "--model-directory",
            metavar="DIR",
            default="",
            help="another model directory; notebooks find it by "
            "CompletionSettings.model_directory",
        )


def _get(given: argparse.Namespace) -> int:
    from ..local.files import model_directory  # noqa: PLC0415 - only where needed
    from ..local.get import get  # noqa: PLC0415
    from ..local.offers import OFFERS, megabytes  # noqa: PLC0415

    directory = model_directory(given.model_directory)
    if given.list:
        for offer in OFFERS.values():
            say(_line(offer, directory), sys.stdout)
        return 0
    if given.name not in OFFERS:
        raise InputError(
            f"There is no model {given.name!r} to get; choose from "
            f"{', '.join(OFFERS)}. Any other GGUF file can be put into {directory}, "
            "or named by its path."
        )
    offer = OFFERS[given.name]
    there = _found(offer, directory)
    if there is None:
        shown = Progress(offer)
        with _told_to_stop() as stopped:
            there = get(
                offer,
                directory,
                on_progress=shown,
                on_wait=lambda: say(
                    "Another process is fetching; waiting.", sys.stdout
                ),
                stopped=stopped,
            )
    say(f"{offer.name} is there: {there} ({megabytes(offer.size)})", sys.stdout)
    return 0


def _line(offer: Offer, directory: Path) -> str:
    """Return what `get --list` says of a model."""
    from ..local.offers import megabytes  # noqa: PLC0415

    there = _found(offer, directory)
    return (
        f"{offer.name:<12} {offer.about:<28} {offer.licence:<12} "
        f"{megabytes(offer.download)} to fetch, {megabytes(offer.size)} on the disk; "
        f"{f'is there: {there}' if there else 'not there'}"
    )


def _found(offer: Offer, directory: Path) -> Path | None:
    """Return where a model is, in the directory or in an installed package."""
    from ..local.files import listed  # noqa: PLC0415

    for file in listed(directory):
        if file.name == offer.name and offer.is_file(file.path):
            return file.path
    return None


class Progress:
    """Shows how much has come: a bar in a terminal, else a line for each fifth."""

    def __init__(self, offer: Offer) -> None:
        self._offer = offer
        self._live = sys.stdout.isatty()
        self._shown = -1

    def __call__(self, done: int) -> None:
        """Show it, if there is anything new."""
        from ..local.offers import megabytes  # noqa: PLC0415

        percent = 100 * done // self._offer.download
        step = percent if self._live else percent // 20 * 20
        if step == self._shown:
            return
        self._shown = step
        bar = "#" * (_CELLS * percent // 100)
        line = f"{self._offer.name} {percent:3} % of {megabytes(self._offer.download)}"
        if self._live:
            end = "\n" if percent == 100 else ""
            print(f"\r[{bar:-<{_CELLS}}] {line}", end=end, flush=True)  # noqa: T201
        else:
            say(line, sys.stdout)


@contextlib.contextmanager
def _told_to_stop() -> Iterator[Callable[[], bool]]:
    """Give what tells whether Ctrl-C, or another signal to end, came in here.

    None breaks in where it would leave something behind.
    """
    told: list[int] = []
    names = ("SIGINT", "SIGTERM", "SIGHUP")
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:  # as nohup wants it
            signal.signal(number, lambda number, _: told.append(number))
    try:
        yield lambda: bool(told)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _remove(given: argparse.Namespace) -> int:
    from ..local.files import model_directory  # noqa: PLC0415 - only where needed
    from ..local.get import remove  # noqa: PLC0415
    from ..local.offers import megabytes  # noqa: PLC0415

    path, size = remove(given.name, model_directory(given.model_directory))
    say(f"{path} is removed, {megabytes(size)} freed.", sys.stdout)
    return 0
