"""The answer of a completions server of OpenAI's kind, read event by event."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..completion import Chunk, TokenLogprob, Usage
from ..errors import EndpointError, ProtocolError
from .wire import endpoint_error, error_of

_FINISHES: Mapping[str, str] = {
    "stop": "stop_sequence",
    "content_filter": "stop_sequence",
    "length": "max_tokens",
    # Text Generation Inference's own words
    "eos_token": "stop_sequence",
    "stop_sequence": "stop_sequence",
}
FILTERED = "The endpoint's content filter ended the answer (content_filter)."


class Choice:
    """An answer as far as it was read, which ends before the first stop sequence.

    Servers cut the stop sequence themselves, but not all of them and not every one,
    so text that may be the start of one is held back until it is known not to be.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self.overrun = False
        """Whether the server goes on writing behind a stop sequence."""
        self._stops = stops
        self._held = ""
        self._cut: str | None = None
        self._finish: str | None = None
        self._stop: str | None = None
        self._told = False

    def take(self, answer: Mapping[str, Any]) -> Iterator[Chunk]:
        """Yield what an event, or a whole answer, adds."""
        choice = _choice(answer)
        text = choice.get("text")
        if self._cut is not None:
            self.overrun = bool(text)
            text = ""
            logprobs: tuple[TokenLogprob, ...] = ()
        else:
            text = self._before_stop(text if isinstance(text, str) else "")
            logprobs = _logprobs(choice.get("logprobs"))
        self._note_finish(choice)
        first, self._told = not self._told, True
        raw = dict(answer)
        if not choice:
            raw.pop("choices", None)
        chunk = Chunk(
            text,
            usage=_usage(answer.get("usage")),
            raw=raw,
            id=_text(answer.get("id")) if first else None,
            model=_text(answer.get("model")) if first else None,
            logprobs=logprobs,
        )
        if any((chunk.text, chunk.usage, chunk.logprobs, first, self._finish)):
            yield chunk

    def end(self) -> Iterator[Chunk]:
        """Yield the last chunk: held-back text, and why it ended if that was told.

        Raises `ProtocolError` for an end that is none.
        """
        if self._cut is not None:
            yield Chunk(stop_reason="stop_sequence", stop=self._cut)
            return
        if self._finish is None:
            yield from self.rest()
            return
        if self._finish not in _FINISHES:
            yield from self.rest()
            raise ProtocolError(
                f"The answer ended for {self._finish!r}, which is not the end of a "
                "text; run it again, or look at the server's log."
            )
        yield Chunk(
            self._held,
            _FINISHES[self._finish],
            self._stop,
            notice=FILTERED if self._finish == "content_filter" else None,
        )

    def rest(self) -> Iterator[Chunk]:
        """Yield the text that was held back, of an answer that breaks off."""
        if self._held:
            yield Chunk(self._held)

    def _before_stop(self, text: str) -> str:
        """Give what of the text, and of what was held back, is known to be shown."""
        text = self._held + text
        self._held = ""
        found = [(at, stop) for stop in self._stops if (at := text.find(stop)) >= 0]
        if found:
            at, self._cut = min(found, key=lambda pair: pair[0])
            return text[:at]
        keep = max((_overlap(text, stop) for stop in self._stops), default=0)
        if keep:
            text, self._held = text[:-keep], text[-keep:]
        return text

    def _note_finish(self, choice: Mapping[str, Any]) -> None:
        self._finish = _text(choice.get("finish_reason")) or self._finish
        # vLLM's: the text that stopped it, or a token's number
        self._stop = _text(choice.get("stop_reason")) or self._stop


def _overlap(text: str, stop: str) -> int:
    """Give how many of the text's last characters begin the stop sequence."""
    longest = min(len(text), len(stop) - 1)
    return next((n for n in range(longest, 0, -1) if stop.startswith(text[-n:])), 0)


def error_in(answer: Mapping[str, Any], *, named: bool = False) -> EndpointError | None:
    """Give the error that a JSON object is, None if it is an answer.

    ``{"error": {…}}`` as OpenAI has it, ``{"error": "…"}``, and the error itself
    (``{"object": "error", "message": …}`` of vLLM), which may be ``named`` by its
    event.
    """
    if not (answer.get("error") or answer.get("object") == "error" or named):
        return None
    answer = _with_error(answer)
    error = answer["error"]
    code = error.get("code") if isinstance(error, dict) else None
    status = code if isinstance(code, int) and 400 <= code < 600 else 200
    return error_of(answer, status=status)


def error_of_answer(
    status: int, headers: Mapping[str, str], body: bytes
) -> EndpointError:
    """Give the error of an answer whose status is not 200, JSON or not."""
    names = {name.lower(): value for name, value in headers.items()}
    request_id = names.get("x-request-id", names.get("request-id"))
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    if isinstance(answer, dict):
        return error_of(_with_error(answer), status=status, request_id=request_id)
    return endpoint_error(status, headers, body)


def _with_error(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give an error as OpenAI has it; FastAPI's servers say ``detail``."""
    if "error" in answer:
        return answer
    detail = answer.get("detail")
    if detail is not None and "message" not in answer:
        text = detail if isinstance(detail, str) else json.dumps(detail)
        return {"error": {"message": text}}
    return {"error": dict(answer)}


def _choice(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    choices = answer.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, Mapping) and choice.get("index", 0) == 0:
            return choice
    return {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _usage(value: object) -> Usage | None:
    """Give the token counts; zeros are what Ollama sends before it knows."""
    if not isinstance(value, Mapping):
        return None
    counts = [value.get(name) for name in ("prompt_tokens", "completion_tokens")]
    known = [count if isinstance(count, int) else None for count in counts]
    return Usage(*known) if any(known) else None


def _logprobs(value: object) -> tuple[TokenLogprob, ...]:
    """Give the tokens' log-probabilities, in OpenAI's form or llama.cpp's."""
    if not isinstance(value, Mapping):
        return ()
    try:
        if isinstance(value.get("content"), list):
            return tuple(_from_content(item) for item in value["content"])
        tokens = value.get("tokens") or ()
        numbers = value.get("token_logprobs") or [None] * len(tokens)
        others = value.get("top_logprobs") or [None] * len(tokens)
        return tuple(
            TokenLogprob(token, number, tuple((other or {}).items()))
            for token, number, other in zip(tokens, numbers, others, strict=True)
        )
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise ProtocolError(
            "The endpoint's logprobs are in no form that is known; unset logprobs."
        ) from error


def _from_content(item: Mapping[str, Any]) -> TokenLogprob:
    others = item.get("top_logprobs") or ()
    return TokenLogprob(
        item["token"],
        item["logprob"],
        tuple((other["token"], other["logprob"]) for other in others),
    )
