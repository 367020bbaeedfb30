"""The next token's distribution with sliders on it, and a way to step through a text.

One widget, shown alone or as a part of another.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from ..background import Background
from ..cancel import Cancel
from ..distribution import Distribution
from ..errors import Cancelled, CompleteError
from .distribution import ROWS, TokenBars
from .markdown import NO_MATHEMATICS
from .tokens import percent, token_label

HERE = Path(__file__).parent
CHOICES = 30
"""The likeliest tokens that can be appended."""

# How such a token is written; bytes that are no character cannot be appended.
_HALF = re.compile(r"(?:\\x[89a-f][0-9a-f])+")

Look = Callable[[Cancel], Distribution]
LookAfter = Callable[[str, Cancel], Distribution]


class Microscope(anywidget.AnyWidget):
    """A distribution, reshaped as its sliders say: each move redraws, without a call.

    ``look_after(prompt, cancel)`` gives the distribution after a longer prompt; it is
    called in a thread of its own. ``on_picture``, if set, gets each new picture.
    ``first`` left out, nothing is shown until `look`.
    """

    _esm = HERE / "microscope.js"
    _css = HERE / "microscope.css"

    temperature = traitlets.Float(1.0, min=0, max=2).tag(sync=True)
    top_k = traitlets.Int(0, min=0).tag(sync=True)
    """0 is no limit."""
    top_p = traitlets.Float(1.0, min=0, max=1).tag(sync=True)
    dials = traitlets.Bool(default_value=True).tag(sync=True)
    """Whether it has sliders of its own."""
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
        look_after: LookAfter,
        first: Distribution | None = None,
        *,
        rows: int = ROWS,
        **traits: Any,
    ) -> None:
        super().__init__(**traits)
        for name in NO_MATHEMATICS:
            self.add_class(name)
        self.on_picture: Callable[[TokenBars], object] | None = None
        self._look_after, self._rows = look_after, rows
        self._path = [first] if first else []
        self._cancel = Cancel()
        self._drawing = threading.RLock()
        self._thread: Background | None = None
        self.observe(self._draw, ["temperature", "top_k", "top_p"])
        self.on_msg(self._heard)
        self._draw()

    @property
    def distribution(self) -> Distribution | None:
        """What the picture is of, the last of the path; None before the first."""
        return self._path[-1] if self._path else None

    @property
    def bars(self) -> TokenBars | None:
        """The picture: the distribution as the sliders leave it."""
        if self.distribution is None:
            return None
        reshaped = self.distribution.reshaped(
            temperature=self.temperature, top_k=self.top_k, top_p=self.top_p
        )
        return TokenBars(reshaped, self._rows)

    def reshape(self, **settings: float | None) -> None:
        """Move the sliders; None leaves the distribution as the model has it."""
        for name, value in settings.items():
            off = self.trait_defaults(name)
            setattr(self, name, off if value is None else value)

    def look(self, look: Look) -> None:
        """Begin again with another distribution, which a thread looks for.

        What is looked for already is given up.
        """
        self.stop()
        self.wait()
        self._begin(look, [])

    def append(self, token: str) -> None:
        """Append a token to the prompt and look at what comes next, in a thread."""
        if self.busy or self.distribution is None:
            return
        if not token:
            self.status = "This token ends the text: nothing comes after it."
            return
        if _HALF.search(token):
            self.status = (
                "This token is a part of a character, which no prompt can hold."
            )
            return
        prompt = self.distribution.prompt + token
        self._begin(lambda cancel: self._look_after(prompt, cancel), self._path)

    def back(self) -> None:
        """Take the last appended token away again."""
        if len(self._path) > 1 and not self.busy:
            self._path = self._path[:-1]
            self.status = ""
            self._draw()

    def stop(self) -> None:
        """Give up the look under way, within 200 ms; what is shown stays."""
        self._cancel.set()

    def wait(self) -> None:
        """Wait until nothing is looked for, as a program may want."""
        if self._thread:
            self._thread.join()

    def close(self) -> None:
        """Stop what runs, and let go of the widget."""
        self.stop()
        self.wait()
        super().close()

    def _begin(self, look: Look, path: list[Distribution]) -> None:
        self.busy, self.status = True, ""
        self._cancel = Cancel()
        find = partial(self._find, look, path, self._cancel)
        self._thread = Background(find, name="completion-look")
        self._thread.start()

    def _find(self, look: Look, path: list[Distribution], cancel: Cancel) -> None:
        try:
            self._path = [*path, look(cancel)]
        except Cancelled:
            self.status = "Stopped."
        except CompleteError as error:
            self.status = str(error)
        finally:
            self.busy = False
        self._draw()

    def _draw(self, _: object = None) -> None:
        # A slider moves in one thread while another finds: the last to draw must draw
        # what both have set.
        with self._drawing:
            bars = self.bars
            if bars:
                self._show(bars)

    def _show(self, bars: TokenBars) -> None:
        reshaped = bars.reshaped
        with self.hold_sync():
            self.steps = len(self._path) - 1
            self.fresh = id(reshaped.distribution) % 2**31
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
        index = content.get("index")
        if content.get("kind") == "back":
            self.back()
        elif isinstance(index, int) and 0 <= index < len(self.choices):
            self.append(self._path[-1].tokens[index])
