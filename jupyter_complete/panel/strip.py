"""The strip of earlier answers: each compared with the newest, each restorable."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import ipywidgets as widgets

from ..completion import Completion
from ..settings import flags
from . import cards, cells

MOST = 20


@dataclass(frozen=True, slots=True)
class Answer:
    """A completion with the template and the settings it was asked for with."""

    completion: Completion
    template: str
    settings: Mapping[str, Any]


class Strip:
    """Keeps the last 20 earlier answers, the latest on top, in ``box``."""

    def __init__(self, on_restore: Callable[[Answer], None]) -> None:
        self._none = widgets.HTML("None yet: a run moves the answers before it here.")
        self._none.add_class("jc-note")
        self.box = widgets.VBox((self._none,))
        self.box.add_class("jc-strip")
        self.answers: list[Answer] = []
        self._on_restore = on_restore
        self._rows: list[widgets.Box] = []
        self._numbers = itertools.count(1)

    def add(self, answers: list[Answer]) -> None:
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
            row.children[0].value = cards.earlier(
                answer.completion,
                flags.write(cells.given(answer.settings)),
                newest=newest,
                opened=row is self._rows[0],
            )
        self.box.children = tuple(self._rows) or (self._none,)

    def close(self) -> None:
        """Close every row, and the note that stands where there are none."""
        self._none.close()
        for row in self._rows:
            _close(row)

    def _row(self, answer: Answer, number: int) -> widgets.Box:
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
