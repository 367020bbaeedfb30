"""Where a call goes and what opens the door there: URL and key, checked."""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import SplitResult, urlsplit

from .completion import Endpoint
from .errors import CredentialError, InputError
from .redaction import HIDDEN, looks_like_key, shown_url

_SHORTEST_TRACE = 8


class Secret(str):
    """A text that a header can carry and no `repr` shows."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(HIDDEN)

    def removed_from(self, text: str) -> str:
        """Return the text without the secret, and without its start where it is cut."""
        text = text.replace(str(self), HIDDEN)
        if "…" in text:
            for size in range(len(self) - 1, _SHORTEST_TRACE - 1, -1):
                text = text.replace(f"{self[:size]}…", f"{HIDDEN}…")
        return text


def checked_key(found: str | None, endpoint: Endpoint) -> Secret | None:
    """Return the key if a header can carry it. Raises `CredentialError`."""
    key, found = Secret(found or ""), None  # from here on no frame shows it
    variable = endpoint.key_variable or "the environment"
    if not key:
        if not endpoint.key_required:
            return None
        raise CredentialError(
            f"The endpoint {endpoint.name} wants a key and there is none: set "
            f"{variable} before Jupyter starts, store it once with jupyter complete "
            f"key set {endpoint.name}, or run the cell by itself to be asked for it."
        )
    fault = _fault(key)
    if fault:
        raise CredentialError(
            f"The key of the endpoint {endpoint.name} has {fault}; "
            f"set {variable} again, without it."
        )
    return key


def _fault(key: Secret) -> str | None:
    if key != key.strip():
        return "white space or a line break at an end"
    if re.search(r"[\r\n]", key):
        return "a line break in it"
    if re.search(r"[\x00-\x1f\x7f-\x9f]", key):
        return "a control character in it"
    if any(ord(character) > 0xFF for character in key):
        return "a character that no HTTP header can carry"
    return None


def url_of(endpoint: Endpoint, path: str, schemes: Collection[str]) -> str:
    """Return a call's URL; the base may end in a slash, in /v1, or in the path itself.

    Raises `InputError` for a base URL that is none.
    """
    parts = checked_url(endpoint, schemes)
    base = parts.path.rstrip("/").removesuffix(path.partition("?")[0])
    base = base.rstrip("/").removesuffix("/v1").rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{base}{path}"


def checked_url(
    endpoint: Endpoint, schemes: Collection[str] = ("http", "https", "embedded")
) -> SplitResult:
    """Return the parts of the endpoint's URL. Raises `InputError` for what is none.

    Its name, password or query are no part of it: they would be stored with it.
    """
    about = f"The endpoint {endpoint.name} has the URL {shown_url(endpoint.base_url)!r}"
    try:
        parts = urlsplit(endpoint.base_url)
        host = parts.hostname or ""
        host.encode("idna")
        parts.port  # noqa: B018 - raises for what is no number
    except ValueError:
        raise InputError(f"{about}, which is none; check it.") from None
    if parts.scheme not in schemes:
        raise InputError(f"{about}; give one that begins with https:// or http://.")
    if not host or re.search(r"[\s\x00-\x1f\x7f]", endpoint.base_url):
        raise InputError(f"{about}; give one with a host and without white space.")
    if "@" in parts.netloc:
        raise InputError(f"{about}; leave the name and password out, use a key.")
    if re.search(r"[?#]", endpoint.base_url):
        raise InputError(f"{about}; leave out what follows the path (? or #).")
    if looks_like_key(endpoint.base_url):
        raise InputError(f"{about}; leave the key out of it, set it as a key.")
    return parts
