"""A second wall: formatted text is let through only as the HTML that it may be.

It shares nothing with what writes that HTML, so that a fault there stays there.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

_VOID = {"br", "hr"}
_TAG = re.compile(
    r"<(?:p|blockquote|ul|ol|li|h[1-6]|table|thead|tbody|tr|pre|code|em|strong|s|br|hr)>"
    r'|<ol start="[0-9]{1,9}">'
    r'|<t[hd] style="text-align:(?:left|center|right)">'
    r'|<a href="(?:[hH][tT][tT][pP][sS]?://|[mM][aA][iI][lL][tT][oO]:)'
    r'[^\s"<>\\`{|}]+" target="_blank" rel="noopener noreferrer nofollow">'
)


class _Wall(HTMLParser):
    """Counts the tags it knows; all else that is no text is refused."""

    def __init__(self) -> None:
        super().__init__()
        self.tags = 0
        self.open: list[str] = []
        self.refused = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs  # the text of the tag is looked at, letter for letter
        self.tags += 1
        self.refused |= not _TAG.fullmatch(self.get_starttag_text() or "")
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self.tags += 1
        self.refused |= not self.open or self.open.pop() != tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del tag, attrs
        self.refused = True

    def _refuse(self, _: str) -> None:
        self.refused = True

    handle_comment = handle_decl = handle_pi = unknown_decl = _refuse  # type: ignore[assignment] # the names of their one argument differ


def holds(markup: str) -> bool:
    """Tell whether every tag is one that formatted text may have, and is closed."""
    wall = _Wall()
    wall.feed(markup)
    wall.close()
    marks = {markup.count(mark) for mark in "<>"}
    return not wall.refused and not wall.open and marks == {wall.tags}
