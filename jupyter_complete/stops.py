"""Stop sequences: find the first one in a text that comes in pieces."""

from __future__ import annotations

import re
from collections.abc import Iterable


class StopFinder:
    """Lets text through up to the first stop sequence, and not a character of it.

    The first is the one that begins first; of two that begin together, the shorter.
    How the text is cut into pieces makes no difference. What could still become a
    stop sequence is held back until it is one or is not.
    """

    def __init__(self, stops: Iterable[str]) -> None:
        # The shorter one first, so that min() keeps it where two begin together.
        self._stops = sorted(set(stops), key=len)
        firsts = "|".join(re.escape(first) for first in {s[0] for s in self._stops})
        # Without stop sequences nothing matches.
        self._begins = re.compile(firsts or r"(?!)")
        self._held = ""
        self.stop: str | None = None
        """The stop sequence that was found, None until then."""

    def feed(self, text: str) -> str:
        """Return what may be shown now that this text has come."""
        if not self._held and not self._begins.search(text):
            return text
        text = self._held + text
        start, stop = self._first(text)
        pending = self._pending(text)
        if stop is not None and start <= pending:
            self._held, self.stop = "", stop
            return text[:start]
        self._held = text[pending:]
        return text[:pending]

    def flush(self) -> str:
        """Return what was held back, now that no more text will come."""
        text, self._held = self._held, ""
        start, self.stop = self._first(text)
        return text[:start]

    def _first(self, text: str) -> tuple[int, str | None]:
        """Return where the first whole stop sequence begins, and which one it is."""
        found = [(text.find(stop), stop) for stop in self._stops if stop in text]
        first = min(found, key=lambda pair: pair[0], default=None)
        return first or (len(text), None)

    def _pending(self, text: str) -> int:
        """Return where a stop sequence may have begun that is not whole yet."""
        for match in self._begins.finditer(text):
            rest = text[match.start() :]
            if any(len(s) > len(rest) and s.startswith(rest) for s in self._stops):
                return match.start()
        return len(text)
