"""Bytes on the wire: what a server or a proxy may send that no test server does."""

import gzip
import json
import time
import zlib
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from loopback import CUT, PAUSE, STALL, completion, event, events

from jupyter_complete.cancel import Cancel
from jupyter_complete.client import Answer, Client
from jupyter_complete.client.connections import Line
from jupyter_complete.completion import CompletionRequest, Endpoint
from jupyter_complete.dialects.text import TextDialect
from jupyter_complete.errors import (
    CompleteError,
    ConnectionFailed,
    IncompleteStream,
    InputError,
    ProtocolError,
    ServerError,
)
from jupyter_complete.panel import CompletionPanel

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


# Much of everything


def cpu_seconds(call):
    start = time.process_time()
    call()
    return time.process_time() - start


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
    assert loopback.requests[0].gone.wait(2)
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
    """Give that many megabytes of white space in a thousandth of it."""
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
MANY = settings(
    max_examples=2000,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
FEWER = settings(MANY, max_examples=200)


@pytest.fixture
def raw(shell, loopback):
    """Give a function that runs a cell and gives the body that was sent.

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
def test_a_cell_sends_all_below_its_first_line(raw, prompt):
    prompt = prompt.replace("{{", "{ {")
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
