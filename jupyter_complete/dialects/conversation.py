"""A prompt of the Text Completions API as an API of messages has it."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..errors import PromptError
from ..prompts import parse_turns, refusals

TITLE = "the Messages API"


class Conversation(NamedTuple):
    """A prompt as an API of messages has it."""

    system: str
    messages: tuple[tuple[str, str], ...]
    """Role and text; each text without white space at its ends, and never empty."""

    @property
    def prefill(self) -> str:
        """The start of the answer, empty if there is none."""
        role, text = self.messages[-1]
        return text if role == "assistant" else ""

    def body(self) -> dict[str, Any]:
        """Return the fields of a request."""
        return {
            "messages": [
                {"role": role, "content": text} for role, text in self.messages
            ],
            "system": self.system or None,
        }


def conversation_of(prompt: str, title: str = TITLE) -> Conversation:
    """Return the conversation of a prompt. Raises `PromptError`."""
    for refusal in refusals(prompt):
        raise PromptError(
            f"{title[0].upper()}{title[1:]} has only turns ({refusal.message}): "
            f"{refusal.remedy}."
        )
    dialogue = parse_turns(prompt)
    messages = [(role, text.strip()) for role, text in dialogue.turns]
    if not messages[-1][1]:
        messages.pop()
    for number, (role, text) in enumerate(messages, 1):
        if not text:
            who = "Human" if role == "user" else "Assistant"
            raise PromptError(
                f"Turn {number}, {who}:, is empty, and {title} takes no empty turn; "
                "write something after it, or remove it."
            )
    return Conversation(dialogue.system.strip(), tuple(messages))
