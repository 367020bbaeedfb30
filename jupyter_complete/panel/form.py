"""The panel's controls: one for each setting it shows, greyed where a model refuses."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from ..catalog import CATALOG, Catalog, Model
from ..errors import InputError, one_line
from ..settings import CompletionSettings, parameters
from .controls import (
    HEADING,
    Control,
    Dial,
    Field,
    OnRefusal,
    OpenDropdown,
    parameter,
    stops_from_text,
    text_from_stops,
)

if TYPE_CHECKING:
    from ..session import Session

# What a model or an endpoint may refuse, with a value to try it with.
_TRIED = {"seed": 0} | {
    one.name: min(1, one.slider.end) for one in parameters() if one.slider and one.unset
}
_DECIDES = ("model", "endpoint", "dialect", "unsupported")


class Form:
    """Every control, in ``box``, all on the session's settings."""

    def __init__(
        self,
        session: Session,
        *,
        on_refusal: OnRefusal,
        on_sweep: Callable[[str], None],
        on_change: Callable[[], None],
    ) -> None:
        self._session = session
        self._settings = session.settings
        self._on_change = on_change
        self._asked: object = None
        self.controls = {
            control.name: control
            for control in _controls(session, on_refusal, on_sweep)
        }
        boxes = [control.box for control in self.controls.values()]
        self.box = widgets.Box(boxes)
        self.box.add_class("jc-grid")
        self._settings.observe(self._changed)
        self._refuse()

    def close(self) -> None:
        """Let go of the settings."""
        self._settings.unobserve(self._changed)
        for control in self.controls.values():
            control.close()

    def _changed(self, _: object) -> None:
        self._refuse()
        self._on_change()

    def _refuse(self) -> None:
        """Grey what would be refused. The rules are the call's own: it is asked."""
        settings = self._settings
        asked = (
            *(getattr(settings, name) for name in _DECIDES),
            *(getattr(settings, name) is None for name in _TRIED),
        )
        if asked == self._asked:
            return
        self._asked = asked
        for name, trial in _TRIED.items():
            value = getattr(settings, name)
            why = self._refusal({name: trial if value is None else value})
            without = why and self._refusal({name: None})
            self.controls[name].refuse("" if without else _reason(why))

    def _refusal(self, overrides: dict[str, Any]) -> str:
        plain: dict[str, Any] = {"turns": "wrap", "system": None}
        try:
            self._session.preview("x", {}, **plain, **overrides)
        except InputError as error:
            return str(error)
        return ""


def _reason(refusal: str) -> str:
    """Return a refusal without the value that was tried: nobody set it."""
    match = re.match(r"(\w+) is \S+?( beside [^,]*)?, (?:and|but) ([^;]*);", refusal)
    return f"{match[1]}{match[2] or ''}: {match[3]}." if match else refusal


def _controls(
    session: Session, on_refusal: OnRefusal, on_sweep: Callable[[str], None]
) -> Iterator[Control]:
    settings = session.settings
    yield OpenDropdown(
        settings,
        "model",
        on_refusal,
        options=lambda: _models(session),
        other="another model…",
    )
    yield OpenDropdown(
        settings,
        "endpoint",
        on_refusal,
        options=lambda: _endpoints(session),
        other="another URL…",
    )
    for name in (one.name for one in parameters() if one.slider):
        yield Dial(settings, name, on_refusal, on_sweep)
    yield from _texts(settings, on_refusal)
    yield Field(
        settings,
        "turns",
        on_refusal,
        widgets.Dropdown(description="turns", options=parameter("turns").trait.values),
    )
    yield Betas(session, on_refusal)


def _texts(settings: CompletionSettings, on_refusal: OnRefusal) -> Iterator[Control]:
    """Yield the boxes for text; it is set when one is left, not at each key."""
    area = functools.partial(widgets.Textarea, rows=2, continuous_update=False)
    yield Field(
        settings,
        "stop",
        on_refusal,
        area(description="stop", placeholder="none; one to a line, \\n is a newline"),
        read=stops_from_text,
        write=text_from_stops,
    )
    yield Field(
        settings,
        "system",
        on_refusal,
        area(description="system", placeholder="none"),
        read=lambda text: text or None,
        write=lambda text: text or "",
    )
    yield Field(
        settings,
        "seed",
        on_refusal,
        widgets.Text(description="seed", placeholder="off", continuous_update=False),
        read=_whole,
        write=lambda seed: "" if seed is None else str(seed),
    )


def _whole(text: str) -> Any:
    text = text.strip()
    if text in {"", "off"}:
        return None
    # What is no number goes to the setting, which says what is wrong with it.
    return int(text) if text.lstrip("+-").isdecimal() else text


class Betas(Control):
    """The beta flags: a list to choose several from, and a line that says which."""

    def __init__(self, session: Session, on_refusal: OnRefusal) -> None:
        super().__init__(session.settings, "betas", on_refusal)
        self._session = session
        self._list = widgets.SelectMultiple(
            description="betas", rows=4, tooltip=self._parameter.help
        )
        self._other = widgets.Text(
            description="another beta", placeholder="another beta…"
        )
        self._other.continuous_update = False
        self._clear = widgets.Button(
            description="Clear betas", tooltip="Choose no beta flag"
        )
        self._chosen = widgets.HTML()
        self._chosen.add_class("jc-note")
        self._list.observe(lambda change: self._set(list(change.new)), "value")
        self._other.observe(self._added, "value")
        self._clear.on_click(lambda _: self._set([]))
        self._finish("jc-field", self._list, self._other, self._clear, self._chosen)

    def show(self) -> None:
        """Make the list and the line say what the setting says."""
        options = tuple(dict.fromkeys((*_catalog(self._session).betas, *self.value)))
        if self._list.options != options:
            self._list.options = options
        self._list.value = tuple(self.value)
        count = len(self.value)
        self._chosen.value = (
            "No beta flag is chosen; none is sent."
            if not count
            else f"{count} chosen; Ctrl-click takes one away."
        )
        self._clear.disabled = not count

    def _added(self, change: Any) -> None:
        beta = change.new.strip()
        if beta and not self._quiet:
            self._set([*dict.fromkeys((*self.value, beta))])
            with self._silence():
                self._other.value = ""


def _catalog(session: Session) -> Catalog:
    try:
        return session.routes.catalog(session.settings)
    except InputError:  # the user's own file; whoever runs is told what is wrong
        return CATALOG


def _models(session: Session) -> list[tuple[str, str]]:
    """Return the models with a heading for each endpoint, which cannot be chosen."""
    today = datetime.now(UTC).date().isoformat()
    models = _all_models(session)
    options: list[tuple[str, str]] = []
    for endpoint in dict.fromkeys(model.endpoint for model in models):
        options.append((f"{HEADING}{endpoint}", f"{HEADING}{endpoint}"))
        for model in models:
            if model.endpoint == endpoint:
                status = model.status_on(today)
                more = _about(model, status)
                mark = f" ({one_line(more)})" if more else ""
                options.append((f"{one_line(model.id)}{mark}", model.id))
    return options


def _about(model: Model, status: str) -> str:
    if model.about is None:
        return "" if status == "active" else status
    tokens = model.context_tokens
    return f"{model.about}, context {tokens:,}" if tokens else model.about


def _all_models(session: Session) -> tuple[Model, ...]:
    """Return the models that a model's name alone leads to."""
    try:
        models = session.routes.models(session.settings.changed({"endpoint": None}))
    except InputError:  # as above
        models = CATALOG.models
    first = {model.id: model for model in reversed(models)}
    return tuple(model for model in models if first[model.id] is model)


def _endpoints(session: Session) -> list[tuple[str, str]]:
    try:
        endpoints = session.routes.endpoints(session.settings)
    except InputError:  # as above
        endpoints = CATALOG.endpoints
    return [("by model", ""), *((one.name, one.name) for one in endpoints)]
