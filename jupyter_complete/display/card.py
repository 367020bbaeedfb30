"""What a completion looks like once it is there: the card and its line of facts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from ..dialects.choice import FILTERED
from ..endpoint import KEY
from ..errors import one_line, printable, printable_lines
from ..prices import dollars
from ..prompts import HUMAN
from ..saved import RECORD_TYPE, output_record
from .markdown import boxed, escape, formatted, preformatted
from .tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..completion import Completion
    from ..endpoint import Endpoint, HttpRequest

_Drawn = TypeVar("_Drawn")

ENDS = frozenset({"stop_sequence", "stop", "end_turn", "eos", "eos_token", "complete"})
"""Reasons of models that had nothing more to say, if no stop sequence was met."""


def card(completion: Completion, format: str) -> dict[str, Any]:  # noqa: A002
    """Return a completion's MIME bundle, from which `saved.from_output` reads it back.

    Where drawing it fails, the text is in it, and a line that says so.
    """
    text = _text(completion)

    def bundle() -> dict[str, Any]:
        html = {} if format == "text" else {"text/html": _html(completion, format)}
        return {
            "text/plain": "\n".join([text, "", *below(completion)]),
            RECORD_TYPE: output_record(completion, text),
            **html,
        }

    return drawn(bundle, lambda line: {"text/plain": f"{text}\n\n[{line}]"})


def card_html(completion: Completion, format: str) -> str:  # noqa: A002 - as above
    """Return a completion as the HTML of its card: its text, and what is `below` it.

    Where drawing it fails, the text is there as it is, and a line that says so.
    """
    return drawn(
        lambda: _html(completion, format),
        lambda line: _boxed(preformatted(_text(completion)), [f"[{line}]"]),
    )


def drawn(draw: Callable[[], _Drawn], plainly: Callable[[str], _Drawn]) -> _Drawn:
    """Return what is drawn; where that fails, what ``plainly`` makes of a line."""
    try:
        return draw()
    except Exception as error:  # noqa: BLE001 - no fault may take a text away
        what = one_line(f"{type(error).__name__}: {error}", 200)
        return plainly(f"This could not be drawn ({what}); the text is whole.")


def _html(completion: Completion, format: str) -> str:  # noqa: A002 - as above
    if format == "tokens":
        text = Tokens(completion).html()
    elif format == "text":
        text = preformatted(_text(completion))
    else:
        text = formatted(_text(completion))
    return _boxed(text, below(completion))


def _boxed(text: str, lines: Sequence[str]) -> str:
    small = "<br>".join(f"<small>{escape(line)}</small>" for line in lines)
    return boxed(f'<div class="jc-text">{text}</div><hr>{small}', "jc-card")


def _text(completion: Completion) -> str:
    return printable_lines(completion.text).strip("\n")


def below(completion: Completion) -> list[str]:
    """Return the lines below a completion's text: facts, checks, notices, error."""
    notes = [f"Note: {notice}" for notice in completion.notices]
    error = [f"Error: {completion.error}"] if completion.error else []
    lines = [*map(str, completion.checks), *notes, *error]
    return [f"[{facts(completion)}]", *map(printable, lines)]


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
    if completion.cost and not completion.reused:
        parts.append(f"about {dollars(completion.cost)}")
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
