"""Lets a prompt on a magic's line end in a question mark."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from IPython.core.inputtransformer2 import TokenTransformBase

if TYPE_CHECKING:
    from tokenize import TokenInfo


class QuestionLine(TokenTransformBase):
    """Lets ``%complete What does with do?`` be a prompt, not a request for help.

    ``%complete_distribution`` takes a prompt, too.
    """

    # Before HelpEnd, whose priority is 5 and which would take the line.
    priority = 4
    _LINE = re.compile(
        r"\s*%(?P<magic>complete(?:_distribution)?)\s+(?P<line>\S.*\?\s*)\Z",
        re.DOTALL,
    )

    @classmethod
    def find(cls, tokens_by_line: Sequence[Sequence[TokenInfo]]) -> Any:
        """Give the first line that is such a magic with a question."""
        for tokens in tokens_by_line:
            start = next((t for t in tokens if t.string.strip()), None)
            if start and cls._LINE.match(start.line[start.start[1] :]):
                return cls(start.start)
        return None

    def transform(self, lines: list[str]) -> list[str]:
        """Give the lines with that one as a call of the magic."""
        line = lines[self.start_line]
        match = self._LINE.match(line[self.start_col :])
        if match is None:  # pragma: no cover - `find` saw it match
            return lines
        text = match["line"].rstrip("\n")
        magic = match["magic"]
        call = f"get_ipython().run_line_magic({magic!r}, {text!r})\n"
        return [
            *lines[: self.start_line],
            line[: self.start_col] + call,
            *lines[self.start_line + 1 :],
        ]
