"""Whether a cell of the history would still send what it sent."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..cell import read
from ..errors import CompleteError
from ..settings import flags
from ..settings.options import CompleteOptions
from .complete import CompletionMagics, prompt_text
from .typed import variables

if TYPE_CHECKING:
    from ..history import Row
    from ..session import Call

_LINE = re.compile(r"%complete (?P<line>[^\r\n]*[^\r\n\\])")


def sends_again(complete: CompletionMagics, source: str, row: Row) -> bool:
    """Tell whether the cell, run now, would send the request of the row.

    A variable of the prompt, or a setting, may have changed since.
    """
    wanted = (row.completion.request, row.base_url)
    try:
        return any(
            (call.request, call.endpoint.base_url) == wanted
            for call in _calls(complete, source)
        )
    except CompleteError:
        return False


def _calls(complete: CompletionMagics, source: str) -> Iterator[Call]:
    from . import sweep  # noqa: PLC0415 - loading must stay cheap

    cell, line = read(source), _LINE.fullmatch(source)
    if cell is not None and cell.magic == "complete":
        given, body = cell.line, cell.body
    elif line is not None:
        given, body = line["line"], None
    else:
        return
    asked = flags.parse(given, CompleteOptions)
    text = prompt_text(asked.rest, body)
    values = variables(complete.shell)
    session = complete.session
    if sweep.is_sweep(asked, session.settings.samples):
        plan = sweep.plan_of(session, values, text, asked)
        yield from (task.call for task in plan.tasks)
    elif call := session.preview(text, values, **asked.overrides):
        yield call
