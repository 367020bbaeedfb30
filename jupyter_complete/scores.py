r"""Scores: whether a text is what was expected. Pure functions of a text and a value.

Each is True, False, or a number; `SCORES` has those with a name, and says of each what
it forgives. A score may carry what it expects: ``exact:Paris``, ``regex:^\d+$``.
"""

from __future__ import annotations

import difflib
import functools
import json
import math
import re
import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from .errors import InputError
from .reading import is_gap, native, reading

Value = bool | float | None
"""What a score gives of one answer; None: it is not scored."""

_THOUSANDS = ",\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}"
_NUMBER = re.compile(
    rf"(?:(?<![\w)\]])[-+\N{{MINUS SIGN}}])?(?<!\w)(?<!\d\.)"
    rf"(?:(?:\d{{1,3}}(?:[{_THOUSANDS}]\d{{3}})+(?!\d)|\d+)(?:\.\d+)?|\.\d+)"
    r"(?:[eE][-+]?\d{1,3}(?!\w))?"
)
_FENCE = re.compile(r"\s*```[\w-]*\n(.*?)\n?```\s*", re.DOTALL)
_CANNOT = (InputError, TypeError, ValueError, re.error, RecursionError)
"""What a check raises."""
_CLOSE = 1e-9
"""How far, in parts of it, a number may be from an expected one that is no integer."""


@dataclass(frozen=True, slots=True)
class Score:
    """A score with a name."""

    name: str
    about: str
    """What it tells, in words."""
    forgives: str
    of: Callable[[str, Any], bool]
    """Whether a text is what one value expects."""
    check: Callable[[Any], object]
    """Raises for a value that no text could be compared with."""
    alone: Callable[[str], bool] | None = None
    """What it tells of a text where nothing is expected; None: it cannot."""
    lists: bool = True
    """Whether any value of a list will do; else a list is a value itself."""

    def __call__(self, text: str, expected: object = None) -> bool | None:
        """Tell whether a text is what was expected; None: nothing was."""
        if is_gap(expected):
            return None if self.alone is None else self.alone(text)
        return any(self.of(text, one) for one in self._values(expected))

    def checked(self, expected: object) -> None:
        """Raise `InputError` for an expected value that this score cannot take."""
        for one in self._values(expected):
            try:
                self.check(one)
            except _CANNOT as error:
                raise InputError(
                    f"expected is {one!r}, which {self.name} cannot use: "
                    f"{str(error).rstrip('.')}."
                ) from error

    def _values(self, expected: object) -> Sequence[object]:
        several = self.lists and isinstance(expected, (list, tuple, set, frozenset))
        return [*map(native, expected)] if several else [native(expected)]  # type: ignore[call-overload]


def normal(text: str) -> str:
    """Return a text as `exact` compares it: small letters, single spaces, no stop."""
    folded = unicodedata.normalize("NFC", text).casefold()
    return " ".join(folded.split()).removesuffix(".").rstrip()


def numbers(text: str) -> Iterator[Decimal]:
    """Yield the numbers of a text, in order: ``1,000`` is one, a date is three."""
    for match in _NUMBER.finditer(text):
        plain = match[0].replace("\N{MINUS SIGN}", "-")
        yield Decimal(plain.translate(dict.fromkeys(map(ord, _THOUSANDS))))


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def _equal(found: Decimal, expected: object) -> bool:
    wanted = _number(expected)
    if isinstance(expected, float):
        return math.isclose(found, wanted, rel_tol=_CLOSE)
    return found == wanted


def _number(expected: object) -> Decimal:
    if _is_number(expected):
        wanted = Decimal(str(expected))
        if wanted.is_finite():
            return wanted
    found = [*numbers(reading("expected", expected))]
    if len(found) != 1:
        raise ValueError("it is not one number")
    return found[0]


def _text(expected: object) -> str:
    return normal(reading("expected", expected))


def _some_text(expected: object) -> None:
    if not _text(expected):
        raise ValueError("every text contains it")


def _exact(text: str, expected: object) -> bool:
    if _is_number(expected):
        whole = text.strip().removesuffix(".")
        match = _NUMBER.fullmatch(whole)
        if match is not None:
            return _equal(next(numbers(whole)), expected)
    return normal(text) == _text(expected)


def _contains(text: str, expected: object) -> bool:
    if _is_number(expected):
        return any(_equal(one, expected) for one in numbers(text))
    words, wanted = normal(text), _text(expected)
    place = words.find(wanted)
    while place >= 0:
        end = place + len(wanted)
        if not _joined(words[:place][-1:], wanted[0]) and not _joined(
            words[end : end + 1], wanted[-1]
        ):
            return True
        place = words.find(wanted, place + 1)
    return False


def _joined(one: str, other: str) -> bool:
    """Tell whether two characters are of one word; writing without spaces has none."""
    both = one + other
    if len(both) < 2:
        return False
    return both.isdigit() or all(c.upper() != c.lower() for c in both)


def _last_number(text: str, expected: object) -> bool:
    found = [*numbers(text)]
    return bool(found) and _equal(found[-1], expected)


@functools.lru_cache(512)
def pattern(text: str) -> re.Pattern[str]:
    """Return a regular expression, compiled; raise `re.error` for none."""
    return re.compile(text)


def _matches(text: str, expected: object) -> bool:
    return pattern(reading("expected", expected)).search(text) is not None


def parsed(text: str) -> Any:
    """Return the value of a JSON text, perhaps in a fence; raise ValueError."""

    def refuse(constant: str) -> float:
        raise ValueError(f"{constant} is no JSON")

    fenced = _FENCE.fullmatch(text)
    return json.loads(fenced[1] if fenced else text, parse_constant=refuse)


def _wanted_json(expected: object) -> Any:
    if isinstance(expected, str):
        return parsed(expected)
    json.dumps(expected, default=_plain)  # raises for what is no JSON
    return expected


def _plain(value: object) -> object:
    found = native(value)
    if isinstance(found, Decimal):
        return float(found)
    if found is value:
        raise TypeError(f"a {type(value).__name__} is no JSON")
    return found


def _is_json(text: str) -> bool:
    try:
        parsed(text)
    except (ValueError, RecursionError):
        return False
    return True


def _same_json(text: str, expected: object) -> bool:
    return _is_json(text) and _alike(parsed(text), _wanted_json(expected))


def _alike(one: Any, other: Any) -> bool:
    other = native(other)
    if isinstance(one, dict) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(
            _alike(value, other[name]) for name, value in one.items()
        )
    if isinstance(one, list) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(_alike, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


SCORES: Mapping[str, Score] = {
    score.name: score
    for score in (
        Score(
            "exact",
            "the answer is what was expected, and nothing else",
            "case, white space, a final full stop, how accents are encoded; where a "
            "number is expected, how it is written: 1,000 = 1000.0",
            _exact,
            _text,
        ),
        Score(
            "contains",
            "what was expected stands in the answer, as whole words",
            "what exact does, and all that stands around it",
            _contains,
            _some_text,
        ),
        Score(
            "regex",
            "the regular expression that is expected is found in the answer",
            "nothing: as Python's re.search; (?i) forgives case",
            _matches,
            lambda expected: pattern(reading("expected", expected)),
        ),
        Score(
            "number",
            "the last number of the answer is the one expected",
            "what stands around it, units and signs of currency; 1,000 = 1000.0, "
            "and beside a number that is no integer the tenth digit",
            _last_number,
            _number,
        ),
        Score(
            "json",
            "the answer is JSON and, where a value is expected, equal to it",
            "white space, the order of names, 1 = 1.0, a ``` fence around it",
            _same_json,
            _wanted_json,
            _is_json,
            lists=False,
        ),
    )
}
"""The scores with a name; each takes any of several expected values, save json."""


def named(text: str) -> tuple[Score, str | None] | None:
    """Return the score of a name and what it is to expect: ``contains:Paris``.

    None: no score has that name. Raises `InputError` for what it cannot expect.
    """
    name, colon, expected = text.partition(":")
    score = SCORES.get(name.strip())
    if score is None:
        return None
    if colon:
        score.checked(expected)
    return score, expected if colon else None


def unknown(name: str, others: Collection[str] = (), kind: str = "score") -> InputError:
    """Return the error of a score that nobody has, with the nearest names."""
    near = difflib.get_close_matches(name.partition(":")[0], [*SCORES, *others], 2, 0.6)
    hint = f"did you mean {' or '.join(near)}?" if near else f"it is {_OR}."
    return InputError(f"{kind} is {name!r}, which nobody has; {hint}")


_OR = f"one of {', '.join(SCORES)}, or a function"


def told() -> str:
    """Return a line for each score, for a help."""
    return "\n".join(
        f"  {score.name}: {score.about}.\n      Forgives {score.forgives}."
        for score in SCORES.values()
    )
