"""From a model's tokens to what a client may see of them: no stop sequence."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, Protocol

from ..background import Background
from ..stops import StopFinder


class Token(Protocol):
    """A token of a model's answer."""

    @property
    def text(self) -> str:
        """What it adds to the answer."""
        ...

    @property
    def logprob(self) -> float:
        """The natural logarithm of its probability, as it was sampled."""
        ...

    @property
    def alternatives(self) -> Sequence[tuple[str, float]]:
        """The likeliest tokens in its place, and their logarithms."""
        ...


class LanguageModel(Protocol):
    """What the app serves."""

    def generate(
        self,
        prompt: str,
        *,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        logprobs: int = 0,
    ) -> Iterator[Token]:
        """Yield an answer's tokens; ends where the model ends it.

        ``logprobs`` is given only where a client asked for that many alternatives.
        A model that also has ``count_tokens(text)`` is asked to count its prompts.
        """
        ...


class Piece(NamedTuple):
    """Text that may be shown; the last piece has none, but says why it ended."""

    text: str
    told: tuple[Token, ...] = ()
    """The tokens whose text ends in it, where they were asked for."""
    stop_reason: str | None = None
    stop: str | None = None
    tokens: int = 0
    """How many tokens have been sampled so far."""


def pieces(
    tokens: Iterator[Token | None],
    stops: StopFinder,
    most: int,
    *,
    end: str | None,
    logprobs: bool = False,
) -> Iterator[Piece | None]:
    """Yield each token's text as it may be shown, then the last piece.

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
        text = stops.feed(token.text)
        if text:
            told = ledger.release(text) if ledger else ()
            yield Piece(text, told, tokens=count)
        if stops.stop is not None or count >= most:
            break
    if stops.stop is None:
        rest = stops.flush()
        if rest:
            told = ledger.release(rest) if ledger else ()
            yield Piece(rest, told, tokens=count)
    if stops.stop is None and count >= most:
        yield Piece("", stop_reason="max_tokens", tokens=count)
    else:
        stop = stops.stop or end
        yield Piece("", stop_reason="stop_sequence", stop=stop, tokens=count)


@contextmanager
def ended(tokens: Iterator[Any]) -> Iterator[None]:
    """Close the generator at the end, where the tokens come from one."""
    try:
        yield
    finally:
        close = getattr(tokens, "close", None)
        if close is not None:
            close()


class _Ledger:
    """Holds back what is told of a token until all of its text is shown.

    A token of which a stop sequence took a part is never told: it would leak it.
    """

    def __init__(self) -> None:
        self._waiting: deque[Token] = deque()
        self._shown = 0

    def add(self, token: Token) -> None:
        self._waiting.append(token)

    def release(self, text: str) -> tuple[Token, ...]:
        self._shown += len(text)
        told = []
        while self._waiting and len(self._waiting[0].text) <= self._shown:
            token = self._waiting.popleft()
            self._shown -= len(token.text)
            told.append(token)
        return tuple(told)


def with_pings(tokens: Iterator[Token], seconds: float) -> Iterator[Token | None]:
    """Yield the tokens, and None whenever one takes longer than this.

    A thread of its own asks the model. Closing this ends the model's generation as
    soon as its current token is there.
    """
    ready: SimpleQueue[Token | BaseException | None] = SimpleQueue()
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
