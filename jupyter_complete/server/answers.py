"""From a model's tokens to what a client may see of them: no stop sequence."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

from ..background import Background
from ..completion import TokenLogprob
from ..stops import StopFinder


class CompletionChunk(NamedTuple):
    """Text that may be shown; the last chunk has none, but says why it ended."""

    text: str
    logprobs: tuple[TokenLogprob, ...] = ()
    """The tokens whose text ends in it, where they were asked for."""
    stop_reason: str | None = None
    stop: str | None = None
    tokens: int = 0
    """How many tokens have been sampled so far."""


def completion_chunks(
    tokens: Iterator[TokenLogprob | None],
    stops: StopFinder,
    most: int,
    *,
    end: str | None,
    logprobs: bool = False,
) -> Iterator[CompletionChunk | None]:
    """Yield each token's text as it may be shown, then the last chunk.

    A token that may belong to a stop sequence yields nothing until that is known.
    None is passed on: nothing has come for a while. ``end`` is the stop sequence to
    report where the model ended by itself.
    """
    ledger = _Ledger() if logprobs else None
    count = 0
    for token in tokens:
        if token is None:
            yield None
            continue
        count += 1
        if ledger:
            ledger.add(token)
        text = stops.feed(token.token)
        if text:
            released = ledger.release(text) if ledger else ()
            yield CompletionChunk(text, released, tokens=count)
        if stops.stop is not None or count >= most:
            break
    if stops.stop is None:
        rest = stops.flush()
        if rest:
            released = ledger.release(rest) if ledger else ()
            yield CompletionChunk(rest, released, tokens=count)
    if stops.stop is None and count >= most:
        yield CompletionChunk("", stop_reason="max_tokens", tokens=count)
    else:
        stop = stops.stop or end
        yield CompletionChunk("", stop_reason="stop_sequence", stop=stop, tokens=count)


@contextmanager
def ended(tokens: Iterator[Any]) -> Iterator[None]:
    """Close the generator at the end, where the tokens come from one.

    One that is at work in another thread closes itself, after its current token.
    """
    try:
        yield
    finally:
        close = getattr(tokens, "close", None)
        if close is not None:
            with suppress(ValueError):  # it is at work
                close()


class _Ledger:
    """Holds back the logprobs of a token until all of its text is shown.

    A token of which a stop sequence took a part is never shown: that would leak it.
    """

    def __init__(self) -> None:
        self._waiting: deque[TokenLogprob] = deque()
        self._shown = 0

    def add(self, token: TokenLogprob) -> None:
        self._waiting.append(token)

    def release(self, text: str) -> tuple[TokenLogprob, ...]:
        self._shown += len(text)
        logprobs = []
        while self._waiting and len(self._waiting[0].token) <= self._shown:
            token = self._waiting.popleft()
            self._shown -= len(token.token)
            logprobs.append(token)
        return tuple(logprobs)


def with_pings(
    tokens: Iterator[TokenLogprob], seconds: float
) -> Iterator[TokenLogprob | None]:
    """Yield the tokens, and None whenever one takes longer than this.

    A thread of its own asks the model. Closing this ends the model's generation: at
    once if it can be closed from any thread, else when its current token is there.
    """
    ready: SimpleQueue[TokenLogprob | BaseException | None] = SimpleQueue()
    gone = threading.Event()

    def ask() -> None:
        try:
            with ended(tokens):
                for token in tokens:
                    ready.put(token)
                    if gone.is_set():
                        return
        except BaseException as error:  # noqa: BLE001 - raised again by the reader
            ready.put(error)
        else:
            ready.put(None)

    Background(ask, name="jupyter-complete-model").start()
    try:
        with ended(tokens):
            while True:
                try:
                    token = ready.get(timeout=seconds)
                except Empty:
                    yield None
                    continue
                if token is None:
                    return
                if isinstance(token, BaseException):
                    raise token
                yield token
    finally:
        gone.set()
