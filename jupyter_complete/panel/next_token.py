"""The panel's view of the next token, reshaped by the panel's own sliders."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from ..cancel import Cancel
from ..display import TokenBars
from ..display.microscope import Microscope
from ..distribution import Distribution
from ..session import UNSHAPED
from .preview import call_values
from .runs import in_one_line

if TYPE_CHECKING:
    from ..request import CompletionRequest
    from ..session import Call, Session

LOOK, STOP = "Look", "Stop looking"


class NextToken:
    """What can come next after the prompt, in ``box``; no move of a slider asks again.

    The embedded models cost nothing, so `follow` looks at them anew whenever the
    prompt, or whatever else decides the text they see, has changed; anywhere else
    only the button does. ``prompt()`` gives the template with its values.
    """

    _looked: Call
    """What was looked at last; there is no step before there was one."""

    def __init__(
        self,
        session: Session,
        prompt: Callable[[], tuple[str, Mapping[str, object]]],
        *,
        on_picture: Callable[[], object],
    ) -> None:
        self._session = session
        self._prompt = prompt
        self._seen: CompletionRequest | None = None
        self._microscope = Microscope(self._look_after, dials=False)
        self._microscope.on_picture = lambda _: on_picture()
        self._button = widgets.Button(
            description=LOOK, tooltip="Look at what can come next after the prompt"
        )
        self._button.on_click(lambda _: self.look_or_stop())
        self._microscope.observe(self._busy, "busy")
        self._note = widgets.HTML()
        self._note.add_class("jc-note")
        row = widgets.Box((self._button, self._note))
        row.add_class("jc-actions")
        self.box = widgets.VBox((row, self._microscope))

    @property
    def bars(self) -> TokenBars | None:
        """The picture, None before the first look."""
        return self._microscope.bars

    def follow(self) -> None:
        """Show what the sliders say now; look again if that is free and worth it."""
        settings = self._session.settings
        self._microscope.reshape(
            temperature=settings.temperature,
            top_k=settings.top_k,
            top_p=settings.top_p,
        )
        try:
            call = self._session.preview(*self._prompt(), **UNSHAPED)
        except Exception:  # noqa: BLE001 - below the prompt stands why it cannot be sent
            return
        free = call is not None and call.endpoint.is_embedded
        self._note.value = "" if free else "Look asks the endpoint for one token."
        if call is not None and free and call.request != self._seen:
            self._look(call)

    def look_or_stop(self) -> None:
        """Look at what comes after the prompt now, or give up the look under way."""
        if self._microscope.busy:
            self._microscope.stop()
        else:
            self._look(None)

    def wait(self) -> None:
        """Wait until nothing is looked for."""
        self._microscope.wait()

    def close(self) -> None:
        """Stop what runs."""
        self._microscope.close()

    def _look(self, call: Call | None) -> None:
        """Look in a thread: finding the endpoint may ask it what it speaks."""
        self._seen = call.request if call else None
        template, values = self._prompt()
        settings = {**call_values(self._session.settings), **UNSHAPED}

        def look(cancel: Cancel) -> Distribution:
            try:
                self._looked = call or self._session.prepare(
                    template, values, cancel=cancel, **settings
                )
                return self._session.distribution(self._looked, cancel=cancel)
            except Exception as error:
                raise in_one_line(error) from error

        self._microscope.look(look)

    def _look_after(self, prompt: str, cancel: Cancel) -> Distribution:
        return self._session.distribution(self._looked, prompt=prompt, cancel=cancel)

    def _busy(self, change: Any) -> None:
        self._button.description = STOP if change.new else LOOK
