"""The text the model learns from: the prose of Python's own documentation.

``pydoc_data.topics`` is in every CPython: the language reference, rendered as plain
text. Kept are whole paragraphs of prose; grammar, code, tables and footnotes are not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

FEWEST_WORDS = 6
MOST_PLAIN = 0.6
"""The share of a paragraph's words that are words of a language, not of code."""
LONGEST_LIST = 130
"""Words up to which a list stays in one paragraph with the line that leads to it."""

_RULE = re.compile(r"\s*([*=\-~^\"'#])\1{2,}\s*")
_BULLET = re.compile(r"\A(?:[*•-]|\(?\d+[.)]|\[\d+\])\s+")
_SIGNATURE = re.compile(
    r"\s*(?:(?:class|exception|async|await|classmethod|staticmethod)\s+)*"
    r"[\w.]+(?:\(.*\)|\[.*\])?(?:\s+\[.*\])?(?:\s+->.*)?\s*"
)
_NO_PROSE = re.compile(
    r"::=|>>>|Traceback \(|"
    r"^\s*(?:\+[-=]|\||\.\.\.\s|\(Pdb|@\w|#|%|import\s|from\s+\S+\s+import|"
    r"def\s|class\s+\w+[:(]|return\s*$|print\()|\w\s=\s\w+[(.\[]|^\s*\w+\s[-+*/]?=\s\S",
    re.MULTILINE,
)
_LITERAL = re.compile(r'"[^"\n]*"')
_PLAIN = re.compile(r"(?<!\S)[(“\"*]*[A-Za-z’-]+[)”\"*.,;:]*(?!\S)")
_WORD = re.compile(r"[A-Za-z][a-z]+")
_REMARK = re.compile(
    r"(?:Changed|New|Added|Deprecated|Removed)[\w\s,-]* version|CPython impl|\[\d+\]\s"
)
_NOTES = frozenset({"Note:", "Warning:", "See also:", "Notes:", "-[ Footnotes ]-"})

_CLEANINGS = (
    (re.compile(r"(?<![\w*])(\*\*?)(?=\S)([^*\n]{1,160}?)(?<=\S)\1(?![\w*])"), r"\2"),
    (re.compile(r"\[(?:\d+|[A-Z]\w+)\](?=[\s.,;:)]|$)"), ""),
    (re.compile(r"\s*\((?:[Ss]ee|described in|for more [^()]*see)\s[^()\"]*\)"), ""),
    (re.compile(r"[;,]\s+see\s+[^.;:()\"]+(?=\.(?:\s|$))"), ""),
    (re.compile(r"\"(['‘])([^'\"\s]{1,20})['’]\"|‘\"([^\"\s]+)\"’"), r'"\2\3"'),
    (re.compile(r"``([^`]+)``"), r'"\1"'),
    (re.compile(r":\w+:`~?([^`<]+)(?:<[^>]*>)?`"), r"\1"),
    (re.compile(r"(?<=[a-z]-)\s(?=[a-z])"), ""),
    (re.compile(r"\s\s+"), " "),
    (re.compile(r"\s+([,.;:])(?=\s|$)"), r"\1"),
)
_SENTENCE_END = re.compile(r"(?<=[.!?)\"”’])\s+(?=[A-Z\"“])")
_ENDED = re.compile(r"[.!?][)\"”]*$")
_EXAMPLE = re.compile(r",?\s*(?:for example|for instance|e\.g\.)\s*[:,]?$")
_LEADS_ON = re.compile(
    r"\b(?:follow|equivalent|example|these|below|like this|this is|"
    r"(?:with|by|as|of|to|is|are|in|for|from|using):$)|^(?:\S+\s){0,4}\S+$",
    re.IGNORECASE,
)
_REFERENCE = re.compile(
    r"(?:Please )?(?:[Ss]ee\s|[Rr]efer to\s|For (?:full|more) )|PEP \d+ -"
)


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of prose and where it stands."""

    text: str
    topic: str = ""
    """The name that ``help()`` knows the topic by, such as ``with``."""
    title: str = ""
    heading: str = ""
    """The section, or the function that is described."""
    first: bool = False
    """Whether it begins its section."""
    remark: bool = False
    """A note, a footnote, or what changed in which version."""


@dataclass(frozen=True, slots=True)
class _Block:
    """Lines between two empty ones."""

    indent: int
    text: str
    lines: tuple[str, ...]

    @property
    def bullet(self) -> bool:
        return _BULLET.match(self.text) is not None


@dataclass(slots=True)
class _Outline:
    """Where the reader is in a topic."""

    topic: str
    title: str = ""
    section: str = ""
    signatures: list[tuple[int, str]] = field(default_factory=list)
    note_indent: int | None = None
    begun: set[tuple[str, str]] = field(default_factory=set)
    """The sections of which a paragraph was met."""

    def see(self, block: _Block, following: _Block | None) -> bool:
        """Take a block in if it only says where the reader is."""
        if len(block.lines) > 1 and _RULE.fullmatch(block.lines[-1]):
            self._head(_clean(block.lines[-2].strip()), block.lines[-1].strip()[0])
            return True
        self.signatures = [
            known for known in self.signatures if known[0] < block.indent
        ]
        if self.note_indent is not None and block.indent <= self.note_indent:
            self.note_indent = None
        if block.text in _NOTES:
            self.note_indent = block.indent - (block.text[-1] == "]")
            return True
        if _is_signature(block, following):
            self.signatures.append((block.indent, block.text))
            return True
        return False

    def _head(self, text: str, rule: str) -> None:
        self.signatures, self.note_indent = [], None
        if rule == "*" or not self.title:
            self.title, self.section = text, ""
        else:
            self.section = text

    def paragraph(self, block: _Block, prose: str) -> Paragraph:
        heading = self.signatures[-1][1] if self.signatures else self.section
        remark = self.note_indent is not None or _REMARK.match(block.text) is not None
        first = not remark and (self.title, heading) not in self.begun
        if first:
            self.begun.add((self.title, heading))
        if prose.startswith(("These ", "This type ")) and heading:
            prose = f"{heading}: {prose[0].lower()}{prose[1:]}"
        return Paragraph(prose, self.topic, self.title, heading, first, remark)


def documentation() -> list[Paragraph]:
    """Return the prose of Python's documentation, each paragraph once.

    A paragraph that stands in several topics belongs to the most special of them,
    which is the shortest.
    """
    from pydoc_data.topics import topics  # noqa: PLC0415 - half a megabyte

    found: list[Paragraph] = []
    seen: set[str] = set()
    for topic in sorted(topics, key=lambda name: (len(topics[name]), name)):
        found.extend(_paragraphs(topic, topics[topic], seen))
    return found


def from_text(text: str) -> list[Paragraph]:
    """Return the paragraphs of a text of the user's own, lines unwrapped."""
    pieces = re.split(r"\n\s*\n", text.replace("\r\n", "\n").replace("\r", "\n"))
    unwrapped = (" ".join(piece.split()) for piece in pieces)
    return [Paragraph(piece) for piece in unwrapped if piece]


def _paragraphs(topic: str, text: str, seen: set[str]) -> Iterator[Paragraph]:
    """Return a topic's paragraphs that are not in ``seen``, and note them there."""
    outline = _Outline(topic)
    blocks = list(_blocks(text))
    number = 0
    while number < len(blocks):
        block = blocks[number]
        number += 1
        following = blocks[number] if number < len(blocks) else None
        if outline.see(block, following) or block.text in seen or not _is_prose(block):
            continue
        seen.add(block.text)
        prose, taken = _with_list(block, blocks[number : number + LONGEST_LIST])
        seen.update(item.text for item in blocks[number : number + taken])
        number += taken
        prose = _whole_sentences(prose)
        if len(_WORD.findall(prose)) >= FEWEST_WORDS:
            yield outline.paragraph(block, prose)


def _blocks(text: str) -> Iterator[_Block]:
    for piece in re.split(r"\n[ \t]*\n+", text.replace("\r\n", "\n").strip("\n")):
        lines = tuple(line for line in piece.split("\n") if line.strip())
        if lines:  # pragma: no branch - as Python's own topics are today
            indent = len(lines[0]) - len(lines[0].lstrip())
            yield _Block(indent, " ".join(map(str.strip, lines)), lines)


def _is_signature(block: _Block, following: _Block | None) -> bool:
    deeper = following is not None and following.indent > block.indent
    return deeper and all(map(_SIGNATURE.fullmatch, block.lines))


def _is_prose(block: _Block) -> bool:
    if _NO_PROSE.search(_LITERAL.sub("_", "\n".join(block.lines))):
        return False
    text = _BULLET.sub("", block.text)
    words = text.count(" ") + 1
    plain = len(_PLAIN.findall(text))
    return words > 1 and plain / words > MOST_PLAIN and text[0] not in "{[<-+=/…"


def _with_list(block: _Block, following: Iterable[_Block]) -> tuple[str, int]:
    """Return the block's prose, and how many items of a list it took in."""
    lead = _clean(_defined(block) or _BULLET.sub("", block.text))
    if not lead.endswith(":"):
        return lead, 0
    items: list[str] = []
    for item in following:
        if not item.bullet or item.indent < block.indent or not _is_prose(item):
            break
        items.append(_ended(_clean(_BULLET.sub("", item.text))))
    words = sum(len(item.split()) for item in items)
    if len(items) < 2 or words > LONGEST_LIST or any(i.endswith(":") for i in items):
        return lead, 0
    return f"{lead} {' '.join(items)}", len(items)


def _defined(block: _Block) -> str:
    """Return a term and the lines that define it as prose; nothing if it is no term."""
    depths = {len(line) - len(line.lstrip()) for line in block.lines[1:]}
    if len(depths) != 1 or depths.pop() <= block.indent or block.bullet:
        return ""
    term = block.lines[0].strip()
    definition = block.text[len(term) :].strip()
    if definition.startswith(("These ", "This ", "The ", "A ", "An ")):
        definition = definition[0].lower() + definition[1:]
    return f"{term.rstrip(':')}: {definition}"


def _ended(item: str) -> str:
    item = item[0].upper() + item[1:]
    return item if item[-1] in ".!?:" else item.rstrip(",;") + "."


def _whole_sentences(prose: str) -> str:
    """Return the prose without a last sentence that leads to what was left out."""
    sentences = _SENTENCE_END.split(prose)
    last = _EXAMPLE.sub("", sentences[-1])
    if last != sentences[-1]:
        sentences[-1] = last if _ENDED.search(last) else f"{last}."
    elif not _ENDED.search(last):
        complete = last.endswith(":") and not _LEADS_ON.search(last)
        sentences[-1:] = [f"{last[:-1]}."] if complete else []
    return " ".join(kept for kept in sentences if not _REFERENCE.match(kept))


def _clean(text: str) -> str:
    for pattern, replacement in _CLEANINGS:
        text = pattern.sub(replacement, text)
    return text.strip()
