"""A slider that a user moves: what it shows never comes back as a wish."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import anywidget
import traitlets

HERE = Path(__file__).parent


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
