"""The magics: parse the line, call the session, show what came."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Sequence
from functools import cached_property
from getpass import getpass
from typing import TYPE_CHECKING, Any

from IPython.core.inputtransformer2 import TokenTransformBase
from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand
from IPython.paths import get_ipython_dir

from . import flags
from .errors import CompleteError, CompletionInterrupted, InputError
from .options import CompleteOptions
from .settings import CompletionSettings

if TYPE_CHECKING:
    from tokenize import TokenInfo

    from IPython.core.interactiveshell import InteractiveShell

    from .completion import Completion
    from .session import Call, Session

LAST = "_completion"


@magics_class
class CompletionMagics(Magics):
    """``%%complete`` and its sisters, on one `CompletionSettings`."""

    shell: InteractiveShell

    def __init__(self, shell: InteractiveShell, settings: CompletionSettings) -> None:
        super().__init__(shell)
        self.settings = settings

    @cached_property
    def session(self) -> Session:
        """What completes: made at the first use, so that loading costs nothing."""
        from .session import Session  # noqa: PLC0415 - loading must stay cheap

        return Session.opened(self.settings, self._profile(), getpass)

    def _profile(self) -> pathlib.Path:
        profile = self.shell.profile_dir
        return pathlib.Path(profile.location if profile else get_ipython_dir())

    @no_var_expand
    @line_cell_magic
    def complete(self, line: str, cell: str | None = None) -> None:
        """Complete the cell, or the rest of the line."""
        read = flags.parse(line, CompleteOptions)
        text = _prompt_text(read.rest, cell)
        values = self.shell.user_ns
        call = self.session.prepare(text, values, **read.overrides)
        if read.options.dry_run:
            self._show_request(call)
        else:
            self._complete(call, read.options)

    def _complete(self, call: Call, options: CompleteOptions) -> None:
        from .display import screen, shielded  # noqa: PLC0415 - see `session`

        place = screen(self.shell, self.settings.format)
        on_text = place.write if call.stream else None
        try:
            completion = self.session.complete(call, on_text=on_text)
        except (CompleteError, CompletionInterrupted) as error:
            with shielded():
                if error.completion:
                    self._keep(error.completion, options)
                    if error.completion.text:
                        place.finish(error.completion)
            raise
        with shielded():
            self._keep(completion, options)
            place.finish(completion)

    def _keep(self, completion: Completion, options: CompleteOptions) -> None:
        self.shell.user_ns[LAST] = completion
        if options.out:
            self.shell.user_ns[options.out] = completion

    def _show_request(self, call: Call) -> None:
        from .display import request_text  # noqa: PLC0415 - see `session`

        print(request_text(call.http(), call.endpoint, call.notices))  # noqa: T201


def _prompt_text(rest: str, cell: str | None) -> str:
    if cell is None:
        if not rest:
            raise InputError(
                "There is no prompt: write it after the flags, or below %%complete."
            )
        return rest
    if rest:
        raise InputError(
            f"{rest.split(maxsplit=1)[0]!r} on the %%complete line is no flag; "
            "the prompt goes below it."
        )
    # IPython ends every cell with a newline that its user did not write.
    return cell.removesuffix("\n")


def _describe(help_: str) -> str:
    return f"""{help_}

Flags (a flag left out sends nothing; --no-... and -t none unset a setting):

{flags.help_text()}

{{{{name}}}} in the prompt is replaced by the variable of that name. The result is in
_completion, and in NAME with -o NAME. Settings: %config CompletionSettings.
"""


CompletionMagics.complete.__doc__ = _describe(
    "Complete the cell below %%complete, or the text after %complete."
)


class QuestionLine(TokenTransformBase):
    """Lets ``%complete What does with do?`` be a prompt, not a request for help."""

    # Before HelpEnd, whose priority is 5 and which would take the line.
    priority = 4
    _LINE = re.compile(r"\s*%complete\s+(?P<line>.*\S.*\?\s*)\Z", re.DOTALL)

    @classmethod
    def find(cls, tokens_by_line: Sequence[Sequence[TokenInfo]]) -> Any:
        """Give the first line that is ``%complete`` with a question."""
        for tokens in tokens_by_line:
            start = next((t for t in tokens if t.string.strip()), None)
            if start and cls._LINE.match(start.line[start.start[1] :]):
                return cls(start.start)
        return None

    def transform(self, lines: list[str]) -> list[str]:
        """Give the lines with that one as a call of the magic."""
        line = lines[self.start_line]
        match = self._LINE.match(line[self.start_col :])
        if match is None:  # pragma: no cover - `find` saw it match
            return lines
        text = match["line"].rstrip("\n")
        call = f"get_ipython().run_line_magic('complete', {text!r})\n"
        return [
            *lines[: self.start_line],
            line[: self.start_col] + call,
            *lines[self.start_line + 1 :],
        ]


def load(shell: InteractiveShell) -> CompletionMagics:
    """Register the settings, the magics and the transformer of questions."""
    settings = CompletionSettings(parent=shell)
    shell.configurables.append(settings)  # type: ignore[arg-type] # its hint is wrong
    magics = CompletionMagics(shell, settings)
    shell.register_magics(magics)
    shell.input_transformer_manager.token_transformers.append(QuestionLine)
    return magics


def unload(shell: InteractiveShell) -> None:
    """Take away what `load` registered, and close the connections."""
    magics = shell.magics_manager.registry.pop(CompletionMagics.__name__, None)
    if magics is None:
        return
    if "session" in vars(magics):
        magics.session.close()
    shell.configurables.remove(magics.settings)
    for kind, names in magics.magics.items():
        for name in names:
            shell.magics_manager.magics[kind].pop(name, None)
    shell.input_transformer_manager.token_transformers.remove(QuestionLine)
