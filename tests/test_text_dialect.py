"""The Text Completions API: what is sent, and what is made of its answers."""

import itertools
import json

import anthropic
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_complete.completion import Chunk, TokenLogprob, Usage
from jupyter_complete.dialects.text import TextDialect
from jupyter_complete.errors import (
    BadRequestError,
    InputError,
    ProtocolError,
    RateLimitError,
    ServerError,
)
from jupyter_complete.events import events
from jupyter_complete.request import CompletionRequest

DIALECT = TextDialect()
PROMPT = "\n\nHuman: Grüße, \N{CAT}\u2028\n\nAssistant:"
FULL = CompletionRequest(
    model="claude-2.1",
    prompt=PROMPT,
    max_tokens_to_sample=300,
    temperature=0.5,
    top_p=0.9,
    top_k=40,
    stop_sequences=("\n\n", "END"),
    betas=("a-1", "b-2"),
    user_id="user-1",
)


def request(**values):
    return CompletionRequest("m", PROMPT, 10, **values)


def texts(chunks):
    return "".join(chunk.text for chunk in chunks)


def decoded(data, dialect=DIALECT):
    pieces = data if isinstance(data, list) else [data]
    return list(dialect.decode_stream(events(pieces)))


# What is sent


def test_body_is_compact_in_the_documented_order():
    call = DIALECT.encode(FULL, stream=True)

    assert (call.method, call.path) == ("POST", "/v1/complete")
    assert call.body.decode() == (
        '{"max_tokens_to_sample":300,"model":"claude-2.1",'
        '"prompt":"\\n\\nHuman: Grüße, \N{CAT}\u2028\\n\\nAssistant:",'
        '"metadata":{"user_id":"user-1"},"stop_sequences":["\\n\\n","END"],'
        '"stream":true,"temperature":0.5,"top_k":40,"top_p":0.9}'
    )


def test_what_is_not_set_is_not_sent():
    call = DIALECT.encode(request(), stream=False)

    assert list(json.loads(call.body)) == ["max_tokens_to_sample", "model", "prompt"]
    assert "anthropic-beta" not in call.headers
    assert "jupyter-complete-seed" not in call.headers


@pytest.mark.parametrize("name", ["temperature", "top_p", "top_k"])
def test_zero_is_a_value(name):
    call = DIALECT.encode(request(**{name: 0}), stream=False)

    assert json.loads(call.body)[name] == 0


@pytest.mark.parametrize("stream", [True, False])
def test_body_and_headers_are_those_of_the_official_client(stream):
    sent = []

    def answer(request):
        sent.append(request)
        return httpx.Response(
            200, json={"completion": "", "stop_reason": "max_tokens", "model": "m"}
        )

    with anthropic.Anthropic(
        api_key="sk-1", http_client=httpx.Client(transport=httpx.MockTransport(answer))
    ) as client:
        client.completions.create(
            model=FULL.model,
            prompt=FULL.prompt,
            max_tokens_to_sample=FULL.max_tokens_to_sample,
            temperature=FULL.temperature,
            top_p=FULL.top_p,
            top_k=FULL.top_k,
            stop_sequences=list(FULL.stop_sequences),
            betas=list(FULL.betas),
            metadata={"user_id": FULL.user_id},
            **({"stream": True} if stream else {}),
        )
    call = DIALECT.encode(FULL, stream=stream)

    assert call.body == sent[0].content
    assert call.path == sent[0].url.path
    for name, value in (call.headers | DIALECT.headers("sk-1")).items():
        assert sent[0].headers[name] == value


def test_betas_are_joined_once_each_in_order():
    call = DIALECT.encode(request(betas=("b-2", "a-1", "b-2")), stream=False)

    assert call.headers["anthropic-beta"] == "b-2,a-1"


@pytest.mark.parametrize("dialect", [DIALECT, TextDialect("2026-10-21")])
def test_version_is_in_every_call(dialect):
    assert dialect.headers(None) == {"anthropic-version": dialect.version}
    assert dialect.headers("sk") == {
        "anthropic-version": dialect.version,
        "x-api-key": "sk",
    }
    headers = dialect.encode(request(), stream=True).headers
    assert headers["anthropic-version"] == dialect.version


def test_temperature_over_one_is_refused_in_the_apis_name():
    with pytest.raises(InputError, match=r"1\.5.*the Text Completions API"):
        DIALECT.encode(request(temperature=1.5), stream=False)


@pytest.mark.parametrize("temperature", [0, 1, 1.0])
def test_temperature_up_to_one_is_sent(temperature):
    call = DIALECT.encode(request(temperature=temperature), stream=False)

    assert json.loads(call.body)["temperature"] == temperature


def test_seed_goes_to_our_own_endpoint_in_a_header():
    call = TextDialect(extensions=True).encode(request(seed=0), stream=False)

    assert call.headers["jupyter-complete-seed"] == "0"
    assert "seed" not in json.loads(call.body)


def test_seed_is_refused_where_there_is_none():
    with pytest.raises(InputError, match=r"seed is 7, but .* has none"):
        DIALECT.encode(request(seed=7), stream=False)


# A whole answer


def test_whole_answer_keeps_all_that_is_told():
    answer = {
        "id": "compl_1",
        "type": "completion",
        "completion": " Hi",
        "stop_reason": "stop_sequence",
        "stop": "\n\nHuman:",
        "model": "claude-2.1",
        "log_id": "f00",
        "usage": {"input_tokens": 7, "output_tokens": 1},
        "logprobs": [
            {"token": " Hi", "logprob": -0.5, "alternatives": [[" Ho", -1], ["a", -2]]},
            {"token": "!", "logprob": None},
        ],
    }

    (chunk,) = DIALECT.decode(json.dumps(answer).encode())

    assert chunk == Chunk(
        text=" Hi",
        stop_reason="stop_sequence",
        stop="\n\nHuman:",
        usage=Usage(7, 1),
        raw=answer,
        id="compl_1",
        model="claude-2.1",
        logprobs=(
            TokenLogprob(" Hi", -0.5, ((" Ho", -1.0), ("a", -2.0))),
            TokenLogprob("!", None),
        ),
    )


def test_whole_answer_of_least():
    (chunk,) = DIALECT.decode(b'{"completion": ""}')

    assert chunk == Chunk(raw={"completion": ""})


@pytest.mark.parametrize(
    "odd",
    [
        {"usage": None},
        {"usage": {}},
        {"usage": {"input_tokens": "7"}},
        {"stop": 5},
        {"id": None},
        {"model": []},
        {"stop_reason": False},
        {"logprobs": None},
    ],
)
def test_field_of_another_kind_is_left_out(odd):
    (chunk,) = DIALECT.decode(json.dumps({"completion": "a", **odd}).encode())

    assert chunk == Chunk("a", raw={"completion": "a", **odd})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no",
        b"null",
        b"[]",
        b'"text"',
        b"{}",
        b'{"completion": null}',
        b"\xff",
    ],
)
def test_whole_answer_that_is_none_is_a_protocol_error(body):
    with pytest.raises(ProtocolError, match="check"):
        DIALECT.decode(body)


def test_error_as_an_answer_is_that_error():
    body = b'{"type":"error","error":{"type":"overloaded_error","message":"Busy"}}'

    with pytest.raises(ServerError, match="Busy") as caught:
        DIALECT.decode(body)

    assert caught.value.type == "overloaded_error"


# A stream

STREAMS = {
    "documented": (
        "event: completion\n"
        'data: {"type":"completion","completion":" Hé","stop_reason":null,'
        '"model":"claude-2.0"}\n\n'
        'event: ping\ndata: {"type":"ping"}\n\n'
        "event: completion\n"
        'data: {"type":"completion","completion":"llo\u2028","stop_reason":null}\n\n'
        "event: completion\n"
        'data: {"type":"completion","completion":"","stop_reason":"max_tokens"}\n\n'
    ),
    "older, without type": (
        'event: completion\ndata: {"completion":" Hé","stop_reason":null,"stop":null,'
        '"log_id":"f0"}\n\n'
        "event: ping\ndata: {}\n\n"
        'event: completion\ndata: {"completion":"llo\u2028","stop_reason":null}\n\n'
        'event: completion\ndata: {"completion":"","stop_reason":"max_tokens"}\n\n'
    ),
    "nameless": (
        'data: {"completion":" Hé"}\n\ndata: {}\n\ndata: {"type":"ping"}\n\n'
        'data: {"completion":"llo\u2028","stop_reason":"max_tokens"}\n\n'
        "data: [DONE]\n\n"
    ),
    "comments and unknown events": (
        ": hello\n\nevent: completion_start\ndata: not JSON\n\n"
        "event: news\ndata: {}\n\n: again\n"
        'event: completion\ndata: {"completion":" Hé"}\n\n'
        "id: 5\nretry: 10\n\n"
        'event: completion\ndata: {"completion":"llo\u2028",\n'
        'data: "stop_reason":"max_tokens"}\n\n'
    ),
    "no last blank line": (
        'event: completion\ndata: {"completion":" Hé"}\n\n'
        'event: completion\ndata: {"completion":"llo\u2028",'
        '"stop_reason":"max_tokens"}'
    ),
    "more after the end": (
        'event: completion\ndata: {"completion":" Hé"}\n\n'
        'event: completion\ndata: {"completion":"llo\u2028",'
        '"stop_reason":"max_tokens"}\n\n'
        "event: completion\ndata: nonsense\n\n"
    ),
}


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("stream", STREAMS)
def test_stream_gives_the_same_chunks_at_every_byte_split(stream, ending):
    data = STREAMS[stream].replace("\n", ending).encode()
    whole = decoded(data)

    assert texts(whole) == " Héllo\u2028"
    assert [chunk.stop_reason for chunk in whole if chunk.stop_reason] == ["max_tokens"]
    assert whole[-1].stop_reason == "max_tokens"
    assert decoded([data[n : n + 1] for n in range(len(data))]) == whole
    for cut in range(len(data)):
        assert decoded([data[:cut], data[cut:]]) == whole


def test_chunk_of_a_stream_keeps_its_json():
    (chunk,) = decoded(b'data: {"completion":"a","log_id":"f0"}\n\n')

    assert chunk.raw == {"completion": "a", "log_id": "f0"}


@pytest.mark.parametrize(
    "last",
    [
        b'event: completion\ndata: {"completion":"b"}',
        b'event: completion\ndata: {"comp',
        b"event: completion\ndata: ",
        b"event: completion",
        b"",
    ],
)
def test_last_event_without_blank_line_and_stop_reason_is_dropped(last):
    chunks = decoded(b'data: {"completion":"a"}\n\n' + last)

    assert [chunk.text for chunk in chunks] == ["a"]


@pytest.mark.parametrize("end", [b"data: [DONE]\n\n", b"data: [DONE]"])
def test_done_without_a_reason_is_an_end_that_says_so(end):
    first, last = decoded(b'data: {"completion":"a"}\n\n' + end)

    assert (first.text, first.ended, last.text, last.ended) == ("a", False, "", True)
    assert "did not tell why" in last.notice
    assert decoded(end) == []


@pytest.mark.parametrize(
    "event",
    [
        b"event: completion\ndata: {nonsense\n\n",
        b"event: completion\ndata: []\n\n",
        b"event: completion\ndata: {}\n\n",
        b'event: completion\ndata: {"completion": 5}\n\n',
        b"data: {nonsense\n\n",
        b'data: {"completion": null}\n\n',
    ],
)
def test_event_that_is_none_of_this_api_is_a_protocol_error(event):
    stream = DIALECT.decode_stream(events([b'data: {"completion":"a"}\n\n', event]))

    assert next(stream).text == "a"
    with pytest.raises(ProtocolError):
        next(stream)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (
            (
                'event: error\ndata: {"type":"error","error":'
                '{"type":"overloaded_error","message":"Busy"}}'
            ),
            ServerError,
        ),
        (
            (
                'data: {"type":"error","error":'
                '{"type":"rate_limit_error","message":"Busy"}}'
            ),
            RateLimitError,
        ),
        (
            (
                'event: error\ndata: {"error":'
                '{"type":"invalid_request_error","message":"Busy"}}'
            ),
            BadRequestError,
        ),
        ('event: error\ndata: {"error": "Busy"}', ServerError),
        ('event: error\ndata: {"message": "Busy"}', ServerError),
    ],
)
def test_error_inside_a_stream_is_raised_by_its_type(event, expected):
    with pytest.raises(expected, match="Busy") as caught:
        decoded(event.encode() + b"\n\n")

    assert type(caught.value) is expected


# An error's answer


def test_error_keeps_type_status_and_request_id():
    body = {
        "type": "error",
        "error": {"type": "invalid_request_error", "message": "prompt: too short"},
        "request_id": "req_body",
    }
    written = json.dumps(body).encode()

    error = DIALECT.decode_error(400, {}, written)
    named = DIALECT.decode_error(400, {"request-id": "req_head"}, written)

    assert type(error) is BadRequestError
    assert str(error) == "prompt: too short (HTTP 400, invalid_request_error)"
    assert (error.status, error.type) == (400, "invalid_request_error")
    assert (error.request_id, named.request_id) == ("req_body", "req_head")


@given(st.integers(400, 599), st.binary())
def test_any_error_body_gives_one_line(status, body):
    error = DIALECT.decode_error(status, {}, body)

    assert error.status == status
    assert str(error).strip()
    assert "\n" not in str(error)


# Any stream at all

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@given(
    parts=st.lists(TEXTS, min_size=1),
    cuts=st.lists(st.integers(0, 2000)),
    ending=st.sampled_from(["\n", "\r\n", "\r"]),
    ascii_only=st.booleans(),
)
def test_text_survives_any_split_of_its_stream(parts, cuts, ending, ascii_only):
    lines = []
    for place, text in enumerate(parts):
        stop = "stop_sequence" if place == len(parts) - 1 else None
        answer = {"completion": text, "stop_reason": stop}
        lines += [f"data: {json.dumps(answer, ensure_ascii=ascii_only)}", ""]
    data = ending.join([*lines, ""]).encode()
    places = sorted({0, *(cut for cut in cuts if cut < len(data)), len(data)})
    pieces = [data[a:b] for a, b in itertools.pairwise(places)]

    chunks = decoded(pieces)

    assert texts(chunks) == "".join(parts)
    assert chunks[-1].stop_reason == "stop_sequence"


@given(st.lists(st.binary()))
def test_any_bytes_give_chunks_or_an_error_of_ours(pieces):
    try:
        chunks = decoded(pieces)
    except ProtocolError:
        chunks = []

    assert all(isinstance(chunk, Chunk) for chunk in chunks)


@pytest.mark.parametrize(("name", "value"), [("seed", 7), ("logprobs", 0)])
def test_what_only_our_own_endpoint_has_is_sent_there_and_refused_elsewhere(
    name, value
):
    asked = CompletionRequest("m", "Hi", 1, **{name: value})
    ours = TextDialect(extensions=True).encode(asked, stream=False)

    assert ours.headers[f"jupyter-complete-{name}"] == str(value)
    with pytest.raises(InputError, match=f"{name} is {value}, but .* has none"):
        TextDialect().encode(asked, stream=False)
