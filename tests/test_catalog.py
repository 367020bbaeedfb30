"""Models, betas and endpoints: what is known, what a user adds, what a server tells."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_complete import catalog
from jupyter_complete.catalog import CATALOG, Catalog, Model
from jupyter_complete.catalog.endpoints import ASK, choose, known_endpoints, speaking
from jupyter_complete.catalog.listing import (
    Spoken,
    changes,
    next_page,
    refreshed,
)
from jupyter_complete.dialects import recognise
from jupyter_complete.dialects.messages import MessagesDialect
from jupyter_complete.dialects.openai import OpenAIDialect
from jupyter_complete.display.tables import models_table
from jupyter_complete.endpoint import Endpoint
from jupyter_complete.errors import CompleteError, InputError, ProtocolError
from jupyter_complete.session.routes import TRANSLATED, Routes
from jupyter_complete.settings import CompletionSettings

DAY = "2026-11-22"
ANTHROPIC = CATALOG.endpoint("anthropic")
DATA = Path(catalog.__file__).with_name("catalog.json")

# The API reference's own lists of Create a Text Completion.
MODELS_OF_THE_REFERENCE = """
claude-opus-4-5-20251101 claude-opus-4-5 claude-3-7-sonnet-latest
claude-3-7-sonnet-20250219 claude-3-5-haiku-latest claude-3-5-haiku-20241022
claude-haiku-4-5 claude-haiku-4-5-20251001 claude-sonnet-4-20250514 claude-sonnet-4-0
claude-4-sonnet-20250514 claude-sonnet-4-5 claude-sonnet-4-5-20250929 claude-opus-4-0
claude-opus-4-20250514 claude-4-opus-20250514 claude-opus-4-1-20250805
claude-3-opus-latest claude-3-opus-20240229 claude-3-haiku-20240307
"""
BETAS_OF_THE_REFERENCE = """
message-batches-2024-09-24 prompt-caching-2024-07-31 computer-use-2024-10-22
computer-use-2025-01-24 pdfs-2024-09-25 token-counting-2024-11-01
token-efficient-tools-2025-02-19 output-128k-2025-02-19 files-api-2025-04-14
mcp-client-2025-04-04 mcp-client-2025-11-20 dev-full-thinking-2025-05-14
interleaved-thinking-2025-05-14 code-execution-2025-05-22
extended-cache-ttl-2025-04-11 context-1m-2025-08-07 context-management-2025-06-27
model-context-window-exceeded-2025-08-26 skills-2025-10-02
"""


def test_the_reference_s_models_and_betas_are_known():
    assert len(MODELS_OF_THE_REFERENCE.split()) == 20
    assert all(CATALOG.find(name) for name in MODELS_OF_THE_REFERENCE.split())
    assert CATALOG.betas[:19] == tuple(BETAS_OF_THE_REFERENCE.split())


def test_the_official_client_s_betas_and_models_are_known():
    """The lists of the Python SDK at 0.125.0."""
    from typing import get_args

    from anthropic.types import model_param
    from anthropic.types.anthropic_beta_param import AnthropicBetaParam

    betas = {name for part in get_args(AnthropicBetaParam) for name in get_args(part)}
    models = {
        name for part in get_args(model_param.ModelParam) for name in get_args(part)
    }

    assert betas <= set(CATALOG.betas)
    assert models <= {model.id for model in CATALOG.models}


def test_every_entry_belongs_to_an_endpoint_and_is_there_once():
    names = [model.id for model in CATALOG.models]

    assert len(names) == len(set(names))
    assert {model.endpoint for model in CATALOG.models} <= {
        place.name for place in CATALOG.endpoints
    }


def test_a_retired_model_names_its_date_and_the_nearest_living_one():
    model = CATALOG.find("claude-3-opus-20240229")

    assert CATALOG.warning(model, DAY) == (
        "claude-3-opus-20240229 was retired on 2026-01-05; "
        "the nearest living model is claude-opus-4-5."
    )


def test_a_deprecated_model_is_retired_when_its_day_has_come():
    model = CATALOG.find("claude-sonnet-4-5")

    assert "is deprecated and ends on 2026-11-30" in CATALOG.warning(model, DAY)
    assert "was retired on 2026-11-30" in CATALOG.warning(model, "2026-11-30")


def test_a_living_model_says_nothing():
    assert CATALOG.warning(CATALOG.find("claude-opus-4-6"), DAY) is None
    assert CATALOG.warning(CATALOG.find("ngram-chat"), DAY) is None


def test_the_nearest_living_model_is_of_the_same_line_and_living():
    for model in CATALOG.models:
        other = CATALOG.nearest_living(model, DAY)
        if other is not None:
            assert (other.line, other.endpoint) == (model.line, model.endpoint)
            assert other.status_on(DAY) in ("active", "legacy")


# A user's own catalogue


def test_a_file_adds_and_overrides_with_as_little_as_it_likes(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(
        json.dumps(
            {
                "date": "2027-01-01",
                "models": [
                    {"id": "claude-opus-4-5", "status": "retired"},
                    {"id": "tiny", "endpoint": "lab", "dialect": "openai"},
                ],
                "betas": ["new-2027-01-01"],
                "endpoints": [
                    {"name": "vllm", "base_url": "http://gpu:8000"},
                    {"name": "lab", "base_url": "http://lab", "dialect": "openai"},
                ],
            }
        )
    )

    mine = Catalog.from_file(path, CATALOG)

    assert mine.date == "2027-01-01"
    assert mine.find("claude-opus-4-5").status == "retired"
    assert mine.find("claude-opus-4-5").output_tokens == 64000
    assert mine.find("tiny") == Model("tiny", "lab", "openai")
    assert mine.betas == (*CATALOG.betas, "new-2027-01-01")
    assert mine.endpoint("vllm").base_url == "http://gpu:8000"
    assert mine.endpoint("vllm").flavour == "vllm"
    assert CATALOG.find("claude-opus-4-5").status == "active"


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        ([], "write an object"),
        ({"model": []}, "has the field 'model'; choose from date, models"),
        ({"models": {}}, "models is {}; write a list"),
        ({"models": ["x"]}, "write an object"),
        ({"models": [{"id": "x"}]}, "new model 'x' wants its id, endpoint"),
        ({"models": [{"id": "x", "cost": 1}]}, "field 'cost'"),
        ({"models": [{"id": "x", "price": 1}]}, "The price of x is 1; give"),
        ({"models": [{"id": "claude-opus-5", "dialect": "soap"}]}, "choose from text"),
        ({"models": [{"id": "claude-opus-5", "output_tokens": 0}]}, "above 0"),
        ({"models": [{"id": "claude-opus-5", "output_tokens": True}]}, "above 0"),
        ({"models": [{"id": None}]}, "id is None; write text"),
        ({"endpoints": [{"name": "x"}]}, "new endpoint 'x' wants its name, base_url"),
        ({"betas": [7]}, "has 7 for a beta"),
    ],
)
def test_a_fault_of_the_file_is_named(data, fault):
    with pytest.raises(InputError, match=fault):
        Catalog.from_json(json.dumps(data), CATALOG)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.json.*No such file"):
        Catalog.from_file(tmp_path / "nowhere.json")
    with pytest.raises(InputError, match="not JSON"):
        Catalog.from_json("{")


# What an endpoint's list of models tells

MODELS_OF_ANTHROPIC = {
    # GET /v1/models of the API reference, with the fields of the SDK's ModelInfo 2.12
    "data": [
        {
            "type": "model",
            "id": "claude-opus-4-6-20260205",
            "display_name": "Claude Opus 4.6",
            "created_at": "2026-02-05T00:00:00Z",
            "max_input_tokens": 1000000,
            "max_tokens": 128000,
            "lifecycle": "deprecated",
            "retires_at": "2027-02-05T00:00:00Z",
        },
        {"type": "model", "id": "claude-next-6", "display_name": "Claude Next"},
    ],
    "has_more": True,
    "first_id": "claude-opus-4-6-20260205",
    "last_id": "claude-next-6",
}
MODELS_OF_OPENAI = {
    # developers.openai.com, List models; shutdown_date as the deprecations page has it
    "object": "list",
    "data": [
        {
            "id": "gpt-4o",
            "object": "model",
            "created": 1715367049,
            "owned_by": "system",
            "shutdown_date": "2027-01-14",
        }
    ],
}
MODELS_OF_VLLM = {
    # vllm/entrypoints/openai/protocol.py, ModelCard
    "object": "list",
    "data": [
        {
            "id": "facebook/opt-125m",
            "object": "model",
            "created": 1715367049,
            "owned_by": "vllm",
            "root": "facebook/opt-125m",
            "parent": None,
            "max_model_len": 2048,
            "permission": [],
        }
    ],
}
MODELS_OF_LLAMA_CPP = {
    # llama.cpp, tools/server/README.md, GET /v1/models
    "object": "list",
    "data": [
        {
            "id": "../models/Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf",
            "object": "model",
            "created": 1735142223,
            "owned_by": "llamacpp",
            "meta": {"vocab_type": 2, "n_vocab": 128256, "n_ctx_train": 131072},
        }
    ],
}
MODELS_OF_OLLAMA = {
    # ollama, docs/openai.md and openai/openai.go, ToListCompletion
    "object": "list",
    "data": [
        {
            "id": "llama3.2:latest",
            "object": "model",
            "created": 1727462940,
            "owned_by": "library",
        }
    ],
}
MODELS_OF_LM_STUDIO = {
    # lmstudio.ai/docs/developer/openai-compat/models
    "data": [
        {"id": "glm-4.7-flash", "object": "model", "owned_by": "organization_owner"}
    ],
    "object": "list",
}


MODELS_OF_MISTRAL = {
    # docs.mistral.ai, List Available Models
    "object": "list",
    "data": [
        {
            "id": "mistral-small-latest",
            "object": "model",
            "created": 1711430400,
            "owned_by": "mistralai",
            "capabilities": {"completion_chat": True, "completion_fim": False},
            "max_context_length": 131072,
            "deprecation": "2027-03-31T12:00:00Z",
        }
    ],
}
MODELS_OF_DEEPSEEK = {
    # api-docs.deepseek.com, Lists Models
    "object": "list",
    "data": [{"id": "deepseek-chat", "object": "model", "owned_by": "deepseek"}],
}
MODELS_OF_GROQ = {
    # console.groq.com, List Models
    "object": "list",
    "data": [
        {
            "id": "llama-3.3-70b-versatile",
            "object": "model",
            "created": 1733447754,
            "owned_by": "Meta",
            "active": True,
            "context_window": 131072,
            "max_completion_tokens": 32768,
        }
    ],
}
MODELS_OF_OPENROUTER = {
    # openrouter.ai, List available models
    "data": [
        {
            "id": "openai/gpt-4o",
            "created": 1692901234,
            "context_length": 128000,
            "top_provider": {"max_completion_tokens": 16384, "is_moderated": True},
        }
    ]
}
# docs.together.ai, List all models: a list alone
MODELS_OF_TOGETHER = [
    {
        "id": "meta-llama/Llama-3.3-70B-Instruct-Turbo",
        "object": "model",
        "type": "chat",
        "organization": "Meta",
        "context_length": 131072,
    }
]


@pytest.mark.parametrize(
    ("body", "headers", "spoken"),
    [
        (MODELS_OF_ANTHROPIC, {}, Spoken("messages")),
        ({"data": [], "has_more": False}, {}, Spoken("messages")),
        (
            MODELS_OF_ANTHROPIC,
            {"Jupyter-Complete": "1"},
            Spoken("text", extensions=True),
        ),
        (MODELS_OF_OPENAI, {}, Spoken("chat", "openai", both=True)),
        (MODELS_OF_VLLM, {}, Spoken("openai", "vllm", both=True)),
        (MODELS_OF_LLAMA_CPP, {}, Spoken("openai", "llamacpp", both=True)),
        (MODELS_OF_OLLAMA, {}, Spoken("openai", "ollama", both=True)),
        (MODELS_OF_LM_STUDIO, {}, Spoken("openai", "lmstudio", both=True)),
        ({"object": "list", "data": None}, {}, Spoken("openai", both=True)),
        (
            {"object": "list", "data": []},
            {"Server": "llama.cpp"},
            Spoken("openai", "llamacpp", both=True),
        ),
        # without a key
        (
            {"type": "error", "error": {"type": "authentication_error"}},
            {},
            Spoken("messages"),
        ),
        (
            {"error": {"message": "You didn't provide an API key."}},
            {"openai-version": "2020-10-01"},
            Spoken("chat", "openai", both=True),
        ),
        (
            {"error": "Unauthorized"},  # vLLM with --api-key
            {},
            Spoken("openai", both=True),
        ),
        (MODELS_OF_MISTRAL, {}, Spoken("chat", "mistral")),
        (MODELS_OF_DEEPSEEK, {}, Spoken("chat", "deepseek")),
        (MODELS_OF_GROQ, {}, Spoken("chat", "groq")),
        (MODELS_OF_OPENROUTER, {}, Spoken("chat", "openrouter", both=True)),
        (
            {"data": MODELS_OF_TOGETHER},
            {},
            Spoken("chat", "together", both=True),
        ),
        ({"hello": "world"}, {}, None),
        ({}, {}, None),
    ],
)
def test_a_server_is_recognised_by_its_list_of_models(body, headers, spoken):
    assert recognise(body, headers) == spoken


def test_all_pages_are_asked_for():
    assert MessagesDialect.models_query == {"limit": "1000"}
    assert OpenAIDialect.models_query == {}
    assert next_page(MODELS_OF_ANTHROPIC) == {
        "limit": "1000",
        "after_id": "claude-next-6",
    }
    assert next_page({**MODELS_OF_ANTHROPIC, "has_more": False}) is None
    assert next_page(MODELS_OF_OPENAI) is None


def test_a_refresh_merges_what_was_told_and_says_what_changed():
    new = refreshed(CATALOG, [MODELS_OF_ANTHROPIC], ANTHROPIC, "2026-12-24")
    dated = new.find("claude-opus-4-6-20260205")

    assert (dated.status, dated.ends) == ("deprecated", "2027-02-05")
    assert (dated.sampling, dated.prefill) == ("either", False)  # of claude-opus-4-6
    assert new.find("claude-next-6") == Model("claude-next-6", "anthropic", "messages")
    assert new.date == "2026-12-24"
    assert changes(CATALOG, new) == (
        "claude-opus-4-6-20260205: new",
        "claude-next-6: new",
    )


def test_a_refresh_names_each_altered_field():
    told = {
        "data": [{"id": "claude-haiku-4-5", "max_tokens": 9, "lifecycle": "retired"}]
    }

    new = refreshed(CATALOG, [told], ANTHROPIC, DAY)

    assert changes(CATALOG, new) == (
        "claude-haiku-4-5: output_tokens 64000 → 9, status active → retired",
    )
    assert changes(new, new) == ()


@pytest.mark.parametrize(
    ("body", "name", "known"),
    [
        (MODELS_OF_VLLM, "vllm", {"context_tokens": 2048}),
        (MODELS_OF_LLAMA_CPP, "llamacpp", {"context_tokens": 131072}),
        (MODELS_OF_OLLAMA, "ollama", {"context_tokens": None}),
        (MODELS_OF_OPENAI, "openai", {"ends": "2027-01-14"}),
        (MODELS_OF_LM_STUDIO, "lmstudio", {"turns": False}),
        (
            MODELS_OF_MISTRAL,
            "mistral",
            {"context_tokens": 131072, "ends": "2027-03-31"},
        ),
        (
            MODELS_OF_GROQ,
            "groq",
            {"context_tokens": 131072, "output_tokens": 32768},
        ),
        (
            MODELS_OF_OPENROUTER,
            "openrouter",
            {"context_tokens": 128000, "output_tokens": 16384},
        ),
        (MODELS_OF_TOGETHER, "together", {"context_tokens": 131072}),
    ],
)
def test_each_server_s_models_are_read(body, name, known):
    endpoint = CATALOG.endpoint(name)
    new = refreshed(CATALOG, [body], endpoint, DAY, turns=False)
    items = body if isinstance(body, list) else body["data"]
    model = new.find(items[0]["id"])

    assert (model.endpoint, model.dialect) == (name, endpoint.dialect)
    listed = CATALOG.find(model.id)
    assert model.turns is (listed.turns if listed else False)
    assert {field: getattr(model, field) for field in known} == known


def test_a_server_without_a_model_has_none():
    empty = {"object": "list", "data": None}

    assert refreshed(CATALOG, [empty], CATALOG.endpoint("ollama"), DAY).models == tuple(
        model for model in CATALOG.models if model.endpoint != "ollama"
    )


@pytest.mark.parametrize("body", [{}, {"data": {}}, {"data": [1]}, {"data": [{}]}])
def test_a_list_that_is_none_is_named(body):
    with pytest.raises(ProtocolError, match="list of models is not one"):
        refreshed(CATALOG, [body], ANTHROPIC, DAY)


# The endpoint of a model


def route(model, **named):
    endpoint, _ = choose(CATALOG, model, **named)
    return endpoint.name, endpoint.dialect


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("ngram-chat", ("embedded", "text")),
        ("claude-opus-4-5", ("anthropic", "messages")),
        ("claude-2.1", ("anthropic", "text")),
        ("claude-of-the-future", ("anthropic", "messages")),
        ("davinci-002", ("openai", "openai")),
    ],
)
def test_the_model_alone_finds_its_endpoint(model, expected):
    assert route(model) == expected


def test_an_unlisted_model_wants_an_endpoint():
    with pytest.raises(InputError, match=r"'llama3'.*name the --endpoint.*%complete_m"):
        choose(CATALOG, "llama3")


def test_a_model_of_an_endpoint_that_is_not_there_wants_it_added():
    lost = {"models": [{"id": "tiny", "endpoint": "lab", "dialect": "openai"}]}

    with pytest.raises(InputError, match="of the endpoint 'lab', which is not known"):
        choose(Catalog.from_json(json.dumps(lost), CATALOG), "tiny")


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("ollama", ("ollama", "openai")),
        ("anthropic", ("anthropic", "messages")),
        ("http://gpu.example:9000", ("gpu.example:9000", ASK)),
        ("http://gpu.example:9000/v1/", ("gpu.example:9000", ASK)),
        ("https://gw.example/team/v1", ("gw.example/team", ASK)),
        ("localhost:9000", ("localhost:9000", ASK)),
        ("http://gpu.example/v1/completions", ("gpu.example", "openai")),
        ("http://gpu.example/v1/messages", ("gpu.example", "messages")),
        ("http://gpu.example/v1/complete", ("gpu.example", "text")),
        ("http://localhost:11434/v1", ("ollama", "openai")),
        ("https://api.anthropic.com/v1/complete", ("anthropic", "text")),
    ],
)
def test_an_unlisted_model_passes_at_any_endpoint(endpoint, expected):
    assert route("llama3", endpoint=endpoint) == expected


def test_every_endpoint_names_its_source_and_every_chat_its_key():
    entries = json.loads(DATA.read_text())["endpoints"]

    for entry in entries:
        ours = entry["name"] in ("embedded", "local")
        assert ours or entry["source"].startswith("https://"), entry["name"]
    for name in ("mistral", "groq", "openrouter", "deepseek", "together", "openai"):
        endpoint = CATALOG.endpoint(name)
        assert endpoint.key_variable == f"{name.upper()}_API_KEY"
        assert endpoint.key_required
        assert endpoint.dialect == "chat"
        assert route("unlisted", endpoint=name) == (name, "chat")


def test_what_could_not_be_confirmed_is_shown_so():
    shown = models_table(CATALOG.models, "")
    rows = {row[0]: row[-1] for row in shown.rows}

    assert rows["gpt-6.1-terra"] == "active, not confirmed"
    assert rows["gpt-5"] == "deprecated, ends 2026-12-11"
    assert "Not confirmed: not all" in shown.caption
    sure = models_table([CATALOG.find("claude-opus-5")], "")
    assert "onfirmed" not in sure.caption


def test_the_dialect_overrules():
    assert route("claude-opus-4-5", dialect="text") == ("anthropic", "text")
    found, _ = choose(CATALOG, "m", endpoint="http://gpu", dialect="openai")
    assert found == Endpoint("gpu", "http://gpu", "openai")


def test_a_translation_is_said():
    routes = Routes(lambda: None)
    settings = CompletionSettings()

    assert routes.preview(settings).notices == ()
    settings.model = "claude-opus-4-5"
    assert routes.preview(settings).notices == (TRANSLATED,)


def test_what_is_known_of_a_model_holds_behind_a_proxy_of_its_dialect():
    _, proxied = choose(
        CATALOG, "claude-opus-5", endpoint="http://proxy", dialect="messages"
    )
    _, another = choose(CATALOG, "claude-opus-5", endpoint="vllm")

    assert proxied == CATALOG.find("claude-opus-5")
    assert another is None


@pytest.mark.parametrize(
    ("model", "named", "fault"),
    [
        ("m", {"endpoint": "olama"}, r"endpoint is 'olama'; .*choose from embedded,"),
        ("ngram-chat", {"endpoint": "anthropic"}, "the endpoint anthropic has not"),
        ("claude-opus-5", {"endpoint": "embedded"}, "the endpoint embedded has not"),
        ("ngram-chat", {"dialect": "openai"}, "embedded speaks only text"),
    ],
)
def test_what_cannot_be_is_refused_with_the_remedy(model, named, fault):
    with pytest.raises(InputError, match=fault):
        choose(CATALOG, model, **named)


def test_our_own_server_by_url_serves_our_models():
    found = choose(CATALOG, "ngram-chat", endpoint="http://lab:8900")
    endpoint, model = speaking(*found, Spoken("text", extensions=True))

    assert (endpoint.extensions, endpoint.dialect) == (True, "text")
    assert model == CATALOG.find("ngram-chat")


def test_an_asked_server_keeps_its_flavour():
    found = choose(CATALOG, "ngram-chat", endpoint="http://gpu:8000")
    endpoint, model = speaking(*found, Spoken("openai", "vllm"))

    assert (endpoint.flavour, endpoint.dialect) == ("vllm", "openai")
    assert model is None


def test_a_server_that_does_not_say_wants_a_dialect():
    with pytest.raises(InputError, match="name it with --dialect"):
        speaking(*choose(CATALOG, "m", endpoint="http://gpu"), None)


def test_the_environment_moves_an_endpoint():
    environ = {
        "ANTHROPIC_BASE_URL": "https://gw.example",
        "OPENAI_BASE_URL": "http://localhost:9000/v1",
    }
    claude, _ = choose(CATALOG, "claude-opus-4-5", environ=environ)
    gpt, _ = choose(CATALOG, "m", endpoint="openai", environ=environ)

    assert (claude.base_url, claude.key_variable) == (
        "https://gw.example",
        "ANTHROPIC_API_KEY",
    )
    assert (gpt.base_url, gpt.flavour) == ("http://localhost:9000/v1", "other")
    assert choose(CATALOG, "claude-opus-4-5", environ={})[0] == ANTHROPIC


def test_the_user_s_own_endpoints_join_and_override():
    own = {
        "lab": "http://lab:8000",
        "gw": {
            "url": "https://gw.example",
            "dialect": "messages",
            "key_variable": "GW_KEY",
            "key_required": True,
        },
        "vllm": {"url": "http://gpu:8000", "dialect": "openai", "flavour": "vllm"},
    }
    known = {endpoint.name: endpoint for endpoint in known_endpoints(CATALOG, own, {})}

    assert known["lab"] == Endpoint("lab", "http://lab:8000", ASK)
    assert known["gw"].key_variable == "GW_KEY"
    assert known["vllm"].base_url == "http://gpu:8000"
    assert route("m", endpoint="gw", own=own) == ("gw", "messages")


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        (7, "give its URL"),
        ({"dialect": "openai"}, "give its URL"),
        ({"url": "http://x", "uri": 1}, "has 'uri'; choose from url"),
        ({"url": "http://x", "dialect": "soap"}, "choose from auto, text"),
        ({"url": "http://x", "key_variable": "sk-ant-1"}, "never the key"),
    ],
)
def test_a_fault_of_an_own_endpoint_is_named(entry, fault):
    with pytest.raises(InputError, match=fault):
        known_endpoints(CATALOG, {"x": entry}, {})


@given(st.text(max_size=30), st.text(max_size=30))
def test_no_name_breaks_the_choice(model, endpoint):
    try:
        found, _ = choose(CATALOG, model, endpoint=endpoint)
    except CompleteError:
        return
    assert found.name
