"""``%complete_distribution``: what can come next, and what the settings make of it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand
from IPython.display import display

from ..errors import InputError
from ..settings import flags
from ..settings.options import DistributionOptions
from .keyboard import one_line
from .typed import prompt_text, variables

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..cancel import Cancel
    from ..display import TokenBars
    from ..distribution import Distribution
    from ..session import Call
    from .complete import CompletionMagics

_numbers = itertools.count(1)


@magics_class
class DistributionMagics(Magics):
    """``%complete_distribution``, on the session of ``%%complete``."""

    shell: InteractiveShell

    def __init__(self, shell: InteractiveShell, complete: CompletionMagics) -> None:
        super().__init__(shell)
        self._complete = complete

    @no_var_expand
    @line_cell_magic
    @one_line("Stopped; what comes next is not known.")
    def complete_distribution(
        self, line: str, cell: str | None = None
    ) -> TokenBars | None:
        """Show the next token's probabilities."""
        from ..display import TokenBars  # noqa: PLC0415 - loading must stay cheap
        from ..session import UNSHAPED  # noqa: PLC0415 - as above

        read = flags.parse(line, DistributionOptions)
        if read.options.rows < 1:
            raise InputError(f"--rows is {read.options.rows}; give 1 or more.")
        session = self._complete.session
        settings = session.settings.changed(read.overrides)
        call = session.prepare(
            prompt_text(read.rest, cell, "%%complete_distribution"),
            variables(self.shell),
            **{**read.overrides, **UNSHAPED},
        )
        session.ready(call)
        found = session.distribution(call)
        if read.options.out:
            self.shell.user_ns[read.options.out] = found
        reshaped = found.reshaped(
            temperature=settings.temperature,
            top_k=settings.top_k,
            top_p=settings.top_p,
        )
        bars = TokenBars(reshaped, read.options.rows)
        if read.options.static or getattr(self.shell, "kernel", None) is None:
            return bars
        self._show(bars, call)
        return None

    def _show(self, bars: TokenBars, call: Call) -> None:
        """Show sliders, and the picture that a saved notebook keeps."""
        from ..display.microscope import Microscope  # noqa: PLC0415 - widgets are slow

        name = f"jupyter-complete-distribution-{next(_numbers)}"

        def look_after(prompt: str, cancel: Cancel) -> Distribution:
            return self._complete.session.distribution(
                call, prompt=prompt, cancel=cancel
            )

        def bundle(bars: TokenBars) -> dict[str, str]:
            return {"text/plain": repr(bars), "text/html": bars.html(name)}

        reshaped = bars.reshaped
        microscope = Microscope(
            look_after,
            reshaped.distribution,
            rows=bars.rows,
            saved=name,
        )
        microscope.reshape(
            temperature=reshaped.temperature,
            top_k=reshaped.top_k,
            top_p=reshaped.top_p,
        )
        display(microscope)
        # The page hides this one where the sliders live; a saved file shows it.
        saved = display(bundle(bars), raw=True, display_id=True)
        if saved is not None:
            microscope.on_picture = lambda now: saved.update(bundle(now), raw=True)


DistributionMagics.complete_distribution.__doc__ = flags.describe(
    "Show what can come next after a prompt, and what temperature, top_k and top_p "
    "make of it.",
    DistributionOptions,
    "In a notebook, sliders redraw the bars without a call, and Append adds a token "
    "to the prompt. --static shows the picture alone.",
)
