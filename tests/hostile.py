"""Texts that try to act where they are shown, and what HTML may be made of them."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

HERE = Path(__file__).parent


def payloads(fire="window.fired()", canary="canary.example"):
    """Return the payloads: ``fire`` is what they would run, ``canary`` the host."""
    lines = (HERE / "payloads.txt").read_text("utf-8").splitlines()
    return [
        line.replace("⏎", "\n").replace("FIRE()", fire).replace("CANARY", canary)
        for line in lines
    ]


def _led(first, rest=None):
    """Return a wrapper that writes something before each line."""

    def wrap(text):
        start, *more = text.split("\n")
        prefix = first if rest is None else rest
        return "\n".join([first + start, *(prefix + line for line in more)])

    return wrap


def _flat(text):
    return text.replace("\n", " ")


WRAPPERS = {
    "paragraph": lambda text: text,
    "paragraph after words": lambda text: f"It says {text} and ends.",
    "heading": lambda text: f"# {_flat(text)}",
    "heading underlined": lambda text: f"{text}\n===",
    "list item": _led("- ", "  "),
    "numbered item": _led("7. ", "   "),
    "nested list": lambda text: "- a\n" + _led("  - ", "    ")(text),
    "task": _led("- [x] ", "  "),
    "quote": _led("> "),
    "quote without marks": lambda text: f"> {text}",
    "list in a quote": _led("> - ", ">   "),
    "fence": lambda text: f"```\n{text}\n```",
    "tilde fence": lambda text: f"~~~~ html\n{text}\n~~~~",
    "fence in a list": lambda text: _led("- ", "  ")(f"```\n{text}\n```"),
    "fence that is cut": lambda text: f"```html\n{text}",
    "info string": lambda text: f"```{_flat(text)}\nx\n```",
    "indented code": lambda text: "a\n\n" + _led("    ")(text),
    "code span": lambda text: f"a `{text}` b",
    "code span over lines": lambda text: f"a `b\n{text}\nc` d",
    "code span that is none": lambda text: f"\\`{text}` ``",
    "table head": lambda text: f"| {_flat(text)} | b |\n|---|:-:|\n| c | d |",
    "table cell": lambda text: f"| a | b |\n|---|---|\n| {_flat(text)} | `{text}` |",
    "link text": lambda text: f"[{text}](https://x.example)",
    "link target": lambda text: f"[x]({text})",
    "link target in angles": lambda text: f"[x](<{text}>)",
    "link title": lambda text: f'[x](https://x.example "{text}")',
    "image text": lambda text: f"![{text}](https://x.example/a.png)",
    "image target": lambda text: f"![x]({text})",
    "reference": lambda text: f"[x][r] ![y][r]\n\n[r]: {_flat(text)}",
    "reference title": lambda text: f"[x][r]\n\n[r]: https://x.example '{text}'",
    "reference name": lambda text: f"[{text}]\n\n[{text}]: https://x.example",
    "HTML block": lambda text: f"<div>\n{text}\n</div>",
    "HTML attribute": lambda text: f'a <b title="{text}">b</b>',
    "HTML comment": lambda text: f"<!-- {text} -->",
    "autolink": lambda text: f"<https://x.example/{text}>",
    "emphasis": lambda text: f"***{text}***",
    "strike": lambda text: f"~~{text}~~",
    "backslash": lambda text: f"\\{text}",
    "entity": lambda text: f"&amp{text};",
    "footnote": lambda text: f"a[^1]\n\n[^1]: {text}",
    "formula": lambda text: f"$${text}$$ \\[{text}\\]",
}
"""Every kind of Markdown block, and of piece within one, around a text."""

TAGS = {
    *("p", "br", "hr", "div", "blockquote", "ul", "ol", "li", "pre", "code", "a"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "em", "strong", "s"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
"""What the text of an answer may become."""

_ATTRIBUTES = {
    ("a", "href"): re.compile(r"(?:https?://|mailto:)[!-~]+", re.IGNORECASE),
    ("a", "rel"): re.compile("noopener noreferrer nofollow"),
    ("a", "target"): re.compile("_blank"),
    ("div", "style"): re.compile("white-space: pre-wrap"),
    ("ol", "start"): re.compile("[0-9]+"),
    ("td", "style"): re.compile("text-align:(left|right|center)"),
    ("th", "style"): re.compile("text-align:(left|right|center)"),
}


class Reading(HTMLParser):
    """What a parser of HTML finds: tags with their attributes, and the text."""

    def __init__(self, markup):
        super().__init__()
        self.tags, self.words, self.others = [], [], []
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)

    def _other(self, data):
        self.others.append(data)

    handle_comment = handle_decl = handle_pi = unknown_decl = _other

    @property
    def text(self):
        return "".join(self.words)

    @property
    def live(self):
        """The tags and attributes that no answer may become."""
        return self.others + [
            (tag, name, value)
            for tag, attributes in self.tags
            for name, value in attributes.items() or [(None, None)]
            if not _allowed(tag, name, value)
        ]


def _allowed(tag, name, value):
    if tag not in TAGS:
        return False
    pattern = _ATTRIBUTES.get((tag, name))
    return name is None or (pattern is not None and bool(pattern.fullmatch(value)))
