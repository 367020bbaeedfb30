"""What the environment says of the way to a host: which proxy, whom to trust."""

from __future__ import annotations

import ipaddress
import os
import socket
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.exceptions import InvalidProxyURL
from requests.utils import get_environ_proxies, select_proxy
from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

_NEAR_DOMAINS = ("localhost", "local", "internal", "home.arpa")
"""Domains that name nothing public: RFC 6761, 6762, 8375, and ICANN's ``internal``, of
which ``host.docker.internal`` is one."""
_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
"""The variables that name trusted authorities, the first that is set counts."""


class Session(requests.Session):
    """A session that follows nothing, and takes no call to a near host to a proxy."""

    def get_redirect_target(self, _: requests.Response) -> None:
        """Return None: `requests` would even read a redirect."""
        return

    def merge_environment_settings(
        self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any
    ) -> Any:
        """Return the proxies and the trusted authorities for a URL."""
        # All that `requests` would merge is asked for here, where it costs less.
        proxies = (
            {} if is_near(urlsplit(url).hostname or "") else get_environ_proxies(url)
        )
        _check(select_proxy(url, proxies))
        found = _bundle()
        verify = found[1] if found else True
        return {"proxies": proxies, "stream": stream, "verify": verify, "cert": cert}

    def proxy_of(self, url: str) -> str | None:
        """Return the host and port of the proxy for a URL, None where there is none."""
        if is_near(urlsplit(url).hostname or ""):
            return None
        proxy = select_proxy(url, get_environ_proxies(url))
        if not proxy:
            return None
        host = proxy.rpartition("@")[2] if "@" in proxy else proxy.rpartition("//")[2]
        return host.partition("/")[0] or "without a host"


def _check(proxy: str | None) -> None:
    """Raise `InvalidProxyURL`, without the URL, which may hold a password."""
    if proxy:
        try:
            host = parse_url(proxy).host
        except LocationParseError:
            host = None
        if not host:
            raise InvalidProxyURL from None


@lru_cache
def is_near(host: str) -> bool:
    """Tell whether a host is this machine's or a private network's, by its name alone.

    A name without a dot or of a private domain is, and so is an address that is not
    globally reachable by the registries of IANA: loopback, private, link-local, shared
    (100.64.0.0/10). No name is looked up: often only the proxy could.
    """
    name = host.strip("[]").partition("%")[0].rstrip(".").lower()
    # Also 127.1 and 0x7f000001 are addresses, to every system.
    with suppress(OSError, UnicodeError):
        found = socket.getaddrinfo(name, None, flags=socket.AI_NUMERICHOST)
        return not any(_is_global(str(each[4][0])) for each in found)
    return (
        "." not in name
        or name.rpartition(".")[2] in _NEAR_DOMAINS
        or (name.endswith(".home.arpa"))
    )


def _is_global(text: str) -> bool:
    address = ipaddress.ip_address(text)
    return (getattr(address, "ipv4_mapped", None) or address).is_global


def trusted() -> str:
    """Return which certificates are trusted now, as a user reads it."""
    name, path = _bundle() or (_BUNDLES[0], "unset")
    unset = "" if name == _BUNDLES[0] else f"{_BUNDLES[0]} is unset, "
    return f"{unset}{name} is {path}"


def _bundle() -> tuple[str, str] | None:
    """Return the variable that counts and its path.

    OpenSSL ignores its own where nothing is there, and many environments set it so.
    """
    for name in _BUNDLES:
        path = os.environ.get(name)
        if path and (not name.startswith("SSL_") or Path(path).exists()):
            return name, path
    return None
