"""Widgets that show a setting and change it: the setting is always the truth.

What a widget was told and the setting refused goes back to what the setting says,
and the refusal is passed on; what the setting was given elsewhere shows at once.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import ipywidgets as widgets

from ..errors import InputError
from ..settings import CompletionSettings, Parameter, parameters
from .live import Slider

OTHER = "\0other"  # no name or URL can be this
HEADING = "— "

OnRefusal = Callable[[str], None]
Options = Sequence[tuple[str, str]]


def parameter(name: str) -> Parameter:
    """Return the parameter of this name."""
    return next(found for found in parameters() if found.name == name)


class Control:
    """One setting's widgets, in ``box``; ``close`` lets go of the setting."""

    def __init__(
        self, settings: CompletionSettings, name: str, on_refusal: OnRefusal
    ) -> None:
        self.name = name
        self.box: widgets.Widget
        self._settings = settings
        self._parameter = parameter(name)
        self._on_refusal = on_refusal
        self._quiet = False
        settings.observe(self._changed, name)

    @property
    def value(self) -> Any:
        """What the setting says."""
        return getattr(self._settings, self.name)

    def show(self) -> None:
        """Make the widgets say what the setting says."""
        raise NotImplementedError

    def refuse(self, why: str) -> None:
        """Grey the widgets and say why; an empty ``why`` makes them usable."""

    def close(self) -> None:
        """Stop following the setting."""
        self._settings.unobserve(self._changed, self.name)

    def _changed(self, _: object = None) -> None:
        with self._silence():
            self.show()

    @contextlib.contextmanager
    def _silence(self) -> Iterator[None]:
        before, self._quiet = self._quiet, True
        try:
            yield
        finally:
            self._quiet = before

    def _set(self, value: Any) -> None:
        """Set the setting to a widget's value; show what it made of it."""
        if self._quiet:
            return
        try:
            self._settings.assign(self.name, value)
        except InputError as error:
            self._on_refusal(str(error))
        else:
            self._on_refusal("")
        self._changed()

    def _finish(self, kind: str, *children: widgets.Widget) -> None:
        self.box = widgets.Box(children)
        for name in (kind, f"jc-{self.name.replace('_', '-')}"):
            self.box.add_class(name)
        self._changed()


class Dial(Control):
    """A number: a switch where it may be off, a slider, and the value to type.

    Off sends nothing; moving the slider or typing a value turns it on. The value is
    shown to its last digit, and the slider as near to it as its steps allow.
    """

    def __init__(
        self,
        settings: CompletionSettings,
        name: str,
        on_refusal: OnRefusal,
        on_sweep: Callable[[str], None],
    ) -> None:
        super().__init__(settings, name, on_refusal)
        self._optional = bool(self._parameter.trait.allow_none)
        label, help_ = name.replace("_", " "), self._parameter.help
        self._switch = widgets.Checkbox(
            description=label, indent=False, tooltip=help_, disabled=not self._optional
        )
        self._slider = self._make_slider(label)
        self._text = widgets.Text(
            description=f"{label} value",
            placeholder="off",
            continuous_update=False,
            tooltip=help_,
        )
        self._sweep = widgets.Button(
            description="Sweep", tooltip=f"Write a cell that sweeps {label}"
        )
        self._why = widgets.HTML()
        self._why.add_class("jc-why")
        self._switch.observe(self._switched, "value")
        self._text.observe(self._typed, "value")
        self._sweep.on_click(lambda _: on_sweep(name))
        self._finish(
            "jc-dial", self._switch, self._slider, self._text, self._sweep, self._why
        )

    def _make_slider(self, label: str) -> Slider:
        slider = self._parameter.slider
        assert slider is not None  # noqa: S101 - a dial is made of a slider's tag
        self._ends = slider
        self._whole = isinstance(slider.step, int)
        first = min(1, slider.end) if self.name in {"temperature", "top_p"} else 0
        self._latest: float = first  # what switching on goes back to
        return Slider(
            lambda value: self._set(self._number(value)),
            label=label,
            hint=self._parameter.help,
            min=slider.start,
            max=slider.end,
            step=slider.step,
            value=first,
        )

    def show(self) -> None:
        """Make switch, slider and text say what the setting says."""
        value = self.value
        shown = "" if value is None else _number_text(value)
        self._switch.value = value is not None
        self._text.value = self._slider.shown = shown
        if value is not None and math.isfinite(value):
            self._slider.min = min(self._ends.start, value)
            self._slider.max = max(self._ends.end, value)
            self._slider.value = self._latest = value
        mark = self.box.add_class if value is None else self.box.remove_class
        mark("jc-off")

    def refuse(self, why: str) -> None:
        """Grey the slider and say why; what is set can still be switched off."""
        for widget in (self._slider, self._text, self._sweep):
            widget.disabled = bool(why)
        self._switch.disabled = not self._optional or (bool(why) and self.value is None)
        self._why.value = why
        self._why.layout.display = "" if why else "none"

    def _number(self, value: float) -> float:
        return int(value) if self._whole else round(value, 6)

    def _switched(self, change: Any) -> None:
        self._set(self._latest if change.new else None)

    def _typed(self, change: Any) -> None:
        text = change.new.strip()
        if text in {"", "off"}:
            self._set(None)
            return
        try:
            value = int(text) if self._whole else float(text)
            self._set(value if math.isfinite(value) else text)
        except ValueError:
            self._set(text)  # the setting says what is wrong with it


class Field(Control):
    """A setting in one widget, through a pair of functions."""

    def __init__(
        self,
        settings: CompletionSettings,
        name: str,
        on_refusal: OnRefusal,
        widget: widgets.Widget,
        *,
        read: Callable[[Any], Any] = lambda value: value,
        write: Callable[[Any], Any] = lambda value: value,
    ) -> None:
        super().__init__(settings, name, on_refusal)
        self._widget, self._read, self._write = widget, read, write
        self._why = widgets.HTML()
        self._why.add_class("jc-why")
        widget.tooltip = self._parameter.help
        widget.observe(lambda change: self._set(self._read(change.new)), "value")
        self._finish("jc-field", widget, self._why)

    def show(self) -> None:
        """Make the widget say what the setting says."""
        self._widget.value = self._write(self.value)

    def refuse(self, why: str) -> None:
        """Grey the widget and say why, unless it must stay to be emptied."""
        self._widget.disabled = bool(why) and not self.value
        self._why.value = why
        self._why.layout.display = "" if why else "none"


class OpenDropdown(Control):
    """A dropdown, and a box for what it does not list."""

    def __init__(
        self,
        settings: CompletionSettings,
        name: str,
        on_refusal: OnRefusal,
        *,
        options: Callable[[], Options],
        other: str,
    ) -> None:
        super().__init__(settings, name, on_refusal)
        self._options, self._other_label = options, other
        self._asked = False
        self._dropdown = widgets.Dropdown(
            description=name, tooltip=self._parameter.help
        )
        self._box = widgets.Text(
            description=other.rstrip("…"), continuous_update=False, placeholder=other
        )
        self._dropdown.observe(self._chosen, "value")
        self._box.observe(lambda change: self._set(change.new or None), "value")
        self._finish("jc-choice", self._dropdown, self._box)

    def show(self) -> None:
        """Make dropdown and box say what the setting says."""
        options = (*self._options(), (self._other_label, OTHER))
        value = self.value or ""
        listed = value in {known for _, known in options}
        if self._dropdown.options != options:
            self._dropdown.options = options
        self._dropdown.value = value if listed and not self._asked else OTHER
        self._box.value = "" if listed else value
        self._box.layout.display = "none" if self._dropdown.value != OTHER else ""

    def _chosen(self, change: Any) -> None:
        if self._quiet:
            return
        self._asked = change.new == OTHER
        if self._asked or (change.new or "").startswith(HEADING):
            self._changed()  # nothing to set until the box has a name
        else:
            self._set(change.new or None)


def _number_text(value: float) -> str:
    return repr(value).removesuffix(".0")


_ESCAPES = {"\\n": "\n", "\\t": "\t", "\\r": "\r", "\\\\": "\\"}


def stops_from_text(text: str) -> list[str]:
    r"""Return the stop sequences, one to a line; ``\n`` in one is a newline."""
    lines = [line for line in text.split("\n") if line]
    return [re.sub(r"\\[ntr\\]", lambda m: _ESCAPES[m[0]], line) for line in lines]


def text_from_stops(stops: Sequence[str]) -> str:
    """Return the text that `stops_from_text` reads back."""
    signs = {sign: escape for escape, sign in _ESCAPES.items()}
    return "\n".join(
        re.sub(r"[\n\t\r\\]", lambda m: signs[m[0]], stop) for stop in stops
    )
