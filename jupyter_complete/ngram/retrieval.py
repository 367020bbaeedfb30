"""Which paragraphs a question is about: BM25, where titles and code count more."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from keyword import iskeyword
from math import log

from .corpus import Paragraph
from .words import (
    AFTER_A_NAME,
    BEFORE_A_NAME,
    COMMON_KEYWORDS,
    KINDS,
    QUESTION_WORDS,
    RELATED_WORDS,
    STOPWORDS,
)

SATURATION, LENGTH_SHARE = 1.2, 0.3
"""BM25's k1 and b."""
IN_HEADING = 4
"""How many words of the text a word of the title or heading is worth."""
FIRST = 1.05
"""What the first paragraph of a section is worth of another that says as much."""
LESSER = 0.4
"""What a word counts that goes with one of the question, that only says what kind of
thing a keyword is, or that stands in another line."""
LONGEST_QUESTION = 4_000
"""Characters of a question that are read: half from its start, half from its end."""

_QUERY = re.compile(
    r"[\"'`‘“]([^\"'`’”\s]{1,24})[\"'`’”]|"
    r"(\*\*=?|//=?|<<|>>|[=!<>:]=|->|[-+*/%&|^~@<>](?=[\s?.,]|$))|"
    r"([^\W\d]\w*(?:[-.][^\W\d]\w*)*)(?:\(\))?"
)
_CODE = re.compile(r"\w+|\*\*|//|<<|>>|[=!<>:]=|\.\.\.|[-+*/%&|^~@<>]")


def stem(word: str) -> str:
    """Return the part of a word that its forms share, roughly."""
    word = word.lower().removesuffix("’s").removesuffix("'s")
    if "-" in word:
        before, _, last = word.rpartition("-")
        return f"{before}-{stem(last)}"
    if word.startswith("_") or len(word) < 4:
        return word
    if word.endswith("ies"):
        word = word[:-3] + "y"
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ing", "ed"):
        if word.endswith(ending) and len(word) - len(ending) > 3:
            word = word.removesuffix(ending)
            if word[-1] == word[-2] and word[-1] not in "lsz":
                word = word[:-1]
            break
    return word.removesuffix("e")


@lru_cache(maxsize=20_000)
def terms_of(token: str) -> tuple[str, ...]:
    """Return the terms under which a token of the text is found."""
    token = token.strip()
    if token.startswith('"') and len(token) > 2:
        pieces = _CODE.findall(token[1:-1])
        if len(pieces) > 1 and pieces[0] == "not":
            pieces = pieces[1:]
        found = [
            f"`{piece}`" for piece in pieces if len(pieces) < 4 or iskeyword(piece)
        ]
        return (*found, *(t for piece in pieces for t in terms_of(piece)))
    token = token.removesuffix("()")
    if not token or not (token[0].isalpha() or token[0] == "_"):
        return ()
    if "." in token:
        return (
            token.lower(),
            *(t for part in token.split(".") for t in terms_of(part)),
        )
    if token.lower() in STOPWORDS:
        return ()
    found = [stem(token)]
    if "-" in token:
        found += [stem(part) for part in token.split("-") if len(part) > 1]
    return tuple(found)


def question_terms(question: str) -> dict[str, float]:
    """Return the terms to look for, and how much each counts.

    Of several lines the last that asks something counts most.
    """
    if len(question) > LONGEST_QUESTION:
        half = LONGEST_QUESTION // 2
        question = f"{question[:half]} {question[-half:]}"
    asking = [line for line in question.splitlines() if line.rstrip().endswith("?")]
    terms = _line_terms(asking[-1] if asking else question)
    if asking:
        for term, weight in _line_terms(question).items():
            terms.setdefault(term, LESSER * weight)
    for term in [term for term in terms if terms[term] == 1]:
        for other in _RELATED.get(term, ()):
            terms.setdefault(other, LESSER)
    return terms


def _line_terms(line: str) -> dict[str, float]:
    found = [
        (match[1] or match[2] or match[3], not match[3])
        for match in _QUERY.finditer(line)
    ]
    words = [word.lower() for word, _ in found]
    if len(words) == 1 and words[0] in COMMON_KEYWORDS:
        return {f"`{words[0]}`": 1.0}
    terms: dict[str, float] = {}
    for number, (word, quoted) in enumerate(found):
        before = words[number - 1] if number else ""
        after = words[number + 1] if number + 1 < len(words) else ""
        generic = iskeyword(before) and word.lower() in KINDS
        for term in _terms(word, before, after, quoted=quoted):
            terms[term] = max(terms.get(term, 0.0), LESSER if generic else 1.0)
    return terms


def _terms(word: str, before: str, after: str, *, quoted: bool) -> Sequence[str]:
    plain = word.lower()
    if len(word) == 1 and word.isalpha() and not quoted:
        return ()
    if not word[0].isalpha() and word[0] != "_":
        return (f"`{word}`",)
    if plain in COMMON_KEYWORDS:
        named = quoted or _as_name(before, after)
        return (f"`{plain}`",) if named else ()
    code = (f"`{word}`",) if quoted or iskeyword(word) else ()
    return (*code, *terms_of(word))


def _as_name(before: str, after: str) -> bool:
    """Tell whether a common word is named rather than used: "what does with do"."""
    if before in QUESTION_WORDS:  # "what is a list"
        return False
    named = before in BEFORE_A_NAME and (not after or after in AFTER_A_NAME)
    return named or after in KINDS


def _stem_of(term: str) -> str:
    return term if term.startswith("`") else stem(term)


_RELATED = {
    _stem_of(word): tuple(map(_stem_of, others.split()))
    for word, others in RELATED_WORDS.items()
}


class Index:
    """Finds the paragraphs that a question is about."""

    def __init__(
        self, paragraphs: Sequence[Paragraph], tokens: Iterable[Iterable[str]]
    ) -> None:
        """``tokens``: those of each paragraph."""
        self._paragraphs = paragraphs
        self._postings: dict[str, dict[int, int]] = {}
        self._lengths: list[int] = []
        self._headings: list[frozenset[str]] = []
        for number, (paragraph, words) in enumerate(
            zip(paragraphs, tokens, strict=True)
        ):
            counts = Counter(term for word in words for term in terms_of(word))
            self._lengths.append(counts.total())
            headings = (paragraph.topic, paragraph.title, paragraph.heading)
            self._headings.append(frozenset().union(*map(_heading_terms, headings)))
            for term in self._headings[-1]:
                counts[term] += IN_HEADING
            for term, count in counts.items():
                self._postings.setdefault(term, {})[number] = count
        self._mean = sum(self._lengths) / max(1, len(self._lengths)) or 1.0

    def rank(self, terms: Mapping[str, float], most: int) -> list[tuple[int, float]]:
        """Return the best paragraphs' numbers and scores, the best first."""
        scores: dict[int, float] = {}
        many = len(self._lengths)
        for term, weight in terms.items():
            entry = self._postings.get(term, {})
            rarity = log(1 + (many - len(entry) + 0.5) / (len(entry) + 0.5))
            for number, count in entry.items():
                length = self._lengths[number] / self._mean
                full = SATURATION * (1 - LENGTH_SHARE + LENGTH_SHARE * length)
                gain = weight * rarity * count * (SATURATION + 1) / (count + full)
                scores[number] = scores.get(number, 0.0) + gain
        for number in scores:
            scores[number] *= FIRST if self._paragraphs[number].first else 1.0
        return sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))[:most]

    def headings(self, number: int) -> frozenset[str]:
        """Return the terms of the headings that a paragraph stands under."""
        return self._headings[number]


@lru_cache(maxsize=2_000)
def _heading_terms(heading: str) -> frozenset[str]:
    found = {
        term
        for word in re.findall(r'"[^"]+"|[\w.-]+', heading)
        for term in terms_of(word)
    }
    if heading.isidentifier() and iskeyword(heading):
        found.add(f"`{heading}`")
    return frozenset(found - {"statement"})
