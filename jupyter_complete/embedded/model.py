"""A language model that needs nothing: n-grams of Python's own documentation.

``ngram-chat`` answers the last Human turn of a prompt, from the paragraphs that are
about it; ``ngram-base`` continues raw text. Both learn at first use.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from itertools import groupby, islice
from math import log
from random import Random
from typing import NamedTuple

from ..prompts import parse_turns
from .corpus import Paragraph, documentation, from_text
from .ngram import (
    END,
    END_ID,
    LONGEST,
    PARAGRAPH,
    PARAGRAPH_ID,
    Discounts,
    Emphasis,
    Estimator,
    Level,
    Text,
    tokenise,
)
from .retrieval import Index, question_terms
from .sampling import Sampling, Shaped, shape

__all__ = [
    "END",
    "Distribution",
    "LanguageModel",
    "Passage",
    "Token",
    "count_tokens",
    "load_models",
]

FEWEST_TOKENS = 40
"""Tokens of an answer after which the end of a paragraph ends it."""
FEWEST_AT_END = 16
"""Tokens after which the end of a whole topic does."""
MOST_PASSAGES = 12
STEEPNESS = 4
"""A paragraph of half the best one's score counts half to this power."""
NEXT_BEST = 0.7
"""And each counts at most this of the one before: the best outweighs all the others."""
OPENING = 6
"""The first tokens of a paragraph, where the choice among the paragraphs falls."""
EARLIER_TURN = 0.3
SUBJECT = "objects and data of a program"
"""What the model speaks of when it knows nothing of what it is asked."""
MOST_QUESTIONS = 8
"""Questions whose estimates are kept."""

CHAT = Discounts(
    text=(0.8, 0.85, 0.9, 0.9, 0.9, 0.9), emphasis=(0.15, 0.3, 0.6, 0.6, 0.6, 0.6)
)
BASE = Discounts(text=(0.75, 0.6, 0.45, 0.35, 0.25, 0.2), emphasis=())


class Token(NamedTuple):
    """A token of an answer."""

    text: str
    logprob: float
    """The natural logarithm of its probability, as it was sampled."""
    alternatives: tuple[tuple[str, float], ...] = ()
    """The likeliest tokens in its place, itself included, with their logarithms."""


class Distribution(NamedTuple):
    """What can come next, the likeliest first; an empty token ends the text."""

    tokens: tuple[str, ...]
    probabilities: tuple[float, ...]
    """They sum to 1."""


def count_tokens(text: str) -> int:
    """Give how many tokens a text is to these models."""
    return len(tokenise(text))


class Passage:
    """A prompt and what follows it, token by token."""

    def __init__(
        self,
        text: Text,
        estimator: Estimator,
        history: list[int],
        *,
        chat: bool,
        spaced: bool,
    ) -> None:
        self._text = text
        self._estimator = estimator
        self._history = history
        self._given = len(history)
        self._chat = chat
        self._spaced = spaced
        self._ended = False
        self._taken: dict[tuple[int, ...], set[int]] = {}
        for place in range(LONGEST, len(history)):
            self._take(place)

    @property
    def ended(self) -> bool:
        """Whether the token that ends the text was appended."""
        return self._ended

    def distribution(
        self,
        *,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
    ) -> Distribution:
        """Give the distribution of the next token, as the sampling leaves it."""
        shaped = self.shaped(Sampling(temperature, top_k, top_p))
        merged: dict[str, float] = {}
        for token, probability in shaped:
            text = self.text_of(token)
            merged[text] = merged.get(text, 0.0) + probability
        pairs = sorted(merged.items(), key=lambda pair: -pair[1])
        return Distribution(
            tuple(text for text, _ in pairs), tuple(p for _, p in pairs)
        )

    def append(self, text: str) -> None:
        """Append one of the distribution's tokens by its text."""
        token = END_ID if text == END else self._id_of(text)
        self.advance(token)

    def shaped(self, sampling: Sampling) -> Shaped:
        """Give the estimate of the next token, as the sampling leaves it."""
        if self._ended:
            return shape(_THE_END, sampling)
        level = self._estimator.after(self._history)
        taken = self._taken.get(tuple(self._history[-LONGEST:]))
        if taken and not taken.issuperset(level.own):
            level = level.without(taken)
        return shape(level, sampling)

    def text_of(self, token: int) -> str:
        """Give what a token would add to the text here."""
        if token in _BREAKS and self._chat:
            fewest = FEWEST_TOKENS if token == PARAGRAPH_ID else FEWEST_AT_END
            return END if len(self._history) > fewest else PARAGRAPH
        text = self._text.vocabulary[token]
        return text.lstrip(" ") if self._spaced else text

    def advance(self, token: int) -> None:
        """Append a token."""
        if self.text_of(token) == END:
            self._ended = True
            return
        if token == END_ID:
            token = PARAGRAPH_ID
        self._spaced = token == PARAGRAPH_ID
        self._history.append(token)
        self._take(len(self._history) - 1)

    def _take(self, place: int) -> None:
        """Note the way taken, so that a passage does not go round in circles."""
        context = tuple(self._history[place - LONGEST : place])
        self._taken.setdefault(context, set()).add(self._history[place])

    def _id_of(self, text: str) -> int:
        ids = self._text.ids
        for candidate in (f" {text}", text) if self._spaced else (text,):
            if candidate in ids:
                return ids[candidate]
        raise KeyError(f"{text!r} is no token of this model")


_BREAKS = (PARAGRAPH_ID, END_ID)
_THE_END = Level({END_ID: 1.0}, 0.0, None)


class LanguageModel:
    """An n-gram model that has learnt; safe to ask from several threads."""

    def __init__(self, begin: Callable[[str], Passage]) -> None:
        self._begin = begin

    def begin(self, prompt: str) -> Passage:
        """Give the passage after a prompt, to be continued token by token."""
        return self._begin(prompt)

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
        """Yield the tokens that follow the prompt, until the model ends the text.

        The same seed gives the same text, in any process. ``logprobs``: how many
        of the likeliest tokens are told in each one's place.
        """
        chance = Random(seed).random  # noqa: S311 - a dice, not a secret
        sampling = Sampling(temperature, top_k, top_p)
        passage = self.begin(prompt)
        while True:
            shaped = passage.shaped(sampling)
            chosen, probability = shaped.choose(chance())
            text = passage.text_of(chosen)
            if text == END:
                return
            others = tuple(
                (passage.text_of(token), log(p))
                for token, p in islice(shaped, logprobs)
                if p > 0
            )
            passage.advance(chosen)
            yield Token(text, log(probability), others)

    def next_token_distribution(
        self,
        prompt: str,
        *,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
    ) -> Distribution:
        """Give the distribution that `generate` takes its first token from."""
        return self.begin(prompt).distribution(
            temperature=temperature, top_k=top_k, top_p=top_p
        )

    def count_tokens(self, text: str) -> int:
        """Give how many tokens a text is."""
        return count_tokens(text)


class _Learnt:
    """What both models have in common: the text, and how to find passages in it."""

    def __init__(self, paragraphs: list[Paragraph]) -> None:
        groups = groupby(paragraphs, key=lambda paragraph: paragraph.topic)
        self.paragraphs = paragraphs
        self.text = Text.of(
            [paragraph.text for paragraph in group] for _, group in groups
        )
        self._index: Index | None = None
        self._estimators: OrderedDict[tuple[str, ...], Estimator] = OrderedDict()
        self._base = Estimator(self.text, BASE)
        self._lock = threading.Lock()

    def continued(self, prompt: str) -> Passage:
        """Give the passage that continues raw text."""
        recent = prompt[-2_000:]
        history = [PARAGRAPH_ID, *self.text.known(_spaced(recent.rstrip()))]
        return Passage(
            self.text, self._base, history, chat=False, spaced=recent[-1:].isspace()
        )

    def answered(self, prompt: str) -> Passage:
        """Give the passage that answers the prompt's last Human turn."""
        dialogue = parse_turns(prompt)
        asked = [text for role, text in dialogue.turns if role == "user"]
        if not asked:
            asked = [dialogue.system]
        last = dialogue.turns[-1] if dialogue.turns else ("user", "")
        begun = last[1] if last[0] == "assistant" else ""
        history = [PARAGRAPH_ID]
        if begun.strip():
            history += self.text.known(_spaced(begun.rstrip()))
        return Passage(
            self.text,
            self._estimator(tuple(asked[-3:])),
            history,
            chat=True,
            spaced=bool(begun.strip()) and begun[-1].isspace(),
        )

    def _estimator(self, asked: tuple[str, ...]) -> Estimator:
        with self._lock:
            known = self._estimators.get(asked)
            if known is None:
                known = self._estimators[asked] = self._about(asked)
                if len(self._estimators) > MOST_QUESTIONS:
                    self._estimators.popitem(last=False)
            self._estimators.move_to_end(asked)
            return known

    def _about(self, asked: tuple[str, ...]) -> Estimator:
        terms = question_terms(asked[-1])
        if len(terms) < 2:
            for turn in asked[:-1]:
                for term, weight in question_terms(turn).items():
                    terms.setdefault(term, EARLIER_TURN * weight)
        best = self.index.rank(terms, MOST_PASSAGES)
        if not best:
            best = self._anything()
        return Estimator(self.text, CHAT, self._emphasis(best))

    def _anything(self) -> list[tuple[int, float]]:
        """Give paragraphs for a question that none of them is about."""
        best = self.index.rank(question_terms(SUBJECT), MOST_PASSAGES)
        return best or [(0, 1.0)]

    def _emphasis(self, best: list[tuple[int, float]]) -> Emphasis:
        weights: dict[int, float] = {}
        for rank, (number, score) in enumerate(best):
            weight = (score / best[0][1]) ** STEEPNESS * NEXT_BEST**rank
            span = self.text.span(number)
            for position in span[:OPENING]:
                weights[position] = max(weights.get(position, 0.0), weight**1.5)
            for position in span[OPENING:]:
                weights[position] = max(weights.get(position, 0.0), weight)
            after = number + 1
            if (
                after < len(self.paragraphs)
                and self.paragraphs[after].topic == self.paragraphs[number].topic
            ):
                for position in self.text.span(after):
                    weights.setdefault(position, weight * 0.1)
        return Emphasis.on(self.text, weights)

    @property
    def index(self) -> Index:
        """The paragraphs by their terms, made at the first question."""
        if self._index is None:
            vocabulary, tokens = self.text.vocabulary, self.text.tokens
            self._index = Index(
                self.paragraphs,
                (
                    [
                        vocabulary[tokens[position]]
                        for position in self.text.span(number)
                    ]
                    for number in range(len(self.paragraphs))
                ),
            )
        return self._index


def _spaced(text: str) -> str:
    """Give a text as the paragraphs were learnt: one space before the first word."""
    return " " + PARAGRAPH.join(text.lstrip().split(PARAGRAPH)).replace("\n\n", "\n\n ")


class _Models(Mapping[str, LanguageModel]):
    """The models by name; they learn when one is first asked for."""

    def __init__(self, text: str | None) -> None:
        self._source = text
        self._made: dict[str, LanguageModel] = {}
        self._lock = threading.Lock()

    def __getitem__(self, name: str) -> LanguageModel:
        if name not in _NAMES:
            raise KeyError(name)
        with self._lock:
            if not self._made:
                source = self._source
                learnt = _Learnt(
                    documentation() if source is None else from_text(source)
                )
                self._made = {
                    "ngram-chat": LanguageModel(learnt.answered),
                    "ngram-base": LanguageModel(learnt.continued),
                }
            return self._made[name]

    def __contains__(self, name: object) -> bool:
        return name in _NAMES

    def __iter__(self) -> Iterator[str]:
        return iter(_NAMES)

    def __len__(self) -> int:
        return len(_NAMES)


_NAMES = ("ngram-chat", "ngram-base")
_models = lru_cache(maxsize=2)(_Models)
_loading = threading.Lock()


def load_models(text: str | None = None) -> Mapping[str, LanguageModel]:
    """Give the models by name, which learn when one is first asked for.

    They learn from Python's documentation, or from a text of the user's own, its
    paragraphs parted by empty lines; once in a process.
    """
    with _loading:
        return _models(text)
