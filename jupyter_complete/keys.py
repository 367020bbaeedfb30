"""Keys: where an endpoint's is found, kept for the process, and stored for good.

A key belongs to one endpoint at one origin (scheme, host and port) and is given for
that alone. It is never in a `repr`, and never pickled: a worker finds its own.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from .endpoint import Endpoint
from .errors import CredentialError
from .redaction import looks_like_key, shown_url

SERVICE = "jupyter-complete"
"""The keyring's service under which keys are stored."""


class Keys:
    """Gives an endpoint's key; call it with the endpoint. Safe in any thread.

    It looks in the environment, in what it was told before, in the system keyring,
    and where a key is required and none was found it asks with ``ask``: that gets
    the text of a question and gives what was typed. It is asked in the main thread
    alone, and its answer lasts as long as this object. Without ``ask`` nobody is
    asked. ``environ`` is the process's own unless given.
    """

    def __init__(
        self,
        ask: Callable[[str], str] | None = None,
        *,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._ask = ask
        self._environ = os.environ if environ is None else environ
        self._kept: dict[str, str | None] = {}
        self._asking = threading.Lock()

    def __reduce__(self) -> tuple[type[Keys], tuple[()]]:
        """Become, in another process, one that finds its own keys and asks nobody."""
        return Keys, ()

    def __call__(self, endpoint: Endpoint) -> str | None:
        """Return the key, None if there is none."""
        if endpoint.is_embedded or endpoint.is_local:
            return None
        key = _from_environment(endpoint, self._environ)
        if key is not None:
            return key
        account = _account(endpoint)
        with self._asking:
            if self._kept.get(account) is None and (
                endpoint.key_required or account not in self._kept
            ):
                self._kept[account] = _from_keyring(account) or self._typed(endpoint)
            return self._kept[account]

    def forget(self, endpoint: Endpoint) -> None:
        """Look again at the next call, as after a key that was not accepted."""
        with self._asking:
            self._kept.pop(_account(endpoint), None)

    def _typed(self, endpoint: Endpoint) -> str | None:
        main = threading.current_thread() is threading.main_thread()
        if self._ask is None or not main or not endpoint.key_required:
            return None
        try:
            answer = self._ask(question(endpoint))
        except (EOFError, OSError, RuntimeError):
            return None  # a front end without input says so with one of these
        return answer.strip() or None


def question(endpoint: Endpoint) -> str:
    """Return the words in which the user is asked for a key."""
    return f"Key for {endpoint.name} at {_host(endpoint)} (hidden): "


def _host(endpoint: Endpoint) -> str:
    return urlsplit(shown_url(endpoint.base_url)).netloc


class Listed(NamedTuple):
    """An endpoint and where its key is, never the key."""

    endpoint: str
    host: str
    source: str | None
    """Such as ``environment: OPENAI_API_KEY`` or ``keyring``; None: it has none."""


def list_keys(
    endpoints: Iterable[Endpoint], environ: Mapping[str, str] | None = None
) -> tuple[Listed, ...]:
    """Return where each endpoint's key is, of those that are over the network."""
    environ = os.environ if environ is None else environ
    listed = []
    for endpoint in endpoints:
        if endpoint.is_embedded or endpoint.is_local:
            continue
        source = None
        if _from_environment(endpoint, environ) is not None:
            source = f"environment: {endpoint.key_variable}"
        elif _from_keyring(_account(endpoint)) is not None:
            source = "keyring"
        host = _host(endpoint)
        listed.append(Listed(endpoint.name, host, source))
    return tuple(listed)


def set_key(endpoint: Endpoint, key: str) -> None:
    """Store the endpoint's key in the system keyring. Raises `CredentialError`."""
    key = key.strip()
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise CredentialError(
            "That is no key: give one line of ASCII characters without white space."
        )
    with _storing("stored"):
        _keyring().set_password(SERVICE, _account(endpoint), key)


def delete_key(endpoint: Endpoint) -> bool:
    """Delete the endpoint's key from the system keyring; False if it had none."""
    with _storing("deleted"):
        keyring = _keyring()
        if keyring.get_password(SERVICE, _account(endpoint)) is None:
            return False
        keyring.delete_password(SERVICE, _account(endpoint))
    return True


def refuse_key(text: str, what: str = "The cell") -> None:
    """Raise `CredentialError` if the text holds what looks like an API key.

    To be asked before anything of the text is stored or sent.
    """
    if looks_like_key(text):
        raise CredentialError(
            f"{what} holds what looks like an API key; it was neither sent nor "
            "stored. Remove it, and clear it from the saved notebook: a key goes into "
            "the environment or the keyring (jupyter complete key set ENDPOINT), and "
            "you are asked for it where it is wanted."
        )


def _account(endpoint: Endpoint) -> str:
    parts = urlsplit(endpoint.base_url)
    return f"{endpoint.name} {parts.scheme}://{parts.netloc}".lower()


def _from_environment(endpoint: Endpoint, environ: Mapping[str, str]) -> str | None:
    if endpoint.key_variable is None:
        return None
    return environ.get(endpoint.key_variable) or None


def _from_keyring(account: str) -> str | None:
    """Return the stored key; a keyring that is missing or broken has none."""
    try:
        return _keyring().get_password(SERVICE, account) or None
    except Exception:  # noqa: BLE001 - a backend is foreign and may raise anything
        return None


def _keyring() -> Any:
    import keyring  # noqa: PLC0415 - an extra, and slow to load

    return keyring


@contextlib.contextmanager
def _storing(done: str) -> Iterator[None]:
    """Make one line of whatever a keyring raises."""
    try:
        yield
    except ImportError:
        raise CredentialError(
            "There is no keyring here; pip install jupyter-complete[keyring], or "
            "set the key's environment variable before Jupyter starts."
        ) from None
    except Exception as error:  # noqa: BLE001 - a backend may raise anything
        raise CredentialError(
            f"The system keyring failed ({type(error).__name__}), and the key was "
            f"not {done}; set its environment variable instead."
        ) from None
