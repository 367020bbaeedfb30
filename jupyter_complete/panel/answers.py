"""The answers of the panel: those that grow, those that stand, those that went before.

The methods that `PanelRun` calls come from its threads; they touch widget traits and
messages only.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from ..completion import Completion
from ..display import TokenBars, boxed, card, card_html, difference, escape, facts
from ..errors import CompleteError, one_line, printable, printable_lines
from ..settings import flags
from .preview import given
from .runs import PanelCall, PanelRun

if TYPE_CHECKING:
    from ..session import Outcome, Session
    from .live import Live


MOST = 20


@dataclass(frozen=True, slots=True)
class PanelAnswer:
    """A completion with the template and the settings it was asked for with."""

    completion: Completion
    template: str
    settings: Mapping[str, Any]


class Answers:
    """Runs calls on a session and shows their answers, one run at a time.

    ``on_busy`` is told when a run begins and ends, ``on_end`` gets its completions
    in the order of the samples.
    """

    def __init__(
        self,
        session: Session,
        live: Live,
        strip: EarlierAnswers,
        *,
        on_busy: Callable[[bool], None],
        on_end: Callable[[list[Completion]], None],
    ) -> None:
        self.live, self.strip = live, strip
        self.completions: list[Completion] = []
        self.current: list[PanelAnswer] = []
        self._session = session
        self._on_busy, self._on_end = on_busy, on_end
        self._idle = threading.Semaphore()
        self._run: PanelRun | None = None
        self._ended: dict[int, Completion] = {}
        self._troubles: list[str] = []

    def start(self, ask: PanelCall) -> None:
        """Start what is asked and return, unless something still runs."""
        if not self._idle.acquire(blocking=False):
            return
        self._asked, self._ended, self._troubles = ask, {}, []
        self.strip.add(self.current)
        self.current = []
        self.strip.compare(None)
        self.live.begin(ask.samples)
        self.live.status = "Running…"
        self._on_busy(True)  # noqa: FBT003 - on_busy(true) reads as it is meant
        self._run = PanelRun(self._session, ask, self)

    def stop(self) -> None:
        """Ask what runs to end; it does within 200 ms."""
        if self._run:
            self._run.stop()

    def wait(self) -> None:
        """Wait until nothing runs."""
        if self._run:
            self._run.wait()

    def text(self, sample: int, text: str) -> None:
        """Show more text of a sample."""
        self.live.append(sample, printable_lines(text))

    def ended(self, sample: int, outcome: Outcome | CompleteError) -> None:
        """Show the card of a sample."""
        error = outcome if isinstance(outcome, CompleteError) else outcome.error
        if error:
            self._troubles.append(f"{type(error).__name__}: {error}")
        if isinstance(outcome, CompleteError):
            self.live.finish(sample, failed_html(str(outcome)))
        else:
            self._ended[sample] = outcome.completion
            self.completions.append(outcome.completion)
            form = self._session.settings.format
            self.live.finish(sample, card_html(outcome.completion, form))

    def all_ended(self) -> None:
        """Show how it ended, and compare with what was before."""
        ended = [self._ended[sample] for sample in sorted(self._ended)]
        self.current = [
            PanelAnswer(completion, self._asked.template, self._asked.settings)
            for completion in ended
        ]
        if ended:
            self._on_end(ended)
        lines = dict.fromkeys(self._troubles or [_done(ended)])
        self.live.status = printable(" ".join([*lines, *self._session.warnings()]))
        self.strip.compare(ended[0] if ended else None)
        self._rest()

    def _rest(self) -> None:
        self.live.running = False
        self._on_busy(False)  # noqa: FBT003 - see `start`
        self._idle.release()


def _done(completions: Sequence[Completion]) -> str:
    if len(completions) == 1:
        return f"Done: {facts(completions[0])}"
    stopped = sum(completion.status == "interrupted" for completion in completions)
    end = f", {stopped} of them stopped" if stopped else ""
    return f"Done: {len(completions)} answers{end}."


class EarlierAnswers:
    """Keeps the last 20 earlier answers, the latest on top, in ``box``."""

    def __init__(self, on_restore: Callable[[PanelAnswer], None]) -> None:
        self._none = widgets.HTML("None yet: a run moves the answers before it here.")
        self._none.add_class("jc-note")
        self.box = widgets.VBox((self._none,))
        self.box.add_class("jc-strip")
        self.answers: list[PanelAnswer] = []
        self._on_restore = on_restore
        self._rows: list[widgets.Box] = []
        self._numbers = itertools.count(1)

    def add(self, answers: list[PanelAnswer]) -> None:
        """Put answers on top; the oldest beyond 20 go."""
        for answer in answers:
            self.answers.insert(0, answer)
            self._rows.insert(0, self._row(answer, next(self._numbers)))
        for row in self._rows[MOST:]:
            _close(row)
        del self.answers[MOST:], self._rows[MOST:]

    def compare(self, newest: Completion | None) -> None:
        """Mark in each what differs from the newest answer, and show them."""
        for answer, row in zip(self.answers, self._rows, strict=True):
            row.children[0].value = earlier_html(
                answer.completion,
                flags.write(given(answer.settings)),
                newest=newest,
                opened=row is self._rows[0],
            )
        self.box.children = tuple(self._rows) or (self._none,)

    def close(self) -> None:
        """Close every row, and the note that stands where there are none."""
        self._none.close()
        for row in self._rows:
            _close(row)

    def _row(self, answer: PanelAnswer, number: int) -> widgets.Box:
        button = widgets.Button(
            description=f"Restore {number}",
            tooltip="Set the prompt and the settings as they were for this answer",
        )
        button.on_click(lambda _: self._on_restore(answer))
        row = widgets.Box((widgets.HTML(), button))
        row.add_class("jc-earlier")
        return row


def _close(row: widgets.Box) -> None:
    for child in row.children:
        child.close()
    row.close()


LONGEST_VALUE = 80

_STYLE = "white-space: pre-wrap; overflow-wrap: anywhere"


def failed_html(message: str) -> str:
    """Return what stands in the place of an answer of which nothing was kept."""
    return f'<div class="jc-bad">{escape(message)}</div>'


def saved_html(
    completions: Sequence[Completion],
    bars: TokenBars | None,
    name: str,
    format: str,  # noqa: A002 - the setting's name
) -> str:
    """Return what a saved notebook shows in the panel's place, as a box."""
    what = (
        "The completion panel of jupyter_complete needs a running kernel and "
        "ipywidgets: open this in JupyterLab, Notebook 7 or Voilà and run the cell."
    )
    if completions:
        what += " Its last answers:"
    prompt = "".join(
        f'<div style="{_STYLE}"><b>{escape(text.strip())}</b></div>'
        for text in dict.fromkeys(completion.prompt for completion in completions)
    )
    answers = "".join(card_html(completion, format) for completion in completions)
    picture = bars.html() if bars else ""
    return boxed(f"<p>{what}</p>{prompt}{answers}{picture}", name)


def saved_text(completions: Sequence[Completion], bars: TokenBars | None) -> str:
    """Return the same as plain text."""
    parts = [card(completion, "text")["text/plain"] for completion in completions]
    return "\n\n".join([*parts, repr(bars)] if bars else parts)


def earlier_html(
    completion: Completion, settings: str, *, newest: Completion | None, opened: bool
) -> str:
    """Return an earlier answer, folded, with its difference from the newest."""
    words = escape(one_line(completion.text, 60))
    compared = None
    if newest and newest.prompt == completion.prompt:
        compared = difference(completion.text.strip(), newest.text.strip())
    text = compared or escape(completion.text.strip())
    label = escape(settings or "no flags")
    return (
        f"<details{' open' * opened}><summary><code>{label}</code> {words}</summary>"
        f'<div class="jc-text" style="{_STYLE}">{text}</div>'
        f'<div class="jc-facts">{escape(facts(completion))}</div></details>'
    )
