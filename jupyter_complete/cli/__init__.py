"""The command line: one module for each of its commands."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from ..arguments import Parser, parsed, without
from ..errors import Cancelled, CompleteError, InputError
from ..version import __version__
from . import key, models, serve
from .say import say


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``jupyter-complete``; give its exit code."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    try:
        given = parsed(_parser(), words)
        run: Callable[[argparse.Namespace], int] = given.run
        return run(given)
    except CompleteError as error:
        said = without(words, str(error)) if words[:1] == ["key"] else str(error)
        say(f"jupyter complete: {said}", sys.stderr)
        if isinstance(error, Cancelled):
            return 130  # as after Ctrl-C
        return 2 if isinstance(error, InputError) else 1


def _parser() -> Parser:
    parser = Parser(
        prog="jupyter complete",
        description="Text completions from the command line.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--version", action="version", version=f"jupyter-complete {__version__}"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (serve, models, key):
        command.add(commands)
    return parser
