"""A command line whose errors do not repeat what may be a key."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import NoReturn

_TOO_MANY = (
    "see --help. A key is asked for, or read from a pipe, and never stands on this "
    "line: clear it from your shell's history if it did."
)


class _Misused(Exception):
    """Arguments that a parser refuses, in its words, which may repeat them."""

    def __init__(self, parser: argparse.ArgumentParser, message: str) -> None:
        super().__init__(message)
        self.parser = parser


class Parser(argparse.ArgumentParser):
    """A parser for `parsed`; it, too, is what its commands are parsed with."""

    def error(self, message: str) -> NoReturn:
        """Refuse the arguments."""
        raise _Misused(self, message)


def parsed(parser: Parser, words: Sequence[str]) -> argparse.Namespace:
    """Return what the words ask for; end with a line and code 2 if they are wrong."""
    try:
        given, rest = parser.parse_known_args(words)
        if rest:
            parser.error(_too_many(rest))
    except _Misused as wrong:
        said = without(words, str(wrong))
        argparse.ArgumentParser.error(wrong.parser, said)
    return given


def without(words: Sequence[str], message: str) -> str:
    """Return a message without those of the words that may be a key."""
    parts = {part for word in words for part in (word, word.partition("=")[2])}
    for part in sorted(parts, key=len, reverse=True):
        long = len(part) >= 12 or (len(part) >= 8 and re.search("[0-9]", part))
        if long and ":" not in part and not part.startswith("--"):
            message = message.replace(part, "…")
    return message


def _too_many(rest: Sequence[str]) -> str:
    names = [word.partition("=")[0] for word in rest]
    known = [name for name in names if re.fullmatch("--?[a-z-]{1,20}", name)]
    named = f" ({', '.join(known)})" if known else ""
    return f"{len(rest)} argument{'s' * (len(rest) != 1)} too many{named}; {_TOO_MANY}"
