"""The answer of the Messages API, read block by block as a text completion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..completion import Chunk
from ..errors import ProtocolError
from ..prompts import HUMAN
from .wire import usage_of

THOUGHT = (
    "The model thought before it wrote; its thinking is not shown, and counts as "
    "output tokens."
)
_STOPS: Mapping[str, str] = {
    "end_turn": "stop_sequence",
    "stop_sequence": "stop_sequence",
    "refusal": "stop_sequence",
    "max_tokens": "max_tokens",
    "model_context_window_exceeded": "max_tokens",
}
_STOP_NOTICES: Mapping[str, str] = {
    "refusal": "The model refused to go on (stop reason: refusal).",
    "model_context_window_exceeded": "The model's context window is full.",
}


class Message:
    """An answer as far as it was read."""

    def __init__(self, *, spaced: bool) -> None:
        self.text = ""
        self._spaced = spaced
        self._thought = False
        self._reason: str | None = None
        self._stop: str | None = None

    def take(self, kind: str, answer: Mapping[str, Any]) -> Chunk | None:
        """Give what an event of a stream adds, None if nothing."""
        if kind == "message_start":
            message = _mapping(answer.get("message"))
            return Chunk(
                usage=usage_of(message.get("usage")),
                raw=message,
                id=string_of(message.get("id")),
                model=string_of(message.get("model")),
            )
        if kind == "message_delta":
            delta = _mapping(answer.get("delta"))
            self.told(delta)
            usage = answer.get("usage")
            return Chunk(usage=usage_of(usage), raw={**delta, "usage": usage})
        if kind == "content_block_start":
            text = self.open(_mapping(answer.get("content_block")))
        elif kind == "content_block_delta":
            delta = _mapping(answer.get("delta"))
            text = self._add(delta) if delta.get("type") == "text_delta" else ""
        else:
            text = ""
        return Chunk(text) if text else None

    def open(self, block: Any) -> str:
        """Give the text that a content block begins with."""
        block = _mapping(block)
        kind = block.get("type")
        self._thought = self._thought or kind in ("thinking", "redacted_thinking")
        return self._add(block) if kind == "text" else ""

    def _add(self, piece: Mapping[str, Any]) -> str:
        text = string_of(piece.get("text")) or ""
        if text and not self.text and self._spaced and not text[0].isspace():
            text = " " + text
        self.text += text
        return text

    def told(self, message: Mapping[str, Any]) -> None:
        """Note why the answer ends."""
        self._reason = string_of(message.get("stop_reason")) or self._reason
        self._stop = string_of(message.get("stop_sequence")) or self._stop

    def end(self) -> Chunk:
        """Give the last chunk. Raises `ProtocolError` for an end that is none."""
        reason = self._reason
        if reason is None:
            return Chunk(notice=self._notice())
        if reason not in _STOPS:
            raise ProtocolError(
                f"The answer ended for {reason!r}, which is not the end of a text; "
                "remove the --beta that brought it, or try another model.",
                partial=self.text,
            )
        stop = HUMAN if reason == "end_turn" else self._stop
        return Chunk("", _STOPS[reason], stop, notice=self._notice())

    def _notice(self) -> str | None:
        """Give what the user should see of the answer as a whole."""
        said = [
            word for reason, word in _STOP_NOTICES.items() if reason == self._reason
        ]
        if self._thought:
            said.append(THOUGHT)
        if not self.text:
            spent = self._thought and self._reason == "max_tokens"
            said.append(
                "No text was left to write: raise --max-tokens."
                if spent
                else "The answer has no text."
            )
        return " ".join(said) or None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def string_of(value: object) -> str | None:
    """Give the value if it is text."""
    return value if isinstance(value, str) else None
