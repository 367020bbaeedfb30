"""What a line of each magic may ask for beside the settings it overrides."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from ..scores import SCORES


def option(
    *flags: str,
    help: str,  # noqa: A002 - traitlets and argparse call it so
    metavar: str | None = None,
    **more: Any,
) -> Any:
    """Describe a field that a flag sets: a switch, or with ``metavar`` a value."""
    metadata = {"flags": flags, "help": help, "metavar": metavar, **more}
    default: object = None if metavar else False
    default = more.get("default", () if more.get("repeat") else default)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True)
class MagicOptions:
    """What the lines of all magics have in common."""

    magic: ClassVar[str]
    """The magic as it is typed."""
    settings: ClassVar[bool] = True
    """Whether the settings' flags are among those of this magic."""
    words_anywhere: ClassVar[bool] = False
    """Whether words may stand between the flags; else all after the first is text."""


@dataclass(frozen=True, slots=True)
class CompleteOptions(MagicOptions):
    """What a line of ``%%complete`` asks for beside the settings it overrides."""

    magic: ClassVar[str] = "%%complete"
    out: str | None = option(
        "-o", "--out", metavar="NAME", kind="name", help="Also name the result NAME."
    )
    dry_run: bool = option(
        "--dry-run", help="Show exactly what would be sent, and send nothing."
    )
    as_: str | None = option(
        "--as",
        metavar="KIND",
        choices=("curl", "requests", "sdk", "magic"),
        help="Show code that sends the same request, and send nothing.",
    )
    count: bool = option(
        "--count",
        help="Show how many tokens the prompt has, where the endpoint counts.",
    )
    show_prompt: bool = option(
        "--show-prompt",
        help="Also show the prompt as the model's chat template writes it, where "
        "llama.cpp answers, as for a local model.",
    )
    sweep: tuple[str, ...] = option(
        "-s",
        "--sweep",
        metavar="AXIS",
        repeat=True,
        help="An axis of a sweep, such as temperature=0:1:0.25. Repeatable.",
    )
    yes: bool = option("--yes", help="Run a large sweep without asking.")
    fresh: bool = option("--fresh", help="Ask again for all that a sweep has already.")
    export: str | None = option(
        "--export",
        metavar="FILE",
        help="Write the sweep to a .jsonl, .csv or .parquet file; in .csv, text that "
        "a spreadsheet would take for a formula begins with an apostrophe.",
    )
    plot: str | None = option(
        "--plot",
        metavar="SPEC",
        help="Plot the sweep, as in words~temperature or answers~temperature.",
    )
    expect: str | None = option(
        "--expect",
        metavar="COLUMN",
        help="What the answers of a sweep should be: a column of its rows, a text "
        "with {{name}}, or @variable, a dict by the sweep's values.",
    )
    score: tuple[str, ...] = option(
        "--score",
        metavar="NAME",
        repeat=True,
        help=f"Score the answers: {', '.join(SCORES)}, each also with what it expects, "
        "as exact:Paris, or a function f(completion, expected) of the notebook. "
        "Repeatable.",
    )
    rubric: str | None = option(
        "--rubric",
        metavar="TEXT",
        help="What the judge of --score judge looks for.",
    )
    judge: str | None = option(
        "--judge",
        metavar="MODEL",
        help="The model that judges each answer, for --score judge: one call for each.",
    )
    extract: str | None = option(
        "--extract",
        metavar="REGEX",
        help="Take the answer out of the text before it is scored: what the group of "
        "<answer>(.*?)</answer> matches, or what a function of the notebook gives.",
    )
    check: tuple[str, ...] = option(
        "--check",
        metavar="CHECK",
        repeat=True,
        help="Check the answer: contains:TEXT or another score, a number as in "
        "words<=50, lines==3 or length<200, json, or a function f(completion) of the "
        "notebook. The card says what came of it; of a sweep it is a score. "
        "Repeatable.",
    )
    hint: str | None = option(
        "--hint", metavar="TEXT", help="What to say where a check did not pass."
    )
    check_or_stop: bool = option(
        "--check-or-stop",
        help="Raise an error where a check did not pass, so that the cells below do "
        "not run; the answer is kept and shown.",
    )


@dataclass(frozen=True, slots=True)
class ModelOptions(MagicOptions):
    """What a line of ``%complete_models`` asks for."""

    magic: ClassVar[str] = "%complete_models"
    refresh: bool = option(
        "--refresh",
        help="Ask the endpoint for its list of models, and say what changed.",
    )
    unload: bool = option("--unload", help="End the local models that are loaded.")


@dataclass(frozen=True, slots=True)
class DistributionOptions(MagicOptions):
    """What a line of ``%complete_distribution`` asks for."""

    magic: ClassVar[str] = "%complete_distribution"
    out: str | None = option(
        "-o", "--out", metavar="NAME", kind="name", help="Name the distribution NAME."
    )
    rows: int = option(
        "--rows",
        metavar="N",
        kind="integer",
        default=12,
        help="How many of the likeliest tokens get a bar of their own.",
    )
    static: bool = option(
        "--static", help="Show the picture alone, without sliders, in a notebook too."
    )


@dataclass(frozen=True, slots=True)
class PanelOptions(MagicOptions):
    """What a line of ``%complete_panel`` asks for."""

    magic: ClassVar[str] = "%complete_panel"
    settings: ClassVar[bool] = False
    out: str | None = option(
        "-o", "--out", metavar="NAME", kind="name", help="Also name each result NAME."
    )
    prompt: str | None = option(
        "-p",
        "--prompt",
        metavar="NAME",
        help="Start from the prompt in the variable NAME; left out, from the last "
        "%%complete cell.",
    )


@dataclass(frozen=True, slots=True)
class HistoryOptions(MagicOptions):
    """What a line of ``%complete_history`` asks for."""

    magic: ClassVar[str] = "%complete_history"
    settings: ClassVar[bool] = False
    words_anywhere: ClassVar[bool] = True
    n: int = option(
        "-n", metavar="N", kind="integer", default=20, help="The most rows to list."
    )
    model: str | None = option(
        "-m", "--model", metavar="MODEL", help="Only completions of this model."
    )
    since: str | None = option(
        "--since",
        metavar="WHEN",
        help="Only since then: a date such as 2026-01-31, or 90m, 24h, 7d.",
    )
    status: str | None = option(
        "--status",
        metavar="STATUS",
        choices=("complete", "interrupted", "broken", "error", "lost", "running"),
        help="Only completions that ended so.",
    )
    sweep: str | None = option(
        "--sweep", metavar="ID", help="Only the completions of this sweep."
    )
    show: int | None = option(
        "--show", metavar="ID", kind="integer", help="Show this completion's card."
    )
    format: str | None = option(
        "--format",
        metavar="FORMAT",
        choices=("auto", "text", "markdown", "tokens"),
        help="How --show shows it; left out, as the settings say.",
    )
    restore: str | None = option(
        "--restore",
        metavar="ID",
        help="Put this completion, or sweep, back into the namespace.",
    )
    out: str | None = option(
        "-o", "--out", metavar="NAME", kind="name", help="Name what is restored NAME."
    )
    rerun: int | None = option(
        "--rerun",
        metavar="ID",
        kind="integer",
        help="Write the cell that asked for it into the next cell.",
    )
    export: str | None = option(
        "--export",
        metavar="FILE",
        help="Write what is found to a .jsonl or .csv file; in .csv, text that a "
        "spreadsheet would take for a formula begins with an apostrophe.",
    )
    import_: str | None = option(
        "--import", metavar="FILE", help="Read completions from a .jsonl file."
    )
    delete: tuple[int, ...] = option(
        "--delete",
        metavar="ID",
        kind="integer",
        repeat=True,
        help="Delete this completion; more ids may follow.",
    )
    cost: bool = option(
        "--cost", help="Sum what is found by day and model: tokens and US dollars."
    )
    purge: bool = option(
        "--purge", help="Delete all that is found; with --yes, without asking."
    )
    yes: bool = option("--yes", help="Do not ask before deleting.")
