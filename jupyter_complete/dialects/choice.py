"""The answer of a completions server of OpenAI's kind, read event by event."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..completion import Chunk, Usage
from ..counts import count_of
from ..errors import ProtocolError
from ..stops import StopFinder
from .logprobs import logprobs_of
from .wire import (
    NO_REASON,
    name_of,
    stop_reason_of,
    string_of,
)

_FINISHES: Mapping[str, str] = {
    "stop": "stop_sequence",
    "content_filter": "stop_sequence",
    "length": "max_tokens",
    "model_length": "max_tokens",  # Mistral's, of a full context
    # Text Generation Inference's own words
    "eos_token": "stop_sequence",
    "stop_sequence": "stop_sequence",
}
CHAT = (
    "The endpoint answered with a chat completion, which is no text completion: name "
    "--dialect chat, or an endpoint that answers /v1/completions."
)
FILTERED = "The endpoint's content filter ended the answer (content_filter)."


class Choice:
    """An answer as far as it was read, which ends before the first stop sequence.

    Servers cut the stop sequence themselves, but not all of them and not every one,
    so text that may be the start of one is held back until it is known not to be.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self.overrun = False
        """Whether the server goes on writing behind a stop sequence."""
        self._stops = StopFinder(stops)
        self._begun = False
        self._ended = False
        self._told = False

    def take(self, answer: Mapping[str, Any]) -> Iterator[Chunk]:
        """Yield what an event, or a whole answer, adds.

        Raises `ProtocolError` for a chat's, with its text in ``partial``.
        """
        choice = _choice(answer)
        self._check(choice)
        self._begun = self._begun or bool(choice)
        first, self._told = not self._told, True
        raw = dict(answer)
        if not choice:
            raw.pop("choices", None)
        chunk = Chunk(
            usage=_usage(answer),
            raw=raw,
            id=name_of(answer.get("id")) if first else None,
            model=name_of(answer.get("model")) if first else None,
        )
        chunk = self._ending(self._written(chunk, choice), choice)
        if any((chunk.text, chunk.usage, chunk.logprobs, first, chunk.stop_reason)):
            yield chunk

    def end(self) -> Iterator[Chunk]:
        """Yield what is left when the answer ended as its protocol ends."""
        if not self._begun or self._ended:
            yield from self.rest()
            return
        chunk = Chunk(self._flush(), ended=True)
        if self._stops.stop is not None:
            chunk = self._cut(chunk)
        else:
            notice = " ".join(filter(None, (self._notice(None), NO_REASON)))
            chunk = chunk._replace(notice=notice)
        yield chunk

    def rest(self) -> Iterator[Chunk]:
        """Yield the text that was held back, of an answer that breaks off."""
        if held := self._flush():
            yield Chunk(held)

    def _flush(self) -> str:
        """Return the text that was held back, now that no more will come."""
        return self._stops.flush()

    def _check(self, choice: Mapping[str, Any]) -> None:
        """Raise `ProtocolError` for a choice of another API."""
        _refuse_chat(choice)

    def _said(self, choice: Mapping[str, Any]) -> str:
        """Return the text that a choice adds."""
        return string_of(choice.get("text")) or ""

    def _notice(self, finish: str | None) -> str | None:
        """Return what the user should see of an answer that ends for a reason."""
        return FILTERED if finish == "content_filter" else None

    def _written(self, chunk: Chunk, choice: Mapping[str, Any]) -> Chunk:
        """Return the chunk with the choice's text, as far as it is to be shown."""
        text = self._said(choice)
        if self._stops.stop is not None:
            self.overrun = bool(text)
            return chunk
        return chunk._replace(
            text=self._stops.feed(text), logprobs=logprobs_of(choice.get("logprobs"))
        )

    def _ending(self, chunk: Chunk, choice: Mapping[str, Any]) -> Chunk:
        """Return the chunk with why the answer ends, where this is told the first time.

        What was held back is the text's own then, but for a stop sequence in it.
        """
        finish = stop_reason_of(choice.get("finish_reason"))
        if self._ended or (self._stops.stop is None and finish is None):
            return chunk
        self._ended = True
        if self._stops.stop is None:
            chunk = chunk._replace(text=chunk.text + self._flush())
        if self._stops.stop is not None:
            return self._cut(chunk)
        return chunk._replace(
            stop_reason=_FINISHES.get(finish, finish) if finish else None,
            # vLLM's: the text that stopped it, or a token's number
            stop=name_of(choice.get("stop_reason")),
            notice=self._notice(finish),
        )

    def _cut(self, chunk: Chunk) -> Chunk:
        """Return the chunk as the last one before a stop sequence in the text."""
        return chunk._replace(
            stop_reason="stop_sequence",
            stop=self._stops.stop,
            notice=self._notice("stop"),
        )


def _choice(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    choices = answer.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        # There is one choice, whatever number it has, unless it says it is another.
        if isinstance(choice, Mapping) and not count_of(choice.get("index")):
            return choice
    return {}


def _refuse_chat(choice: Mapping[str, Any]) -> None:
    """Raise `ProtocolError` for a chat's choice, with its text in ``partial``."""
    if "text" in choice:
        return
    for name in ("delta", "message"):
        if isinstance(choice.get(name), Mapping):
            raise ProtocolError(CHAT, partial=string_of(choice[name].get("content")))


def _usage(answer: Mapping[str, Any]) -> Usage | None:
    """Return the token counts; zeros are what Ollama sends before it knows."""
    value = answer.get("usage")
    if not value and isinstance(groq := answer.get("x_groq"), Mapping):
        value = groq.get("usage")  # of a stream
    if not isinstance(value, Mapping):
        return None
    counts = [value.get(name) for name in ("prompt_tokens", "completion_tokens")]
    known = list(map(count_of, counts))
    return Usage(*known) if any(known) else None
