"""Text from a model made harmless: as HTML, and as Markdown."""

from __future__ import annotations

import re

from ..errors import printable


def shown(text: str) -> str:
    """Give the text as a terminal or a log may have it."""
    return printable(text.replace("\r", ""))


_HTML = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"}
)


def escape(text: str) -> str:
    """Give the text as HTML that shows it, and nothing else."""
    return printable(text).translate(_HTML)


_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_CODE_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")
# What could fetch something, or run, if a renderer did not take code for code.
_ACTIVE = re.compile(
    r"!\[|<\s*/?(?:a|img|image|video|audio|source|i?frame|link|object|embed|svg|math|"
    r"input|button|form|style|script|table|t[dhr]|body|picture|track|base|meta|use|"
    r"[a-z]+\s[^>]*=)|url\s*\(|\\(?:style|href|require|class|cssId|unicode|includegraphics)"
    r"|^\s*\[[^\]]+\]:|^\s*[`~]{3,}\s*\{?\.?mermaid",
    re.IGNORECASE | re.MULTILINE,
)
# A span of its own keeps a dollar sign from being read as mathematics.
_DOLLAR = "<span>$</span>"


def safe_markdown(text: str) -> str | None:
    """Give the text as Markdown that loads and runs nothing, None where it might.

    Outside of code, HTML, images and mathematics come out as the characters they
    are written in. Within code they cannot be escaped, so where something there
    could be active under another reading of the Markdown, the answer is None.
    """
    lines, fence = [], ""
    for line in text.split("\n"):
        match = _FENCE.match(line)
        if fence:
            closes = match and match[1].startswith(fence) and not match[2].strip()
            fence = "" if closes else fence
        elif match and "`" not in match[2]:
            fence = match[1]
        else:
            escaped = _escape_prose(line)
            if escaped is None:
                return None
            lines.append(escaped)
            continue
        if _ACTIVE.search(line):
            return None
        lines.append(line)
    # An answer that was cut inside a fence must not swallow what stands below it.
    return "\n".join([*lines, fence] if fence else lines)


def _escape_prose(line: str) -> str | None:
    pieces, end = [], 0
    spans = [] if line.startswith(("    ", "\t")) else list(_CODE_SPAN.finditer(line))
    for span in spans:
        if _ACTIVE.search(span[0]) or "$" in span[0]:
            return None
        pieces += [_escape_run(line[end : span.start()]), span[0]]
        end = span.end()
    return "".join([*pieces, _escape_run(line[end:])])


# Python's own names, which Markdown would take for bold type.
_DUNDER = re.compile(r"(?<![\w\\])__(\w+?)__(?!\w)")


def _escape_run(text: str) -> str:
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace("![", "&#33;[")
    text = re.sub(r"\\([(\[]|begin|end)", r"&#92;\1", text)
    text = re.sub(r"^(\s*)\[(?=[^\]]+\]:)", r"\1&#91;", text)
    text = _DUNDER.sub(r"\\_\\_\1\\_\\_", text)
    return text.replace("$", _DOLLAR)
