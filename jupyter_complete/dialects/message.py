"""The answer of the Messages API, read block by block as a text completion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..completion import Chunk
from ..prompts import HUMAN
from .wire import NO_REASON, name_of, stop_reason_of, string_of, usage_of

THOUGHT = (
    "The model thought before it wrote; its thinking is not shown, and counts as "
    "output tokens."
)
SPENT = "No text was left to write: raise --max-tokens."
NO_TEXT = "The answer has no text."
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
        self._texts: list[str] = []
        self._begun = False
        self._spaced = spaced
        self._thought = False
        self._reason: str | None = None

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(self._texts)

    @property
    def unexplained(self) -> bool:
        """Whether it began, and did not yet tell why it ends."""
        return self._begun and self._reason is None

    def take(self, kind: str, answer: Mapping[str, Any]) -> Chunk | None:
        """Return what an event of a stream adds, None if nothing."""
        if kind == "message_start":
            self._begun = True
            message = _mapping(answer.get("message"))
            return Chunk(
                usage=usage_of(message.get("usage")),
                raw=message,
                id=name_of(message.get("id")),
                model=name_of(message.get("model")),
            )
        if kind == "message_delta":
            delta = _mapping(answer.get("delta"))
            usage = answer.get("usage")
            chunk = Chunk(usage=usage_of(usage), raw={**delta, "usage": usage})
            return self.told(chunk, delta)
        if kind == "content_block_start":
            text = self.open(_mapping(answer.get("content_block")))
        elif kind == "content_block_delta":
            delta = _mapping(answer.get("delta"))
            text = self._add(delta) if delta.get("type") == "text_delta" else ""
        else:
            text = ""
        return Chunk(text) if text else None

    def open(self, block: Any) -> str:
        """Return the text that a content block begins with."""
        block = _mapping(block)
        kind = block.get("type")
        self._thought = self._thought or kind in ("thinking", "redacted_thinking")
        return self._add(block) if kind == "text" else ""

    def _add(self, piece: Mapping[str, Any]) -> str:
        text = string_of(piece.get("text")) or ""
        if text and not self._texts and self._spaced and not text[0].isspace():
            text = " " + text
        if text:
            self._texts.append(text)
        return text

    def told(self, chunk: Chunk, message: Mapping[str, Any]) -> Chunk:
        """Return the chunk with why the answer ends, if the message tells."""
        reason = stop_reason_of(message.get("stop_reason"))
        if reason is None or self._reason is not None:
            return chunk
        self._reason = reason
        stop = name_of(message.get("stop_sequence"))
        return chunk._replace(
            stop_reason=_STOPS.get(reason, reason),
            stop=HUMAN if reason == "end_turn" else stop,
            notice=self._notice(),
        )

    def end(self, chunk: Chunk) -> Chunk:
        """Return the last chunk, of an answer that ended as its protocol ends."""
        if self._reason is not None:
            return chunk
        notice = " ".join(filter(None, (self._notice(), NO_REASON)))
        return chunk._replace(notice=notice, ended=True)

    def _notice(self) -> str | None:
        """Return what the user should see of the answer as a whole."""
        said = [
            word for reason, word in _STOP_NOTICES.items() if reason == self._reason
        ]
        if self._thought:
            said.append(THOUGHT)
        if not self._texts:
            spent = self._thought and self._reason == "max_tokens"
            said.append(SPENT if spent else NO_TEXT)
        return " ".join(said) or None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
