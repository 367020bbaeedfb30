"""Kinds of settings: numbers, and places, whose address never keeps a secret."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from traitlets import Dict, Float, TraitError, Unicode

from ..addresses import checked_url
from ..completion import Endpoint
from ..errors import InputError
from ..redaction import shown_url


class Number(Float[float | None, Any]):
    """A number, which NaN is not: it would pass every bound."""

    def validate(self, obj: Any, value: Any) -> Any:
        """Return the value if it is a number within the bounds."""
        if (number := super().validate(obj, value)) is not None and math.isnan(number):
            raise TraitError(f"{self.name} is not a number.")
        return number


class Place(Unicode[str | None, str | None]):
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


class Places(Dict):
    """Endpoints by name, each a URL or a mapping that has one as ``url``."""

    def validate(self, obj: Any, value: Any) -> Any:
        """Return the value if no URL in it is refused."""
        places = super().validate(obj, value)
        for name, entry in (places or {}).items():
            url = entry.get("url") if isinstance(entry, Mapping) else entry
            if isinstance(url, str):
                checked_url(Endpoint(str(name), url, "auto"))
        return places
