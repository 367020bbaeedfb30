"""Explore text completions in a notebook: magics, a panel, sweeps, a small model."""

from __future__ import annotations

import functools
import sys
import warnings
from typing import TYPE_CHECKING, Any

from .completion import Completion
from .errors import CompleteError, CompletionInterrupted
from .version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping, Sequence
    from pathlib import Path

    from IPython.core.interactiveshell import InteractiveShell

    from .panel import CompletionPanel
    from .results import Sweep
    from .session import Session, SweepPlan

__all__ = [
    "CompleteError",
    "Completion",
    "CompletionInterrupted",
    "CompletionPanel",
    "Sweep",
    "__version__",
    "as_code",
    "complete",
    "load",
    "load_ipython_extension",
    "sweep",
    "unload_ipython_extension",
]


def complete(
    prompt: str,
    *,
    values: Mapping[str, object] | None = None,
    check: Any = (),
    hint: str | None = None,
    check_or_stop: bool = False,
    **settings: Any,
) -> Completion:
    """Complete a prompt, as ``%%complete`` does.

    ``settings`` are those of ``%config CompletionSettings``, by name, for this call.
    ``values`` fill ``{{name}}``; left out, the variables do that the caller has in a
    notebook. ``check`` is what the answer is checked for, as ``words<=50``, a function
    of a completion, or a list; where it is not so, ``hint`` becomes a notice and
    ``check_or_stop`` raises.
    Raises `CompleteError`; what had arrived is in its ``completion``.
    """
    from .sweeps.checks import checks_of, require  # noqa: PLC0415 - see below

    session, namespace = _session()
    given = _variables(namespace) if values is None else values
    checks = checks_of(check, hint, given)
    call = session.prepare(prompt, given, **settings)
    try:
        completion = checks(session.complete(call))
    finally:
        _tell(session)
    if check_or_stop:
        require(completion)
    return completion


def sweep(
    prompt: str | Mapping[str, str] | Sequence[str],
    *,
    values: Mapping[str, object] | None = None,
    executor: Any = None,
    fresh: bool = False,
    score: Any = (),
    expect: Any = None,
    extract: Any = None,
    rubric: str | None = None,
    judge: str | None = None,
    **settings: Any,
) -> Sweep:
    """Complete a prompt at every point of a grid, as ``%%complete --sweep`` does.

    A setting, or a ``{{name}}`` of the prompt, given as a list is an axis; axes
    multiply. A dict of prompts by name, or a list, is the axis ``prompt``. ``values``
    fill the other names; left out, the notebook's variables do. ``executor`` is a
    `concurrent.futures.Executor` or a Dask client. What an earlier run of the same
    prompt answered is not asked again, unless ``fresh``. ``score``, ``expect`` and
    ``extract`` score the answers as `Sweep.scored` does; the score ``judge`` asks the
    model ``judge`` about each, by the ``rubric``. Failed calls are completions, too.
    Raises `InputError` before anything is sent, `CompletionInterrupted` on Ctrl-C.
    """
    from .results import Sweep  # noqa: PLC0415 - see below
    from .session import judge_of  # noqa: PLC0415 - see below
    from .sweeps.scoring import scoring_of  # noqa: PLC0415 - see below

    session, namespace = _session()
    given = _variables(namespace) if values is None else values
    plan = _plan(session, prompt, given, executor, settings, fresh=fresh)
    asked = judge_of(session, score, rubric, judge, settings)
    known = {"judge": asked} if asked else {}
    scoring = scoring_of(plan.unanswered, score, expect, extract, known)
    if asked:
        asked.ready()
    done = Sweep.shown(session.sweep(plan))
    stopped = done.interrupted or (asked is not None and asked.ask(done))
    _tell(session)
    return _given(scoring(done) if scoring else done, stopped=stopped)


def _given(done: Sweep, *, stopped: bool) -> Sweep:
    if stopped:
        error = CompletionInterrupted("Stopped; what was answered is in the history.")
        error.sweep = done
        raise error
    return done


def _plan(
    session: Session,
    prompt: str | Mapping[str, str] | Sequence[str],
    values: Mapping[str, object],
    executor: Any,
    settings: Mapping[str, Any],
    *,
    fresh: bool,
) -> SweepPlan:
    from .prompts import template_names  # noqa: PLC0415 - see below
    from .session import axis_settings, whole_sweep_settings  # noqa: PLC0415
    from .sweeps.axes import AxisNames, keyword_axes  # noqa: PLC0415 - see below
    from .sweeps.variants import texts_of, variants_of  # noqa: PLC0415 - see below
    from .sweeps.workers import as_executor  # noqa: PLC0415 - see below

    whole = whole_sweep_settings()
    swept = {name: value for name, value in settings.items() if name not in whole}
    variants = () if isinstance(prompt, str) else (variants_of(prompt),)
    text = prompt if isinstance(prompt, str) else ""
    own = template_names("\n".join(texts_of(text, variants).values()))
    single, axes = keyword_axes(swept, AxisNames(axis_settings(), own))
    return session.plan_sweep(
        text,
        (*variants, *axes),
        values,
        executor=None if executor is None else as_executor("given", executor),
        fresh=fresh,
        **single,
        **{name: settings[name] for name in whole & set(settings)},
    )


def as_code(completion: Completion, kind: str) -> str:
    """Return code that sends the request of ``completion``; it reads the key itself.

    ``kind`` is ``curl``, ``requests``, ``sdk`` or ``magic``. Raises `InputError` for a
    request that cannot be written so.
    """
    return _session()[0].code(completion, kind)


def load(path: str | Path) -> list[Completion]:
    """Return the completions of the notebook at ``path``, equal to those it shows.

    Needs no kernel and no history. Raises `CompleteError` for what is no notebook.
    """
    from .saved import load as load_saved  # noqa: PLC0415 - see above

    return load_saved(path)


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Add the magics, the settings and the tab completion to the shell."""
    from . import magics, matcher  # noqa: PLC0415 - they import IPython

    magics.load(shell)
    matcher.load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Take what `load_ipython_extension` added away from the shell."""
    from . import magics, matcher  # noqa: PLC0415 - they import IPython

    matcher.unload(shell)
    magics.unload(shell)


def _variables(namespace: MutableMapping[str, object]) -> Mapping[str, object]:
    """Return what names stand for where our caller was called, in a notebook."""
    from .scope import names_at  # noqa: PLC0415 - see above

    if not namespace:
        return {}
    caller = sys._getframe(2)  # noqa: SLF001 - as IPython does it
    return names_at(caller, namespace, caller.f_globals)


def _session() -> tuple[Session, MutableMapping[str, object]]:
    """Return the session of the shell with the extension, else one of our own."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is not None:
        registry = shell.magics_manager.registry
        if "CompletionMagics" in registry:
            return registry["CompletionMagics"].session, shell.user_ns
    return _script_session(), shell.user_ns if shell is not None else {}


def _tell(session: Session) -> None:
    for line in session.warnings():
        warnings.warn(line, stacklevel=3)


def __getattr__(name: str) -> Any:
    if name == "Sweep":
        from .results import Sweep  # noqa: PLC0415 - importing stays cheap

        return Sweep
    if name == "CompletionPanel":
        from .panel import CompletionPanel  # noqa: PLC0415 - widgets are slow to come

        return CompletionPanel
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@functools.cache
def _script_session() -> Session:
    import getpass  # noqa: PLC0415 - see above
    import pathlib  # noqa: PLC0415 - see above

    from IPython.paths import get_ipython_dir  # noqa: PLC0415 - see above

    from .session import Session  # noqa: PLC0415 - see above
    from .settings import CompletionSettings  # noqa: PLC0415 - see above

    directory = pathlib.Path(get_ipython_dir()) / "profile_default"
    ask_key = getpass.getpass if sys.stdin and sys.stdin.isatty() else None
    return Session.opened(CompletionSettings(), directory, ask_key)
