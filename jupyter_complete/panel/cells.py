"""Settings and a prompt as the ``%%complete`` cell that a person would have written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..cell import read
from ..prompts import template_names
from ..session.code import cell_of
from ..settings import CompletionSettings, parameters

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

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


def cell(settings: CompletionSettings, prompt: str, *, samples: int = 1) -> str:
    """Return the cell that completes the prompt with these settings."""
    more = {"samples": samples} if samples > 1 else {}
    return cell_of(prompt, {**given(call_values(settings)), **more}, filled=False)


def sweep(settings: CompletionSettings, prompt: str, name: str) -> str:
    """Return the cell that sweeps one parameter and leaves the others as they are."""
    fixed = given(call_values(settings))
    fixed.pop(name, None)
    return cell_of(prompt, fixed, {name: SWEEPS[name]}, filled=False)


def restore(settings: CompletionSettings, values: Mapping[str, Any]) -> None:
    """Set every parameter of a call to its value here."""
    for name, value in values.items():
        settings.assign(name, value)


def missing(template: str, values: Mapping[str, object]) -> list[str]:
    """Return the ``{{name}}`` of a template that have no value."""
    return [name for name in template_names(template) if name not in values]


def last_prompt(shell: InteractiveShell | None) -> str:
    """Return the text of the last ``%%complete`` cell that ran, empty if none did."""
    history = shell.history_manager if shell else None
    for source in reversed(history.input_hist_raw if history else []):
        found = read(source)
        if found and found.magic == "complete":
            return found.prompt.rstrip("\n")
    return ""
