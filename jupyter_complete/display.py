"""What a person sees of a completion: the text as it comes, then one card.

The text streams to stdout and ends in one display that replaces it: linear in bytes,
no JavaScript, and the same saved file from every front end. Text from a model is
hostile: control characters are shown, not obeyed; HTML is escaped; Markdown that
could load something from elsewhere is shown as plain text.
"""

from __future__ import annotations

import contextlib
import re
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from IPython.display import clear_output, display

from .errors import printable

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from .completion import Completion, Endpoint, HttpCall

RECORD_TYPE = "application/vnd.jupyter-complete.completion.v1+json"


class Screen(Protocol):
    """Where one completion appears."""

    def write(self, text: str) -> None:
        """Show an increment."""
        ...

    def finish(self, completion: Completion) -> None:
        """Show the card."""
        ...


class TerminalScreen:
    """Plain text on stdout, the line of facts below it."""

    def __init__(self) -> None:
        self._written = ""

    def write(self, text: str) -> None:
        """Show an increment."""
        text = _shown(text)
        if not self._written:
            text = text.lstrip()
        self._written = text[-1:] or self._written
        sys.stdout.write(text)
        sys.stdout.flush()

    def finish(self, completion: Completion) -> None:
        """Show what was not streamed, and the facts."""
        if not self._written:
            self.write(completion.text)
        end = "" if self._written.endswith("\n") or not self._written else "\n"
        notes = "".join(f"\n{note}" for note in _notes(completion))
        sys.stdout.write(f"{end}[{facts(completion)}]{notes}\n")
        sys.stdout.flush()


class NotebookScreen:
    """Stdout while it streams, replaced by one display at the end."""

    def __init__(self, format: str) -> None:  # noqa: A002 - the setting's name
        self._format = format

    def write(self, text: str) -> None:
        """Show an increment."""
        sys.stdout.write(_shown(text))
        sys.stdout.flush()

    def finish(self, completion: Completion) -> None:
        """Replace what streamed by the card."""
        clear_output(wait=True)
        display(card(completion, self._format), raw=True)


def screen(shell: InteractiveShell, format: str) -> Screen:  # noqa: A002
    """Give the screen of this shell: a notebook has a kernel, a terminal has none."""
    if getattr(shell, "kernel", None) is None:
        return TerminalScreen()
    return NotebookScreen(format)


def card(completion: Completion, format: str) -> dict[str, Any]:  # noqa: A002
    """Give a completion's MIME bundle; the record in it is the whole completion."""
    text = _shown(completion.text).strip("\n")
    below = [f"[{facts(completion)}]", *_notes(completion)]
    bundle: dict[str, Any] = {
        "text/plain": "\n".join([text, "", *below]),
        RECORD_TYPE: completion.to_record(),
    }
    markdown = None if format == "text" else safe_markdown(text)
    if markdown is not None:
        small = "<br>".join(f"<small>{escape(line)}</small>" for line in below)
        bundle["text/markdown"] = f"{markdown}\n\n---\n\n{small}"
    return bundle


def facts(completion: Completion) -> str:
    """Give the line below a completion: model, stop reason, size, times."""
    asked, answered = completion.request.model, completion.model
    parts = [answered if answered == asked else f"{asked} → {answered}"]
    if completion.endpoint not in {"", "embedded"}:
        parts.append(f"from {completion.endpoint}")
    if completion.status != "complete":
        parts.append(completion.status)
    if completion.stop_reason:
        stop = f" {completion.stop!r}" if completion.stop else ""
        parts.append(f"{completion.stop_reason}{stop}")
    parts.append(_size(completion))
    if completion.reused:
        parts.append("reused from the history")
    elif completion.first_token_seconds is not None:
        parts.append(f"first token {completion.first_token_seconds:.2f} s")
        parts.append(f"total {completion.seconds:.2f} s")
    else:
        parts.append(f"total {completion.seconds:.2f} s")
    return printable(" · ".join(parts))


def _size(completion: Completion) -> str:
    tokens = completion.usage.output_tokens if completion.usage else None
    if tokens is not None:
        return f"{tokens} token{'s' * (tokens != 1)}"
    count = len(completion.text)
    return f"{count} character{'s' * (count != 1)}"


def _notes(completion: Completion) -> list[str]:
    return [printable(f"Note: {notice}") for notice in completion.notices]


def _shown(text: str) -> str:
    return printable(text.replace("\r", ""))


_HTML = str.maketrans(
    # A span of its own keeps a dollar sign from being read as mathematics.
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


def _escape_run(text: str) -> str:
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace("![", "&#33;[")
    text = re.sub(r"\\([(\[]|begin|end)", r"&#92;\1", text)
    text = re.sub(r"^(\s*)\[(?=[^\]]+\]:)", r"\1&#91;", text)
    return text.replace("$", _DOLLAR)


def request_text(
    call: HttpCall, endpoint: Endpoint, notices: Sequence[str] = ()
) -> str:
    """Give exactly what would be sent, the key's place marked, as text."""
    where = endpoint.base_url.rstrip("/").removesuffix("/v1")
    lines = [f"{call.method} {where}{call.path}"]
    lines += [f"{name}: {value}" for name, value in call.headers.items()]
    if endpoint.key_variable:
        lines.append(f"(the key from {endpoint.key_variable}, if there is one)")
    lines += ["", call.body.decode()]
    return printable("\n".join([*lines, *(f"Note: {note}" for note in notices)]))


@contextlib.contextmanager
def shielded() -> Iterator[None]:
    """Let no Ctrl-C in: a second one must not lose the card of the first."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
