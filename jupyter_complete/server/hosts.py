"""Who a request thinks it speaks to, and from which page it comes.

A page on the web can have its own name resolve to this machine, and then read what a
server here answers, as the browser takes both for one (DNS rebinding). Such a request
has that name as its ``Host``; a number cannot be rebound, nor can a name of ours.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from .validation import Refused, invalid

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::([0-9]{0,5}))?")
_ORIGIN = re.compile(r"(https?)://(.+)", re.IGNORECASE)
_PORTS = {"http": "80", "https": "443"}


@dataclass(frozen=True, slots=True)
class Hosts:
    """The names that a server answers to, beside every IP address."""

    own: frozenset[str]
    allowed: frozenset[str]
    """Names that the user added; pages of these may ask, whatever their port."""

    @classmethod
    def of(cls, bound: str, allowed: Collection[str] = ()) -> Hosts:
        """Return those of a server that is bound there.

        Raises `ValueError` for an allowed one that is no name.
        """
        names = {"localhost", socket.gethostname()}
        if not _is_number(bound):
            names.add(bound)
        elif not ipaddress.ip_address(bound).is_loopback:
            names.add(socket.getfqdn())  # may ask the network: only where it is used
        found = [_split(name) for name in names]
        own = frozenset(name for name, _ in filter(None, found))
        return cls(own, frozenset(map(_name, allowed)))

    def check(self, environ: Mapping[str, Any]) -> None:
        """Raise `Refused` for a request to another host, or from a page of another."""
        host = environ.get("HTTP_HOST")
        if host is None:  # HTTP/1.0 has none, and no browser speaks it
            return
        found = _split(host)
        if found is None:
            raise invalid(f"Host: {host[:100]!r} is no name of a host")
        name = found[0]
        if not _is_number(name) and name not in self.own | self.allowed:
            message = f"Host: {name[:100]!r} is no name of this server"
            remedy = f"if it is yours, start the server with --allow-host {name[:100]}"
            raise Refused(403, "permission_error", f"{message}; {remedy}")
        origin = environ.get("HTTP_ORIGIN")
        if origin is not None and not self._may_ask(origin, found):
            message = f"Origin: pages of {origin[:100]!r} may not ask this server"
            remedy = "if they are yours, start it with --allow-host and their host"
            raise Refused(403, "permission_error", f"{message}; {remedy}")

    def _may_ask(self, origin: str, host: tuple[str, str]) -> bool:
        """Tell whether a page is of the very host and port it asks, or allowed.

        Another port may be another's, so ``localhost`` alone is not enough.
        """
        parts = _ORIGIN.fullmatch(origin)
        found = parts and _split(parts[2])
        if not parts or not found:
            return False
        usual = _PORTS[parts[1].lower()]
        same = found[0] == host[0] and (found[1] or usual) == (host[1] or usual)
        return same or found[0] in self.allowed


def _name(text: str) -> str:
    """Return a host's name as it is compared. Raises `ValueError` for what is none."""
    found = _split(text.encode("idna").decode())
    if found is None or (":" in text and text != found[0]):
        raise ValueError(f"{text!r} is no name of a host")
    return found[0]


def _is_number(host: str) -> bool:
    """Tell whether a host is an IP address."""
    try:
        ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True


def _split(text: str) -> tuple[str, str] | None:
    """Return the name as it is compared, and the port; None for what is neither."""
    found = _HOST.fullmatch(text)
    if not found:
        return None
    return found[1].lower().removesuffix("."), found[2] or ""
