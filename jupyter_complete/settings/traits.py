"""Traits of our own, and what a parameter is beside its trait: flags, slider, field."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

from traitlets import Bool, Dict, Float, Int, List, TraitError, TraitType, Unicode

from ..endpoint import Endpoint, checked_url
from ..errors import InputError
from ..redaction import shown_url


class Number(Float[float | None, Any]):
    """A number, which NaN is not: it would pass every bound."""

    def validate(self, obj: Any, value: Any) -> Any:
        """Return the value if it is a number within the bounds."""
        if (number := super().validate(obj, value)) is not None and math.isnan(number):
            raise TraitError(f"{self.name} is not a number.")
        return number


class EndpointText(Unicode[str | None, str | None]):
    """The name of an endpoint, or a URL, which `InputError` refuses if it is none."""

    def validate(self, obj: Any, value: Any) -> Any:
        """Return the value if it is good."""
        text = super().validate(obj, value)
        if text and "://" in text:
            checked_url(Endpoint("of this setting", text.strip(), "auto"))
        elif text and shown_url(text) != text:
            raise InputError(
                f"endpoint is {shown_url(text)!r}; leave out what comes before an @ or "
                "after a ? or #, a key is set as a key."
            )
        return text


class EndpointTable(Dict):
    """Endpoints by name, each a URL or a mapping that has one as ``url``."""

    def validate(self, obj: Any, value: Any) -> Any:
        """Return the value if no URL in it is refused."""
        endpoints = super().validate(obj, value)
        for name, entry in (endpoints or {}).items():
            url = entry.get("url") if isinstance(entry, Mapping) else entry
            if isinstance(url, str):
                checked_url(Endpoint(str(name), url, "auto"))
        return endpoints


class SliderRange(NamedTuple):
    """The part of a parameter's range that a slider shows."""

    start: float
    end: float
    step: float
    sweep: str
    """The axis that a sweep of it from the panel has."""


class Parameter(NamedTuple):
    """A setting that has a flag: what the magics, the panel and the docs read."""

    name: str
    flags: tuple[str, ...]
    trait: TraitType[Any, Any]
    request: str | None
    """The field of `CompletionRequest` it fills; None: it is not part of it."""
    slider: SliderRange | None
    metavar: str | None
    sweep: bool
    """Whether it is for sweeps only."""
    sweepable: bool
    """Whether it can be an axis of a sweep."""
    shapes: bool
    """Whether it shapes the distribution that a token is sampled from, if a number."""

    @classmethod
    def of(cls, name: str, trait: TraitType[Any, Any]) -> Self:
        """Return the parameter of a trait that `parameter` tagged."""
        own = {"name": name, "trait": trait}
        return cls(*({**trait.metadata, **own}[field] for field in cls._fields))

    @property
    def help(self) -> str:
        """One or two sentences for the user."""
        return str(self.trait.help)

    @property
    def unset(self) -> bool:
        """Whether it is a number of the request that may be left out."""
        number = isinstance(self.trait, (Int, Float))
        return self.request is not None and number and bool(self.trait.allow_none)

    @property
    def of_text(self) -> bool:
        """Whether it can hold any text, or texts."""
        return isinstance(self.trait, (Unicode, List))

    @property
    def axis(self) -> type | None:
        """The kind of its values where it is an axis of a sweep; None: it is none."""
        if self.sweep or not self.sweepable:
            return None
        kinds = (kind for trait, kind in _KINDS if isinstance(self.trait, trait))
        return next(kinds, str)


_KINDS = ((Float, float), (Int, int), (Bool, bool), (List, list))


def parameter(
    trait: TraitType[Any, Any],
    *flags: str,
    request: str | None = None,
    slider: SliderRange | None = None,
    metavar: str | None = None,
    sweep: bool = False,
    sweepable: bool = True,
    shapes: bool = True,
) -> Any:
    """Tag the trait with what makes it a `Parameter`."""
    return trait.tag(
        config=True,
        flags=flags,
        request=request,
        slider=slider,
        metavar=metavar,
        sweep=sweep,
        sweepable=sweepable,
        shapes=shapes,
    )
