"""Settings set by name, traits of our own, and what a parameter is beside its trait."""

from __future__ import annotations

import copy
import difflib
import math
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple, Self

from traitlets import Bool, Dict, Enum, Float, Int, List, TraitError, TraitType, Unicode
from traitlets.config import Configurable

from ..endpoint import Endpoint, checked_url
from ..errors import InputError
from ..prices import price_of
from ..redaction import shown_url
from ..request import BOUNDS


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


def number(name: str, default: int | None = None, *, about: str) -> Any:
    """Return the trait of a number of the request, with the bound it has there."""
    bound = BOUNDS[name]
    kind: Any = Int if bound.whole else Number
    limits = {"min": bound.smallest, "max": bound.largest}
    return kind(default, allow_none=default is None, help=about, **limits)


class PriceTable(Dict):
    """Prices by model, each ``[input, output]`` or a mapping that has both."""

    def validate(self, obj: Any, value: Any) -> Any:
        """Return the value if each is a price."""
        prices = super().validate(obj, value)
        for name, entry in (prices or {}).items():
            price_of(entry, str(name))
        return prices


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


class Settings(Configurable):
    """Settings by name, each a trait of the class."""

    @classmethod
    @cache
    def traits_by_name(cls) -> dict[str, TraitType[Any, Any]]:
        """Return the traits; to look them up anew costs each of 5,000 points."""
        traits: dict[str, TraitType[Any, Any]] = cls.class_own_traits(config=True)
        return traits

    def changed(self, overrides: Mapping[str, Any]) -> Self:
        """Return a copy with the overrides set, checked; this one does not move.

        Raises `InputError` for a name that is no setting or a value out of bounds.
        """
        changed = copy.copy(self)
        for name, value in overrides.items():
            changed.assign(name, value)
        return changed

    def __copy__(self) -> Self:
        """Return another with the same values.

        That of traitlets looks for observers among all that the class has, though
        each new one has them: it takes thirty times as long.
        """
        state = self.__getstate__()
        for observers in ("_trait_notifiers", "_trait_validators"):
            state.pop(observers, None)
        copied = type(self).__new__(type(self))
        vars(copied).update(state)
        return copied

    def values(self) -> dict[str, Any]:
        """Return every setting's value by name."""
        return {name: getattr(self, name) for name in self.traits_by_name()}

    def assign(self, name: str, value: Any) -> None:
        """Set one; raise `InputError`, naming it and its bounds, if it refuses."""
        trait = self.traits_by_name().get(name)
        if trait is None:
            near = difflib.get_close_matches(name, self.traits_by_name(), 1, 0.7)
            lists = f"%config {type(self).__name__} lists them."
            remedy = f"did you mean {near[0]}?" if near else lists
            raise InputError(f"{name} is no setting; {remedy}")
        if type(value) is int and abs(value) >= 2**63:
            raise InputError(f"{name} is beyond 64 bits; give a smaller number.")
        if isinstance(value, tuple):
            value = list(value)
        elif isinstance(trait, List) and isinstance(value, str):
            value = [value]
        try:
            if isinstance(value, bool) and not isinstance(trait, Bool):
                raise TraitError  # traitlets would take True for 1
            setattr(self, name, value)
        except TraitError as error:
            raise InputError(_refusal(name, value, trait)) from error


def _refusal(name: str, value: Any, trait: TraitType[Any, Any]) -> str:
    if isinstance(trait, Enum):
        choices = ", ".join(map(str, trait.values or ()))
        return f"{name} is {value!r}; choose from {choices}."
    smallest, largest = getattr(trait, "min", None), getattr(trait, "max", None)
    wanted = trait.info()
    kind = "a whole number" if isinstance(trait, Int) else "a number"
    if isinstance(trait, (Int, Float)):
        if largest is not None and largest < math.inf:
            wanted = f"{kind} from {smallest:g} to {largest:g}"
        elif smallest is not None:
            wanted = f"{kind}, {smallest:g} or more"
    elif isinstance(trait, List):
        wanted = "a list of texts"
    elif name == "concurrency":
        wanted = "a whole number, 1 or more, or auto"
    return f"{name} is {value!r}; give {wanted}."
