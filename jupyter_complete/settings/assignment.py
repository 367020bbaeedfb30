"""Settings that are set by name, and say in one line why they refuse a value."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Mapping
from functools import cache
from typing import Any, Self

from traitlets import Bool, Enum, Float, Int, List, TraitError, TraitType
from traitlets.config import Configurable

from ..errors import InputError


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
        if largest is not None:
            wanted = f"{kind} from {smallest:g} to {largest:g}"
        elif smallest is not None:
            wanted = f"{kind}, {smallest:g} or more"
    elif isinstance(trait, List):
        wanted = "a list of texts"
    elif name == "concurrency":
        wanted = "a whole number, 1 or more, or auto"
    return f"{name} is {value!r}; give {wanted}."
