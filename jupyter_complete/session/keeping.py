"""A call's run in the history, from before it is sent to its end."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..completion import Outcome
from .ask import CompletionBuilder

if TYPE_CHECKING:
    from ..completion import Completion
    from ..history import Entry, History
    from .plan import Call

NOT_STORED = "Not stored so far: the history has not taken this completion."


def sending(
    call: Call, point: Mapping[str, object] | None = None, filled: str | None = None
) -> dict[str, Any]:
    """Return what `History.begin` takes of a call."""
    return {
        "request": call.request,
        "endpoint": call.endpoint.name,
        "dialect": call.dialect.name,
        "base_url": call.endpoint.base_url,
        "sample": call.sample,
        "sweep": call.sweep,
        "point": point,
        "filled": filled,
        "stream": call.stream,
        "source": call.origin.source,
        "notebook": call.origin.notebook,
        "cell": call.origin.cell,
    }


def ended(history: History, entry: Entry, completion: Completion) -> Completion:
    """Store how a call ended; return it with its id, or marked as not stored."""
    number = history.finish(entry, completion)
    notices = completion.notices
    # On a busy machine the writing may take longer than it is waited for.
    if not entry.kept and not history.under_way(entry):
        notices = (*notices, NOT_STORED)
    return replace(completion, history_id=number, notices=notices)


@contextlib.contextmanager
def kept(
    call: Call, builder: CompletionBuilder, history: History | None
) -> Iterator[Callable[[Outcome], Outcome]]:
    """Keep a call while it runs; what is yielded stores its outcome and gives it."""
    if history is None or not call.history:
        yield lambda outcome: outcome
        return
    entry = history.begin(**sending(call))

    def keep(outcome: Outcome) -> Outcome:
        completion = ended(history, entry, outcome.completion)
        if outcome.error:
            outcome.error.completion = completion
        return replace(outcome, completion=completion)

    with history.followed(entry, builder.text):
        yield keep
