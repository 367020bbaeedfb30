"""From a model's tokens to what a client may see of them: no stop sequence."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from heapq import nlargest
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, Protocol

from .stops import StopFinder


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


class Distribution(Protocol):
    """What can come next, and how likely each is."""

    @property
    def tokens(self) -> Sequence[str]:
        """The tokens."""
        ...

    @property
    def probabilities(self) -> Sequence[float]:
        """The probability of each; they sum to 1."""
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
    ) -> Iterator[Token]:
        """Yield an answer's tokens; ends where the model ends it."""
        ...

    def next_token_distribution(
        self,
        prompt: str,
        *,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
    ) -> Distribution:
        """Give the distribution of the token that follows the prompt."""
        ...


class Piece(NamedTuple):
    """Text that may be shown; the last piece has none, but says why it ended."""

    text: str
    logprobs: tuple[dict[str, Any], ...] = ()
    stop_reason: str | None = None
    stop: str | None = None
    tokens: int = 0
    """How many tokens have been sampled so far."""


Describe = Callable[[str, Token], dict[str, Any]]
"""Gives the ``logprobs`` entry of a token from the text before it, and itself."""


def pieces(
    tokens: Iterator[Token | None],
    stops: StopFinder,
    most: int,
    *,
    end: str | None,
    describe: Describe | None = None,
) -> Iterator[Piece | None]:
    """Yield each token's text as it may be shown, then the last piece.

    A token that may belong to a stop sequence yields nothing until that is known.
    None is passed on: nothing has come for a while. ``end`` is the stop sequence to
    report where the model ended by itself.
    """
    ledger = _Ledger(describe)
    count = 0
    for token in tokens:
        if token is None:
            yield None
            continue
        count += 1
        ledger.add(token)
        text = stops.feed(token.text)
        if text:
            yield Piece(text, ledger.release(text), tokens=count)
        if stops.stop is not None or count >= most:
            break
    if stops.stop is None:
        rest = stops.flush()
        if rest:
            yield Piece(rest, ledger.release(rest), tokens=count)
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

    def __init__(self, describe: Describe | None) -> None:
        self._describe = describe
        self._waiting: deque[tuple[int, dict[str, Any]]] = deque()
        self._shown = 0
        self._text = ""

    def add(self, token: Token) -> None:
        if self._describe:
            entry = self._describe(self._text, token)
            self._waiting.append((len(token.text), entry))
            self._text += token.text

    def release(self, text: str) -> tuple[dict[str, Any], ...]:
        if not self._describe:
            return ()
        self._shown += len(text)
        told = []
        while self._waiting and self._waiting[0][0] <= self._shown:
            length, entry = self._waiting.popleft()
            self._shown -= length
            told.append(entry)
        return tuple(told)


def describer(
    model: LanguageModel, prompt: str, sampling: Mapping[str, Any], most: int
) -> Describe:
    """Give what tells of a token with this many of the likeliest in its place."""

    def describe(before: str, token: Token) -> dict[str, Any]:
        others: list[tuple[str, float]] = []
        if most:
            here = model.next_token_distribution(prompt + before, **sampling)
            found = zip(here.tokens, here.probabilities, strict=True)
            likeliest = nlargest(most, found, key=lambda pair: pair[1])
            others = [(text, math.log(p)) for text, p in likeliest if p > 0]
        known = math.isfinite(token.logprob)
        return {
            "token": token.text,
            "logprob": token.logprob if known else None,
            "alternatives": others,
        }

    return describe


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

    threading.Thread(target=ask, name="jupyter-complete-model", daemon=True).start()
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
