"""Text from outside made harmless: as a terminal may have it, and as HTML.

Nothing that a model, a server or a file says becomes HTML in any other way.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..errors import CompleteError, printable, printable_lines
from .wall import holds

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

MOST_CHARACTERS = 400_000
"""Longer texts are shown without their formatting."""
MOST_TOKENS = 40_000
"""Tokens of a block, as paragraphs and cells, that a text may be of."""
MOST_LOOKS = 100_000
"""Places within the lines that the parser may look at: some it looks at repeatedly."""
DEEPEST = 20
"""Blocks within blocks; where the parser meets more, it leaves out what is in them."""


_HTML = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"}
)


def escape(text: str) -> str:
    """Return the text as HTML that shows it, and nothing else."""
    return printable(text).translate(_HTML)


def preformatted(text: str) -> str:
    """Return the text as HTML that shows it with its lines as they are."""
    return f'<div style="white-space: pre-wrap">{escape(text)}</div>'


NO_MATHEMATICS = ("mathjax_ignore", "tex2jax_ignore")
"""Classes of what no page looks through for mathematics."""


def boxed(markup: str, name: str) -> str:
    """Return HTML in a box of that class, in which no page looks for mathematics."""
    return f'<div class="{name} {" ".join(NO_MATHEMATICS)}">{markup}</div>'


def formatted(text: str) -> str:
    """Return the text as HTML, laid out as its Markdown says.

    Every tag is written here, none comes from the text. Links that lead elsewhere
    than they say, images, HTML and mathematics are the characters they are written
    in. What is too large or too deep for that is shown as it is.
    """
    text = printable_lines(text)
    try:
        markup = "".join(_blocks(_parsed(text)))
    except (_TooMuch, RecursionError):
        return preformatted(text)
    # What only defines links shows nothing where it is laid out.
    return markup if markup and holds(markup) else preformatted(text)


class _TooMuch(CompleteError):
    """A text that would take too long, or be too large, to lay out."""


class _Tokens(list["Token"]):
    """Tokens up to the number that a text may have."""

    def append(self, token: Token) -> None:
        if len(self) >= MOST_TOKENS or token.level >= DEEPEST - 1:
            raise _TooMuch("too much")
        super().append(token)


def _parsed(text: str) -> Sequence[Token]:
    if len(text) > MOST_CHARACTERS:
        raise _TooMuch("too long")
    from markdown_it.rules_core import StateCore  # noqa: PLC0415 - loading stays cheap

    parser = _parser()
    state = StateCore(text, parser, {"looks": 0})
    state.tokens = _Tokens()
    parser.core.process(state)
    return state.tokens


@functools.cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt  # noqa: PLC0415 - as above

    options = {"html": False, "maxNesting": DEEPEST}
    parser = MarkdownIt("commonmark", options).enable(["table", "strikethrough"])
    parser.inline.ruler.before("text", "looks", _look)
    parser.inline.ruler.before("escape", "mathematics", _mathematics)
    # What a link may be is decided where it is written: here it is only understood.
    parser.validateLink = lambda url: True  # type: ignore[method-assign] # noqa: ARG005 - the parser's name for it
    return parser


def _look(state: StateInline, _: bool) -> bool:  # noqa: FBT001 - the parser's protocol
    """Count the places looked at: a few hundred brackets can make it millions."""
    state.env["looks"] += 1
    if state.env["looks"] > MOST_LOOKS:
        raise _TooMuch("too many looks")
    return False


_MATHEMATICS = {"\\(": "\\)", "\\[": "\\]", "$$": "$$"}
LONGEST_FORMULA = 2000


def _mathematics(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - as above
    r"""Take a formula as it is written: its ``_`` and ``\\\\`` are no Markdown."""
    start = state.pos
    end = _MATHEMATICS.get(state.src[start : start + 2])
    if end is None:
        return False
    found = state.src.find(end, start + 2, min(start + LONGEST_FORMULA, state.posMax))
    if found < 0:
        return False
    state.pos = found + 2
    if not silent:
        state.pending += state.src[start : state.pos]
    return True


_PAIRS = {
    "paragraph": "p",
    "blockquote": "blockquote",
    "bullet_list": "ul",
    "ordered_list": "ol",
    "list_item": "li",
    "table": "table",
    "thead": "thead",
    "tbody": "tbody",
    "tr": "tr",
    "th": "th",
    "td": "td",
    "em": "em",
    "strong": "strong",
    "s": "s",
}
_TAGS = {
    **{f"{kind}_open": f"<{tag}>" for kind, tag in _PAIRS.items()},
    **{f"{kind}_close": f"</{tag}>" for kind, tag in _PAIRS.items()},
    "softbreak": "\n",
    "hardbreak": "<br>",
    "hr": "<hr>",
}
_CODE = {"code_inline": "{}", "fence": "<pre>{}</pre>", "code_block": "<pre>{}</pre>"}


def _blocks(tokens: Sequence[Token]) -> Iterator[str]:
    for token in tokens:
        if token.type == "inline":
            yield from _inline([*_names(token.children or [])])
        elif not token.hidden:  # as the paragraphs of a tight list are
            yield _markup(token)


def _markup(token: Token) -> str:
    """Return a token that needs no other; of an unknown one, its text."""
    if token.type in {"ordered_list_open", "th_open", "td_open"}:
        return f"{_TAGS[token.type][:-1]}{_attribute(token)}>"
    if token.type in _TAGS:
        return _TAGS[token.type]
    if token.type in _CODE:
        return _CODE[token.type].format(f"<code>{escape(token.content)}</code>")
    if token.type in {"heading_open", "heading_close"} and token.tag in _HEADINGS:
        return f"<{'/' * (token.type == 'heading_close')}{token.tag}>"
    return escape(token.content)


_HEADINGS = {f"h{level}" for level in range(1, 7)}


def _attribute(token: Token) -> str:
    if token.type == "ordered_list_open":
        start = token.attrGet("start")
        return f' start="{start:d}"' if isinstance(start, int) else ""
    # Jupyter's own style sets cells to the right.
    side = str(token.attrGet("style")).removeprefix("text-align:")
    side = side if side in {"center", "right"} else "left"
    return f' style="text-align:{side}"'


_NAME = re.compile(r"[a-zA-Z]\w*")


def _names(tokens: Sequence[Token]) -> Iterator[Token]:
    """Yield the tokens, Python's ``__names__`` as they are written and not in bold."""
    left = iter(range(len(tokens)))
    for index in left:
        token = tokens[index]
        if token.type == "strong_open" and token.markup == "__":
            name, end = tokens[index + 1 : index + 3]
            if end.type == "strong_close" and _NAME.fullmatch(name.content):
                token = name.copy(content=f"__{name.content}__")
                next(left), next(left)
        yield token


def _inline(tokens: Sequence[Token]) -> Iterator[str]:
    link, words = None, [""]
    for token in tokens:
        if token.type == "link_open":
            link, words = token, [""]
            yield _anchor(_address(link, "href"))
        elif token.type == "link_close" and link:
            address = _address(link, "href")
            yield "</a>" * bool(_anchor(address))
            if "".join(words) not in {address, address.removeprefix("mailto:")}:
                yield f" ({escape(_told(link, 'href'))})"
        elif token.type == "image":
            words.append(_alternative(token))
            yield f"{escape(words[-1])} ({escape(_told(token, 'src'))})"
        else:
            words.append(token.content)
            yield _markup(token)


def _address(token: Token, name: str) -> str:
    return str(token.attrGet(name) or "")


def _told(token: Token, name: str) -> str:
    """Return where a link or an image leads, and its title, for the reader to see."""
    title = token.attrGet("title")
    return f'{_address(token, name)} "{title}"' if title else _address(token, name)


_LINK = re.compile(
    r"https?://[a-z0-9.-]+(?::[0-9]{1,5})?(?:[/?#][!#-;=?-Z\[\]_a-z~]*)?"
    r"|mailto:[!#-;=?-Z_a-z~]+",
    re.IGNORECASE | re.ASCII,
)
"""Addresses that a reader can tell the host of: without a user, or a foreign letter."""
_REL = "noopener noreferrer nofollow"


def _anchor(address: str) -> str:
    if not _LINK.fullmatch(address):
        return ""
    return f'<a href="{escape(address)}" target="_blank" rel="{_REL}">'


def _alternative(image: Token) -> str:
    return "".join(
        _alternative(child) if child.type == "image" else child.content
        for child in image.children or []
    )
