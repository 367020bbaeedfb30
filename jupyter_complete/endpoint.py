"""Where a request goes: an endpoint, its URL and key, the HTTP made with them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from .errors import CredentialError, InputError
from .redaction import HIDDEN, looks_like_key, shown_url

DIALECTS: Mapping[str, str] = {
    "text": "/v1/complete",
    "messages": "/v1/messages",
    "chat": "/v1/chat/completions",
    "openai": "/v1/completions",
}
"""Every dialect and its calls' path; the first to recognise a server is spoken."""
KEY = "{key}"
"""What stands for the key where a request is not sent, but shown or written."""
SCHEMES = ("http", "https", "embedded", "local")

_SHORTEST_TRACE = 8


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where, in which dialect, with whose key; never the key itself."""

    name: str
    base_url: str
    dialect: str
    """A name of `DIALECTS`."""
    key_variable: str | None = None
    """The environment variable that holds the key; None: it wants none."""
    key_required: bool = False
    extensions: bool = False
    """Whether it is one of ours and takes the ``jupyter-complete-…`` headers."""
    flavour: str = "other"
    """Which server it is, where the dialect differs: see `OpenAIDialect`."""
    both: bool = False
    """Whether it has chat and openai: turns go to one, raw text to the other."""

    @property
    def is_embedded(self) -> bool:
        """Whether it is in this process: it wants no key, and asking it is free."""
        return self.base_url.startswith("embedded:")

    @property
    def is_local(self) -> bool:
        """Whether a child of this process answers: its key is not the user's."""
        return self.base_url.startswith("local:")


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


class HttpCall(NamedTuple):
    """One HTTP request, without host and key."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    notices: tuple[str, ...] = ()
    """What the dialect changed in the request, for the user to see."""


class HttpRequest(NamedTuple):
    """A whole HTTP request: what is sent, shown, and written as code."""

    method: str
    base: str
    """The URL without the call's path."""
    path: str
    headers: Mapping[str, str]
    """All but those that carry the key."""
    body: bytes
    key_headers: Mapping[str, str]
    """Those that carry the key if there is one, with `KEY` in its place."""
    notices: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        """The whole URL."""
        return self.base + self.path

    def headers_with(self, key: Secret | None) -> dict[str, str]:
        """Return all headers, those that carry the key as a `Secret`."""
        if key is None:
            return dict(self.headers)
        secrets = {
            name: Secret(value.replace(KEY, key))
            for name, value in self.key_headers.items()
        }
        return {**self.headers, **secrets}


class InCode(NamedTuple):
    """How code reads a dialect's answer, and calls it through an official client."""

    read: str
    """What stands behind the answer's JSON to give its text."""
    library: str
    install: str
    client: str
    path: str
    """What the client puts behind its base URL."""
    call: str
    answer: str
    event: str
    fields: frozenset[str]
    """What the method takes by name; the rest goes as ``extra_body``."""


def http_request(
    endpoint: Endpoint,
    call: HttpCall,
    authorization: Mapping[str, str],
    schemes: tuple[str, ...] = SCHEMES,
) -> HttpRequest:
    """Return the whole request of a dialect's call to an endpoint.

    ``authorization``: the dialect's headers for the key `KEY`. The base URL may end
    in a slash, in /v1, or in the path itself. Raises `InputError` for one that is none.
    """
    parts = checked_url(endpoint, schemes)
    base = parts.path.rstrip("/").removesuffix(call.path.partition("?")[0])
    base = base.rstrip("/").removesuffix("/v1").rstrip("/")
    with_key = {name: text for name, text in authorization.items() if KEY in text}
    rest = {name: text for name, text in authorization.items() if name not in with_key}
    return HttpRequest(
        call.method,
        f"{parts.scheme}://{parts.netloc}{base}",
        call.path,
        {**call.headers, **rest},
        call.body,
        with_key,
        call.notices,
    )


def checked_url(endpoint: Endpoint, schemes: tuple[str, ...] = SCHEMES) -> SplitResult:
    """Return the parts of the endpoint's URL. Raises `InputError` for what is none.

    Its name, password or query are no part of it: they would be stored with it.
    """
    fault = _fault_of_url(endpoint.base_url, schemes)
    if fault:
        shown = shown_url(endpoint.base_url)
        raise InputError(f"The endpoint {endpoint.name} has the URL {shown!r}{fault}")
    return urlsplit(endpoint.base_url)


@lru_cache
def _fault_of_url(url: str, schemes: tuple[str, ...]) -> str | None:
    """Return how the sentence ends that says why a URL is none; None if it is one."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        host.encode("idna")
        parts.port  # noqa: B018 - raises for what is no number
    except ValueError:
        return ", which is none; check it."
    checks = (
        (parts.scheme not in schemes, "give one that begins with https:// or http://."),
        (
            not host or re.search(r"[\s\x00-\x1f\x7f]", url),
            "give one with a host and without white space.",
        ),
        ("@" in parts.netloc, "leave the name and password out, use a key."),
        (re.search(r"[?#]", url), "leave out what follows the path (? or #)."),
        (looks_like_key(url), "leave the key out of it, set it as a key."),
    )
    return next((f"; {remedy}" for wrong, remedy in checks if wrong), None)
