"""Tab completion on the line of a magic: flags, models, betas, axes, choices.

And nothing else there: the names of Python have no place in a prompt.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from IPython.core.completer import (
    CompletionContext,
    SimpleCompletion,
    SimpleMatcherResult,
    context_matcher,
)

from .settings import flags, parameters

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_LINE = re.compile(r"\s*%%?complete(?:_panel|_distribution)?\s")
_CELL = re.compile(r"\s*%%complete(?:_distribution)?\b")
_NAME = re.compile(r"\{\{(\w*)$")
_WORD = re.compile(r"\S*$")


def load(shell: InteractiveShell) -> None:
    """Add the completion to the shell."""

    @context_matcher()  # type: ignore[untyped-decorator]  # IPython is untyped
    def complete_matcher(context: CompletionContext) -> SimpleMatcherResult:
        found = complete(context.full_text, context.cursor_line, _until(context), shell)
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


def _until(context: CompletionContext) -> str:
    line: str = context.full_text.split("\n")[context.cursor_line]
    return line[: context.cursor_position]


def complete(
    cell: str, line: int, before: str, shell: InteractiveShell
) -> tuple[str, Sequence[str]] | None:
    """Give what stands before the cursor and the words it can become.

    ``before`` is the text of the cursor's line up to the cursor. None where the
    cursor is on no line of ours.
    """
    if line and _CELL.match(cell):
        return _of_body(before, shell)
    if not _LINE.match(before):
        return None
    words = before.split()
    fragment = "" if before[-1].isspace() else words.pop()
    known = {spelling: flag for flag in flags.flags() for spelling in flag.spellings}
    spelling, equals, value = fragment.partition("=")
    if equals and spelling in known:
        return value, _starting(value, _values(known[spelling], value, shell))
    asked = known.get(words[-1]) if words else None
    if asked is not None and asked.kind != "switch":
        return fragment, _starting(fragment, _values(asked, fragment, shell))
    longs = list(dict.fromkeys(flag.long for flag in known.values()))
    return fragment, _starting(fragment, longs)


def _of_body(before: str, shell: InteractiveShell) -> tuple[str, Sequence[str]]:
    match = _NAME.search(before)
    if match is None:
        word = _WORD.search(before)
        return word[0] if word else "", []
    return match[1], [f"{name}}}}}" for name in _starting(match[1], _variables(shell))]


def _starting(start: str, words: Iterable[str]) -> Sequence[str]:
    return [word for word in words if word.startswith(start)]


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


def _values(flag: flags.Flag, start: str, shell: InteractiveShell) -> Iterable[str]:
    if flag.choices:
        return flag.choices
    if flag.name == "sweep" and "@" in start:
        axis = start[: start.index("@") + 1]
        return [axis + name for name in _variables(shell)]
    known = _magics(shell).catalog()
    sources: dict[str, Callable[[], Iterable[Any]]] = {
        "model": lambda: (model.id for model in known.models),
        "betas": lambda: known.betas,
        "endpoint": lambda: (
            *(endpoint.name for endpoint in known.endpoints),
            *_magics(shell).settings.endpoints,
        ),
        "sweep": _axes,
        "executor": lambda: _variables(shell),
        "concurrency": lambda: ["auto"],
        "out": lambda: _variables(shell),
    }
    return sources[flag.name]() if flag.name in sources else ()
