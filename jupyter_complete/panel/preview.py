"""What is below the prompt: its names and their values, advice, and the request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import ipywidgets as widgets

from ..display import escape, request_text
from ..errors import InputError
from . import cards, cells

if TYPE_CHECKING:
    from ..session import Call, Session

UNASKED = "Run asks the endpoint first what it speaks."


class Preview:
    """Shows what Run would do, without a call."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.names, self.note, self.request = (widgets.HTML() for _ in range(3))
        for text in (self.names, self.note, self.request):
            text.add_class("jc-note")

    def show(self, prompt: str, values: Mapping[str, object], *, request: bool) -> None:
        """Show it for a prompt; the request only if it is wanted."""
        self.names.value = cards.names(prompt, values)
        note, shown = "", []
        if prompt.strip():
            try:
                call = self._session.preview(prompt, values)
                note = "<br>".join(map(escape, call.notices if call else ()))
                if request:
                    shown = self._pieces(call) if call else [("Request", UNASKED)]
            except Exception as error:  # noqa: BLE001 - a value's own __str__ may fail
                # A name without a value is marked above already.
                if not cells.missing(prompt, values):
                    note = f'<span class="jc-bad">{escape(str(error))}</span>'
        self.note.value = note
        self.request.value = "".join(map(_piece, shown))

    def _pieces(self, call: Call) -> list[tuple[str, str]]:
        pieces = [("Request", request_text(call.http(), call.endpoint))]
        for kind in ("curl", "requests"):
            try:
                pieces.append((kind, self._session.code(call, kind)))
            except InputError as error:
                pieces.append((kind, str(error)))
        return pieces


def _piece(piece: tuple[str, str]) -> str:
    title, text = piece
    return (
        f"<details open><summary>{title}</summary>"
        f'<pre class="jc-request">{escape(text)}</pre></details>'
    )
