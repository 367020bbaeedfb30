"""Every parameter, once: bounds, help, flag and slider of each come from its trait."""

from __future__ import annotations

import os
from functools import cache

from traitlets import Bool, Enum, Float, Int, List, Unicode, Union, default

from ..endpoint import DIALECTS
from .traits import (
    EndpointTable,
    EndpointText,
    Number,
    Parameter,
    PriceTable,
    Settings,
    SliderRange,
    parameter,
)
from .traits import number as _number


class CompletionSettings(Settings):
    """The parameters of ``%%complete``; a flag overrides one for its cell."""

    model = parameter(
        Unicode("ngram-chat", help="The model that completes the prompt."),
        "-m",
        "--model",
        request="model",
    )
    temperature = parameter(
        _number(
            "temperature",
            about="Randomness: 0 takes the likeliest token each time; the API's own "
            "default is 1. Change temperature or top_p, not both.",
        ),
        "-t",
        "--temperature",
        request="temperature",
        slider=SliderRange(0, 1, 0.05, "0:1:0.25"),
    )
    top_p = parameter(
        _number(
            "top_p",
            about="Nucleus sampling: only the likeliest tokens whose probabilities add "
            "up to this.",
        ),
        "-p",
        "--top-p",
        request="top_p",
        slider=SliderRange(0, 1, 0.05, "0.25:1:0.25"),
    )
    top_k = parameter(
        _number(
            "top_k",
            about="Only this many of the likeliest tokens; 0 is no limit.",
        ),
        "-k",
        "--top-k",
        request="top_k",
        slider=SliderRange(0, 100, 1, "1,5,20,100"),
    )
    max_tokens = parameter(
        _number(
            "max_tokens_to_sample",
            256,
            about="The most tokens to sample (max_tokens_to_sample in the API).",
        ),
        "--max-tokens",
        request="max_tokens_to_sample",
        slider=SliderRange(1, 4096, 1, "16,64,256"),
    )
    stop = parameter(
        List(
            Unicode(),
            help="A stop sequence: the completion ends before it. Repeatable. "
            'Quoted text may hold escapes, as in "\\n\\n".',
        ),
        "--stop",
        request="stop_sequences",
        metavar="TEXT",
    )
    betas = parameter(
        List(Unicode(), help="A beta flag to send. Repeatable."),
        "--beta",
        request="betas",
        metavar="FLAG",
    )
    user_id = parameter(
        Unicode(
            None,
            allow_none=True,
            help="An opaque id of the person asking, for the endpoint's own checks.",
        ),
        "--user-id",
        request="user_id",
        metavar="TEXT",
    )
    system = parameter(
        Unicode(
            None,
            allow_none=True,
            help="System text, put before the first Human turn.",
        ),
        "--system",
        metavar="TEXT",
    )
    endpoint = parameter(
        EndpointText(
            None,
            allow_none=True,
            help="Where to ask: the name of an endpoint, or a URL. Left out, the "
            "model decides.",
        ),
        "--endpoint",
        metavar="NAME|URL",
    )
    dialect = parameter(
        Enum(
            ["auto", *DIALECTS],
            "auto",
            help="The API to speak; auto asks the catalogue and the endpoint.",
        ),
        "--dialect",
    )
    turns = parameter(
        Enum(
            ["auto", "wrap", "raw"],
            "auto",
            help="Whether to wrap the cell as a Human and an Assistant turn: auto "
            "does where the model wants it and the cell has none.",
        ),
        "--turns",
    )
    seed = parameter(
        _number(
            "seed",
            about="Makes the answer repeatable, where the endpoint has a seed.",
        ),
        "--seed",
        request="seed",
        shapes=False,
        metavar="N",
    )
    logprobs = parameter(
        _number(
            "logprobs",
            about="Keep the log-probability of each token and of this many likeliest "
            "others, where the endpoint tells them; 0 keeps the token's own alone.",
        ),
        "--logprobs",
        request="logprobs",
        shapes=False,
        metavar="N",
    )
    format = parameter(
        Enum(
            ["auto", "text", "markdown", "tokens"],
            "auto",
            help="How the card shows the completion; auto is Markdown in a notebook "
            "and text in a terminal, tokens shades each token by its probability "
            "(and asks for logprobs).",
        ),
        "--format",
        sweepable=False,
    )
    stream = parameter(
        Bool(True, help="Show the completion while it arrives."), "--no-stream"
    )
    history = parameter(
        Bool(True, help="Store each completion in the history."),
        "--no-history",
        sweepable=False,
    )
    reuse = parameter(
        Bool(
            False,
            help="Answer from the history what was asked and answered before.",
        ),
        "--reuse",
        sweepable=False,
    )

    samples = parameter(
        Int(1, min=1, help="Samples at each point of a sweep."),
        "-n",
        "--samples",
        metavar="N",
        sweep=True,
    )
    concurrency = parameter(
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
    executor = parameter(
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
    max_calls = parameter(
        Int(None, allow_none=True, min=1, help="The most calls of a whole sweep."),
        "--max-calls",
        metavar="N",
        sweep=True,
    )
    max_output_tokens = parameter(
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
    max_cost = parameter(
        Number(None, allow_none=True, min=0, help="The most US dollars it may cost."),
        "--max-cost",
        sweepable=False,
        metavar="DOLLARS",
    )

    confirm_calls = Int(
        200, min=0, help="A sweep that would send more calls than this wants --yes."
    ).tag(config=True)
    offline = Bool(
        help="Let only embedded and local models answer, as in tests and classes: "
        "nothing is sent anywhere. Not set, as JUPYTER_COMPLETE_OFFLINE=1 says.",
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
    max_answer_mb = Int(
        64, min=1, help="Megabytes at which an answer, unpacked, is cut."
    ).tag(config=True)
    retries = Int(
        2, min=0, help="How often a call that may be sent again is sent again."
    ).tag(config=True)
    model_directory = Unicode(
        help="Where the .gguf files of local models are; empty: in Jupyter's data."
    ).tag(config=True)
    local_idle = Float(
        900.0, min=0.1, help="Seconds without a call that unload a local model."
    ).tag(config=True)
    endpoints = EndpointTable(
        help='Endpoints of your own: name -> {"url": …, "key_variable": …}; each is '
        'asked once what it speaks, unless "dialect" says so.'
    ).tag(config=True)
    prices = PriceTable(
        help="Your own prices: model -> [in, out], US dollars per million tokens."
    ).tag(config=True)
    catalog = Unicode(
        None,
        allow_none=True,
        help="A JSON file that adds to and overrides the catalogue of models.",
    ).tag(config=True)

    @default("offline")
    def _offline(self) -> bool:
        return os.environ.get("JUPYTER_COMPLETE_OFFLINE", "0") not in ("", "0")


@cache
def parameters() -> tuple[Parameter, ...]:
    """Return the parameters in the order in which they are declared above."""
    traits = CompletionSettings.traits_by_name()
    return tuple(
        Parameter.of(name, traits[name])
        for name in vars(CompletionSettings)
        if name in traits and traits[name].metadata.get("flags")
    )
