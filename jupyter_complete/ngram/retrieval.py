"""Which paragraphs a question is about: BM25, where titles and code count more."""

from __future__ import annotations

import re
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
    RELATED_WORDS,
    RENAMED_WORDS,
    STOPWORDS,
)

SATURATION, LENGTH_SHARE = 1.2, 0.3
"""BM25's k1 and b."""
IN_HEADING = 4.0
"""How many words of the text a word of the title or heading is worth."""
REMARK = 0.35
LATER = 0.93
"""What a remark, and each further paragraph of a section, is worth of the first."""
RENAMED, RELATED, GENERIC, ASIDE = 0.4, 0.45, 0.3, 0.2
"""What a word counts that the text hardly has, one that goes with another, one that
only says what kind of thing a keyword is, and one of another line of the question."""
BRIEF = 8
"""Terms of a paragraph that says too little to begin an answer."""
FIRST_TERMS = 3
"""A paragraph that has a word of the question among these begins with its subject."""
LONGEST_QUESTION = 4_000
"""Characters of a question that are read: half from its start, half from its end."""

_QUERY = re.compile(
    r"[\"'`‘“]([^\"'`’”\s]{1,24})[\"'`’”]|"
    r"(\*\*=?|//=?|<<|>>|[=!<>:]=|->|[-+*/%&|^~@<>](?=[\s?.,]|$))|"
    r"([^\W\d]\w*(?:[-.][^\W\d]\w*)*)(?:\(\))?"
)
_ACTION = re.compile(r"Called|Return|This|If|When|Create|Print|Remove")
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
            terms.setdefault(term, ASIDE * weight)
    for term in [term for term in terms if terms[term] == 1]:
        for other in _RENAMED_STEMS.get(term, ()):
            terms[term] = RENAMED
            terms[other] = 1.0
    for term in [term for term in terms if terms[term] == 1]:
        for other in _RELATED_STEMS.get(term, ()):
            terms.setdefault(other, RELATED)
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
            terms[term] = max(terms.get(term, 0.0), GENERIC if generic else 1.0)
    return terms


def _terms(word: str, before: str, after: str, *, quoted: bool) -> Sequence[str]:
    plain = word.lower()
    if len(word) == 1 and word.isalpha() and not quoted:
        return ()
    if not word[0].isalpha() and word[0] != "_":
        return (f"`{word}`",)
    if plain in COMMON_KEYWORDS:
        named = quoted or _as_name(plain, before, after)
        return (f"`{plain}`",) if named else ()
    code = (f"`{word}`",) if quoted or iskeyword(word) else ()
    return (*code, *terms_of(word))


def _as_name(word: str, before: str, after: str) -> bool:
    """Tell whether a common word is named rather than used: "what does with do"."""
    if word == "is" and before in {"what", "which", "how", "who", "why", "where", "it"}:
        return False
    if after in KINDS:
        return True
    if before in {"between", "does", "use", "using", "keyword", "operator", "async"}:
        return after in AFTER_A_NAME or not after or not after.isalpha()
    return before in BEFORE_A_NAME and after in {
        "do",
        "does",
        "mean",
        "work",
        "works",
        "",
    }


def _stems(table: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    return {
        _stem_of(word): tuple(map(_stem_of, others.split()))
        for word, others in table.items()
    }


def _stem_of(term: str) -> str:
    return term if term.startswith("`") else stem(term)


_RENAMED_STEMS, _RELATED_STEMS = _stems(RENAMED_WORDS), _stems(RELATED_WORDS)


class Index:
    """Finds the paragraphs that a question is about."""

    def __init__(
        self, paragraphs: Sequence[Paragraph], tokens: Iterable[Iterable[str]]
    ) -> None:
        """``tokens``: those of each paragraph."""
        self._paragraphs = paragraphs
        self._postings: dict[str, dict[int, float]] = {}
        self._lengths: list[int] = []
        self._subjects: list[frozenset[str]] = []
        heads: dict[tuple[str, str, str], tuple[frozenset[str], ...]] = {}
        self._heads: list[tuple[frozenset[str], ...]] = []
        for number, (paragraph, words) in enumerate(
            zip(paragraphs, tokens, strict=True)
        ):
            length, opening = 0, []
            for word in words:
                for term in terms_of(word):
                    entry = self._postings.setdefault(term, {})
                    entry[number] = entry.get(number, 0.0) + 1.0
                    length += 1
                    if length <= FIRST_TERMS and not _ACTION.match(paragraph.text):
                        opening.append(term)
            self._lengths.append(length)
            self._subjects.append(frozenset(opening))
            where = (paragraph.topic, paragraph.title, paragraph.heading)
            if where not in heads:
                heads[where] = tuple(map(_heading_terms, where))
            self._heads.append(heads[where])
            for term in frozenset().union(*heads[where]):
                entry = self._postings.setdefault(term, {})
                entry[number] = entry.get(number, 0.0) + IN_HEADING
        self._mean = sum(self._lengths) / max(1, len(self._lengths)) or 1.0

    def rank(self, terms: Mapping[str, float], most: int) -> list[tuple[int, float]]:
        """Return the best paragraphs' numbers and scores, the best first."""
        scores: dict[int, float] = {}
        covered: dict[int, float] = {}
        total = 0.0
        for term, weight in terms.items():
            entry = self._postings.get(term)
            if not entry:
                continue
            many = len(self._lengths)
            rarity = log(1 + (many - len(entry) + 0.5) / (len(entry) + 0.5))
            total += weight * rarity if weight == 1 else 0.0
            for number, count in entry.items():
                share = (
                    1 - LENGTH_SHARE + LENGTH_SHARE * self._lengths[number] / self._mean
                )
                gain = rarity * count * (SATURATION + 1) / (count + SATURATION * share)
                scores[number] = scores.get(number, 0.0) + weight * gain
                if weight == 1:
                    covered[number] = covered.get(number, 0.0) + rarity
        best = [
            (
                number,
                score
                * self._prior(number, terms, covered.get(number, 0.0) / (total or 1.0)),
            )
            for number, score in scores.items()
        ]
        best.sort(key=lambda pair: (-pair[1], pair[0]))
        return best[:most]

    def headings(self, number: int) -> frozenset[str]:
        """Return the terms of the headings that a paragraph stands under."""
        return frozenset().union(*self._heads[number])

    def _prior(self, number: int, terms: Mapping[str, float], covered: float) -> float:
        paragraph = self._paragraphs[number]
        named = max(
            sum(terms.get(term, 0.0) for term in head) / len(head) if head else 0.0
            for head in self._heads[number]
        )
        place = LATER ** min(paragraph.place, 6) * (REMARK if paragraph.remark else 1.0)
        subject = any(terms.get(term) == 1 for term in self._subjects[number])
        brief = self._lengths[number] < BRIEF
        whole = named >= 1 and paragraph.place == 0
        return (
            place
            * (1 + min(named, 1.0) + 0.5 * whole)
            * (1.35 if subject else 1.0)
            * (0.75 if brief and not whole else 1.0)
            * (0.25 + 0.75 * covered)
        )


def _heading_terms(heading: str) -> frozenset[str]:
    found = {
        term
        for word in re.findall(r'"[^"]+"|[\w.-]+', heading)
        for term in terms_of(word)
    }
    if heading.isidentifier() and iskeyword(heading):
        found.add(f"`{heading}`")
    return frozenset(found - {"statement"})
