"""A call's row in the history, from before it is sent to its end."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from .ask import Gathering, Outcome

if TYPE_CHECKING:
    from ..history import History
    from .journal import Journal
    from .plan import Call


def begin(
    history: History, call: Call, point: Mapping[str, object] | None = None
) -> int | None:
    """Write a call down before it is sent; give its row, None if it cannot be."""
    return history.begin(
        call.request,
        endpoint=call.endpoint.name,
        dialect=call.dialect.name,
        base_url=call.endpoint.base_url,
        sample=call.sample,
        sweep=call.sweep,
        point=point,
        stream=call.stream,
        source=call.origin.source,
        notebook=call.origin.notebook,
        cell=call.origin.cell,
    )


@contextlib.contextmanager
def kept(
    call: Call, gathering: Gathering, history: History | None, journal: Journal | None
) -> Iterator[Callable[[Outcome], Outcome]]:
    """Keep a call while it runs; what is yielded stores its outcome and gives it."""
    row = begin(history, call) if history and call.history else None
    if history is None or journal is None or row is None:
        yield lambda outcome: outcome
        return
    journal.add(row, gathering.text)

    def keep(outcome: Outcome) -> Outcome:
        journal.remove(row)
        stored = history.finish(row, outcome.completion)
        completion = replace(outcome.completion, history_id=stored)
        if outcome.error:
            outcome.error.completion = completion
        return replace(outcome, completion=completion)

    try:
        yield keep
    finally:
        journal.remove(row)
