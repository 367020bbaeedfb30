"""The answer of a chat completions server, read event by event as a text completion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..completion import Chunk
from ..errors import ProtocolError, one_line
from .choice import FILTERED, Choice
from .faults import error_in
from .message import NO_TEXT, SPENT, THOUGHT
from .wire import string_of

TEXT = (
    "The endpoint answered with a text completion, which is no chat completion: name "
    "--dialect openai, or an endpoint that answers /v1/chat/completions."
)
CALLED = "The model called tools, which are not run here."
LONGEST = 500

# Each server's own names for what a model thinks before it writes.
_THOUGHTS = ("reasoning_content", "reasoning", "thinking")
_CALLS = ("tool_calls", "function_call")


class Reply(Choice):
    """An answer as far as it was read.

    ``begun`` is the start of the answer that was sent, of a server that says it again.
    """

    def __init__(self, stops: Sequence[str], begun: str = "") -> None:
        super().__init__(stops)
        self._again = begun
        self._heard = ""
        self._refusals: list[str] = []
        self._thought = False
        self._called = False
        self._wrote = False

    def rest(self) -> Iterator[Chunk]:
        """Yield what was held back, of an answer that breaks off."""
        yield from super().rest()
        if self._refusals and not self._ended:
            yield Chunk(notice=self._refusal())

    def _check(self, choice: Mapping[str, Any]) -> None:
        """Raise `ProtocolError` for a text completion's choice, and a choice's error.

        A chat's may have a field of that name beside its message.
        """
        if error := error_in({"error": choice.get("error")}):
            raise error
        message = _message(choice)
        if not message and isinstance(choice.get("text"), str):
            raise ProtocolError(TEXT, partial=choice["text"])

    def _said(self, choice: Mapping[str, Any]) -> str:
        message = _message(choice)
        self._thought = self._thought or any(map(message.get, _THOUGHTS))
        self._called = self._called or any(map(message.get, _CALLS))
        if refusal := string_of(message.get("refusal")):
            self._refusals.append(refusal)
        text = self._unsaid(self._read(message.get("content")))
        self._wrote = self._wrote or bool(text)
        return text

    def _read(self, content: object) -> str:
        """Return the text of a content: a text, or its parts, some of them thought."""
        if not isinstance(content, list):
            return string_of(content) or ""
        texts = []
        for part in content:
            kind = part.get("type") if isinstance(part, Mapping) else None
            if kind in ("text", "output_text"):
                texts.append(string_of(part.get("text")) or "")
            self._thought = self._thought or kind in ("thinking", "reasoning")
            if kind == "refusal":
                self._refusals.append(string_of(part.get("refusal")) or "")
        return "".join(texts)

    def _unsaid(self, text: str) -> str:
        """Return the text without the start of the answer, which was sent."""
        if not self._again:
            return text
        self._heard += text
        if self._again != self._heard and self._again.startswith(self._heard):
            return ""
        heard = self._heard.removeprefix(self._again)
        self._again = self._heard = ""
        return heard

    def _flush(self) -> str:
        heard, self._heard, self._again = self._heard, "", ""
        self._wrote = self._wrote or bool(heard)
        return self._stops.feed(heard) + super()._flush()

    def _notice(self, finish: str | None) -> str | None:
        said = [FILTERED] * (finish == "content_filter")
        said += [self._refusal()] * bool(self._refusals)
        said += [THOUGHT] * self._thought
        said += [CALLED] * self._called
        if not self._wrote:
            said.append(SPENT if self._thought and finish == "length" else NO_TEXT)
        return " ".join(said) or None

    def _refusal(self) -> str:
        return f"The model refused: {one_line(''.join(self._refusals), LONGEST)}"


def _message(choice: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a choice says: a whole message, or what an event adds to one."""
    for name in ("delta", "message"):
        if isinstance(choice.get(name), Mapping):
            found: Mapping[str, Any] = choice[name]
            return found
    return {}
