"""The app, asked as a WSGI server asks it."""

import json
import threading
from wsgiref.validate import validator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted import ScriptedModel, ask, call, environ, read_event

from jupyter_complete import __version__
from jupyter_complete.completion import TokenLogprob
from jupyter_complete.errors import InputError
from jupyter_complete.server.app import make_app

TURNS = "\n\nHuman: Hello\n\nAssistant:"
GOOD = {"model": "ngram-base", "prompt": "Once", "max_tokens_to_sample": 100}


def body(**changes):
    return GOOD | changes


def without(name):
    return {key: value for key, value in GOOD.items() if key != name}


@pytest.fixture
def model():
    return ScriptedModel(" upon", " a", " time")


@pytest.fixture
def app(model):
    chat = ScriptedModel(*model.script, wants_turns=True)
    return make_app({"ngram-chat": chat, "ngram-base": model})


def app_for(*script):
    return make_app({"ngram-base": ScriptedModel(*script)})


# A whole answer


def test_a_whole_answer_has_the_documented_fields(app):
    answer = ask(app, body=GOOD)

    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    made = answer.json
    assert made.pop("id") == made.pop("log_id")
    assert made == {
        "type": "completion",
        "completion": " upon a time",
        "stop_reason": "stop_sequence",
        "stop": None,
        "model": "ngram-base",
        "usage": {"input_tokens": 1, "output_tokens": 3},
    }


def test_a_model_that_wants_turns_ends_with_the_human_one(app):
    answer = ask(app, body=body(model="ngram-chat", prompt=TURNS))

    assert answer.json["stop"] == "\n\nHuman:"


def test_the_model_gets_every_parameter_and_no_other(app, model):
    ask(
        app,
        body=body(
            temperature=0,
            top_k=0,
            top_p=0.5,
            metadata={"user_id": None},
            stop_sequences=["x"],
            stream=False,
        ),
        jupyter_complete_seed="7",
        anthropic_beta="a-1,b-2",
    )

    sampling = {"temperature": 0.0, "top_k": 0, "top_p": 0.5, "seed": 7}
    assert model.asked == [("Once", {"max_tokens": 100, **sampling})]


def test_a_parameter_left_out_is_none(app, model):
    ask(app, body=GOOD)

    (asked,) = model.asked
    assert asked[1].pop("max_tokens") == 100
    assert set(asked[1].values()) == {None}


@pytest.mark.parametrize("stream", [False, True])
def test_max_tokens_ends_the_answer_and_the_generation(app, model, stream):
    answer = ask(app, body=body(max_tokens_to_sample=2, stream=stream))

    last = answer.events[-1][1] if stream else answer.json
    assert last["stop_reason"] == "max_tokens"
    assert last["usage"]["output_tokens"] == 2
    assert model.given == 2
    assert model.closed.is_set()


def test_more_tokens_than_the_model_gives_are_capped_not_refused():
    app = app_for(*[" x"] * 6000)

    answer = ask(app, body=body(max_tokens_to_sample=10**400 // 10**350))

    assert answer.status == 200
    assert answer.json["stop_reason"] == "max_tokens"
    assert answer.json["usage"]["output_tokens"] < 6000


def test_a_client_that_left_ends_an_answer_that_is_not_streamed():
    model = ScriptedModel(*[" x"] * 4000)
    made = environ(body=body(max_tokens_to_sample=4000))
    made["jupyter_complete.client_gone"] = lambda: model.given > 100

    call(make_app({"ngram-base": model}), made)

    assert model.closed.is_set()
    assert model.given < 200


# A streamed answer


def test_each_token_is_an_event_and_the_last_is_empty(app):
    answer = ask(app, body=body(stream=True))

    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert [name for name, _ in answer.events] == ["completion"] * 4
    texts = [data["completion"] for _, data in answer.events]
    assert texts == [" upon", " a", " time", ""]
    reasons = [data["stop_reason"] for _, data in answer.events]
    assert reasons == [None, None, None, "stop_sequence"]
    assert answer.events[-1][1]["usage"] == {"input_tokens": 1, "output_tokens": 3}


def test_an_event_is_there_before_the_next_token_is_made(model, app):
    chunks = app(environ(body=body(stream=True)), lambda *_: None)

    assert model.given == 0
    assert read_event(next(chunks).decode().strip())[1]["completion"] == " upon"
    assert model.given == 1
    chunks.close()


def test_a_client_that_goes_away_ends_the_generation(model, app):
    chunks = app(environ(body=body(stream=True)), lambda *_: None)
    next(chunks)

    chunks.close()

    assert model.closed.is_set()
    assert model.given == 1


@pytest.mark.parametrize("text", ["\u2028", "é\U0001f600", "\r\n\r\ndata: x", "\ud800"])
def test_no_text_breaks_an_event_apart(text):
    answer = ask(app_for(text), body=body(stream=True))

    assert answer.events[0][1]["completion"] == text


def test_a_slow_token_is_bridged_by_pings():
    slow = threading.Event()
    model = ScriptedModel(" a", slow, " b")
    app = make_app({"ngram-base": model}, ping_seconds=0.01)
    chunks = app(environ(body=body(stream=True)), lambda *_: None)
    names = [read_event(next(chunks).decode().strip())[0] for _ in range(3)]
    slow.set()
    rest = [read_event(chunk.decode().strip()) for chunk in chunks]

    assert names == ["completion", "ping", "ping"]
    texts = [data["completion"] for name, data in rest if name == "completion"]
    assert texts == [" b", ""]


def test_with_pings_a_client_that_goes_away_ends_the_generation():
    model = ScriptedModel(*[" x"] * 3, threading.Event(), *[" x"] * 1000)
    (wait,) = (step for step in model.script if isinstance(step, threading.Event))
    app = make_app({"ngram-base": model}, ping_seconds=5)
    chunks = app(environ(body=body(stream=True)), lambda *_: None)
    next(chunks)

    chunks.close()
    wait.set()

    assert model.closed.wait(5)
    assert model.given == 4


# Stop sequences


def shown(app, **changes):
    answer = ask(app, body=body(stream=True, **changes))
    texts = [data["completion"] for _, data in answer.events]
    return "".join(texts), answer.events[-1][1]


def test_the_human_marker_ends_every_answer():
    text, last = shown(app_for("Hi", ".\n", "\nHu", "man: and you", " no"))

    assert text == "Hi."
    assert (last["stop_reason"], last["stop"]) == ("stop_sequence", "\n\nHuman:")


def test_what_only_looked_like_a_stop_is_shown():
    text, last = shown(app_for("a\n", "\nHum", "ble", " \n\nHuman"))

    assert text == "a\n\nHumble \n\nHuman"
    assert last["stop"] is None


def test_a_stop_sequence_in_the_whole_answer_is_left_out():
    answer = ask(app_for("one t", "wo three"), body=body(stop_sequences=["two"]))

    assert answer.json["completion"] == "one "
    assert answer.json["stop"] == "two"


def test_a_stop_that_completes_at_the_last_token_wins_over_max_tokens():
    text, last = shown(app_for("a", "b"), max_tokens_to_sample=2, stop_sequences=["b"])

    assert text == "a"
    assert last["stop_reason"] == "stop_sequence"


# Log-probabilities


def test_logprobs_come_with_the_text_of_their_token():
    others = ((" b", -0.5), (" c", -1.5))
    app = app_for((" b", others), " d")

    answer = ask(app, body=body(stream=True), jupyter_complete_logprobs="2")

    first = answer.events[0][1]["logprobs"]
    assert [(entry["token"], entry["alternatives"]) for entry in first] == [
        (" b", [[" b", -0.5], [" c", -1.5]])
    ]
    assert "logprobs" not in answer.events[-1][1]


def test_logprobs_of_a_whole_answer_leave_the_stop_sequence_out():
    app = app_for("a", "\n", "b", " st", "op", "c")

    answer = ask(
        app, body=body(stop_sequences=[" stop"]), jupyter_complete_logprobs="0"
    )

    assert [entry["token"] for entry in answer.json["logprobs"]] == ["a", "\n", "b"]


# What is refused

MANY = "9" * 5000
REFUSED = [
    (without("model"), "model"),
    (without("prompt"), "prompt"),
    (without("max_tokens_to_sample"), "max_tokens_to_sample"),
    (body(max_tokens=1), "max_tokens"),
    (body(**{"": 1}), "(empty name)"),
    (body(model=3), "model"),
    (body(model=""), "model"),
    (body(prompt=None), "prompt"),
    (body(prompt=""), "prompt"),
    (body(prompt=["a"]), "prompt"),
    (body(prompt="a\ud800b"), "prompt"),
    (body(prompt="a " * 100_001), "prompt"),
    (body(max_tokens_to_sample=0), "max_tokens_to_sample"),
    (body(max_tokens_to_sample=-1), "max_tokens_to_sample"),
    (body(max_tokens_to_sample=1.0), "max_tokens_to_sample"),
    (body(max_tokens_to_sample=True), "max_tokens_to_sample"),
    (body(max_tokens_to_sample="1"), "max_tokens_to_sample"),
    (body(temperature=-0.1), "temperature"),
    (body(temperature=1.1), "temperature"),
    (body(temperature=10**400), "temperature"),
    (body(temperature=False), "temperature"),
    (body(temperature=None), "temperature"),
    (body(top_p=2), "top_p"),
    (body(top_p="1"), "top_p"),
    (body(top_k=-1), "top_k"),
    (body(top_k=0.5), "top_k"),
    (body(top_k=True), "top_k"),
    (body(stop_sequences="x"), "stop_sequences"),
    (body(stop_sequences=None), "stop_sequences"),
    (body(stop_sequences=["a", ""]), "stop_sequences.1"),
    (body(stop_sequences=["a", 1]), "stop_sequences.1"),
    (body(stop_sequences=["\udfff"]), "stop_sequences.0"),
    (body(stop_sequences=["x"] * 1001), "stop_sequences"),
    (body(stream=1), "stream"),
    (body(stream="true"), "stream"),
    (body(metadata=[]), "metadata"),
    (body(metadata={"user": "x"}), "metadata.user"),
    (body(metadata={"user_id": 1}), "metadata.user_id"),
    (body(metadata={"user_id": "x" * 513}), "metadata.user_id"),
    (b"", "body"),
    (b"null", "body"),
    (b"[]", "body"),
    (b"{", "body"),
    (b"\xff\xfe{}", "body"),
    (b'\xef\xbb\xbf{"model": "x"}', "body"),
    (b'{"temperature": NaN}', "body"),
    (b'{"temperature": -Infinity}', "body"),
    (b'{"temperature": %s}' % MANY.encode(), "body"),
    (b'{"temperature": 0, "temperature": 1}', "temperature"),
    (b'{"metadata": {"user_id": "a", "user_id": "b"}}', "user_id"),
    (b"[" * 100_000, "body"),
    (b'{"a":' * 100_000, "body"),
    (json.dumps(GOOD).encode("utf-16"), "body"),
]


@pytest.mark.parametrize(("sent", "field"), REFUSED)
def test_a_bad_body_is_refused_by_the_name_of_its_field(app, model, sent, field):
    answer = ask(app, body=sent)

    assert answer.status == 400
    assert answer.error["type"] == "invalid_request_error"
    assert answer.error["message"].startswith(f"{field}: ")
    assert model.asked == []


@pytest.mark.parametrize("number", ["1e400", "-1e400", "1.0000001", "2"])
def test_a_number_out_of_bounds_is_refused_as_it_is_written(app, number):
    sent = json.dumps(GOOD)[:-1] + f', "temperature": {number}}}'

    answer = ask(app, body=sent.encode())

    assert (answer.status, answer.error["message"][:12]) == (400, "temperature:")


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        ("Hello, world", "prompt must start with"),
        ("Hello, world\n\nAssistant:", "prompt must start with"),
        ("\n\nHuman: Hello, Claude", "prompt must end with"),
        ("\n\nHuman: Hello, Claude \nAssistant:", "prompt must end with"),
        ("\n\nAssistant: Hi\n\nHuman: Hello", "prompt must start with"),
    ],
)
def test_a_model_that_wants_turns_refuses_a_prompt_without(app, prompt, message):
    answer = ask(app, body=body(model="ngram-chat", prompt=prompt))

    assert answer.status == 400
    assert message in answer.error["message"]


@pytest.mark.parametrize(
    "prompt", ["Human: Hello\n\nAssistant:", TURNS + " ", "Be kind." + TURNS + " Well"]
)
def test_a_model_that_wants_turns_repairs_what_the_api_repairs(app, prompt):
    assert ask(app, body=body(model="ngram-chat", prompt=prompt)).status == 200


def test_an_unknown_model_is_not_found(app):
    answer = ask(app, body=body(model="claude-2.1"))

    assert (answer.status, answer.error["type"]) == (404, "not_found_error")
    assert answer.error["message"] == "model: claude-2.1"


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("anthropic-version", "2024-01-01"),
        ("anthropic-version", ""),
        ("jupyter-complete-seed", "x"),
        ("jupyter-complete-seed", "-1"),
        ("jupyter-complete-seed", "1.5"),
        ("jupyter-complete-seed", str(2**63)),
        ("jupyter-complete-seed", "٣"),
        ("jupyter-complete-min-p", "0.5"),
        ("jupyter-complete-logprobs", "21"),
        ("jupyter-complete-logprobs", ""),
    ],
)
def test_a_bad_header_is_refused_by_its_name(app, header, value):
    answer = ask(app, body=GOOD, **{header.replace("-", "_"): value})

    assert answer.status == 400
    assert answer.error["message"].startswith(f"{header}: ")


@pytest.mark.parametrize("length", ["-1", "x", "1_0", "+5", " 5", "٣", "1.0"])
def test_a_bad_length_is_refused_before_anything_is_read(app, length):
    made = environ(body=GOOD) | {"CONTENT_LENGTH": length, "wsgi.input": None}

    answer = call(app, made)

    assert answer.status == 400
    assert answer.error["message"].startswith("Content-Length: ")


@pytest.mark.parametrize("length", [str(32 * 2**20 + 1), MANY])
def test_too_long_a_body_is_refused_unread(app, length):
    made = environ(body=GOOD) | {"CONTENT_LENGTH": length, "wsgi.input": None}

    answer = call(app, made)

    assert (answer.status, answer.error["type"]) == (413, "request_too_large")


def test_a_body_without_a_length_is_empty(app):
    made = environ(body=GOOD)
    del made["CONTENT_LENGTH"]

    assert call(app, made).error["message"].startswith("body: is empty")


def test_a_body_that_ends_early_says_so(app):
    made = environ(body=GOOD) | {"CONTENT_LENGTH": "1000"}

    assert "of 1000 bytes" in call(app, made).error["message"]


def chunked(stream):
    made = environ(transfer_encoding="chunked") | {"wsgi.input": stream}
    del made["CONTENT_LENGTH"]
    return made


class Stream:
    """Gives zeros without end, or raises."""

    def __init__(self, error=None):
        self.error, self.read_so_far = error, 0

    def read(self, size):
        if self.error:
            raise self.error
        self.read_so_far += size
        return bytes(size)


def test_a_body_in_chunks_is_read_to_its_end(app):
    made = chunked(environ(body=GOOD)["wsgi.input"])

    assert call(app, made).json["completion"] == " upon a time"


def test_a_body_in_chunks_is_read_no_further_than_the_limit(app):
    stream = Stream()

    assert call(app, chunked(stream)).status == 413
    assert stream.read_so_far <= 32 * 2**20 + 1


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (TimeoutError("timed out"), 408),
        (OSError("Request Entity Too Large"), 413),
        (ConnectionResetError(104, "reset"), 400),
        (ValueError("Bad chunked transfer size"), 400),
    ],
)
def test_a_body_that_cannot_be_read_has_an_answer(app, error, status):
    answer = call(app, chunked(Stream(error)))

    assert (answer.status, answer.json["type"]) == (status, "error")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/v1/complete", "POST"),
        ("HEAD", "/v1/complete", "POST"),
        ("OPTIONS", "/v1/complete", "POST"),
        ("POST", "/v1/models", "GET"),
        ("HEAD", "/v1/models", "GET"),
        ("DELETE", "/v1/models/ngram-base", "GET"),
    ],
)
def test_another_method_is_not_allowed(app, method, path, allow):
    answer = ask(app, method, path)

    assert (answer.status, answer.headers["Allow"]) == (405, allow)
    assert bool(answer.body) == (method != "HEAD")


@pytest.mark.parametrize(
    "path", ["", "/", "/v1", "/v1/complete/", "/v1/messages", "/é"]
)
def test_another_path_is_not_found(app, path):
    answer = ask(app, "POST", path)

    assert (answer.status, answer.error["type"]) == (404, "not_found_error")


# Every answer


@pytest.mark.parametrize(
    "made",
    [
        environ(body=GOOD),
        environ(body=body(stream=True)),
        environ(body=b"{"),
        environ("GET", "/v1/models"),
        environ("GET", "/nowhere"),
        environ("PUT"),
    ],
    ids=["whole", "stream", "bad", "models", "path", "method"],
)
def test_every_answer_has_a_request_id_of_its_own_and_our_version(app, made):
    answers = [call(app, dict(made)) for _ in range(2)]

    ids = {answer.headers["request-id"] for answer in answers}
    assert len(ids) == 2
    assert all(each.startswith("req_") for each in ids)
    assert answers[0].headers["jupyter-complete"] == __version__
    if answers[0].status >= 400:
        assert answers[0].json["request_id"] == answers[0].headers["request-id"]


@pytest.mark.filterwarnings("ignore::wsgiref.validate.WSGIWarning")
@pytest.mark.parametrize("sent", [GOOD, body(stream=True), body(stream=2)])
def test_the_app_keeps_to_wsgi(app, sent):
    made = environ(body=sent)
    chunks = validator(app)(made, lambda *_: lambda _: None)
    text = b"".join(chunks)
    chunks.close()

    assert text


# Keys


@pytest.mark.parametrize(
    "headers",
    [
        {"x_api_key": "s3cret"},
        {"authorization": "Bearer s3cret"},
        {"authorization": "bearer  s3cret "},
        {"x_api_key": "other", "authorization": "Bearer s3cret"},
    ],
)
def test_the_key_is_taken_from_either_header(model, headers):
    app = make_app({"ngram-base": model}, key="s3cret")

    assert ask(app, body=GOOD, **headers).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x_api_key": ""},
        {"x_api_key": "s3cre"},
        {"x_api_key": "s3cret "},
        {"x_api_key": "s3cr\xe9t"},
        {"authorization": "s3cret"},
        {"authorization": "Basic s3cret"},
        {"authorization": "Bearer"},
    ],
)
def test_without_the_key_nothing_is_answered(model, headers):
    app = make_app({"ngram-base": model}, key="s3cret")

    answers = [
        ask(app, body=GOOD, **headers),
        ask(app, "GET", "/v1/models", **headers),
    ]

    for answer in answers:
        assert (answer.status, answer.error["type"]) == (401, "authentication_error")
        assert "s3cret" not in answer.body.decode()
    assert model.asked == []


def test_the_key_is_in_no_repr(model):
    assert "s3cret" not in repr(make_app({"ngram-base": model}, key="s3cret"))


# The list of models


@pytest.fixture
def many():
    return make_app({f"m{number}": ScriptedModel() for number in range(25)})


def page(app, query=""):
    return ask(app, "GET", "/v1/models", query=query).json


def test_the_first_page_has_twenty_models(many):
    first = page(many)

    assert [info["id"] for info in first["data"]] == [f"m{n}" for n in range(20)]
    assert (first["first_id"], first["last_id"]) == ("m0", "m19")
    assert first["has_more"] is True


@pytest.mark.parametrize("limit", [1, 7, 24, 25, 1000])
def test_following_after_id_gives_every_model_once(many, limit):
    ids, got = [], page(many, f"limit={limit}")
    ids += [info["id"] for info in got["data"]]
    while got["has_more"]:
        got = page(many, f"limit={limit}&after_id={got['last_id']}")
        ids += [info["id"] for info in got["data"]]

    assert ids == [f"m{number}" for number in range(25)]


def test_before_id_gives_the_page_before(many):
    got = page(many, "before_id=m10&limit=4")

    assert [info["id"] for info in got["data"]] == ["m6", "m7", "m8", "m9"]
    assert got["has_more"] is True
    assert page(many, "before_id=m4&limit=4")["has_more"] is False


def test_an_empty_page_has_no_ids(many):
    got = page(many, "after_id=m24")

    expected = {"data": [], "first_id": None, "last_id": None, "has_more": False}
    assert got == expected


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=x", "limit"),
        ("limit=-1", "limit"),
        ("limit=", "limit"),
        ("limit=" + MANY, "limit"),
        ("limit=1&limit=2", "limit"),
        ("after_id=nobody", "after_id"),
        ("before_id=", "before_id"),
        ("after_id=m1&before_id=m3", "after_id"),
    ],
)
def test_a_bad_page_is_refused_by_the_name_of_its_field(many, query, field):
    answer = ask(many, "GET", "/v1/models", query=query)

    assert answer.status == 400
    assert answer.error["message"].startswith(f"{field}: ")


def test_a_model_is_told_by_its_id(app):
    answer = ask(app, "GET", "/v1/models/ngram-base")

    assert answer.json["type"] == "model"
    assert answer.json["id"] == "ngram-base"
    assert answer.json["created_at"].endswith("Z")


@pytest.mark.parametrize("name", ["", "nobody", "ngram-base/", "\xff", "m\u1234"])
def test_a_model_that_is_not_there_is_not_found(app, name):
    assert ask(app, "GET", f"/v1/models/{name}").status == 404


# When the model itself fails


def test_a_failure_of_the_model_is_an_api_error(caplog):
    answer = ask(app_for(" a", RuntimeError("broken")), body=GOOD)

    assert (answer.status, answer.error["type"]) == (500, "api_error")
    assert "broken" not in answer.body.decode()
    assert answer.headers["request-id"] in caplog.text
    assert "broken" in caplog.text


def test_what_the_model_refuses_is_an_invalid_request(caplog):
    answer = ask(app_for(InputError("prompt is too odd; write another.")), body=GOOD)

    assert (answer.status, answer.error["type"]) == (400, "invalid_request_error")
    assert answer.error["message"] == "prompt is too odd; write another."
    assert not caplog.text


@pytest.mark.parametrize("stream", [False, True])
def test_a_model_may_give_its_tokens_in_anything_that_yields_them(stream):
    class Listed(ScriptedModel):
        def generate(self, prompt, **sampling):
            return iter([TokenLogprob(" a", -1.0), TokenLogprob(" b", -1.0)])

    app = make_app({"ngram-base": Listed()}, ping_seconds=5)
    answer = ask(app, body=body(stream=stream))

    assert answer.status == 200
    made = [data for _, data in answer.events] if stream else [answer.json]
    assert "".join(data["completion"] for data in made) == " a b"


@pytest.mark.parametrize("ping_seconds", [None, 5])
def test_a_failure_within_a_stream_is_an_error_event(caplog, ping_seconds):
    model = ScriptedModel(" a", RuntimeError("broken"))
    app = make_app({"ngram-base": model}, ping_seconds=ping_seconds)
    answer = ask(app, body=body(stream=True))

    assert answer.status == 200
    name, data = answer.events[-1]
    assert (name, data["error"]["type"]) == ("error", "api_error")
    assert data["request_id"] == answer.headers["request-id"]
    assert "broken" in caplog.text


# Whatever a client sends

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=()), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
FIELDS = st.dictionaries(
    st.sampled_from(
        [
            "model",
            "prompt",
            "max_tokens_to_sample",
            "temperature",
            "top_p",
            "top_k",
            "stop_sequences",
            "stream",
            "metadata",
            "other",
        ]
    ),
    JSON,
)
HEADER = st.text(st.characters(max_codepoint=255), max_size=12)


@given(
    sent=FIELDS.map(lambda fields: json.dumps(GOOD | fields).encode())
    | st.binary(max_size=40),
    method=st.sampled_from(["GET", "POST", "HEAD", "PUT", ""]),
    path=st.sampled_from(["/v1/complete", "/v1/models"]) | HEADER,
    query=HEADER,
    headers=st.dictionaries(
        st.sampled_from(
            [
                "anthropic_version",
                "x_api_key",
                "authorization",
                "jupyter_complete_seed",
                "jupyter_complete_logprobs",
                "anthropic_beta",
                "transfer_encoding",
            ]
        ),
        HEADER,
    ),
)
@settings(max_examples=100)
def test_whatever_a_client_sends_is_answered(sent, method, path, query, headers):
    answer = ask(app_for(" a", "b"), method, path, sent, query=query, **headers)

    assert answer.status in {200, 400, 401, 404, 405, 413}
    assert answer.headers["request-id"].startswith("req_")
    if answer.status != 200 and answer.body:
        assert answer.json["type"] == "error"


def test_every_limit_is_the_models_own():
    model = ScriptedModel(*["x "] * 40)
    model.context_tokens, model.output_tokens = 20, 15
    app = make_app({"small": model})

    def asked(prompt, most=100):
        sent = body(model="small", prompt=prompt, max_tokens_to_sample=most)
        return ask(app, body=sent)

    info = ask(app, "GET", "/v1/models/small").json
    assert (info["max_input_tokens"], info["max_tokens"]) == (19, 15)
    for words, most in ((1, 15), (5, 15), (12, 8), (19, 1)):
        answer = asked("word " * words).json
        assert answer["stop_reason"] == "max_tokens"
        assert answer["usage"] == {"input_tokens": words, "output_tokens": most}
    assert asked("word", 3).json["usage"]["output_tokens"] == 3
    long = asked("word " * 20)
    assert (long.status, long.error["message"]) == (
        400,
        "prompt: is too long: it has 20 tokens, and scripted takes at most 19",
    )
    assert "over 19 tokens" in asked("w" * 2_000).error["message"]


def test_a_token_without_text_counts():
    answer = ask(app_for("a", "", "b", ""), body=body(max_tokens_to_sample=4))

    assert answer.json["completion"] == "ab"
    assert answer.json["stop_reason"] == "max_tokens"
    assert answer.json["usage"]["output_tokens"] == 4


def test_a_stop_longer_than_the_answer_holds_nothing_back_at_the_end():
    app = app_for(*["a"] * 200, "b", *["a"] * 100)

    text, _ = shown(app, stop_sequences=["a" * 100_000], max_tokens_to_sample=400)

    assert text == "a" * 200 + "b" + "a" * 100
