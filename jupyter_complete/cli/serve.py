"""``jupyter complete serve``: models over HTTP."""

from __future__ import annotations

import argparse
import ipaddress
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from ..errors import InputError, one_line
from .say import say

if TYPE_CHECKING:
    from ..language_model import LanguageModel
    from ..server.serve import Server

PATIENCE_SECONDS = 3.0
"""How long answers that are still under way may take to notice the end."""


def add(commands: Any) -> None:
    """Add the command to the command line."""
    serve = commands.add_parser(
        "serve",
        help="serve the embedded models, or those of GGUF files, over HTTP",
        description="Serve the embedded models, or those that are named, over HTTP: "
        "POST /v1/complete, GET /v1/models, GET /v1/models/{id}.",
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
    _add_models(serve)


def _add_models(serve: Any) -> None:
    serve.add_argument(
        "--model",
        action="append",
        default=[],
        metavar="NAME",
        help="a model to serve, as for -m: ngram-chat, ngram-base, smollm2 and other "
        "names of the model directory. Repeatable.",
    )
    serve.add_argument(
        "--gguf",
        action="append",
        default=[],
        metavar="FILE",
        help="a model's file to serve, under the file's name. Repeatable.",
    )
    serve.add_argument(
        "--model-directory",
        metavar="DIR",
        default="",
        help="another model directory than CompletionSettings.model_directory's own",
    )
    serve.add_argument(
        "--model-file",
        type=Path,
        metavar="TEXT",
        help="learn from this UTF-8 text instead of Python's documentation",
    )


def _port(text: str) -> int:
    port = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else -1
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; give 0 to 65535")
    return port


def _serve(given: argparse.Namespace) -> int:
    key = _key(given.key_env)
    server = _listen(given, key, _models(given))
    if key is None and not _is_loopback(given.host):
        say(
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


def _models(given: argparse.Namespace) -> dict[str, LanguageModel]:
    """Return the models to serve, loaded, so that the first client need not wait."""
    from ..ngram.model import load_models  # noqa: PLC0415

    text = None if given.model_file is None else _text(given.model_file)
    embedded = load_models(text)
    models: dict[str, LanguageModel] = {}
    for asked in (*given.model, *given.gguf):
        path = Path(asked)
        is_file = path.suffix.lower() == ".gguf"
        if asked in given.gguf and not is_file:
            raise InputError(f"--gguf {asked} is no GGUF file; give one, *.gguf.")
        name = path.stem if is_file else asked
        if name in models:
            raise InputError(f"{name} is served already; give each model its own name.")
        models[name] = embedded.get(asked) or _local(asked, given.model_directory)
    if text is not None and models and not models.keys() & embedded.keys():
        raise InputError("--model-file is for ngram-chat and ngram-base; leave it out.")
    models = models or {**embedded}
    for model in models.values():
        model.load()
    return models


def _local(name: str, directory: str) -> LanguageModel:
    from ..session.served import RoutedModel  # noqa: PLC0415
    from ..settings import CompletionSettings  # noqa: PLC0415

    settings = CompletionSettings(
        model=name, endpoint="local", model_directory=directory
    )
    return RoutedModel(settings, lambda line: say(line, sys.stderr))


def _listen(
    given: argparse.Namespace, key: str | None, models: dict[str, LanguageModel]
) -> Server:
    from ..server.app import make_app  # noqa: PLC0415 - only where needed
    from ..server.hosts import Hosts  # noqa: PLC0415
    from ..server.serve import PING_SECONDS, make_server  # noqa: PLC0415

    try:
        hosts = Hosts.of(given.host, given.allow_host)
    except (UnicodeError, ValueError) as error:
        raise InputError(
            f"--allow-host: {one_line(str(error), 150)}; give one such as gpu.example."
        ) from error
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
    from ..server.serve import address  # noqa: PLC0415

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
    say(f"Serving at {address(server)} (Ctrl-C ends it)", sys.stdout)
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
