"""The checks that a cell asks for: read, made where Ctrl-C still means no, required."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..errors import CompletionInterrupted, InputError, printable
from ..sweeps.checks import Checks, checks_of, require, require_all
from ..sweeps.scorers import scorer_of

if TYPE_CHECKING:
    from ..completion import Completion
    from ..results import Sweep
    from ..settings.options import CompleteOptions


def refuse_alone(options: CompleteOptions) -> None:
    """Refuse what goes with checks where there is none."""
    for name in ("hint", "check_or_stop"):
        if getattr(options, name) and not options.check:
            flag = name.replace("_", "-")
            raise InputError(
                f"--{flag} goes with a check; add one, as in --check 'words<=50'."
            )


def of_line(options: CompleteOptions, variables: Mapping[str, object]) -> Checks:
    """Return what checks the answer of a cell. Raises `InputError`."""
    refuse_alone(options)
    return checks_of(options.check, options.hint, variables)


def of_sweep(
    options: CompleteOptions, variables: Mapping[str, object]
) -> tuple[str, ...]:
    """Return the scores that a sweep's checks are. Raises `InputError`."""
    refuse_alone(options)
    for one in options.check:
        scorer_of(one, variables, "check")
    return options.check


def in_code(options: CompleteOptions) -> dict[str, Any]:
    """Return what code that asks the same has to say of the checks."""
    given = {name: getattr(options, name) for name in ("check", "hint")}
    given["check_or_stop"] = options.check_or_stop
    return {name: value for name, value in given.items() if value}


def told(options: CompleteOptions) -> str:
    """Return the line of a dry run that says what will be checked, if anything."""
    line = f"Checks: {', '.join(options.check)}"
    return printable(f"\n{line}") if options.check else ""


def checked(checks: Checks, completion: Completion) -> tuple[Completion, bool]:
    """Return the answer with its checks, and whether Ctrl-C stopped them."""
    try:
        with _interruptible():
            return checks(completion), False
    except KeyboardInterrupt:
        return completion, True


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C in for the functions of a notebook, which may never end."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def finish(completion: Completion, options: CompleteOptions, *, stopped: bool) -> None:
    """Raise for an answer that is not as it has to be, once it is shown."""
    if stopped:
        raise CompletionInterrupted(
            "Stopped while the answer was checked; it is kept.", completion
        )
    if options.check_or_stop:
        require(completion)


def hinted(sweep: Sweep, options: CompleteOptions) -> Sweep:
    """Return a sweep with the hint among its remarks, if a check did not pass."""
    marks = [row.marks for row in sweep.rows if row.marks]
    wrong = any(
        one.scores.get(name) is False for one in marks for name in options.check
    )
    if not (wrong and options.hint):
        return sweep
    return replace(sweep, remarks=(*sweep.remarks, f"Note: {options.hint}"))


def finish_sweep(sweep: Sweep, options: CompleteOptions) -> None:
    """Raise for a sweep whose answers are not as they have to be."""
    if options.check_or_stop:
        require_all(sweep, options.check)
