"""What a completion looks like once it is there: the card and its line of facts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from ..addresses import KEY
from ..dialects.choice import FILTERED
from ..errors import one_line, printable, printable_lines
from ..prompts import HUMAN
from ..saved import RECORD_TYPE, output_record
from .markdown import boxed, escape, formatted, preformatted
from .tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..addresses import HttpRequest
    from ..completion import Completion, Endpoint

_Drawn = TypeVar("_Drawn")

ENDS = frozenset({"stop_sequence", "stop", "end_turn", "eos", "eos_token", "complete"})
"""Reasons of models that had nothing more to say, if no stop sequence was met."""


def card(completion: Completion, format: str) -> dict[str, Any]:  # noqa: A002
    """Return a completion's MIME bundle, from which `saved.from_output` reads it back.

    Where drawing it fails, the text is in it, and a line that says so.
    """
    return drawn(
        lambda: _card(completion, format),
        lambda line: {"text/plain": f"{_text(completion)}\n\n[{line}]"},
    )


def drawn(draw: Callable[[], _Drawn], plainly: Callable[[str], _Drawn]) -> _Drawn:
    """Return what is drawn; where that fails, what ``plainly`` makes of a line."""
    try:
        return draw()
    except Exception as error:  # noqa: BLE001 - no fault may take a text away
        what = one_line(f"{type(error).__name__}: {error}", 200)
        return plainly(f"This could not be drawn ({what}); the text is whole.")


def _card(completion: Completion, format: str) -> dict[str, Any]:  # noqa: A002
    below = [f"[{facts(completion)}]", *notes(completion)]
    text = _text(completion)
    bundle: dict[str, Any] = {
        "text/plain": "\n".join([text, "", *below]),
        RECORD_TYPE: output_record(completion, text),
    }
    if format != "text":
        small = "<br>".join(f"<small>{escape(line)}</small>" for line in below)
        markup = f"{answer(completion, format)}<hr>{small}"
        bundle["text/html"] = boxed(markup, "jc-card")
    return bundle


def answer(completion: Completion, format: str) -> str:  # noqa: A002 - as above
    """Return a completion's text as HTML: as its Markdown says, as it is, or shaded."""
    if format == "tokens":
        return Tokens(completion).html()
    text = _text(completion)
    return preformatted(text) if format == "text" else formatted(text)


def _text(completion: Completion) -> str:
    return printable_lines(completion.text).strip("\n")


def facts(completion: Completion) -> str:
    """Return the line below a completion: model, stop reason, size, times."""
    asked, answered = completion.request.model, completion.model
    parts = [answered if answered == asked else f"{asked} → {answered}"]
    if completion.endpoint not in {"", "embedded"}:
        parts.append(f"from {completion.endpoint}")
    if completion.status != "complete":
        parts.append(completion.status)
    if completion.stop_reason:
        parts.append(_ending(completion, completion.stop_reason))
    parts.append(_size(completion))
    if completion.reused:
        parts.append("reused from the history")
    elif completion.first_token_seconds is not None:
        parts.append(f"first token {completion.first_token_seconds:.2f} s")
        parts.append(f"total {completion.seconds:.2f} s")
    else:
        parts.append(f"total {completion.seconds:.2f} s")
    return printable(" · ".join(parts))


def _ending(completion: Completion, reason: str) -> str:
    """Return why an answer ended: of itself, or the endpoint's reason as it came."""
    stop, asked = completion.stop, completion.request.stop_sequences
    its_own = stop == HUMAN and HUMAN not in asked
    unasked = not stop and not asked and FILTERED not in completion.notices
    if reason.lower() in ENDS and (its_own or unasked):
        return "ended by itself"
    return f"{reason} {stop!r}" if stop else reason


def _size(completion: Completion) -> str:
    tokens = completion.usage.output_tokens if completion.usage else None
    if tokens is not None:
        return f"{tokens} token{'s' * (tokens != 1)}"
    count = len(completion.text)
    return f"{count} character{'s' * (count != 1)}"


def notes(completion: Completion) -> list[str]:
    """Return a line for each notice."""
    return [printable(f"Note: {notice}") for notice in completion.notices]


def request_text(
    request: HttpRequest, endpoint: Endpoint, notices: Sequence[str] = ()
) -> str:
    """Return exactly what would be sent, the key's place marked, as text."""
    lines = [f"{request.method} {request.url}"]
    lines += [f"{name}: {value}" for name, value in request.headers.items()]
    if endpoint.key_variable:
        key = f"(the key from {endpoint.key_variable}, if there is one)"
        lines += [
            f"{name}: {value.replace(KEY, key)}"
            for name, value in request.key_headers.items()
        ]
    lines += ["", request.body.decode()]
    return printable("\n".join([*lines, *(f"Note: {note}" for note in notices)]))
