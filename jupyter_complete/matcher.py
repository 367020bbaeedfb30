"""Tab completion on the line of a magic: flags, models, betas, axes, choices.

And nothing else there: the names of Python have no place in a prompt.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.completer import (
    CompletionContext,
    SimpleCompletion,
    SimpleMatcherResult,
    context_matcher,
)

from .cell import OURS, read
from .scores import SCORES
from .settings import flags, parameters
from .settings.options import MagicOptions

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_LINE = re.compile(rf"(?:[^%]*=)?\s*%%?(?P<magic>{OURS.pattern})\s")
_NAME = re.compile(r"\{\{([ \t]*)(\w*)$")
_WORD = re.compile(r"\S*$")


def load(shell: InteractiveShell) -> None:
    """Add the completion to the shell."""

    @context_matcher()  # type: ignore[untyped-decorator]  # IPython is untyped
    def complete_matcher(context: CompletionContext) -> SimpleMatcherResult:
        before, after = _around(context)
        found = complete(before, after, shell)
        if found is None:
            return SimpleMatcherResult(completions=[])
        fragment, words = found
        # An empty list suppresses nothing, so a word that leads nowhere is its own
        # completion.
        return SimpleMatcherResult(
            completions=[SimpleCompletion(word) for word in words or [fragment]],
            matched_fragment=fragment,
            suppress=True,
            ordered=True,
        )

    complete_matcher.jupyter_complete = True
    shell.Completer.custom_matchers.append(complete_matcher)


def unload(shell: InteractiveShell) -> None:
    """Take it away again."""
    matchers = shell.Completer.custom_matchers
    matchers[:] = [m for m in matchers if not hasattr(m, "jupyter_complete")]


def _around(context: CompletionContext) -> tuple[str, str]:
    """Return the text before the cursor and after it."""
    lines = context.full_text.split("\n")
    above = "".join(f"{line}\n" for line in lines[: context.cursor_line])
    line: str = lines[context.cursor_line]
    cursor = context.cursor_position
    return above + line[:cursor], line[cursor:]


def complete(
    before: str, after: str, shell: InteractiveShell
) -> tuple[str, Sequence[str]] | None:
    """Return what stands before the cursor and the words it can become.

    ``before`` and ``after`` are the cell up to the cursor, and from it on. None where
    the cursor is in no prompt and on no line of ours.
    """
    above, _, before = before.rpartition("\n")
    in_body = read(above) is not None
    head = None if in_body else _LINE.match(before)
    options = _magics_by_name().get(head["magic"]) if head else None
    if options is None and not in_body:
        return None
    if name := _NAME.search(before):
        return _names(name[1], name[2], after, shell)
    if options is None or head is None:
        word = _WORD.search(before)
        return word[0] if word else "", []
    return _of_line(options, before[head.end() - 1 :], shell)


def _of_line(
    options: type[MagicOptions], before: str, shell: InteractiveShell
) -> tuple[str, Sequence[str]]:
    words = before.split()
    fragment = "" if before[-1].isspace() else words.pop()
    known = {
        spelling: flag for flag in flags.flags(options) for spelling in flag.spellings
    }
    spelling, equals, value = fragment.partition("=")
    if equals and spelling in known:
        return value, _starting(value, _values(known[spelling], value, shell))
    asked = known.get(words[-1]) if words else None
    if asked is not None and asked.kind != "switch":
        return fragment, _starting(fragment, _values(asked, fragment, shell))
    longs = list(dict.fromkeys(flag.long for flag in known.values()))
    return fragment, _starting(fragment, longs)


def _magics_by_name() -> Mapping[str, type[MagicOptions]]:
    return {one.magic.strip("%"): one for one in MagicOptions.__subclasses__()}


def _names(
    room: str, start: str, after: str, shell: InteractiveShell
) -> tuple[str, Sequence[str]]:
    """Return the names of variables, with the braces that close them, if none do."""
    end = "" if after.lstrip().startswith("}}") else f"{room}}}}}"
    return start, [f"{name}{end}" for name in _starting(start, _variables(shell))]


def _starting(start: str, words: Iterable[str]) -> Sequence[str]:
    bare = start.lstrip("'\"")
    return [word for word in words if word.lstrip("'\"").startswith(bare)]


def _variables(shell: InteractiveShell) -> Iterable[str]:
    hidden = shell.user_ns_hidden
    return sorted(
        name
        for name in shell.user_ns
        if not name.startswith("_") and name not in hidden
    )


def _magics(shell: InteractiveShell) -> Any:
    return shell.magics_manager.registry["CompletionMagics"]


def _axes() -> Iterable[str]:
    return [f"{parameter.name}=" for parameter in parameters() if parameter.axis]


def _local_names(shell: InteractiveShell) -> Iterable[str]:
    from .local import files  # noqa: PLC0415 - only where needed

    directory = files.model_directory(_magics(shell).settings.model_directory)
    return [file.name for file in files.listed(directory)]


def _paths(start: str) -> Iterable[str]:
    """Return the directories and model files that a path can go on to."""
    from .local.files import SUFFIX  # noqa: PLC0415 - see above

    folder, slash, name = start.rpartition("/")
    if not slash:
        return []
    try:
        found = sorted(Path(folder + slash).expanduser().iterdir())
    except (OSError, RuntimeError, ValueError):
        return []
    seen = [one for one in found if name.startswith(".") or one.name[0] != "."]
    return [
        f"{folder}/{one.name}{'/' * one.is_dir()}"
        for one in seen
        if one.is_dir() or one.suffix.lower() == SUFFIX
    ]


def _checks() -> Iterable[str]:
    """Return how a check may begin: a score with what it expects, a number, json."""
    from .sweeps.conditions import MEASURES  # noqa: PLC0415 - see above

    scores = [
        f"{one.name}:" if one.alone is None else one.name for one in SCORES.values()
    ]
    return [*scores, *(f"{name}<=" for name in MEASURES)]


def _values(flag: flags.Flag, start: str, shell: InteractiveShell) -> Iterable[str]:
    if flag.choices:
        return flag.choices
    if flag.metavar == "AXIS" and "@" in start:
        axis = start[: start.index("@") + 1]
        return [axis + name for name in _variables(shell)]
    if flag.metavar == "AXIS":
        return _axes()
    known = _magics(shell).catalog()
    functions = [name for name in _variables(shell) if callable(shell.user_ns[name])]
    sources: dict[str, Callable[[], Iterable[Any]]] = {
        "model": lambda: (
            *(model.id for model in known.models),
            *map(flags.quoted, (*_local_names(shell), *_paths(start))),
        ),
        "betas": lambda: known.betas,
        "endpoint": lambda: (
            *(endpoint.name for endpoint in known.endpoints),
            *_magics(shell).settings.endpoints,
        ),
        "executor": lambda: _variables(shell),
        "concurrency": lambda: ["auto"],
        "score": lambda: (*SCORES, *functions),
        "check": lambda: (*_checks(), *functions),
        "out": lambda: _variables(shell),
        "prompt": lambda: _variables(shell),
    }
    return sources[flag.name]() if flag.name in sources else ()
