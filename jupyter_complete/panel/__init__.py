"""The panel: sliders and dropdowns that are the settings, and answers side by side.

It takes the road of the cell: `Session.prepare`, `Session.start`, the same history,
the same ``_completion``. A run's threads touch widget traits and messages, and never
print: what a thread prints lands under whichever cell ran last.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
from IPython import get_ipython
from IPython.display import DisplayHandle, display

from ..completion import Completion
from ..display import NO_MATHEMATICS
from ..errors import InputError, printable
from ..prompts import template_names
from ..settings import CompletionSettings
from .answers import Answers, EarlierAnswers, PanelAnswer, saved_html, saved_text
from .form import Form
from .live import Live
from .next_token import NextToken
from .preview import (
    Preview,
    call_values,
    complete_cell,
    last_prompt,
    restore,
    sweep_cell,
)
from .runs import PanelCall

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..session import Session

__all__ = ["CompletionPanel"]

LAST = "_completion"
MOST_SAMPLES = 8
NEXT = 1
"""The index of the tab that shows the next token."""
HOW = (
    "CompletionPanel: sliders and dropdowns for %%complete. It needs a notebook with "
    "ipywidgets: pip install 'jupyter-complete[lab]', then jupyter lab. Here, the "
    "flags of %%complete do the same; %%complete? lists them."
)
_numbers = itertools.count(1)


class CompletionPanel(widgets.Box):  # type: ignore[misc]  # ipywidgets is untyped
    """Sliders and dropdowns that drive the call; `run` and `stop` do as its buttons.

    ``session`` is left out in a notebook that has loaded the extension. ``prompt``
    left out, it starts from the last ``%%complete`` cell. ``namespace`` is where
    ``{{name}}`` is looked up and results are put: the notebook's own, if left out.
    ``out`` names the result there: a `Completion`, of several samples a list.
    """

    def __init__(
        self,
        session: Session | None = None,
        *,
        prompt: str | None = None,
        out: str | None = None,
        namespace: MutableMapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self._exit = contextlib.ExitStack()
        self._shell = get_ipython()
        self._session = session or _session_of(self._shell)
        if namespace is None:
            namespace = self._shell.user_ns if self._shell else {}
        self._namespace = namespace
        self._out = out
        self._saved: DisplayHandle | None = None
        self._saved_class = f"jupyter-complete-saved-{next(_numbers)}"
        self._build(last_prompt(self._shell) if prompt is None else prompt)
        self._let_go_at_close()

    @property
    def completions(self) -> list[Completion]:
        """Every completion that this panel made, in the order they ended."""
        return self._answers.completions

    @property
    def settings(self) -> CompletionSettings:
        """The settings that the controls show and change."""
        return self._session.settings

    @property
    def prompt(self) -> str:
        """The text in the prompt area, before ``{{name}}`` is filled."""
        return str(self._prompt.value)

    @prompt.setter
    def prompt(self, text: str) -> None:
        self._prompt.value = text

    def cell(self) -> str:
        """Return the ``%%complete`` cell that does what Run does."""
        return complete_cell(self.settings, self.prompt, samples=self._samples.value)

    def run(self) -> None:
        """Start the samples and return; what is refused shows in the status."""
        template, values = self._filled()
        ask = PanelCall(
            template,
            values,
            call_values(self.settings),
            self._samples.value,
            self.cell(),
        )
        self._answers.start(ask)

    def stop(self) -> None:
        """Ask the samples to end; they do within 200 ms, their text kept."""
        self._answers.stop()

    def wait(self) -> None:
        """Wait until nothing runs, as a program may want; a notebook does not."""
        self._answers.wait()

    def close(self) -> None:
        """Stop what runs, and let go of settings, shell and widgets."""
        self._exit.close()
        super().close()

    def _filled(self) -> tuple[str, dict[str, object]]:
        """Return the template with the values of those of its names that have one."""
        names = template_names(self.prompt)
        have = [name for name in names if name in self._namespace]
        return self.prompt, {name: self._namespace[name] for name in have}

    def _let_go_at_close(self) -> None:
        for widget in _below(self):
            self._exit.callback(widget.close)
        if self._shell:
            events = self._shell.events
            events.register("post_run_cell", self._look)
            self._exit.callback(events.unregister, "post_run_cell", self._look)
        parts = (self._answers.strip, self._next, self._form)
        for ends in (*(part.close for part in parts), self.wait, self.stop):
            self._exit.callback(ends)

    def _build(self, prompt: str) -> None:
        self._prompt = widgets.Textarea(description="prompt", value=prompt, rows=5)
        self._prompt.add_class("jc-prompt")
        self._preview = Preview(self._session)
        self._live = Live(
            on_prompt=self._typed,
            on_run=self.run,
            saved=self._saved_class,
            status="Ready.",
        )
        strip = EarlierAnswers(self._restore)
        self._answers = Answers(
            self._session, self._live, strip, on_busy=self._busy, on_end=self._keep
        )
        self._form = Form(
            self._session,
            on_refusal=self._say,
            on_sweep=self._sweep,
            on_change=self._look,
        )
        self._next = NextToken(self._session, self._filled, on_picture=self._save)
        actions = self._actions()
        tabs = self._below_answers(strip)
        self._prompt.observe(self._look, "value")
        self.children = (
            self._form.box,
            self._prompt,
            self._preview.names,
            self._preview.note,
            actions,
            self._preview.request,
            self._live,
            tabs,
        )
        for name in ("jupyter-complete-panel", *NO_MATHEMATICS):
            self.add_class(name)
        self._look()

    def _actions(self) -> widgets.Box:
        self._run_button = widgets.Button(
            description="Run", button_style="primary", tooltip="Run (Ctrl-Enter)"
        )
        self._stop_button = widgets.Button(
            description="Stop", disabled=True, tooltip="Stop; the text so far is kept"
        )
        self._samples = widgets.BoundedIntText(
            value=1, min=1, max=MOST_SAMPLES, description="samples"
        )
        self._show = widgets.ToggleButton(
            description="Show request", tooltip="Show exactly what will be sent"
        )
        copy = widgets.Button(
            description="Copy as cell", tooltip="Write the same as a %%complete cell"
        )
        self._run_button.on_click(lambda _: self.run())
        self._stop_button.on_click(lambda _: self.stop())
        self._show.observe(self._look, "value")
        copy.on_click(lambda _: self._live.show_cell(self.cell()))
        run = (self._run_button, self._stop_button, self._samples)
        box = widgets.Box((*run, self._show, copy))
        box.add_class("jc-actions")
        return box

    def _below_answers(self, strip: EarlierAnswers) -> widgets.Tab:
        self._tabs = widgets.Tab(
            (strip.box, self._next.box), titles=("Earlier answers", "Next token")
        )
        self._tabs.selected_index = 0
        self._tabs.observe(self._look, "selected_index")
        return self._tabs

    def _busy(self, busy: bool) -> None:  # noqa: FBT001 - it is what the board tells
        self._run_button.disabled, self._stop_button.disabled = busy, not busy

    def _keep(self, completions: list[Completion]) -> None:
        self._namespace[LAST] = completions[-1]
        if self._out:
            one = len(completions) == 1
            self._namespace[self._out] = completions[0] if one else completions
        self._save()

    def _save(self) -> None:
        """Bring what a saved notebook shows up to date."""
        if self._saved:
            self._saved.update(self._saved_bundle(), raw=True)

    def _say(self, text: str) -> None:
        self._live.status = printable(text)

    def _typed(self, text: str) -> None:
        if text != self.prompt:
            self.prompt = text

    def _look(self, _: object = None) -> None:
        """Show what the names in the prompt stand for, and what Run would send."""
        self._preview.show(self.prompt, self._namespace, request=self._show.value)
        if self._tabs.selected_index == NEXT:
            self._next.follow()

    def _sweep(self, name: str) -> None:
        self._live.show_cell(sweep_cell(self.settings, self.prompt, name))

    def _restore(self, answer: PanelAnswer) -> None:
        self.prompt = answer.template
        restore(self.settings, answer.settings)
        self._say("Restored the prompt and the settings of that answer.")

    def _ipython_display_(self) -> None:
        if getattr(self._shell, "kernel", None) is None:
            display({"text/plain": HOW}, raw=True)
            return
        display({**self._repr_mimebundle_(), "text/plain": HOW}, raw=True)
        # The page hides this one where the panel lives; a saved file shows it.
        self._saved = display(self._saved_bundle(), raw=True, display_id=True)

    def _saved_bundle(self) -> dict[str, str]:
        last = [answer.completion for answer in self._answers.current]
        return {
            "text/plain": saved_text(last, self._next.bars),
            "text/html": saved_html(
                last, self._next.bars, self._saved_class, self.settings.format
            ),
        }


def _session_of(shell: InteractiveShell | None) -> Session:
    """Return the session of the loaded extension, whose settings the magics use."""
    magics = shell.magics_manager.registry.get("CompletionMagics") if shell else None
    if magics is None:
        raise InputError("The panel needs the extension: %load_ext jupyter_complete.")
    session: Session = magics.session
    return session


def _below(widget: widgets.Widget) -> Iterator[widgets.Widget]:
    for child in getattr(widget, "children", ()):
        yield from _below(child)
        yield child
