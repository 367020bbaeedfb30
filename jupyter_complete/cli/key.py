"""``jupyter complete key``: keys in the system keyring."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from .say import say

if TYPE_CHECKING:
    from ..endpoint import Endpoint


def add(commands: Any) -> None:
    """Add the command to the command line."""
    key = commands.add_parser(
        "key",
        help="store keys in the system keyring",
        description="Store, list and delete the keys of endpoints in the system "
        "keyring. A key's environment variable comes before it.",
        allow_abbrev=False,
    )
    actions = key.add_subparsers(required=True, metavar="ACTION")
    for name, run, text in (
        (
            "set",
            _set_key,
            "store an endpoint's key; it is asked for, or read from a pipe",
        ),
        ("list", _list_keys, "list which endpoints have a key, and where it is"),
        ("delete", _delete_key, "delete an endpoint's key from the keyring"),
    ):
        action = actions.add_parser(
            name, help=text, description=text, allow_abbrev=False
        )
        action.set_defaults(run=run)
        if name != "list":
            action.add_argument("endpoint", help="its name or URL, as for --endpoint")
            action.add_argument("--url", help="the URL of an endpoint of your settings")


def _endpoint(given: argparse.Namespace) -> Endpoint:
    from ..catalog import CATALOG  # noqa: PLC0415 - only where needed
    from ..catalog.endpoints import choose  # noqa: PLC0415

    own = {given.endpoint: given.url} if given.url else {}
    endpoint, _ = choose(
        CATALOG, "any", endpoint=given.endpoint, own=own, environ=dict(os.environ)
    )
    if endpoint.is_embedded or endpoint.is_local:
        raise InputError(f"The endpoint {endpoint.name} needs no key.")
    return endpoint


def _set_key(given: argparse.Namespace) -> int:
    from ..keys import question, set_key  # noqa: PLC0415

    endpoint = _endpoint(given)
    typed = sys.stdin.isatty()
    set_key(
        endpoint,
        getpass.getpass(question(endpoint)) if typed else sys.stdin.readline(),
    )
    say(f"The key of {endpoint.name} is stored.", sys.stdout)
    return 0


def _delete_key(given: argparse.Namespace) -> int:
    from ..keys import delete_key  # noqa: PLC0415

    endpoint = _endpoint(given)
    had = delete_key(endpoint)
    what = "is deleted" if had else "was not in the keyring"
    say(f"The key of {endpoint.name} {what}.", sys.stdout)
    return 0 if had else 1


def _list_keys(_: argparse.Namespace) -> int:
    from ..catalog import CATALOG  # noqa: PLC0415
    from ..catalog.endpoints import known_endpoints  # noqa: PLC0415
    from ..keys import list_keys  # noqa: PLC0415

    for key in list_keys(known_endpoints(CATALOG, {}, os.environ)):
        source = key.source or "no key"
        say(f"{key.endpoint:<12} {key.host:<24} {source}", sys.stdout)
    return 0
