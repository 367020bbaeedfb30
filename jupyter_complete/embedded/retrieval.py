"""Which paragraphs a question is about: BM25, where titles and code count more."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from keyword import iskeyword
from math import log

from .corpus import Paragraph

SATURATION, LENGTH_SHARE = 1.2, 0.6
"""BM25's k1 and b."""
IN_HEADING = 4.0
"""How many words of the text a word of the title or heading is worth."""
REMARK = 0.35
LATER = 0.93
"""What a remark, and each further paragraph of a section, is worth of the first."""
RENAMED, RELATED, GENERIC = 0.4, 0.45, 0.3
"""What a word counts that the text hardly has, one that goes with another, and one
that only says what kind of thing a keyword is."""
FIRST_TERMS = 3
"""A paragraph that has a word of the question among these begins with its subject."""
LONGEST_QUESTION = 4_000
"""Characters of a question that are read: half from its start, half from its end."""

_QUERY = re.compile(
    r"[\"'`‘“]([^\"'`’”\s]{1,24})[\"'`’”]|"
    r"(\*\*=?|//=?|<<|>>|[=!<>:]=|->|[-+*/%&|^~@<>](?=[\s?.,]|$))|"
    r"([^\W\d]\w*(?:[-.][^\W\d]\w*)*)(?:\(\))?"
)
_CODE = re.compile(r"\w+|\*\*|//|<<|>>|[=!<>:]=|\.\.\.|[-+*/%&|^~@<>]")

_STOPWORDS = frozenset(
    ["a", "about", "all", "also", "am", "an", "any", "are", "be", "been", "between", "but", "by", "can", "could", "describe", "did", "difference", "do", "does", "done", "each", "example", "exactly", "explain", "for", "from", "get", "give", "had", "happen", "has", "have", "how", "i", "if", "in", "into", "is", "it", "its", "just", "keyword", "know", "like", "list-of", "make", "mean", "means", "me", "mine", "my", "need", "of", "on", "one", "or", "please", "python", "python's", "purpose", "should", "show", "so", "some", "tell", "than", "that", "the", "their", "them", "then", "there", "these", "they", "thing", "this", "those", "to", "up", "use", "used", "uses", "using", "very", "was", "way", "we", "were", "what", "whats", "when", "where", "which", "who", "why", "will", "with", "work", "works", "would", "you", "your", "and", "as", "not", "else", "while", "s", "t"]
)
_PLAIN_KEYWORDS = frozenset(["and", "as", "for", "from", "if", "in", "is", "not", "or", "with", "else", "while"])
_BEFORE = frozenset(
    ["does", "do", "did", "between", "use", "using", "used", "about", "explain", "describe", "define", "keyword", "operator", "statement", "the", "of", "a", "an", "is", "are", "vs", "versus", "and", "or"]
)
_AFTER = frozenset(
    ["do", "does", "mean", "means", "work", "works", "and", "or", "vs", "versus", "instead", "statement", "statements", "keyword", "clause", "clauses", "operator", "loop", "loops", "expression", "block", "used", "good", "for"]
)
_SURELY = frozenset(["statement", "statements", "keyword", "clause", "loop", "loops", "operator"])

# What people say, and the words that the documentation has for it.
_RENAMED: Mapping[str, str] = {
    "f-string": "formatted string literal prefix",
    "fstring": "formatted string literal prefix",
    "walrus": "assignment expression `:=`",
    "ternary": "conditional expression",
    "catch": "`except` clause",
    "handle": "handler `except`",
    "throw": "`raise`",
    "switch": "`match` `case`",
    "destructor": "__del__",
    "initializer": "__init__",
    "exponent": "power `**`",
    "exponentiation": "power `**`",
    "modulus": "modulo `%`",
    "null": "none",
    "elif": "`if`",
    "debug": "debugger",
}
# Words that go together: the other counts too, but less.
_RELATED: Mapping[str, str] = {
    "decorator": "wrapped definition",
    "define": "definition",
    "definition": "define",
    "dictionary": "dict mapping",
    "dict": "dictionary",
    "loop": "`for` `while`",
    "constructor": "__init__ __new__",
    "inherit": "base class inheritance",
    "inheritance": "base class derived",
    "modulo": "`%` remainder",
    "remainder": "`%` modulo",
    "integer": "int",
    "int": "integer",
    "float": "floating-point floating",
    "string": "str",
    "boolean": "bool truth",
    "bool": "boolean truth",
    "true": "truth",
    "false": "truth",
    "error": "exception",
    "argument": "parameter call",
    "parameter": "argument",
    "default": "parameter",
    "scope": "namespace binding",
    "variable": "name binding",
    "decorate": "decorator",
    "annotate": "annotation",
    "metaclass": "metaclass",
    "iterator": "__iter__ __next__ iteration",
    "iterable": "iterator",
    "breakpoint": "debugger pdb",
    "unpack": "iterable unpacking",
    "identity": "`is`",
    "equality": "`==`",
    "`is`": "identity",
    "`==`": "equality comparison",
    "`!=`": "comparison",
    "`in`": "membership",
    "`//`": "floor division",
    "`/`": "division",
    "`%`": "modulo",
    "`**`": "power",
    "`if`": "conditional",
    "pattern": "`match` `case`",
    "mutable": "immutable",
    "immutable": "mutable",
    "garbage": "collected unreachable",
    "docstring": "documentation string __doc__",
    "module": "import",
    "package": "import",
    "comment": "hash character",
    "regex": "regular expression",
    "anonymous": "lambda",
    "add": "sum addition `+`",
    "multiply": "product multiplication `*`",
    "divide": "division quotient",
}


def stem(word: str) -> str:
    """Give the part of a word that its forms share, roughly."""
    word = word.lower().removesuffix("’s").removesuffix("'s")
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


_STOP_STEMS = frozenset(map(stem, _STOPWORDS)) | _STOPWORDS


@lru_cache(maxsize=20_000)
def terms_of(token: str) -> tuple[str, ...]:
    """Give the terms under which a token of the text is found."""
    token = token.strip()
    if token.startswith('"') and len(token) > 2:
        pieces = _CODE.findall(token[1:-1])
        found = [f"`{piece}`" for piece in pieces if len(pieces) < 4 or iskeyword(piece)]
        return (*found, *(t for piece in pieces for t in terms_of(piece)))
    token = token.removesuffix("()")
    if not token or not (token[0].isalpha() or token[0] == "_"):
        return ()
    if "." in token:
        return (token.lower(), *(t for part in token.split(".") for t in terms_of(part)))
    if token.lower() in _STOPWORDS:
        return ()
    found = [stem(token)]
    if "-" in token:
        found += [stem(part) for part in token.split("-") if len(part) > 1]
    return tuple(found)


def question_terms(question: str) -> dict[str, float]:
    """Give the terms to look for, and how much each counts."""
    if len(question) > LONGEST_QUESTION:
        half = LONGEST_QUESTION // 2
        question = f"{question[:half]} {question[-half:]}"
    found = [
        (match[1] or match[2] or match[3], not match[3])
        for match in _QUERY.finditer(question)
    ]
    words = [word.lower() for word, _ in found]
    terms: dict[str, float] = {}
    for number, (word, quoted) in enumerate(found):
        before = words[number - 1] if number else ""
        after = words[number + 1] if number + 1 < len(words) else ""
        for term in _terms(word, quoted, before, after):
            generic = number and iskeyword(words[number - 1]) and word.lower() in _SURELY
            terms[term] = GENERIC if generic else 1.0
    if not terms:
        terms = {f"`{word}`": 1.0 for word in words if word in _PLAIN_KEYWORDS}
    for term in list(terms):
        for other in _RENAMED_STEMS.get(term, ()):
            terms[term] = RENAMED
            terms[other] = 1.0
    for term in list(terms):
        for other in _RELATED_STEMS.get(term, ()):
            terms.setdefault(other, RELATED)
    return terms


def _terms(word: str, quoted: bool, before: str, after: str) -> Sequence[str]:  # noqa: FBT001 - an inner step
    plain = word.lower()
    if not word[0].isalpha() and word[0] != "_":
        return (f"`{word}`",)
    if plain in _PLAIN_KEYWORDS:
        certain = quoted or after in _SURELY
        return (f"`{plain}`",) if certain or _as_name(plain, before, after) else ()
    code = (f"`{word}`",) if quoted or iskeyword(word) else ()
    return (*code, *terms_of(word))


def _as_name(word: str, before: str, after: str) -> bool:
    """Tell whether a common word is named rather than used: "what does with do"."""
    if word == "is" and before in {"what", "which", "how", "who", "why", "where", "it"}:
        return False
    if before in {"between", "does", "use", "using", "keyword", "operator", "async"}:
        return after in _AFTER or not after or not after.isalpha()
    return before in _BEFORE and after in {"do", "does", "mean", "work", "works", ""}


def _stems(table: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    return {
        _stem_of(word): tuple(map(_stem_of, others.split()))
        for word, others in table.items()
    }


def _stem_of(term: str) -> str:
    return term if term.startswith("`") else stem(term)


_RENAMED_STEMS, _RELATED_STEMS = _stems(_RENAMED), _stems(_RELATED)


class Index:
    """Finds the paragraphs that a question is about."""

    def __init__(self, paragraphs: Sequence[Paragraph], tokens: Iterable[Iterable[str]]) -> None:
        """``tokens``: those of each paragraph."""
        self._paragraphs = paragraphs
        self._postings: dict[str, dict[int, float]] = {}
        self._lengths: list[int] = []
        self._subjects: list[frozenset[str]] = []
        heads: dict[tuple[str, str, str], tuple[frozenset[str], ...]] = {}
        self._heads: list[tuple[frozenset[str], ...]] = []
        for number, (paragraph, words) in enumerate(zip(paragraphs, tokens, strict=True)):
            length, opening = 0, []
            for word in words:
                for term in terms_of(word):
                    entry = self._postings.setdefault(term, {})
                    entry[number] = entry.get(number, 0.0) + 1.0
                    length += 1
                    if length <= FIRST_TERMS:
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
        """Give the numbers of the best paragraphs and their scores, the best first."""
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
                share = 1 - LENGTH_SHARE + LENGTH_SHARE * self._lengths[number] / self._mean
                gain = rarity * count * (SATURATION + 1) / (count + SATURATION * share)
                scores[number] = scores.get(number, 0.0) + weight * gain
                if weight == 1:
                    covered[number] = covered.get(number, 0.0) + rarity
        best = [
            (number, score * self._prior(number, terms, covered.get(number, 0.0) / (total or 1.0)))
            for number, score in scores.items()
        ]
        best.sort(key=lambda pair: (-pair[1], pair[0]))
        return best[:most]

    def _prior(self, number: int, terms: Mapping[str, float], covered: float) -> float:
        paragraph = self._paragraphs[number]
        named = max(
            sum(terms.get(term, 0.0) for term in head) / len(head) if head else 0.0
            for head in self._heads[number]
        )
        place = LATER ** min(paragraph.place, 6) * (REMARK if paragraph.remark else 1.0)
        subject = any(terms.get(term) == 1 for term in self._subjects[number])
        whole = named >= 1 and paragraph.place == 0
        return (
            place
            * (1 + min(named, 1.0) + 0.5 * whole)
            * (1.35 if subject else 1.0)
            * (0.25 + 0.75 * covered)
        )


def _heading_terms(heading: str) -> frozenset[str]:
    found = {term for word in re.findall(r'"[^"]+"|[\w.-]+', heading) for term in terms_of(word)}
    if heading.isidentifier() and iskeyword(heading):
        found.add(f"`{heading}`")
    return frozenset(found - {"statement"})
