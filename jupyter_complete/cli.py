"""The command line: ``jupyter complete serve`` and ``jupyter complete key``."""

from __future__ import annotations

import argparse
import getpass
import ipaddress
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

from .arguments import Parser, parsed, without
from .errors import InputError, one_line
from .version import __version__

if TYPE_CHECKING:
    from .completion import Endpoint
    from .server.serve import Server

PATIENCE_SECONDS = 3.0
"""How long answers that are still under way may take to notice the end."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``jupyter-complete``; give its exit code."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    try:
        given = parsed(_parser(), words)
        run: Callable[[argparse.Namespace], int] = given.run
        return run(given)
    except InputError as error:
        said = without(words, str(error)) if words[:1] == ["key"] else str(error)
        _say(f"jupyter complete: {said}", sys.stderr)
        return 2


def _say(line: str, where: TextIO) -> None:
    print(line, file=where, flush=True)


def _parser() -> Parser:
    parser = Parser(
        prog="jupyter complete",
        description="Text completions from the command line.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--version", action="version", version=f"jupyter-complete {__version__}"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_serve(commands)
    _add_key(commands)
    return parser


def _add_serve(commands: Any) -> None:
    serve = commands.add_parser(
        "serve",
        help="serve the embedded model over HTTP",
        description="Serve the embedded model over HTTP: POST /v1/complete, "
        "GET /v1/models, GET /v1/models/{id}.",
        allow_abbrev=False,
    )
    serve.set_defaults(run=_serve)
    serve.add_argument(
        "--host", default="127.0.0.1", help="the address to bind (%(default)s)"
    )
    serve.add_argument(
        "--port",
        type=_port,
        default=8765,
        metavar="N",
        help="the port; 0 takes any that is free (%(default)s)",
    )
    serve.add_argument(
        "--key-env",
        metavar="NAME",
        help="require the key that this environment variable holds",
    )
    serve.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="answer requests for this name of a host, too, and from its pages; IP "
        "addresses, localhost and the machine's own name are always taken. Repeatable.",
    )
    serve.add_argument(
        "--model-file",
        type=Path,
        metavar="TEXT",
        help="learn from this UTF-8 text instead of Python's documentation",
    )


def _add_key(commands: Any) -> None:
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


def _port(text: str) -> int:
    port = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else -1
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; give 0 to 65535")
    return port


def _serve(given: argparse.Namespace) -> int:
    key = _key(given.key_env)
    text = None if given.model_file is None else _text(given.model_file)
    server = _listen(given, key, text)
    if key is None and not _is_loopback(given.host):
        _say(
            f"Warning: anyone who can reach {given.host} can use this server; "
            "--key-env NAME requires a key.",
            sys.stderr,
        )
    _serve_until_told(server)
    return 0


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _key(variable: str | None) -> str | None:
    if variable is None:
        return None
    key = os.environ.get(variable, "").strip()
    if not key:
        raise InputError(
            f"{variable} is not set; put the key into it, or leave --key-env out."
        )
    return key


def _text(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InputError(
            f"--model-file {path} cannot be read ({reason}); give a text file."
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"--model-file {path} is not UTF-8 at byte {error.start}; save it as UTF-8."
        ) from error
    if not text.strip():
        raise InputError(f"--model-file {path} is empty; give a text to learn from.")
    return text


def _endpoint(given: argparse.Namespace) -> Endpoint:
    from .catalog import CATALOG  # noqa: PLC0415 - only where needed
    from .catalog.endpoints import choose  # noqa: PLC0415

    own = {given.endpoint: given.url} if given.url else {}
    endpoint, _ = choose(
        CATALOG, "any", endpoint=given.endpoint, own=own, environ=dict(os.environ)
    )
    if endpoint.is_embedded:
        raise InputError(f"The endpoint {endpoint.name} needs no key.")
    return endpoint


def _set_key(given: argparse.Namespace) -> int:
    from .keys import question, set_key  # noqa: PLC0415

    endpoint = _endpoint(given)
    typed = sys.stdin.isatty()
    set_key(
        endpoint,
        getpass.getpass(question(endpoint)) if typed else sys.stdin.readline(),
    )
    _say(f"The key of {endpoint.name} is stored.", sys.stdout)
    return 0


def _delete_key(given: argparse.Namespace) -> int:
    from .keys import delete_key  # noqa: PLC0415

    endpoint = _endpoint(given)
    had = delete_key(endpoint)
    what = "is deleted" if had else "was not in the keyring"
    _say(f"The key of {endpoint.name} {what}.", sys.stdout)
    return 0 if had else 1


def _list_keys(_: argparse.Namespace) -> int:
    from .catalog import CATALOG  # noqa: PLC0415
    from .catalog.endpoints import known_endpoints  # noqa: PLC0415
    from .keys import list_keys  # noqa: PLC0415

    for key in list_keys(known_endpoints(CATALOG, {}, os.environ)):
        source = key.source or "no key"
        _say(f"{key.endpoint:<12} {key.host:<24} {source}", sys.stdout)
    return 0


def _listen(given: argparse.Namespace, key: str | None, text: str | None) -> Server:
    from .ngram.model import load_models  # noqa: PLC0415
    from .server.app import make_app  # noqa: PLC0415 - only where needed
    from .server.hosts import Hosts  # noqa: PLC0415
    from .server.serve import PING_SECONDS, make_server  # noqa: PLC0415

    try:
        hosts = Hosts.of(given.host, given.allow_host)
    except (UnicodeError, ValueError) as error:
        raise InputError(
            f"--allow-host: {one_line(str(error), 150)}; give one such as gpu.example."
        ) from error
    models = load_models(text)
    for name in models:
        models[name]  # learns now, so that the first client need not wait
    app = make_app(models, key=key, hosts=hosts, ping_seconds=PING_SECONDS)
    try:
        return make_server(app, given.host, given.port)
    except (OSError, UnicodeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or one_line(str(error), 100)
        raise InputError(
            f"{given.host}:{given.port} cannot be served ({reason}); "
            "give another --port or --host, or --port 0 for any free port."
        ) from error


def _serve_until_told(server: Server) -> None:
    """Serve until Ctrl-C or SIGTERM."""
    from .server.serve import address  # noqa: PLC0415

    # The model computes in one thread while another sends: hand over sooner than
    # every 5 ms, or a token waits that long for its way out.
    sys.setswitchinterval(0.0005)
    told = threading.Event()

    def tell(*_: object) -> None:
        told.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, tell)
    serving = threading.Thread(target=server.serve, daemon=True)
    serving.start()
    _say(f"Serving at {address(server)} (Ctrl-C ends it)", sys.stdout)
    # In turns, as a wait without end hears no signal on Windows.
    while not told.wait(0.5) and serving.is_alive():
        pass
    stopping = threading.Thread(target=server.stop, daemon=True)
    stopping.start()
    stopping.join(PATIENCE_SECONDS)
    if stopping.is_alive():  # pragma: no cover - see `_leave`
        _leave()


def _leave() -> NoReturn:  # pragma: no cover - every answer that we know ends
    """End at once: an answer that no one can end has nothing to save."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
