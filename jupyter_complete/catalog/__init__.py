"""What is known of models, betas and endpoints: dated data that a user can override.

The data is in ``catalog.json`` beside this file, and a file of the same shape, with
as little of it as one likes, adds to it: see `Catalog.from_file`. What is not listed
always passes; a catalogue only knows better.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from ..counts import count_of
from ..endpoint import DIALECTS, Endpoint
from ..errors import InputError
from ..prices import Price, price_of

Sampling = Literal["both", "either", "none"]
Status = Literal["active", "legacy", "deprecated", "retired"]
Thinking = Literal["none", "optional", "always"]


@dataclass(frozen=True, slots=True)
class Model:
    """A model and what it takes; None is not known."""

    id: str
    endpoint: str
    dialect: str
    turns: bool = True
    """Whether the prompt must be alternating Human and Assistant turns."""
    sampling: Sampling = "both"
    """temperature and top_p: both, only one of the two, or no sampling parameter."""
    prefill: bool = True
    """Whether text after the last ``Assistant:`` may be continued."""
    context_tokens: int | None = None
    output_tokens: int | None = None
    status: Status = "active"
    ends: str | None = None
    """The date of retirement, ISO 8601."""
    line: str | None = None
    """The family, such as ``opus``, within which one model succeeds another."""
    thinking: Thinking = "none"
    """Whether it thinks before it writes: unless told not to, or always."""
    confirmed: bool = True
    """Whether all of this was found in its maker's documentation."""
    about: str | None = None
    """What else there is to say of it, in a few words."""
    price: Price | None = None

    def status_on(self, day: str) -> Status:
        """Return the status on a day, ISO 8601: its retirement may have passed."""
        return "retired" if self.ends and self.ends <= day else self.status


@dataclass(frozen=True, slots=True)
class Catalog:
    """Models, betas and endpoints as of a date, ISO 8601. Newest models first."""

    date: str
    models: tuple[Model, ...] = ()
    betas: tuple[str, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()

    def find(self, name: str) -> Model | None:
        """Return the entry of a model, None if it is not listed."""
        return next((model for model in self.models if model.id == name), None)

    def endpoint(self, name: str) -> Endpoint | None:
        """Return the endpoint of that name, None if it is not listed."""
        return next((one for one in self.endpoints if one.name == name), None)

    def nearest_living(self, model: Model, day: str = "") -> Model | None:
        """Return the model of the same line nearest in age that is there to stay."""
        here = self.models.index(model) if model in self.models else 0
        living = [
            (abs(index - here), other)
            for index, other in enumerate(self.models)
            if other.line == model.line is not None
            and other.endpoint == model.endpoint
            and other.status_on(day) in ("active", "legacy")
        ]
        return min(living, key=lambda pair: pair[0])[1] if living else None

    def warning(self, model: Model, day: str = "") -> str | None:
        """Return one line on a model that ends or has ended by the day, else None."""
        status = model.status_on(day)
        if status not in ("deprecated", "retired"):
            return None
        verb = "was retired" if status == "retired" else "is deprecated"
        when = f" on {model.ends}" if model.ends else ""
        if status == "deprecated":
            when = f" and ends{when}" if when else ""
        other = self.nearest_living(model, day)
        remedy = f"; the nearest living model is {other.id}" if other else ""
        return f"{model.id} {verb}{when}{remedy}."

    def merged(self, other: Catalog) -> Catalog:
        """Return this catalogue with the other's entries added; its word counts."""
        if other == Catalog(""):
            return self
        return Catalog(
            max(self.date, other.date),
            _merged(self.models, other.models, lambda model: model.id),
            tuple(dict.fromkeys((*self.betas, *other.betas))),
            _merged(self.endpoints, other.endpoints, lambda endpoint: endpoint.name),
        )

    @classmethod
    def from_json(cls, text: str, base: Catalog | None = None) -> Self:
        """Return the catalogue in a JSON text, on top of ``base``.

        An entry of a model or endpoint that the base lists needs only its ``id`` or
        ``name`` and what differs. Raises `InputError`.
        """
        base = base or Catalog("")
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InputError(f"The catalogue is not JSON: {error}.") from error
        _check_fields(data, ("date", "models", "betas", "endpoints"), "catalogue")
        over = Catalog(
            str(data.get("date", base.date)),
            tuple(_model(entry, base) for entry in _list(data, "models")),
            tuple(_beta(entry) for entry in _list(data, "betas")),
            tuple(_endpoint(entry, base) for entry in _list(data, "endpoints")),
        )
        both = base.merged(over)
        return cls(both.date, both.models, both.betas, both.endpoints)

    @classmethod
    def from_file(cls, path: str | Path, base: Catalog | None = None) -> Self:
        """Return the catalogue in a JSON file, as `from_json`."""
        try:
            text = Path(path).expanduser().read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise InputError(
                f"catalog is {str(path)!r}, which cannot be read ({error}); "
                "give the path of a JSON file."
            ) from error
        return cls.from_json(text, base)


_Entry = TypeVar("_Entry", Model, Endpoint)


def _merged(
    old: tuple[_Entry, ...], new: tuple[_Entry, ...], key: Callable[[_Entry], str]
) -> tuple[_Entry, ...]:
    entries = {key(entry): entry for entry in old} | {
        key(entry): entry for entry in new
    }
    return tuple(entries.values())


def _check_fields(entry: object, known: Iterable[str], what: str) -> None:
    if not isinstance(entry, dict):
        raise InputError(f"The catalogue has {entry!r} for a {what}; write an object.")
    for name in entry:
        if name not in known:
            raise InputError(
                f"The catalogue's {what} has the field {name!r}; "
                f"choose from {', '.join(known)}."
            )


def _list(data: Mapping[str, Any], name: str) -> list[Any]:
    value = data.get(name, [])
    if not isinstance(value, list):
        raise InputError(f"The catalogue's {name} is {value!r}; write a list.")
    return value


def _beta(entry: object) -> str:
    if not isinstance(entry, str) or not entry:
        raise InputError(f"The catalogue has {entry!r} for a beta; write its flag.")
    return entry


_CHOICES: Mapping[str, tuple[object, ...]] = {
    "dialect": tuple(DIALECTS),
    "sampling": ("both", "either", "none"),
    "status": ("active", "legacy", "deprecated", "retired"),
    "thinking": ("none", "optional", "always"),
    **dict.fromkeys(
        ("turns", "prefill", "confirmed", "key_required", "extensions", "both"),
        (True, False),
    ),
}

_NULLABLE = frozenset({"ends", "line", "about", "key_variable"})


def _check_values(entry: Mapping[str, Any]) -> None:
    for name, value in entry.items():
        if name == "price":
            continue
        if name in _CHOICES:
            good = value in _CHOICES[name]
            wanted = f"choose from {', '.join(map(str, _CHOICES[name]))}"
        elif name.endswith("_tokens"):
            good = value is None or (type(value) is int and bool(count_of(value)))
            wanted = "write a whole number above 0, or null"
        else:
            good = isinstance(value, str) or (value is None and name in _NULLABLE)
            wanted = "write text"
        if not good:
            raise InputError(f"The catalogue's {name} is {value!r}; {wanted}.")


def _model(entry: Any, base: Catalog) -> Model:
    _check_fields(entry, [field.name for field in fields(Model)], "model")
    _check_values(entry)
    if entry.get("price") is not None:
        entry = entry | {"price": price_of(entry["price"], entry.get("id", ""))}
    known = base.find(entry.get("id", ""))
    if known:
        return replace(known, **entry)
    if not {"id", "endpoint", "dialect"} <= set(entry):
        raise InputError(
            f"The catalogue's new model {entry.get('id', '')!r} wants its id, "
            "endpoint and dialect."
        )
    return Model(**entry)


def _endpoint(entry: Any, base: Catalog) -> Endpoint:
    known_fields = [field.name for field in fields(Endpoint)]
    _check_fields(entry, [*known_fields, "source"], "endpoint")
    _check_values(entry)
    entry = {name: value for name, value in entry.items() if name != "source"}
    known = base.endpoint(entry.get("name", ""))
    if known:
        return replace(known, **entry)
    if not {"name", "base_url", "dialect"} <= set(entry):
        raise InputError(
            f"The catalogue's new endpoint {entry.get('name', '')!r} wants its name, "
            "base_url and dialect."
        )
    return Endpoint(**entry)


CATALOG = Catalog.from_file(Path(__file__).with_name("catalog.json"))
"""What this release knows."""
