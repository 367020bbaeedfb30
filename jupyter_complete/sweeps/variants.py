"""Variants of a prompt as an axis: each value is the name of a template."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import InputError
from ..prompts import template_names
from .points import PROMPT, Axis, axis_of
from .values import LARGEST, refuse_count

_WRITTEN = re.compile(rf"\s*{PROMPT}\s*=\s*@")


def names_variants(axis: str) -> bool:
    """Tell whether an axis as it is written may stand for the prompt itself."""
    return _WRITTEN.match(axis) is not None


def variants_of(value: Any) -> Axis:
    """Return the axis of a dict of templates by name, or of a list, named 1, 2, 3.

    Raises `InputError`.
    """
    if hasattr(value, "to_dict") and getattr(value, "ndim", 1) == 1:
        value = value.to_dict()
    if isinstance(value, (list, tuple)):
        value = {str(number): one for number, one in enumerate(value, 1)}
    if not isinstance(value, Mapping):
        raise InputError(
            f"{PROMPT} is a {type(value).__name__}; give a dict of templates by name, "
            "or a list of them."
        )
    if len(value) > LARGEST:
        raise refuse_count(PROMPT, len(value))
    for name, template in value.items():
        if not isinstance(template, str):
            raise InputError(
                f"{PROMPT} {name} is {template!r}; give a text, a template as a cell "
                "has it."
            )
        if PROMPT in template_names(template):
            raise InputError(
                f"{PROMPT} {name} names {{{{{PROMPT}}}}}, which is the axis itself; "
                "give that name another."
            )
    axis = axis_of([(PROMPT, object)], [[str(name) for name in value]])
    return Axis(axis.names, axis.rows, templates=tuple(value.values()))


def texts_of(text: str, axes: Sequence[Axis]) -> dict[str, str]:
    """Return the templates of a sweep by the name of their variant, "" for the text.

    Raises `InputError` for a text beside variants.
    """
    found = next((axis for axis in axes if axis.templates), None)
    if found is None:
        return {"": text}
    if text.strip():
        raise InputError(
            f"{PROMPT}= stands for the prompt, and there is a text beside it; leave "
            "the text out, or make it one of the variants."
        )
    names = (str(name) for (name,) in found.rows)
    return dict(zip(names, found.templates, strict=True))
