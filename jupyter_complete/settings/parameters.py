"""Every parameter, once: bounds, help, flag and slider of each come from its trait."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from traitlets import (
    Bool,
    Dict,
    Enum,
    Float,
    Int,
    List,
    TraitError,
    TraitType,
    Unicode,
    Union,
    validate,
)
from traitlets.config import Configurable

from ..completion import BOUNDS
from ..errors import InputError


class Slider(NamedTuple):
    """The part of a parameter's range that a slider shows."""

    start: float
    end: float
    step: float


def _parameter(
    trait: TraitType[Any, Any],
    *flags: str,
    request: str | None = None,
    slider: Slider | None = None,
    metavar: str | None = None,
    sweep: bool = False,
) -> Any:
    """Tag a trait with its flags, its field of the request, and its slider."""
    return trait.tag(
        config=True,
        flags=flags,
        request=request,
        slider=slider,
        metavar=metavar,
        sweep=sweep,
    )


def _bounds(name: str) -> dict[str, Any]:
    smallest, largest = BOUNDS[name]
    return {"min": smallest, "max": largest}


class CompletionSettings(Configurable):
    """The parameters of ``%%complete``; a flag overrides one for its cell."""

    model = _parameter(
        Unicode("ngram-chat", help="The model that completes the prompt."),
        "-m",
        "--model",
        request="model",
    )
    temperature = _parameter(
        Float(
            None,
            allow_none=True,
            **_bounds("temperature"),
            help="Randomness: 0 takes the likeliest token each time; the API's own "
            "default is 1. Change temperature or top_p, not both.",
        ),
        "-t",
        "--temperature",
        request="temperature",
        slider=Slider(0, 1, 0.05),
    )
    top_p = _parameter(
        Float(
            None,
            allow_none=True,
            **_bounds("top_p"),
            help="Nucleus sampling: only the likeliest tokens whose probabilities add "
            "up to this.",
        ),
        "-p",
        "--top-p",
        request="top_p",
        slider=Slider(0, 1, 0.05),
    )
    top_k = _parameter(
        Int(
            None,
            allow_none=True,
            **_bounds("top_k"),
            help="Only this many of the likeliest tokens; 0 is no limit.",
        ),
        "-k",
        "--top-k",
        request="top_k",
        slider=Slider(0, 100, 1),
    )
    max_tokens = _parameter(
        Int(
            256,
            **_bounds("max_tokens_to_sample"),
            help="The most tokens to sample (max_tokens_to_sample in the API).",
        ),
        "--max-tokens",
        request="max_tokens_to_sample",
        slider=Slider(1, 4096, 1),
    )
    stop = _parameter(
        List(
            Unicode(),
            help="A stop sequence: the completion ends before it. Repeatable. "
            'Quoted text may hold escapes, as in "\\n\\n".',
        ),
        "--stop",
        request="stop_sequences",
        metavar="TEXT",
    )
    betas = _parameter(
        List(Unicode(), help="A beta flag to send. Repeatable."),
        "--beta",
        request="betas",
        metavar="FLAG",
    )
    user_id = _parameter(
        Unicode(
            None,
            allow_none=True,
            help="An opaque id of the person asking, for the endpoint's own checks.",
        ),
        "--user-id",
        request="user_id",
        metavar="TEXT",
    )
    system = _parameter(
        Unicode(
            None,
            allow_none=True,
            help="System text, put before the first Human turn.",
        ),
        "--system",
        metavar="TEXT",
    )
    endpoint = _parameter(
        Unicode(
            None,
            allow_none=True,
            help="Where to ask: the name of an endpoint, or a URL. Left out, the "
            "model decides.",
        ),
        "--endpoint",
        metavar="NAME|URL",
    )
    dialect = _parameter(
        Enum(
            ["auto", "text", "messages", "openai"],
            "auto",
            help="The API to speak; auto asks the catalogue and the endpoint.",
        ),
        "--dialect",
    )
    turns = _parameter(
        Enum(
            ["auto", "wrap", "raw"],
            "auto",
            help="Whether to wrap the cell as a Human and an Assistant turn: auto "
            "does where the model wants it and the cell has none.",
        ),
        "--turns",
    )
    seed = _parameter(
        Int(
            None,
            allow_none=True,
            min=0,
            help="Makes the answer repeatable, where the endpoint has a seed.",
        ),
        "--seed",
        request="seed",
        metavar="N",
    )
    logprobs = _parameter(
        Int(
            None,
            allow_none=True,
            **_bounds("logprobs"),
            help="Keep the log-probability of each token and of this many likeliest "
            "others, where the endpoint tells them; 0 keeps the token's own alone.",
        ),
        "--logprobs",
        request="logprobs",
        metavar="N",
    )
    format = _parameter(
        Enum(
            ["auto", "text", "markdown", "tokens"],
            "auto",
            help="How the card shows the completion; auto is Markdown in a notebook "
            "and text in a terminal, tokens shades each token by its probability "
            "(and asks for logprobs).",
        ),
        "--format",
    )
    stream = _parameter(
        Bool(True, help="Show the completion while it arrives."), "--no-stream"
    )
    history = _parameter(
        Bool(True, help="Store each completion in the history."), "--no-history"
    )
    reuse = _parameter(
        Bool(
            False,
            help="Answer from the history what was asked and answered before.",
        ),
        "--reuse",
    )

    samples = _parameter(
        Int(1, min=1, help="Samples at each point of a sweep."),
        "-n",
        "--samples",
        metavar="N",
        sweep=True,
    )
    concurrency = _parameter(
        Union(
            [Int(min=1), Enum(["auto"])],
            default_value="auto",
            help="Calls of a sweep at once; auto adapts to the endpoint.",
        ),
        "-j",
        "--concurrency",
        metavar="N|auto",
        sweep=True,
    )
    executor = _parameter(
        Unicode(
            None,
            allow_none=True,
            help="The name of a concurrent.futures.Executor, or of a Dask client, "
            "that runs the calls of a sweep.",
        ),
        "--executor",
        metavar="NAME",
        sweep=True,
    )
    max_calls = _parameter(
        Int(None, allow_none=True, min=1, help="The most calls of a whole sweep."),
        "--max-calls",
        metavar="N",
        sweep=True,
    )
    max_output_tokens = _parameter(
        Int(
            None,
            allow_none=True,
            min=1,
            help="The most tokens that a whole sweep may sample.",
        ),
        "--max-output-tokens",
        metavar="N",
        sweep=True,
    )

    confirm_calls = Int(
        200, min=0, help="A sweep of more calls than this wants --yes."
    ).tag(config=True)
    unsupported = Enum(
        ["error", "drop"],
        "error",
        help="What to do with a parameter that the model refuses: an error before "
        "sending, or drop it with a notice.",
    ).tag(config=True)
    api_version = Unicode(
        "2023-06-01", help="The anthropic-version header of the text and messages APIs."
    ).tag(config=True)
    connect_timeout = Float(
        5.0, min=0.001, help="Seconds to wait for a connection."
    ).tag(config=True)
    read_timeout = Float(
        600.0, min=0.001, help="Seconds to wait for the next byte of an answer."
    ).tag(config=True)
    retries = Int(
        2, min=0, help="How often a call that may be sent again is sent again."
    ).tag(config=True)
    endpoints = Dict(
        help="Endpoints of your own: name -> "
        '{"url": …, "dialect": …, "key_variable": …}.'
    ).tag(config=True)
    catalog = Unicode(
        None,
        allow_none=True,
        help="A JSON file that adds to and overrides the catalogue of models.",
    ).tag(config=True)

    @validate("temperature", "top_p")
    def _is_a_number(self, proposal: Mapping[str, Any]) -> float | None:
        value: float | None = proposal["value"]
        if value is not None and math.isnan(value):
            raise TraitError(f"{proposal['trait'].name} is not a number.")
        return value

    def changed(self, overrides: Mapping[str, Any]) -> CompletionSettings:
        """Give a copy with the overrides set, checked; this one does not move.

        Raises `InputError` for a name that is no setting or a value out of bounds.
        """
        copy = CompletionSettings(**self.values())
        for name, value in overrides.items():
            copy.assign(name, value)
        return copy

    def values(self) -> dict[str, Any]:
        """Give every setting's value by name."""
        return {name: getattr(self, name) for name in _traits()}

    def assign(self, name: str, value: Any) -> None:
        """Set one; raise `InputError`, naming it and its bounds, if it refuses."""
        if name not in _traits():
            raise InputError(
                f"{name} is no setting; %config CompletionSettings lists them."
            )
        trait = _traits()[name]
        if isinstance(value, tuple):
            value = list(value)
        elif isinstance(trait, List) and isinstance(value, str):
            value = [value]
        try:
            if isinstance(value, bool) and not isinstance(trait, Bool):
                raise TraitError  # traitlets would take True for 1
            setattr(self, name, value)
        except TraitError as error:
            raise InputError(_refusal(name, value, trait)) from error


def _refusal(name: str, value: Any, trait: TraitType[Any, Any]) -> str:
    if isinstance(trait, Enum):
        choices = ", ".join(map(str, trait.values or ()))
        return f"{name} is {value!r}; choose from {choices}."
    smallest, largest = getattr(trait, "min", None), getattr(trait, "max", None)
    wanted = trait.info()
    kind = "a whole number" if isinstance(trait, Int) else "a number"
    if isinstance(trait, (Int, Float)):
        if largest is not None:
            wanted = f"{kind} from {smallest:g} to {largest:g}"
        elif smallest is not None:
            wanted = f"{kind}, {smallest:g} or more"
    elif isinstance(trait, List):
        wanted = "a list of texts"
    elif name == "concurrency":
        wanted = "a whole number, 1 or more, or auto"
    return f"{name} is {value!r}; give {wanted}."


class Parameter(NamedTuple):
    """A setting that has a flag: what the magics, the panel and the docs read."""

    name: str
    flags: tuple[str, ...]
    trait: TraitType[Any, Any]
    request: str | None
    """The field of `CompletionRequest` it fills; None: it is not part of it."""
    slider: Slider | None
    metavar: str | None
    sweep: bool
    """Whether it is for sweeps only."""

    @property
    def help(self) -> str:
        """One or two sentences for the user."""
        return str(self.trait.help)


@cache
def parameters() -> tuple[Parameter, ...]:
    """Give the parameters in the order in which they are declared above."""
    traits = _traits()
    return tuple(
        Parameter(
            name,
            tag["flags"],
            traits[name],
            tag["request"],
            tag["slider"],
            tag["metavar"],
            tag["sweep"],
        )
        for name in vars(CompletionSettings)
        if name in traits and (tag := traits[name].metadata).get("flags")
    )


@cache
def _traits() -> dict[str, TraitType[Any, Any]]:
    """Give the settings by name; to look them up anew costs each of 5,000 points."""
    traits: dict[str, TraitType[Any, Any]] = CompletionSettings.class_own_traits(
        config=True
    )
    return traits
