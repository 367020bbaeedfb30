"""Bytes on the wire: what a server or a proxy may send that no test server does."""

import gzip
import json
import math
import re
import sys
import zlib
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from loopback import CUT, PAUSE, STALL, completion, event, events
from measured import cpu_seconds

from jupyter_complete import complete, load, sweep
from jupyter_complete.cancel import Cancel
from jupyter_complete.catalog import Catalog
from jupyter_complete.client import Answer, Client
from jupyter_complete.client.connections import Line
from jupyter_complete.client.failures import retry_after
from jupyter_complete.completion import Completion
from jupyter_complete.counts import count_of
from jupyter_complete.dialects.messages import MessagesDialect
from jupyter_complete.dialects.openai import OpenAIDialect
from jupyter_complete.dialects.text import TextDialect
from jupyter_complete.endpoint import Endpoint
from jupyter_complete.errors import (
    CompleteError,
    ConnectionFailed,
    IncompleteStream,
    InputError,
    ProtocolError,
    ServerError,
)
from jupyter_complete.events import Event
from jupyter_complete.panel import CompletionPanel
from jupyter_complete.request import CompletionRequest
from jupyter_complete.saved import RECORD_TYPE

REQUEST = CompletionRequest("m", "Hi", 10)
DIALECT = TextDialect()
OK = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b"


@pytest.fixture
def client():
    with Client(lambda _: None) as made:
        yield made


def ask(client, loopback, **options):
    there = Endpoint("lab", loopback.url, "text")
    with client.send(REQUEST, there, DIALECT, **options) as answer:
        return "".join(chunk.text for chunk in answer)


def head_and_body(text="Hi"):
    body = json.dumps(completion(text, "max_tokens")).encode()
    return OK % (len(body), body)


# Interim answers

EARLY_HINTS = b"HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\r\n"
PROCESSING = b"HTTP/1.1 102 Processing\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


@pytest.mark.parametrize(
    "interim",
    [
        [EARLY_HINTS],
        [PROCESSING],
        [CONTINUE],
        [CONTINUE, PROCESSING, EARLY_HINTS, CONTINUE],
        [b"HTTP/1.1 199 Anything\r\na: b\r\nc: d\r\n\r\n"],
        [PROCESSING] * 30,
        [b"HTTP/1.1 103 X\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n"],
    ],
)
@pytest.mark.parametrize("status", [200, 529])
def test_interim_answers_before_the_answer_are_skipped(
    client, loopback, interim, status
):
    last = head_and_body().replace(b"200", b"%d" % status)
    loopback.reply(raw=[*interim, last])
    loopback.reply(raw=[*interim, head_and_body()])

    if status == 200:
        assert ask(client, loopback) == "Hi"
    else:
        with pytest.raises(ServerError):
            ask(client, loopback, retries=0)
    assert ask(client, loopback) == "Hi"
    # The connection stands: nothing of an interim answer was left on it.
    assert {request.connection for request in loopback.requests} == {0}


@pytest.mark.parametrize("size", [1, 7])
def test_interim_answer_may_be_split_anywhere(client, loopback, size):
    data = EARLY_HINTS + CONTINUE + head_and_body()
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    loopback.reply(raw=pieces)

    assert ask(client, loopback) == "Hi"


def test_interim_answer_and_the_answer_may_come_in_one_packet(client, loopback):
    loopback.reply(raw=[PROCESSING + EARLY_HINTS + head_and_body()])

    assert ask(client, loopback) == "Hi"


def test_interim_answer_before_a_stream(client, loopback):
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
    loopback.reply(raw=[PROCESSING, PAUSE, head, *events("Hel", "lo"), CUT])

    assert ask(client, loopback) == "Hello"


@pytest.mark.parametrize("interim", [CONTINUE, PROCESSING])
def test_interim_answers_without_an_end_are_one_clear_error(client, loopback, interim):
    loopback.reply(raw=[interim * 1000, STALL])

    with pytest.raises(ConnectionFailed, match="interim answers"):
        ask(client, loopback, retries=0)


def test_another_protocol_is_not_an_interim_answer(client, loopback):
    loopback.reply(raw=[b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n"])

    with pytest.raises(CompleteError, match="HTTP 101"):
        ask(client, loopback, retries=0)


# Numbers from outside

BIG = "9" * 5000
NO_COUNTS = [
    *("9223372036854775807", "9223372036854775808", "-9223372036854775809"),
    *(
        "18446744073709551616",
        "1e400",
        "-1e400",
        "1e19",
        "NaN",
        "Infinity",
        "-Infinity",
    ),
    *("-1", "1.5", "true", "false", '"7"', "[]", "{}", BIG, f"-{BIG}", "1" + "0" * 400),
]
"""JSON of what is no count of tokens, as a server may write it."""


def answers(dialect, number):
    """Return an answer of the dialect, whole and streamed, with a number as it is."""
    if dialect == "openai":
        usage = f'{{"prompt_tokens": {number}, "completion_tokens": {number}}}'
        whole = (
            f'{{"id": "c", "created": {number}, "model": "m", "usage": {usage}, '
            '"choices": [{"index": 0, "text": " One.", "finish_reason": "stop"}]}'
        )
        return whole, [event(whole, None), b"data: [DONE]\n\n"]
    usage = f'{{"input_tokens": {number}, "output_tokens": {number}}}'
    if dialect == "text":
        whole = (
            f'{{"completion": " One.", "stop_reason": "max_tokens", "usage": {usage}, '
            f'"log_id": {number}}}'
        )
        return whole, [event(whole)]
    whole = (
        '{"content": [{"type": "text", "text": " One."}], "stop_reason": "end_turn", '
        f'"usage": {usage}, "n": {number}}}'
    )
    start = f'{{"type": "message_start", "message": {{"id": "m", "usage": {usage}}}}}'
    block = '{"type": "text", "text": " One."}'
    text = f'{{"type": "content_block_start", "content_block": {block}}}'
    end = (
        '{"type": "message_delta", "delta": {"stop_reason": "end_turn"}, '
        f'"usage": {usage}}}'
    )
    stream = [start, text, end, '{"type": "message_stop"}']
    return whole, [event(item, None) for item in stream]


@pytest.mark.parametrize("dialect", ["openai", "messages", "text"])
@pytest.mark.parametrize("stream", [True, False])
def test_what_is_no_count_is_unknown_and_the_answer_is_kept(
    shell, loopback, dialect, stream
):
    history = shell.magics_manager.registry["CompletionMagics"].session.history
    for place, number in enumerate(NO_COUNTS):
        whole, streamed = answers(dialect, number)
        loopback.reply(streamed if stream else whole.encode())
        prompt = f"\n\nHuman: Hi {place}\n\nAssistant:"
        where = {"model": "m", "endpoint": loopback.url, "dialect": dialect}

        answer = complete(prompt, stream=stream, **where)
        assert history.flush()
        again = complete(prompt, stream=stream, reuse=True, **where)

        assert (answer.text, answer.status) == (" One.", "complete"), number
        assert answer.usage is None, number
        assert (again.text, again.reused) == (" One.", True), number


@pytest.mark.parametrize("number", ["9223372036854775808", "1e400", BIG])
def test_a_sweep_is_whole_whatever_its_answers_count(shell, loopback, number):
    loopback.reply(answers("openai", number)[1])
    place = {"model": "m", "endpoint": loopback.url, "dialect": "openai"}

    done = sweep("Hi", temperature=[0, 0.5, 1], samples=2, **place)
    again = sweep("Hi", temperature=[0, 0.5, 1], samples=2, **place)

    assert [row.completion.text for row in done.rows] == [" One."] * 6
    assert [row.completion.text for row in again.rows] == [" One."] * 6
    assert len(loopback.requests) == 6


@pytest.mark.parametrize(
    ("value", "count"),
    [(0, 0), (7, 7), (7.0, 7), (10**12, 10**12), (10**12 + 1, None), (-0.0, 0)],
)
def test_a_count_is_a_whole_number_that_text_can_have(value, count):
    assert count_of(value) == count
    assert count is None or type(count_of(value)) is int


@pytest.mark.parametrize("depth", [63, 70, 200, 990, 5000, 100_000])
@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_that_nests_too_deep_is_one_line(shell, loopback, depth, stream):
    nested = "[" * (depth - 1) + "]" * (depth - 1)
    body = (
        f'{{"choices": [{{"text": " One.", "finish_reason": "stop"}}], "x": {nested}}}'
    )
    loopback.reply(
        [event(body, None), b"data: [DONE]\n\n"] if stream else body.encode()
    )
    place = {"model": "m", "endpoint": loopback.url, "dialect": "openai"}

    if depth < 64:
        answer = complete("Hi", stream=stream, **place)
        assert answer.text == " One."
        assert Completion.from_record(answer.to_record()) == answer
        return
    with pytest.raises(ProtocolError):
        complete("Hi", stream=stream, **place)


def test_text_that_came_before_an_event_that_nests_too_deep_is_kept(shell, loopback):
    one = {"choices": [{"text": " One."}]}
    loopback.reply([event(one, None), event("[" * 100_000, None)])

    with pytest.raises(ProtocolError) as caught:
        complete("Hi", model="m", endpoint=loopback.url, dialect="openai")
    assert caught.value.completion.text == " One."


@pytest.mark.parametrize("name", ["id", "model"])
@pytest.mark.parametrize(
    "value", ["\ud800", "a\udfffb", "x" * 100_000, "\0", "\x1b[2J"]
)
def test_a_name_with_half_a_character_or_without_end_is_kept(
    shell, loopback, name, value
):
    answer = {"choices": [{"text": " One.", "finish_reason": "stop"}], name: value}
    loopback.reply([event(answer, None), b"data: [DONE]\n\n"])

    completion = complete("Hi", model="m", endpoint=loopback.url, dialect="openai")

    assert (completion.text, completion.status) == (" One.", "complete")
    assert shell.magics_manager.registry["CompletionMagics"].session.history.flush()
    getattr(completion, name).encode()
    assert len(getattr(completion, name)) <= 500


@pytest.mark.parametrize(
    "value",
    ["nan", "inf", "-inf", "1e400", "-1", "1e12", BIG, "soon", "", "0x1", "1_000_0x"],
)
@pytest.mark.parametrize("name", ["retry-after", "retry-after-ms"])
def test_a_wait_that_is_none_is_not_waited_for(name, value):
    assert retry_after({name: value}) is None


@pytest.mark.parametrize("value", ["nan", "1e400", "-5", BIG, "9" * 400])
def test_a_rate_limit_that_is_none_holds_nothing_up(shell, loopback, value):
    headers = {
        f"anthropic-ratelimit-{kind}-{what}": value
        for kind in ("requests", "tokens", "input-tokens", "output-tokens")
        for what in ("limit", "remaining")
    } | {"anthropic-ratelimit-requests-reset": "9999-12-31T23:59:59-23:59"}
    loopback.reply(answers("text", "7")[1], headers=headers)
    place = {"model": "m", "endpoint": loopback.url, "dialect": "text"}

    done = sweep("\n\nHuman: Hi\n\nAssistant:", temperature=[0, 0.5, 1], **place)

    assert [row.completion.text for row in done.rows] == [" One."] * 3


RECORD = Completion(" One.", CompletionRequest("m", "Hi", 5)).to_record()
ODD_RECORDS = [
    {"usage": {"input_tokens": 2**63, "output_tokens": -1}},
    {"usage": {"input_tokens": 1e400}},
    {"logprobs": [["a", math.inf, [["b", 2**63]]]]},
]
DAMAGED_RECORDS = [
    *({"attempts": n} for n in (2**63, 10**400, "x", 1.5)),
    *({"http_status": n} for n in (2**63, "200", [])),
    *({"sample": n} for n in (2**63, -(2**70))),
    *({"seconds": n} for n in (math.nan, math.inf, 10**400, -1, "x", True)),
    *({"first_token_seconds": n} for n in (math.nan, 10**400, {})),
    *({"request": RECORD["request"] | {"max_tokens_to_sample": n}} for n in (2**63,)),
    *({"request": RECORD["request"] | {"top_k": n}} for n in (2**63, 10**400)),
    *({"request": RECORD["request"] | {"temperature": n}} for n in (10**400, math.nan)),
]


@pytest.mark.parametrize("odd", ODD_RECORDS)
def test_a_record_s_odd_counts_are_unknown(shell, tmp_path, odd):
    completion = Completion.from_record(RECORD | odd)

    assert completion.text == " One."
    assert completion.usage is None or set(completion.usage) == {None}
    assert all(n is None or n <= 0 for _, n, _ in completion.logprobs)
    assert completion.history_id is None


@pytest.mark.parametrize("odd", DAMAGED_RECORDS)
def test_a_record_with_a_number_that_cannot_be_is_damaged(tmp_path, odd):
    notebook = tmp_path / "n.ipynb"
    cell = {"outputs": [{"data": {RECORD_TYPE: RECORD | odd}}]}
    notebook.write_text(json.dumps({"cells": [cell]}))

    with pytest.raises(InputError, match="cell 1"):
        load(notebook)


def test_a_record_that_nests_too_deep_is_damaged(tmp_path):
    notebook = tmp_path / "n.ipynb"
    deep = {"raw": {}}
    for _ in range(sys.getrecursionlimit() - 200):
        deep = {"raw": deep}
    with pytest.raises(InputError):
        Completion.from_record(RECORD | deep)
    notebook.write_text('{"cells": ' + "[" * 100_000)
    with pytest.raises(InputError, match="no notebook"):
        load(notebook)


@pytest.mark.parametrize("odd", [*ODD_RECORDS, *DAMAGED_RECORDS])
def test_an_import_with_any_number_keeps_it_or_says_which_line(
    shell, tmp_path, capsys, odd
):
    complete("Hi", max_tokens=1)
    file = tmp_path / "h.jsonl"
    shell.run(f"%complete_history --export {file}")
    row = json.loads(file.read_text().splitlines()[0])
    row["completion"] |= odd
    file.write_text(json.dumps(row) + "\n")

    if odd in ODD_RECORDS:
        shell.run(f"%complete_history --import {file}")
        shell.run("%complete_history")
        return
    with pytest.raises(CompleteError, match="Line 1 of"):
        shell.run(f"%complete_history --import {file}")


@pytest.mark.parametrize(
    "odd",
    [
        {"id": 2**63},
        {"created": "0001-01-01T00:00:00+23:59"},
        {"created": "9999-12-31T23:59:59-23:59"},
        {"created": 5},
        {"point": {"x": 2**63}},
    ],
)
def test_a_row_with_a_number_that_cannot_be_is_imported_or_named(shell, tmp_path, odd):
    complete("Hi", max_tokens=1)
    file = tmp_path / "h.jsonl"
    shell.run(f"%complete_history --export {file}")
    row = json.loads(file.read_text().splitlines()[0]) | odd
    file.write_text(json.dumps(row) + "\n")

    refused = "created" in odd
    with pytest.raises(CompleteError, match="Line 1") if refused else nullcontext():
        shell.run(f"%complete_history --import {file}")


@pytest.mark.parametrize("number", [*NO_COUNTS, "0"])
def test_a_catalogue_with_a_number_that_cannot_be_is_refused(number):
    model = (
        f'{{"id": "x", "endpoint": "e", "dialect": "text", "output_tokens": {number}}}'
    )

    with pytest.raises(InputError):
        Catalog.from_json(f'{{"models": [{model}]}}')


def test_a_catalogue_that_nests_too_deep_is_refused():
    with pytest.raises(InputError, match="not JSON"):
        Catalog.from_json("[" * 100_000)


def test_a_list_of_models_with_any_number_is_read(shell, loopback, capsys):
    for number in NO_COUNTS:
        item = f'{{"id": "m", "object": "model", "max_tokens": {number}}}'
        loopback.reply(f'{{"object": "list", "data": [{item}]}}'.encode())
        refresh = (
            f"%complete_models --refresh --endpoint {loopback.url} --dialect openai"
        )
        if number.lstrip("-") == BIG:
            with pytest.raises(ProtocolError):
                shell.run(refresh)
            continue
        shell.run(refresh)
        assert "m" in capsys.readouterr().out, number


@pytest.mark.parametrize(
    "number", [2**63, -(2**63), 10**400, 10**5000], ids=["2^63", "-2^63", "big", "huge"]
)
@pytest.mark.parametrize(
    "name", ["max_tokens", "top_k", "seed", "temperature", "top_p"]
)
def test_a_number_of_ours_beyond_64_bits_is_refused_in_one_line(shell, name, number):
    with pytest.raises(InputError, match=name):
        complete("Hi", **{name: number})


# Much of everything


@pytest.mark.parametrize(
    "make",
    [
        lambda size: [event(completion("x" * size, "max_tokens"))],
        lambda size: [b"data: \n" * (size // 7), *events("Hi")],
        lambda size: [b" " * size, json.dumps(completion("Hi", "max_tokens")).encode()],
        lambda size: [b"\n" * size, *events("Hi")],
        lambda size: [b": ping\n\n" * (size // 8), *events("Hi")],
    ],
    ids=["one event", "empty lines of data", "white space", "newlines", "pings"],
)
def test_bytes_cost_what_they_weigh_and_not_its_square(make):
    """The square of sixteen is 256; what is linear stays far below."""

    class Sent:
        def __init__(self, size):
            data = b"".join(make(size))
            self.pieces = iter(data[at : at + 1024] for at in range(0, len(data), 1024))

        def read1(self, *_, **__):
            return next(self.pieces, b"")

    def read(size):
        answer = Answer(
            SimpleNamespace(
                raw=Sent(size), headers={}, status_code=200, close=lambda: None
            ),
            DIALECT,
            attempts=1,
            notices=(),
            line=Line(Cancel()),
            explain=lambda error: error,
            max_mb=64,
        )
        return lambda: list(answer)

    read(1 << 17)()
    small = min(cpu_seconds(read(1 << 18)) for _ in range(3))
    assert cpu_seconds(read(1 << 22)) < 80 * small


@pytest.mark.parametrize("name", ["text", "messages", "openai"])
def test_many_events_cost_what_they_weigh_and_not_its_square(name):
    delta = "x" * 400
    one = {
        "text": completion(delta),
        "messages": {
            "type": "content_block_delta",
            "delta": {"type": "text_delta", "text": delta},
        },
        "openai": {"choices": [{"text": delta}]},
    }[name]
    dialect = {
        "text": DIALECT,
        "messages": MessagesDialect(),
        "openai": OpenAIDialect(),
    }[name].for_request(replace(REQUEST, prompt="\n\nHuman: Hi\n\nAssistant:"))
    came = Event("completion" if name == "text" else "message", json.dumps(one))

    def read(count):
        return lambda: sum(1 for _ in dialect.decode_stream([came] * count))

    read(100)()
    small = cpu_seconds(read(1 << 11), 3)
    assert cpu_seconds(read(1 << 16)) < 100 * small


def test_stream_that_is_too_long_keeps_what_came(loopback):
    piece = event(completion("x" * 65_000))
    loopback.reply([*[piece] * 40, STALL])

    with (
        Client(lambda _: None, max_answer_mb=1) as client,
        pytest.raises(IncompleteStream, match="longer than 1 MB") as caught,
    ):
        ask(client, loopback)

    assert "CompletionSettings.max_answer_mb" in str(caught.value)
    assert 900_000 < len(caught.value.partial) < 1_000_000
    assert loopback.requests[0].gone.wait(60)
    assert len(loopback.requests) == 1


def test_whole_answer_that_is_too_long_keeps_its_text(loopback):
    loopback.reply(completion("x" * 1_100_000, "max_tokens"))

    with (
        Client(lambda _: None, max_answer_mb=1) as client,
        pytest.raises(IncompleteStream, match="longer than 1 MB") as caught,
    ):
        ask(client, loopback, stream=False)

    assert 900_000 < len(caught.value.partial) <= 1_000_000


def test_one_event_that_never_ends_is_cut(loopback):
    loopback.reply([b'event: completion\ndata: {"completion": "'] + [b"x" * 65536] * 32)

    with (
        Client(lambda _: None, max_answer_mb=1) as client,
        pytest.raises(IncompleteStream, match="longer than 1 MB"),
    ):
        ask(client, loopback)


def test_answer_just_as_long_as_it_may_be_is_whole(loopback):
    body = json.dumps(completion("", "max_tokens")).encode()
    text = "x" * (10**6 - len(body))
    loopback.reply(json.dumps(completion(text, "max_tokens")).encode())

    with Client(lambda _: None, max_answer_mb=1) as client:
        assert ask(client, loopback, stream=False) == text


def bomb(megabytes):
    """Return that many megabytes of white space in a thousandth of it."""
    packed = zlib.compressobj(9, wbits=31)
    piece = b" " * 1_000_000
    return b"".join(packed.compress(piece) for _ in range(megabytes)) + packed.flush()


@pytest.mark.parametrize("encoding", ["gzip", "gzip, gzip"])
def test_body_that_unpacks_to_gigabytes_meets_the_limit(client, loopback, encoding):
    body = bomb(80)
    if encoding != "gzip":
        body = gzip.compress(body)
    loopback.reply(body, headers={"content-encoding": encoding})

    with pytest.raises(IncompleteStream, match="longer than 64 MB"):
        ask(client, loopback)


def test_listing_that_unpacks_to_gigabytes_meets_the_limit(client, loopback):
    loopback.reply(bomb(80), headers={"content-encoding": "gzip"})

    with pytest.raises(ProtocolError, match="longer than 64 MB"):
        client.get_json(
            Endpoint("lab", loopback.url, "text"), "/v1/models", dialect=DIALECT
        )


def test_error_that_unpacks_to_gigabytes_is_read_no_further_than_a_megabyte(
    client, loopback
):
    loopback.reply(bomb(80), 500, headers={"content-encoding": "gzip"})

    with pytest.raises(ServerError, match="HTTP 500"):
        ask(client, loopback, retries=0)


def test_head_without_an_end_is_one_clear_error(client, loopback):
    lines = [b"x-%d: y\r\n" % number for number in range(1000)]
    loopback.reply(raw=[b"HTTP/1.1 200 OK\r\n", *lines, STALL])

    with pytest.raises(ConnectionFailed, match="headers"):
        ask(client, loopback, retries=0)


def test_the_setting_reaches_the_client(shell, loopback):
    loopback.reply(completion("x" * 1_100_000, "max_tokens"))
    shell.run("%config CompletionSettings.max_answer_mb = 1")

    with pytest.raises(IncompleteStream, match="longer than 1 MB"):
        shell.run(
            f"%complete --endpoint {loopback.url} --dialect text -m m --no-history Hi"
        )


# A prompt's way through a cell: from the front end through IPython to the wire, and
# from the wire back into a cell.

PIECES = [
    *(" ", "    ", "\t", "\n", "\n\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85"),
    *("\u2028", "\u2029", "\xa0", "\0", "\x1b[0m", "\ufeff", "\u202e", "é", "😀"),
    *("?", "??", "!", "!ls", "%", "%time x", "%%complete", "%%complete?", "%%bash\n"),
    *(">>> ", "... ", "In [1]: ", "   ...: ", "# note", ";", "@v", "$v", "/x", ",y"),
    *("{", "}", "{{", "}}", "{{v}}", "{{ v }}", "{v}", "'", '"', '"""', "'''", "\\"),
    *("\\n", "def f():\n    return 1\n    ", "x", "\n\nHuman:", "\n\nAssistant:"),
]
PROMPTS = (
    st.lists(
        st.one_of(
            st.sampled_from(PIECES), st.text(st.characters(codec="utf-8"), max_size=3)
        ),
        min_size=1,
        max_size=12,
    )
    .map("".join)
    .filter(bool)
)
TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
MANY = settings(max_examples=300)
FEWER = settings(MANY, max_examples=50)


@pytest.fixture
def raw(shell, loopback):
    """Return a function that runs a cell and gives the body that was sent.

    The settings send every prompt as it stands to a server that answers one word.
    """
    loopback.reply(completion("Red.", "stop_sequence", id="compl_1"))
    for name, value in {
        "endpoint": loopback.url,
        "dialect": "text",
        "model": "m",
        "turns": "raw",
        "stream": False,
        "history": False,
    }.items():
        shell.run(f"%config CompletionSettings.{name} = {value!r}")
    shell.user_ns["v"] = "the variable"

    def sent(cell):
        loopback.requests.clear()
        shell.run(cell)
        (request,) = loopback.requests
        return json.loads(request.body)

    return sent


@FEWER
@given(prompt=PROMPTS)
@example("def f(x):\n    return x\n    ")
@example("   ")
@example("a\n  \nb")
@example("What does this print?\n>>> 1 + 1\n... \n")
@example("In [1]: x")
@example("%%complete?\n")
@example("{{{v}}}")
def test_a_cell_sends_all_below_its_first_line(raw, prompt):
    prompt = re.sub(r"\{(?=\{)", "{ ", prompt)  # no template
    end = "\n" * prompt.endswith("\n")

    assert raw(f"%%complete\n{prompt}{end}")["prompt"] == prompt


@MANY
@given(prompt=PROMPTS, stop=TEXTS, user=TEXTS)
@example("ends in ?", "\n\n", "it's")
@example("a {{v}} b {{ v }} c", "{{v}}", '"')
@example("a\rb\r\n", "\\", "'")
@example("\n", " ", " ")
@example("Say \x1b[2J", "\x1b", "\u2028")
def test_code_for_a_cell_sends_the_same_bytes(shell, raw, prompt, stop, user):
    session = shell.magics_manager.registry["CompletionMagics"].session
    call = session.prepare("{{p}}", {"p": prompt}, stop=[stop], user_id=user)
    code = session.code(call, "magic")

    sent = raw(code)
    assert (sent["prompt"], sent["stop_sequences"]) == (prompt, [stop])
    assert sent["metadata"] == {"user_id": user}


@FEWER
@given(template=PROMPTS)
@example("Write about {{v}} and {{ v }}.\x85")
@example("trailing\n    ")
def test_copy_as_cell_sends_what_run_sends(raw, loopback, template):
    loopback.requests.clear()
    panel = CompletionPanel(prompt=template)
    try:
        cell = panel.cell()
        panel.run()
        panel.wait()
        (run,) = loopback.requests
    finally:
        panel.close()

    assert raw(cell) == json.loads(run.body)


@FEWER
@given(prompt=PROMPTS)
@example("What is it?\n")
@example("def f():\n    ")
@example("a {{v}} b")
def test_a_cell_that_is_run_again_sends_what_it_sent(shell, raw, prompt):
    prompt = prompt.replace("{{ ", "{ {")
    end = "\n" * prompt.endswith("\n")
    shell.run("%config CompletionSettings.history = True")
    shell.user_ns["v"] = "the variable"
    try:
        first = raw(f"%%complete --max-tokens 3\n{prompt}{end}")
    except InputError:
        return  # a name without a value was never sent
    number = shell.user_ns["_completion"].history_id
    shell.run(f"%complete_history --rerun {number}")
    assert raw(shell.rl_next_input) == first

    shell.user_ns["v"] = "another"
    shell.run("%config CompletionSettings.temperature = 0.5")
    shell.run(f"%complete_history --rerun {number}")
    assert raw(shell.rl_next_input) == first
    shell.run("%config CompletionSettings.temperature = None")


def test_a_cell_is_run_again_as_it_was_written_while_it_sends_the_same(shell, raw):
    cell = "%%complete -t 0.5 --no-stream\nSay {{v}}.\n    "
    shell.run("%config CompletionSettings.history = True")
    raw(cell)
    number = shell.user_ns["_completion"].history_id
    shell.run(f"%complete_history --rerun {number}")
    assert shell.rl_next_input == cell

    shell.user_ns["v"] = "another"
    shell.run(f"%complete_history --rerun {number}")
    assert "Say the variable." in shell.rl_next_input


def test_a_sweeps_cell_is_run_again_whole(shell, raw):

    shell.run("%config CompletionSettings.history = True")
    shell.run("%%complete -s tone=dry,warm\nBe {{tone}}.")
    number = shell.user_ns["_sweep"][1].history_id
    shell.run(f"%complete_history --rerun {number}")
    assert shell.rl_next_input == "%%complete -s tone=dry,warm\nBe {{tone}}."

    shell.run("%config CompletionSettings.temperature = 0.5")
    shell.run(f"%complete_history --rerun {number}")
    assert shell.rl_next_input.endswith("\nBe warm.")


def test_half_a_character_is_refused_and_nothing_is_sent(shell, raw, loopback):
    loopback.requests.clear()
    with pytest.raises(InputError, match="prompt has half a character at position 2"):
        shell.run("%%complete\na \ud83d b")

    assert loopback.requests == []


@pytest.mark.parametrize("outer", ["%%time", "%%capture shown", "%%capture\n%%time"])
def test_a_cell_below_another_magic_sends_the_same(raw, outer):
    assert (
        raw(f"{outer}\n%%complete\nx\n  \n>>> y\n   ")["prompt"] == "x\n  \n>>> y\n   "
    )
