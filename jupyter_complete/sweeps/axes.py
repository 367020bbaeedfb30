"""Axes as they are written: on a line, and as Python's keywords."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import InputError
from ..prompts import template_names
from .frames import table_axis, table_of
from .points import PROMPT, Axis, axis_of
from .values import Lookup, checked, elements, parts, values, variable
from .variants import names_variants, texts_of, variants_of

_HEAD = re.compile(r"\s*([^\W\d]\w*(?:\s*\+\s*[^\W\d]\w*)*)\s*=")

# The API's own names for two settings, and the flag's for a third.
_ALIASES = {
    "stop_sequences": "stop",
    "max_tokens_to_sample": "max_tokens",
    "beta": "betas",
}


@dataclass(frozen=True, slots=True)
class AxisNames:
    """What the axes of one sweep may be called."""

    settings: Mapping[str, type]
    """The settings that can be swept, each float, int, bool, str or list (of text)."""
    template: Collection[str] = ()
    """The names that the cell uses as ``{{name}}``."""

    def known(self, name: str) -> tuple[str, type]:
        """Return a name as the settings write it, and its kind (object: template).

        Raises `InputError` for a name that is neither.
        """
        setting = _ALIASES.get(name, name)
        if setting in self.settings:
            return setting, self.settings[setting]
        return self.fills(name), object

    def fills(self, name: str) -> str:
        """Return the name of a template; raise `InputError` if the cell has none."""
        if name in self.template:
            return name
        near = difflib.get_close_matches(
            name, [*self.settings, *self.template], 1, 0.75
        )
        hint = f"did you mean {near[0]}?" if near else f"write {{{{{name}}}}} in it."
        raise InputError(
            f"{name} is no setting that can be swept, and the prompt has no "
            f"{{{{{name}}}}}; {hint}"
        )


def parse_axes(
    written: Sequence[str], *, text: str, settings: Mapping[str, type], lookup: Lookup
) -> tuple[Axis, ...]:
    """Return the axes of a line for a text, which variants of the prompt stand for.

    Raises `InputError`.
    """
    own = template_names(text)
    variants = [axis for axis in written if names_variants(axis)]
    if variants and PROMPT not in own:
        first = parse_axis(variants[0], names=AxisNames(settings), lookup=lookup)
        own = template_names("\n".join(texts_of(text, [first]).values()))
    names = AxisNames(settings, own)
    return tuple(parse_axis(axis, names=names, lookup=lookup) for axis in written)


def parse_axis(text: str, *, names: AxisNames, lookup: Lookup) -> Axis:
    """Return the axis that a text such as ``temperature=0:1:0.25`` describes.

    ``lookup`` gives a variable by name, or raises KeyError. Raises `InputError`.
    """
    head = _HEAD.match(text)
    if head is None:
        raise InputError(f"{text!r} is no axis; write name=a,b or name=0:1:0.25.")
    body = text[head.end() :].strip()
    given = [name.strip() for name in head[1].split("+")]
    if given == ["rows"] and body.startswith("@"):
        table = table_of(variable(body, lookup))
        if table is not None:
            return table_axis(table, names.settings, names.template)
    if given == [PROMPT] and body.startswith("@") and PROMPT not in names.template:
        return variants_of(variable(body, lookup))
    separators = "," if len(given) == 1 else ",+"
    bodies = parts(body, separators) if body else [""]
    if len(bodies) != len(given):
        raise InputError(
            f"{'+'.join(given)} wants {len(given)} lists with + between them, and "
            f"has {len(bodies)}; a value that holds a + wants quotes."
        )
    known = [names.known(name) for name in given]
    columns = [
        values(name, part, kind, lookup)
        for (name, kind), part in zip(known, bodies, strict=True)
    ]
    return axis_of(known, columns)


def keyword_axes(
    keywords: Mapping[str, Any], names: AxisNames
) -> tuple[dict[str, Any], tuple[Axis, ...]]:
    """Take Python's keywords apart: settings with one value, and axes.

    A list, range, array or column is an axis. A setting that is itself a list (stop,
    betas) is swept by a list of lists. ``{"a+b": [(1, "x"), (2, "y")]}`` moves two
    names in step, ``rows=`` takes a DataFrame or a list of dicts, and a setting that
    is a number takes a range as text, ``"0:1:0.25"``. Raises `InputError`.
    """
    single: dict[str, Any] = {}
    axes = []
    for key, value in keywords.items():
        if key == "rows" and (table := table_of(value)) is not None:
            axes.append(table_axis(table, names.settings, names.template))
        elif "+" in key:
            axes.append(_in_step(key, value, names))
        else:
            name, kind = names.known(key)
            if not _is_single(value, kind):
                axes.append(axis_of([(name, kind)], [_listed(name, value, kind)]))
            elif kind is object:
                axes.append(axis_of([(name, kind)], [checked(name, [value], kind)]))
            else:
                single[name] = value
    return single, tuple(axes)


def _is_single(value: Any, kind: type) -> bool:
    if value is None or isinstance(value, (bytes, Mapping)):
        return True
    if isinstance(value, str):
        return kind not in (float, int) or not re.search(r"[:,(]", value)
    if not hasattr(value, "__iter__"):
        return True
    return kind is list and all(isinstance(item, str) for item in value)


def _listed(name: str, value: Any, kind: type) -> list[object]:
    if isinstance(value, str):
        return values(name, value, kind, _no_variable)
    return checked(name, elements(name, value), kind)


def _no_variable(name: str) -> object:
    raise KeyError(name)


def _in_step(key: str, value: Any, names: AxisNames) -> Axis:
    known = [names.known(name.strip()) for name in key.split("+")]
    rows = elements(key, value)
    if not all(
        isinstance(row, (list, tuple)) and len(row) == len(known) for row in rows
    ):
        raise InputError(f"{key} wants a list of {len(known)} values for each step.")
    columns: list[list[Any]] = [[*column] for column in zip(*rows, strict=True)]
    if not columns:
        raise InputError(f"{key} has no values; give at least one.")
    return axis_of(
        known,
        [
            checked(name, column, kind)
            for (name, kind), column in zip(known, columns, strict=True)
        ],
    )
