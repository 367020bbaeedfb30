"""Settings that name where to ask: an address with a secret in it is never kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from traitlets import Dict, Unicode

from ..addresses import checked_url
from ..completion import Endpoint
from ..errors import InputError
from ..redaction import shown_url


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
