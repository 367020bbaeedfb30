"""What a parameter is beside its trait: its flags, its slider, what it fills."""

from __future__ import annotations

from typing import Any, NamedTuple, Self

from traitlets import Bool, Float, Int, List, TraitType


class Slider(NamedTuple):
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
    slider: Slider | None
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
    slider: Slider | None = None,
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
