"""The panel's own widgets: answers that grow, with access by keyboard, and a slider.

A message carries only what is new of an answer, so what goes to the front end grows
with the text and not with its square. A page that opens later asks for the whole.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import anywidget
import traitlets

HERE = Path(__file__).parent


class Live(anywidget.AnyWidget):
    """Answers side by side; `on_prompt` and `on_run` tell what the page did."""

    _esm = HERE / "live.js"
    _css = HERE / "live.css"

    status = traitlets.Unicode().tag(sync=True)
    """One line for the eye and, as a live region, for the ear."""
    running = traitlets.Bool().tag(sync=True)
    done = traitlets.Int().tag(sync=True)
    samples = traitlets.Int().tag(sync=True)
    saved = traitlets.Unicode().tag(sync=True)
    """The class of what a saved notebook shows in this one's place."""

    def __init__(
        self,
        *,
        on_prompt: Callable[[str], object],
        on_run: Callable[[], object],
        **traits: Any,
    ) -> None:
        super().__init__(**traits)
        self._on_prompt, self._on_run = on_prompt, on_run
        self._texts: list[list[str]] = []
        self._cards: dict[int, str] = {}
        self._lock = threading.Lock()
        self.on_msg(self._heard)

    def begin(self, samples: int) -> None:
        """Clear the answers and make room for this many."""
        with self._lock:
            self._texts, self._cards = [[] for _ in range(samples)], {}
            self.samples, self.done, self.running = samples, 0, True
            self._tell("whole", texts=[""] * samples, cards={})

    def append(self, sample: int, text: str) -> None:
        """Show more text of a sample."""
        with self._lock:
            self._texts[sample].append(text)
            self._tell("more", sample=sample, text=text)

    def finish(self, sample: int, html: str) -> None:
        """Put the card in the place of a sample's text."""
        with self._lock:
            self._cards[sample] = html
            self.done = len(self._cards)
            self._tell("card", sample=sample, html=html)

    def show_cell(self, source: str) -> None:
        """Write a new cell where the front end allows, else show it, selected."""
        self._tell("cell", source=source)

    def _tell(self, kind: str, **content: object) -> None:
        self.send({"kind": kind, **content})

    def _heard(self, _: object, content: Mapping[str, Any], __: object) -> None:
        if "prompt" in content:
            self._on_prompt(content["prompt"])
        if content.get("kind") == "run":
            self._on_run()
        elif content.get("kind") == "hello":
            with self._lock:
                texts = ["".join(text) for text in self._texts]
                self._tell("whole", texts=texts, cards=self._cards)


class Slider(anywidget.AnyWidget):
    """Shows a value as near as its steps allow; ``on_move`` is told what a user chose.

    The traits go to the page alone. What a user does there comes as a message, so a
    page that rounds a value, cuts it off or is late writes nothing.
    """

    _esm = HERE / "slider.js"

    label = traitlets.Unicode().tag(sync=True)
    hint = traitlets.Unicode().tag(sync=True)
    min = traitlets.Float().tag(sync=True)
    max = traitlets.Float().tag(sync=True)
    step = traitlets.Float().tag(sync=True)
    value = traitlets.Float().tag(sync=True)
    shown = traitlets.Unicode().tag(sync=True)
    """The value to the last digit, for the ear."""
    disabled = traitlets.Bool().tag(sync=True)
    moved = traitlets.Unicode().tag(sync=True)
    """The latest of the user's moves that the value knows of."""

    def __init__(self, on_move: Callable[[float], object], **traits: Any) -> None:
        super().__init__(**traits)
        self._on_move = on_move
        self.add_class("jc-slider")
        self.on_msg(self._heard)

    def _heard(self, _: object, content: Mapping[str, Any], __: object) -> None:
        with self.hold_sync():  # the page takes the value and the move at once
            self.moved = str(content["move"])
            self._on_move(float(content["value"]))
