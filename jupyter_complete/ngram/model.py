"""A language model that needs nothing: n-grams of Python's own documentation.

``ngram-chat`` answers the last Human turn of a prompt, from the paragraphs that are
about it; ``ngram-base`` continues raw text. Both learn at first use.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from itertools import groupby
from types import MappingProxyType

from ..errors import InputError
from ..prompts import parse_turns
from .corpus import Paragraph, documentation, from_text
from .estimator import Discounts, Emphasis, Estimator, SharedLevels
from .passage import NgramModel, Passage, count_tokens
from .retrieval import Index, question_terms, terms_of
from .tokens import END, PARAGRAPH, PARAGRAPH_ID, Text
from .words import LEADING_ON

__all__ = ["END", "NgramModel", "count_tokens", "load_models"]

MOST_PASSAGES = 12
NEXT_BEST = 0.7
"""Each paragraph counts at most this of the one before: the best outweighs the rest."""
UNNAMED, LEADS_ON = 0.1, 0.1
"""What a sentence counts that does not name what is asked for, and one that only goes
on from the one before it."""
HEADED = 0.5
"""What it counts that not the sentence but a heading names it."""
EARLIER_TURN = 0.3
FEWEST_TERMS = 2
"""A turn that says less, as "And how?", is read with the turns before it."""
SUBJECT = "objects and data of a program"
"""What the model speaks of when it knows nothing of what it is asked."""
MOST_QUESTIONS = 8
"""Questions whose estimates are kept."""

CHAT = Discounts(
    text=(0.5, 0.5, 0.6, 0.5, 0.4, 0.4),
    emphasis=(0.01, 0.05, 0.25, 0.65, 0.8, 0.8),
)
BASE = Discounts(text=(0.75, 0.6, 0.45, 0.35, 0.25, 0.2), emphasis=())


class _Learnt:
    """What both models have in common: the text, and how to find passages in it."""

    def __init__(self, paragraphs: list[Paragraph]) -> None:
        groups = groupby(paragraphs, key=lambda paragraph: paragraph.topic)
        self.paragraphs = paragraphs
        self.text = Text.of(
            [paragraph.text for paragraph in group] for _, group in groups
        )
        self._index: Index | None = None
        self._estimators: OrderedDict[tuple[tuple[str, float], ...], Estimator] = (
            OrderedDict()
        )
        self._shared = SharedLevels(self.text)
        self._base = Estimator(self._shared, BASE)
        self._lock = threading.Lock()

    def continued(self, prompt: str) -> Passage:
        """Return the passage that continues raw text."""
        recent = prompt[-2_000:]
        history = [PARAGRAPH_ID, *self.text.known(_spaced(recent))]
        return Passage(
            self.text, self._base, history, chat=False, spaced=recent[-1:].isspace()
        )

    def answered(self, prompt: str) -> Passage:
        """Return the passage that answers the prompt's last Human turn."""
        dialogue = parse_turns(prompt)
        asked = [text for role, text in dialogue.turns if role == "user"]
        if not asked:
            asked = [dialogue.system]
        last = dialogue.turns[-1] if dialogue.turns else ("user", "")
        begun = last[1] if last[0] == "assistant" else ""
        history = [PARAGRAPH_ID]
        if begun.strip():
            history += self.text.known(_spaced(begun))
        return Passage(
            self.text,
            self._estimator(_terms(asked)),
            history,
            chat=True,
            spaced=bool(begun.strip()) and begun[-1].isspace(),
        )

    def _estimator(self, terms: dict[str, float]) -> Estimator:
        key = tuple(terms.items())
        with self._lock:
            known = self._estimators.get(key)
            if known is None:
                known = self._estimators[key] = self._about(terms)
                if len(self._estimators) > MOST_QUESTIONS:
                    self._estimators.popitem(last=False)
            self._estimators.move_to_end(key)
            return known

    def _about(self, terms: dict[str, float]) -> Estimator:
        best = self.index.rank(terms, MOST_PASSAGES)
        if not best:
            best = self._anything()
        return Estimator(self._shared, CHAT, self._emphasis(best, terms))

    def _anything(self) -> list[tuple[int, float]]:
        """Return paragraphs for a question that none of them is about."""
        best = self.index.rank(question_terms(SUBJECT), MOST_PASSAGES)
        return best or [(0, 1.0)]

    def _emphasis(
        self, best: list[tuple[int, float]], terms: Mapping[str, float]
    ) -> Emphasis:
        weights: dict[int, float] = {}
        for rank, (number, score) in enumerate(best):
            weight = score / best[0][1] * NEXT_BEST**rank
            for place, share in self._shares(number, terms):
                weights[place] = max(weights.get(place, 0.0), weight * share)
            after = number + 1
            if (
                after < len(self.paragraphs)
                and self.paragraphs[after].topic == self.paragraphs[number].topic
            ):
                for place, share in self._shares(after, terms):
                    weights.setdefault(place, weight * share * 0.1)
        return Emphasis.on(self.text, weights)

    def _shares(
        self, paragraph: int, terms: Mapping[str, float]
    ) -> Iterator[tuple[int, float]]:
        """Yield a paragraph's places and what they count in a choice.

        The choice falls at the beginnings of sentences: those count in full that name
        what is asked for, and in a paragraph's first all of it has to be named.
        """
        wanted = {term for term, weight in terms.items() if weight == 1}
        for opening, sentence in self._sentences(paragraph):
            words = [self.text.vocabulary[self.text.tokens[p]] for p in sentence]
            named = wanted.intersection(term for w in words for term in terms_of(w))
            leads_on = words[0].strip().lower() in LEADING_ON
            if opening:
                leads_on = leads_on or self.paragraphs[paragraph].remark
                headed = wanted.intersection(self.index.headings(paragraph)) - named
                known = len(named) + HEADED * len(headed)
                share = max(UNNAMED, known / max(1, len(wanted))) ** 2
            else:
                share = 1.0 if named else UNNAMED
            share *= LEADS_ON if leads_on else 1.0
            for number, place in enumerate(sentence):
                yield place, share if opening or number == 0 else 1.0

    def _sentences(self, paragraph: int) -> Iterator[tuple[bool, range]]:
        """Yield whether a sentence is the paragraph's first, and where it stands."""
        span = self.text.span(paragraph)
        begin = span.start
        for place in span:
            if self.text.tokens[place] in self.text.marks.ends or place == span[-1]:
                yield begin == span.start, range(begin, place + 1)
                begin = place + 1

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


def _terms(asked: list[str]) -> dict[str, float]:
    """Return the terms of the last turn, with earlier ones if it says little."""
    terms = question_terms(asked[-1])
    if len(terms) < FEWEST_TERMS:
        for turn in asked[-3:-1]:
            for term, weight in question_terms(turn).items():
                terms.setdefault(term, EARLIER_TURN * weight)
    return terms


def _spaced(text: str) -> str:
    """Return a text as the paragraphs were learnt: one space before the first word."""
    return " " + text.strip(" \t").lstrip().replace(PARAGRAPH, f"{PARAGRAPH} ")


def _once(paragraphs: Callable[[], list[Paragraph]]) -> Callable[[], _Learnt]:
    """Return a function that learns at its first call, and no more after it."""
    lock = threading.Lock()
    learnt: list[_Learnt] = []

    def get() -> _Learnt:
        with lock:
            if not learnt:
                learnt.append(_Learnt(paragraphs()))
        return learnt[0]

    return get


@lru_cache(maxsize=2)
def _models(text: str | None) -> Mapping[str, NgramModel]:
    learnt = _once(lambda: documentation() if text is None else from_text(text))
    models = (
        NgramModel(
            "ngram-chat", lambda prompt: learnt().answered(prompt), wants_turns=True
        ),
        NgramModel(
            "ngram-base", lambda prompt: learnt().continued(prompt), wants_turns=False
        ),
    )
    return MappingProxyType({model.name: model for model in models})


_loading = threading.Lock()


def load_models(text: str | None = None) -> Mapping[str, NgramModel]:
    """Return the models by name, which learn when one is first asked.

    They learn from Python's documentation, or from a text of the user's own, its
    paragraphs parted by empty lines; once in a process. Raises `InputError`.
    """
    if text is not None and not text.strip():
        raise InputError("The text to learn from is empty; give at least a paragraph.")
    with _loading:
        return _models(text)
