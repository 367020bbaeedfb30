"""The next token's distribution with sliders on it, and a way to step through a text.

One widget, to be shown alone or put into a tab of another.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from ..cancel import Cancel
from ..distribution import Distribution, Reshaped
from ..errors import Cancelled, CompleteError
from .distribution import ROWS, Bars
from .tokens import percent, token_label

HERE = Path(__file__).parent
CHOICES = 30
"""The likeliest tokens that can be appended."""

Look = Callable[[str, Cancel], Distribution]


class Microscope(anywidget.AnyWidget):
    """A distribution, reshaped as its sliders say: each move redraws, without a call.

    ``look(prompt, cancel)`` gives the distribution after a longer prompt; it is
    called in a thread of its own. ``on_picture``, if set, gets each new picture.
    """

    _esm = HERE / "microscope.js"
    _css = HERE / "microscope.css"

    temperature = traitlets.Float(1.0, min=0, max=2).tag(sync=True)
    top_k = traitlets.Int(0, min=0).tag(sync=True)
    """0 is no limit."""
    top_p = traitlets.Float(1.0, min=0, max=1).tag(sync=True)
    html = traitlets.Unicode().tag(sync=True)
    choices = traitlets.List(traitlets.Unicode()).tag(sync=True)
    steps = traitlets.Int().tag(sync=True)
    """How many tokens were appended."""
    fresh = traitlets.Int().tag(sync=True)
    """Another number for each distribution."""
    busy = traitlets.Bool().tag(sync=True)
    status = traitlets.Unicode().tag(sync=True)
    saved = traitlets.Unicode().tag(sync=True)
    """The class of what a saved notebook shows in this one's place."""

    def __init__(
        self,
        first: Distribution,
        look: Look,
        *,
        rows: int = ROWS,
        **traits: Any,
    ) -> None:
        super().__init__(**traits)
        self.on_picture: Callable[[Bars], object] | None = None
        self._look, self._rows = look, rows
        self._path = [first]
        self._cancel = Cancel()
        self._thread: threading.Thread | None = None
        self.observe(self._draw, ["temperature", "top_k", "top_p"])
        self.on_msg(self._heard)
        self._draw()

    @property
    def distribution(self) -> Distribution:
        """What the picture is of: the last of the path."""
        return self._path[-1]

    @property
    def reshaped(self) -> Reshaped:
        """That distribution as the sliders leave it."""
        return self.distribution.reshaped(
            temperature=self.temperature, top_k=self.top_k, top_p=self.top_p
        )

    def start(self, first: Distribution) -> None:
        """Begin again with another distribution."""
        self._path = [first]
        self._draw()

    def append(self, token: str) -> None:
        """Append a token to the prompt and look at what comes next, in a thread."""
        if self.busy:
            return
        if not token:
            self.status = "This token ends the text: nothing comes after it."
            return
        self.busy, self.status = True, ""
        prompt = self.distribution.prompt + token
        self._thread = threading.Thread(
            target=self._step, args=(prompt,), name="completion-look", daemon=True
        )
        self._thread.start()

    def back(self) -> None:
        """Take the last appended token away again."""
        if len(self._path) > 1 and not self.busy:
            self._path.pop()
            self.status = ""
            self._draw()

    def wait(self) -> None:
        """Wait until nothing is looked at, as a program may want."""
        if self._thread:
            self._thread.join()

    def close(self) -> None:
        """Stop what runs, and let go of the widget."""
        self._cancel.set()
        self.wait()
        super().close()

    def _step(self, prompt: str) -> None:
        try:
            self._path.append(self._look(prompt, self._cancel))
        except Cancelled:
            return
        except CompleteError as error:
            self.status = str(error)
        finally:
            self.busy = False
        self._draw()

    def _draw(self, _: object = None) -> None:
        reshaped = self.reshaped
        bars = Bars(reshaped, self._rows)
        with self.hold_sync():
            self.steps = len(self._path) - 1
            self.fresh = id(self.distribution) % 2**31
            self.choices = [
                f"{token_label(token)}  {percent(probability)}"
                for token, probability in zip(
                    reshaped.distribution.tokens[:CHOICES], reshaped.left, strict=False
                )
            ]
            self.html = bars.html()
        if self.on_picture:
            self.on_picture(bars)

    def _heard(self, _: object, content: Mapping[str, Any], __: object) -> None:
        place = content.get("place")
        if content.get("kind") == "back":
            self.back()
        elif isinstance(place, int) and 0 <= place < len(self.choices):
            self.append(self.distribution.tokens[place])
