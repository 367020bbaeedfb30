"""``%complete_panel``: sliders and dropdowns for ``%%complete``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from IPython.core.magic import Magics, line_magic, magics_class, no_var_expand

from ..errors import InputError
from ..reading import reading
from ..settings import flags
from ..settings.options import PanelOptions
from .typed import refuse_words, variables

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..panel import CompletionPanel
    from .complete import CompletionMagics


@magics_class
class PanelMagics(Magics):
    """``%complete_panel``, on the session of ``%%complete``."""

    shell: InteractiveShell

    def __init__(self, shell: InteractiveShell, complete: CompletionMagics) -> None:
        super().__init__(shell)
        self._complete = complete

    @no_var_expand
    @line_magic
    def complete_panel(self, line: str) -> CompletionPanel:
        """Show sliders and dropdowns for %%complete, and answers side by side."""
        from ..panel import CompletionPanel  # noqa: PLC0415 - widgets load slowly

        read = flags.parse(line, PanelOptions)
        remedy = "the prompt goes into the panel, or into a variable: -p NAME."
        refuse_words(read.rest, "%complete_panel", remedy)
        return CompletionPanel(
            self._complete.session,
            prompt=self._prompt(read.options.prompt),
            out=read.options.out,
        )

    def _prompt(self, name: str | None) -> str | None:
        if name is None:
            return None
        values = variables(self.shell)
        if name not in values:
            raise InputError(f"--prompt is {name!r}, which names nothing; assign it.")
        return reading(name, values[name])


PanelMagics.complete_panel.__doc__ = flags.describe(
    "Show sliders and dropdowns for %%complete, and answers side by side.",
    PanelOptions,
    "The sliders are %config CompletionSettings; -o NAME of several samples is a list.",
)
