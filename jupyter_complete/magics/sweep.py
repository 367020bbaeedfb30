"""The sweep of a cell: its axes read, its calls run, its grid shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.display import display

from ..cancel import shielded
from ..display import sweep_screen
from ..errors import CompletionInterrupted, InputError, printable
from ..figures import check
from ..results import Sweep
from ..session import axis_settings, check_sweep, judge_of
from ..sweeps.axes import parse_axes
from ..sweeps.scoring import Scoring, scoring_of
from ..sweeps.variants import names_variants
from ..sweeps.workers import as_executor
from .checks import hinted, of_sweep

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..session import Judge, Origin, Session, SweepPlan
    from ..settings.flags import MagicLine
    from ..settings.options import CompleteOptions
    from ..sweeps.tasks import Task

_OF_A_SWEEP = (
    *("export", "plot", "fresh"),
    *("expect", "score", "extract", "rubric", "judge"),
)
MOST_POINTS = 30
"""Points that a dry run prints."""


def is_sweep(line: MagicLine[CompleteOptions], samples: int) -> bool:
    """Tell whether a line asks for a sweep; refuse what goes with the other alone.

    ``samples`` is the setting, which a flag overrides.
    """
    options = line.options
    if options.sweep or line.overrides.get("samples", samples) > 1:
        alone = {"as": options.as_, "count": options.count}
        for name, given in (alone | {"show-prompt": options.show_prompt}).items():
            if given:
                raise InputError(
                    f"--{name} is for one completion, and this is a sweep; leave out "
                    "--sweep and -n, or see its size with --dry-run."
                )
        return True
    for name in _OF_A_SWEEP:
        if getattr(options, name):
            raise InputError(
                f"--{name} is for a sweep, and this is one completion; "
                "add --sweep AXIS or -n N."
            )
    return False


def has_variants(line: MagicLine[CompleteOptions]) -> bool:
    """Tell whether variants may stand for the prompt, so that there is no other."""
    return any(map(names_variants, line.options.sweep))


def plan_of(
    session: Session,
    variables: Mapping[str, object],
    text: str,
    line: MagicLine[CompleteOptions],
    origin: Origin | None = None,
) -> SweepPlan:
    """Return the sweep that a line and a text ask for, checked. Raises `InputError`."""
    axes = parse_axes(
        line.options.sweep,
        text=text,
        settings=axis_settings(),
        lookup=variables.__getitem__,
    )
    overrides = dict(line.overrides)
    executor = overrides.pop("executor", session.settings.executor)
    return session.plan_sweep(
        text,
        axes,
        variables,
        executor=_executor(executor, variables),
        fresh=line.options.fresh,
        origin=origin,
        **overrides,
    )


def _executor(name: str | None, variables: Mapping[str, object]) -> Executor | None:
    if name is None:
        return None
    if name not in variables:
        raise InputError(
            f"executor is {name!r}, and there is no such variable; assign a "
            "concurrent.futures.Executor or a dask.distributed.Client to it."
        )
    return as_executor(name, variables[name])


def grid_text(plan: SweepPlan, to_send: Sequence[Task]) -> str:
    """Return what a dry run says of a sweep: its size, what it sends, its points."""
    labels = dict.fromkeys(task.point.label for task in plan.tasks)
    shown = [f"  {label}" for label in list(labels)[:MOST_POINTS] if label]
    if len(labels) > MOST_POINTS:
        shown.append(f"  … and {len(labels) - MOST_POINTS:,} more points")
    notes = [f"Note: {notice}" for notice in plan.notices]
    answered = len(plan.tasks) - len(to_send)
    if answered:
        tokens = sum(task.request.max_tokens_to_sample for task in to_send)
        shown.append(
            f"The history has {answered:,} of the answers; to send: {len(to_send):,}, "
            f"at most {tokens:,} output tokens."
        )
    return printable("\n".join([plan.summary, *shown, *notes]))


def check_export(options: CompleteOptions) -> None:
    """Refuse, before anything is sent, a file that could not be written."""
    if options.export:
        path = Path(options.export).expanduser()
        if path.suffix.lower() not in (".jsonl", ".csv", ".parquet"):
            raise InputError(
                f"--export is {options.export!r}; name a .jsonl, .csv or .parquet file."
            )
        if not path.parent.is_dir():
            raise InputError(
                f"--export is {options.export!r}, and {path.parent} is no folder; "
                "make it first."
            )


def judge_of_line(session: Session, line: MagicLine[CompleteOptions]) -> Judge | None:
    """Return the model that judges the answers, if one is to. Raises `InputError`."""
    asked = line.options
    return judge_of(session, asked.score, asked.rubric, asked.judge, line.overrides)


def scoring(
    plan: SweepPlan,
    options: CompleteOptions,
    variables: Mapping[str, object],
    judge: Judge | None,
) -> Scoring | None:
    """Return how the answers are to be scored, checked. Raises `InputError`."""
    known = {"judge": judge, **variables} if judge else variables
    wanted = (*options.score, *of_sweep(options, variables))
    return scoring_of(plan.unanswered, wanted, options.expect, options.extract, known)


def check_plot(
    plan: SweepPlan, options: CompleteOptions, score: Scoring | None
) -> None:
    """Refuse, before anything is sent, a plot that could not be drawn."""
    if options.plot:
        check(score(plan.unanswered) if score else plan.unanswered, options.plot)


def run_sweep(
    session: Session,
    shell: InteractiveShell,
    plan: SweepPlan,
    *,
    name: str,
    options: CompleteOptions,
    score: Scoring | None = None,
    judge: Judge | None = None,
) -> Sweep:
    """Run the sweep, showing its grid; ``name`` is the variable that will hold it."""
    if not options.yes:
        check_sweep(plan, session.to_send, session.settings.confirm_calls)
    if judge:
        judge.ready()
    screen = sweep_screen(shell, plan, name=name)
    sweep = Sweep.shown(session.sweep(plan, on_progress=screen.progress))
    if judge and not sweep.interrupted:
        print(printable(f"{judge.model} judges the answers."))
        sweep = replace(sweep, interrupted=judge.ask(sweep))
    sweep = hinted(_scored(sweep, score, name), options)
    with shielded():
        screen.finish(sweep)
    return sweep


def _scored(sweep: Sweep, score: Scoring | None, name: str) -> Sweep:
    """Return the sweep with its scores; Ctrl-C in a score costs no answer."""
    if score is None:
        return sweep
    try:
        return score(sweep)
    except KeyboardInterrupt:
        line = f"The scoring was stopped; {name}.scored(…) scores the answers."
        return replace(sweep, interrupted=True, remarks=(line,))


def finish(sweep: Sweep, options: CompleteOptions) -> None:
    """Write and plot the sweep as asked; raise if it was interrupted."""
    if options.export:
        path = sweep.export(Path(options.export).expanduser())
        print(f"Written to {path}: {len(sweep)}.")
    if options.plot:
        figure: Any = sweep.plot(options.plot)
        display(figure)
    if sweep.interrupted:
        raise CompletionInterrupted(
            f"Stopped with {len(sweep.rows) - sweep.pending} of {len(sweep.rows)} "
            "calls made; run the cell again for the rest."
        )
