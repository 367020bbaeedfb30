r"""From the cell's text to the prompt that is sent: templates and turns.

The Text Completions API wants a prompt of alternating ``\n\nHuman:`` and
``\n\nAssistant:`` turns, system text before the first of them, and the last one the
assistant's ("Prompt validation" in the vendor's documentation).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Literal, NamedTuple

from .errors import PromptError
from .reading import reading

HUMAN = "\n\nHuman:"
ASSISTANT = "\n\nAssistant:"

Role = Literal["user", "assistant"]

_NAME = re.compile(r"\{\{[ \t]*([^\W\d]\w*)[ \t]*\}\}")
_MARKER = re.compile(r"\n\n(Human|Assistant):")
_BARE_MARKER = re.compile(r"(?:\A|\n)\n?(Human|Assistant):")
_ROLES: Mapping[str, Role] = {"Human": "user", "Assistant": "assistant"}


def template_names(template: str) -> tuple[str, ...]:
    """Return the names in ``{{name}}``, each once, in the order they appear."""
    return tuple(dict.fromkeys(_NAME.findall(template)))


def fill(template: str, values: Mapping[str, object]) -> str:
    """Return the template with each ``{{name}}`` replaced by what its value reads as.

    One pass: values are never expanded again, and every other brace is just a brace.
    Raises `PromptError` for a name that has no value.
    """
    if not isinstance(template, str):
        raise PromptError(f"prompt is {template!r}; give a text.")
    missing = [name for name in template_names(template) if name not in values]
    if missing:
        name = missing[0]
        raise PromptError(
            f"{{{{{name}}}}} in the prompt names nothing: assign {name} first "
            f'(for the braces themselves, {name} = "{{{{{name}}}}}").'
        )
    return _NAME.sub(lambda match: reading(match[1], values[match[1]]), template)


def has_turns(text: str) -> bool:
    """Tell whether the text has turns of its own, the first perhaps at its start."""
    return _MARKER.search(sanitise(text.replace("\r\n", "\n"))) is not None


def sanitise(prompt: str) -> str:
    r"""Return the prompt as the API reads it: ``\n\n`` before a first bare marker.

    And no white space after a last, empty ``\n\nAssistant:``. These are the two
    repairs that the API documents.
    """
    match = re.match(r"\n?(?=(?:Human|Assistant):)", prompt)
    if match:
        prompt = "\n\n" + prompt[match.end() :]
    stripped = prompt.rstrip(" \t\r\n")
    return stripped if stripped.endswith(ASSISTANT) else prompt


def with_turns(text: str, turns: str, *, wanted: bool, system: str | None) -> str:
    r"""Return the prompt of a cell.

    ``turns``: ``auto`` wraps the text as ``\n\nHuman: …\n\nAssistant:`` where the
    model wants turns (``wanted``) and the text has none; ``wrap`` always wraps;
    ``raw`` never does. Text that is not wrapped stays as it is, to the byte. The
    system text goes before the first turn. Raises `PromptError`.
    """
    wrap = turns == "wrap" or (turns == "auto" and wanted and not has_turns(text))
    if wrap:
        if not text.strip():
            raise PromptError("The prompt is empty; write at least one character.")
        text = f"{HUMAN} {text.strip()}{ASSISTANT}"
    if not system:
        return text
    if not has_turns(text):
        raise PromptError(
            "system text goes before the first \\n\\nHuman: turn, and this prompt "
            "has no turn; use --turns wrap, or write the text into the cell."
        )
    return f"{system.rstrip()}{sanitise(text)}"


class Dialogue(NamedTuple):
    """A prompt taken apart: the text before the first turn, and the turns."""

    system: str
    turns: tuple[tuple[Role, str], ...]


def parse_turns(prompt: str) -> Dialogue:
    r"""Take a prompt apart at its ``\n\nHuman:`` and ``\n\nAssistant:`` markers.

    Markers are exact and case-sensitive; ``\nHuman:`` and a ``Human:`` within a line
    are text. Each turn's text is as it stands, white space included.
    """
    pieces = _MARKER.split(sanitise(prompt.replace("\r\n", "\n")))
    roles, texts = pieces[1::2], pieces[2::2]
    return Dialogue(
        pieces[0],
        tuple((_ROLES[role], text) for role, text in zip(roles, texts, strict=True)),
    )


class Refusal(NamedTuple):
    """Why the API would refuse a prompt."""

    message: str
    """The API's own words."""
    remedy: str


def refusals(prompt: str) -> Collection[Refusal]:
    """Return what prompt validation would refuse in a prompt, nothing if it passes."""
    dialogue = parse_turns(prompt)
    found = []
    if not dialogue.turns or dialogue.turns[0][0] != "user":
        near = _BARE_MARKER.search(prompt)
        found.append(
            Refusal(
                'prompt must start with "\\n\\nHuman:" turn after an optional '
                "system prompt",
                "put an empty line before Human:"
                if near and near[1] == "Human"
                else "begin with Human:, or leave the turns out and use --turns wrap",
            )
        )
    if not dialogue.turns or dialogue.turns[-1][0] != "assistant":
        near_end = re.search(r"\nAssistant:[^\n]*\Z", prompt)
        found.append(
            Refusal(
                'prompt must end with "\\n\\nAssistant:" turn',
                "put an empty line before Assistant:"
                if near_end
                else "end with an empty line and Assistant:",
            )
        )
    return found


def check_turns(prompt: str) -> None:
    """Raise `PromptError` if prompt validation would refuse the prompt."""
    for refusal in refusals(prompt):
        raise PromptError(
            f"The API would refuse this prompt ({refusal.message}): {refusal.remedy}; "
            "--turns raw sends it as it stands."
        )
