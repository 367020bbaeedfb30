"""What should not come next: what was said, and what leaves something open."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .level import Estimate, Level
from .tokens import BREAKS, LONGEST, PARAGRAPH_ID, Text

_Ways = dict[tuple[int, ...], frozenset[int]]

SHORTEST_SENTENCE, LONGEST_SENTENCE = 4, 80
"""Tokens from which on a sentence counts, and after which it may end anyhow."""
FORK = 0.1
"""A sentence could go on otherwise where this was left for other tokens."""


class Guard:
    """Watches that a passage neither goes in circles nor leaves something open.

    When a sentence starts to repeat, branch at the last alternative in its first half.
    """

    def __init__(
        self, text: Text, after: Callable[[Sequence[int]], Level], *, whole: bool
    ) -> None:
        """``after``: the estimate of what follows a history.

        ``whole``: whether brackets and paragraphs have to be whole.
        """
        self.history: list[int] = []
        self._text = text
        self._marks = text.marks
        self._after = after
        self._whole = whole
        self._taken: _Ways = {}
        """What followed these tokens."""
        self._said: _Ways = {}
        """What would repeat a sentence that begins so."""
        self._begin = 0
        self._estimates: list[Estimate] = []
        """What could follow at each token of the sentence."""
        self._here: Estimate | None = None
        self._open: list[bool] = []
        """For each open bracket whether a sentence may end in it."""

    def allowed(self) -> Estimate:
        """Return the estimate of what follows, without what should not."""
        estimate, history = self._placed(), self.history
        wrong = self._said.get(tuple(history[self._begin :]), _NOTHING)
        stale = self._taken.get(tuple(history[-LONGEST:]), _NOTHING)
        if not stale.issuperset(estimate.level.own):
            wrong |= stale
        return estimate.without(wrong)

    def _placed(self) -> Estimate:
        """Return the estimate of what follows, without what is misplaced."""
        if self._here is None:
            estimate = Estimate(self._after(self.history))
            self._here = estimate.without(self._misplaced())
        return self._here

    def _misplaced(self) -> frozenset[int]:
        marks, history = self._marks, self.history
        long = len(history) - self._begin > LONGEST_SENTENCE
        if not self._whole or not history or long:
            return _NOTHING
        last = history[-1]
        if not self._open:
            bracket = last in marks.closing and history[-2:-1]
            whole = not bracket or bracket[0] in marks.ends
            ends = last in marks.last and whole
            return marks.closing if ends else marks.closing | _BREAKS
        if self._open[-1] or last in marks.unended:
            return _NOTHING if last in marks.ends else _BREAKS
        return marks.full_stops

    def take(self, token: int) -> None:
        """Add a token to the history."""
        self._estimates.append(self._placed())
        self._here = None
        history, marks = self.history, self._marks
        before = history[-1] if history else PARAGRAPH_ID
        if len(history) >= LONGEST:
            _note(self._taken, history[-LONGEST:], token)
        history.append(token)
        if token in marks.opening:
            self._open.append(False)
        elif token in marks.closing:
            self._open = self._open[:-1]
        elif self._open and before in marks.opening:
            self._open[-1] = self._text.vocabulary[token][:1].isupper()
        if token in BREAKS:
            self._open = []
        ended = token in marks.ends and before not in marks.unended
        if ended and self._open:
            self._open[-1] = True
        if ended or token in BREAKS:
            self._end()

    def _end(self) -> None:
        sentence, estimates = self.history[self._begin :], self._estimates
        self._begin, self._estimates = len(self.history), []
        if len(sentence) < SHORTEST_SENTENCE:
            return
        left = []
        for place, token in enumerate(sentence[: len(sentence) // 2]):
            said = self._said.get(tuple(sentence[:place]), _NOTHING)
            left.append(1 - sum(map(estimates[place].probability, said | {token})))
        forks = [place for place, chance in enumerate(left) if chance > FORK]
        fork = forks[-1] if forks else left.index(max(left))
        _note(self._said, sentence[:fork], sentence[fork])


def _note(known: _Ways, context: Sequence[int], token: int) -> None:
    key = tuple(context)
    known[key] = known.get(key, _NOTHING) | {token}


_NOTHING: frozenset[int] = frozenset()
_BREAKS = frozenset(BREAKS)
