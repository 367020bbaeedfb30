"""What the panel shows, as HTML: every piece of text in it escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..completion import Completion
from ..display import TokenBars, boxed, card, card_html, difference, escape, facts
from ..errors import InputError, one_line
from ..prompts import template_names
from ..reading import reading

LONGEST_VALUE = 80

_STYLE = "white-space: pre-wrap; overflow-wrap: anywhere"


def failed(message: str) -> str:
    """Return what stands in the place of an answer of which nothing was kept."""
    return f'<div class="jc-bad">{escape(message)}</div>'


def saved(
    completions: Sequence[Completion],
    bars: TokenBars | None,
    name: str,
    format: str,  # noqa: A002 - the setting's name
) -> str:
    """Return what a saved notebook shows in the panel's place, as a box."""
    what = (
        "The completion panel of jupyter_complete needs a running kernel and "
        "ipywidgets: open this in JupyterLab, Notebook 7 or Voilà and run the cell."
    )
    if completions:
        what += " Its last answers:"
    prompt = "".join(
        f'<div style="{_STYLE}"><b>{escape(text.strip())}</b></div>'
        for text in dict.fromkeys(completion.prompt for completion in completions)
    )
    answers = "".join(card_html(completion, format) for completion in completions)
    picture = bars.html() if bars else ""
    return boxed(f"<p>{what}</p>{prompt}{answers}{picture}", name)


def saved_text(completions: Sequence[Completion], bars: TokenBars | None) -> str:
    """Return the same as plain text."""
    parts = [card(completion, "text")["text/plain"] for completion in completions]
    return "\n\n".join([*parts, repr(bars)] if bars else parts)


def names(template: str, values: Mapping[str, object]) -> str:
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


def earlier(
    completion: Completion, settings: str, *, newest: Completion | None, opened: bool
) -> str:
    """Return an earlier answer, folded, with its difference from the newest."""
    words = escape(one_line(completion.text, 60))
    compared = None
    if newest and newest.prompt == completion.prompt:
        compared = difference(completion.text.strip(), newest.text.strip())
    text = compared or escape(completion.text.strip())
    label = escape(settings or "no flags")
    return (
        f"<details{' open' * opened}><summary><code>{label}</code> {words}</summary>"
        f'<div class="jc-text" style="{_STYLE}">{text}</div>'
        f'<div class="jc-facts">{escape(facts(completion))}</div></details>'
    )
