"""What Run would do: the names of the prompt, advice, the request, and the cell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from ..cell import read
from ..display import escape, request_text
from ..errors import InputError, one_line
from ..prompts import template_names
from ..reading import reading
from ..session.code import cell_of
from ..settings import CompletionSettings, parameters

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..session import Call, Session


LONGEST_VALUE = 80
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
        self.names.value = names_html(prompt, values)
        note, shown = "", []
        if prompt.strip():
            try:
                call = self._session.preview(prompt, values)
                note = "<br>".join(map(escape, call.notices if call else ()))
                if request:
                    shown = self._pieces(call) if call else [("Request", UNASKED)]
            except Exception as error:  # noqa: BLE001 - a value's own __str__ may fail
                # A name without a value is marked above already.
                if all(name in values for name in template_names(prompt)):
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


def names_html(template: str, values: Mapping[str, object]) -> str:
    """Return each ``{{name}}`` of a template with its value, or that it has none."""
    lines = []
    for name in template_names(template):
        code = f"<code>{{{{{escape(name)}}}}}</code>"
        if name in values:
            lines.append(f"{code} = {_value(name, values[name])}")
        else:
            lines.append(f'{code} <span class="jc-bad">is not defined</span>')
    return "<br>".join(lines)


def _value(name: str, value: object) -> str:
    try:
        return escape(one_line(reading(name, value), LONGEST_VALUE))
    except InputError as error:
        return f'<span class="jc-bad">{escape(str(error))}</span>'


SWEEPS = {one.name: one.slider.sweep for one in parameters() if one.slider}


def call_values(settings: CompletionSettings) -> dict[str, Any]:
    """Return every parameter of a call as it is now."""
    values = {p.name: getattr(settings, p.name) for p in parameters() if not p.sweep}
    return {
        name: list(value) if isinstance(value, list) else value
        for name, value in values.items()
    }


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a call that differ from the defaults."""
    defaults = call_values(CompletionSettings())
    return {name: value for name, value in values.items() if value != defaults[name]}


def complete_cell(
    settings: CompletionSettings, prompt: str, *, samples: int = 1
) -> str:
    """Return the cell that completes the prompt with these settings."""
    more = {"samples": samples} if samples > 1 else {}
    return cell_of(prompt, {**given(call_values(settings)), **more}, filled=False)


def sweep_cell(settings: CompletionSettings, prompt: str, name: str) -> str:
    """Return the cell that sweeps one parameter and leaves the others as they are."""
    fixed = given(call_values(settings))
    fixed.pop(name, None)
    return cell_of(prompt, fixed, {name: SWEEPS[name]}, filled=False)


def restore(settings: CompletionSettings, values: Mapping[str, Any]) -> None:
    """Set every parameter of a call to its value here."""
    for name, value in values.items():
        settings.assign(name, value)


def last_prompt(shell: InteractiveShell | None) -> str:
    """Return the text of the last ``%%complete`` cell that ran, empty if none did."""
    history = shell.history_manager if shell else None
    for source in reversed(history.input_hist_raw if history else []):
        found = read(source)
        if found and found.magic == "complete":
            return found.prompt.rstrip("\n")
    return ""
