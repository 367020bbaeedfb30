"""``%complete_history``: past completions, shown, restored, run again, deleted."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, line_magic, magics_class, no_var_expand

from ..cell import read
from ..errors import CompleteError, HistoryError, InputError
from ..settings import flags
from ..settings.options import CompleteOptions, HistoryOptions
from .complete import LAST, LAST_SWEEP, CompletionMagics
from .typed import prompt_text, variables

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..display import Table
    from ..history import History, Row
    from ..session import Call


_AGO = re.compile(r"(\d+)([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


@magics_class
class HistoryMagics(Magics):
    """``%complete_history``, on the history of the session."""

    shell: InteractiveShell

    def __init__(self, shell: InteractiveShell, complete: CompletionMagics) -> None:
        super().__init__(shell)
        self._complete = complete

    @property
    def _history(self) -> History:
        history = self._complete.session.history
        if history is None:  # pragma: no cover - a shell's session has one
            raise InputError("This session has no history.")
        return history

    @no_var_expand
    @line_magic
    def complete_history(self, line: str) -> Table | None:
        """List, search, show, restore, export and delete past completions."""
        read = flags.parse(line, HistoryOptions)
        options = read.options
        with contextlib.suppress(HistoryError):  # it may be read all the same
            # A kernel may have died since the file was opened.
            self._history.recover()
        try:
            return self._do(options, read.rest)
        finally:
            self._complete.warn()

    def _do(self, options: HistoryOptions, rest: str) -> Table | None:
        if options.import_:
            count = self._history.import_(Path(options.import_).expanduser())
            print(f"New in the history: {count}.")
        elif options.show is not None:
            self._show(options.show, options)
        elif options.restore is not None:
            self._restore(options.restore, options.out)
        elif options.rerun is not None:
            self._rerun(self._history.row(options.rerun))
        elif options.delete:
            self._delete(options.delete, rest)
        elif options.purge:
            self._purge(rest, options)
        elif options.export:
            self._export(rest, options)
        elif options.cost:
            return self._cost(rest, options)
        else:
            return self._list(rest, options)
        return None

    def _list(self, words: str, options: HistoryOptions) -> Table:
        from ..display import history_table  # noqa: PLC0415 - loading stays cheap

        if options.n < 1:
            raise InputError(f"-n is {options.n}; give a whole number, 1 or more.")
        rows = self._history.search(words, n=options.n, **_where(options))
        return history_table(rows)

    def _cost(self, words: str, options: HistoryOptions) -> Table:
        from ..display import cost_table  # noqa: PLC0415 - loading stays cheap

        return cost_table(self._history.search(words, n=None, **_where(options)))

    def _show(self, number: int, options: HistoryOptions) -> None:
        from ..display import completion_screen  # noqa: PLC0415 - loading stays cheap

        screen = completion_screen(
            self.shell, options.format or self._complete.settings.format
        )
        screen.finish(self._history.get(number))

    def _restore(self, wanted: str, out: str | None) -> None:
        if wanted.isascii() and wanted.isdigit():
            completion = self._history.get(int(wanted))
            self._complete.keep(completion, out)
            print(f"{out or LAST} is the completion {wanted} again.")
            return
        from ..results import Sweep  # noqa: PLC0415 - loading stays cheap

        sweep = self._complete.session.restore_sweep(wanted)
        self._complete.keep_sweep(Sweep.shown(sweep), out)
        print(f"{out or LAST_SWEEP} is the sweep {wanted} again.")

    def _rerun(self, row: Row) -> None:
        source = row.source
        if source is None or not sends_again(self._complete, source, row):
            source = self._complete.session.code(row.completion, "magic")
            if row.source:
                print("Its cell would now send something else; this sends the same.")
        self.shell.set_next_input(source, replace=False)

    def _delete(self, numbers: tuple[int, ...], rest: str) -> None:
        words = rest.replace(",", " ").split()
        bad = next((word for word in words if not word.isdigit()), None)
        if bad is not None:
            raise InputError(f"--delete takes ids, and {bad!r} is none.")
        count = self._history.delete([*numbers, *map(int, words)])
        print(f"Deleted: {count}.")

    def _purge(self, words: str, options: HistoryOptions) -> None:
        where = _where(options)
        if not options.yes:
            count = self._history.count(words, **where)
            print(f"To be deleted: {count}; add --yes to delete.")
            return
        count = self._history.purge(words, **where)
        print(f"Deleted: {count}.")

    def _export(self, words: str, options: HistoryOptions) -> None:
        found = self._history.search(words, n=None, **_where(options))
        path = Path(str(options.export)).expanduser()
        count = self._history.export(path, [row.id for row in reversed(found)])
        print(f"Written to {path}: {count}.")


def _where(options: HistoryOptions) -> dict[str, Any]:
    since = None if options.since is None else when(options.since)
    return {
        "model": options.model,
        "since": since,
        "status": options.status,
        "sweep": options.sweep,
    }


def when(text: str) -> datetime:
    """Return the time of a date, ISO 8601, local where it says no zone, or of ``24h``.

    Raises `InputError`.
    """
    ago = _AGO.fullmatch(text)
    try:
        if ago:
            return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InputError(
            f"--since is {text!r}; give a date such as 2026-01-31, or 90m, 24h, 7d."
        ) from error


HistoryMagics.complete_history.__doc__ = flags.describe(
    "List past completions, newest first; words search in prompts and answers.",
    HistoryOptions,
)


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
