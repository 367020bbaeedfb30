"""The app asked through `requests`, in this process."""

import io
import json
import threading

import pytest
import requests
from scripted import ScriptedModel, read_event
from urllib3.exceptions import ProtocolError

from jupyter_complete.client.wsgi import WSGIAdapter, end_when
from jupyter_complete.ngram.model import load_models
from jupyter_complete.server.app import make_app

URL = "embedded://ngram/v1/complete"
GOOD = {"model": "ngram-base", "prompt": "é", "max_tokens_to_sample": 100}


@pytest.fixture
def model():
    return ScriptedModel(" one", " twó", " three")


def session_for(app):
    session = requests.Session()
    session.mount("embedded://", WSGIAdapter(app))
    return session


@pytest.fixture
def session(model):
    with session_for(make_app({"ngram-base": model}, key="k")) as session:
        session.headers["x-api-key"] = "k"
        yield session


def open_stream(session):
    return session.post(URL, json=GOOD | {"stream": True}, stream=True)


def texts(data):
    blocks = data.decode().split("\n\n")[:-1]
    return [read_event(block)[1]["completion"] for block in blocks]


def test_a_whole_answer_is_a_response_of_requests(session):
    response = session.post(URL, json=GOOD)

    assert (response.status_code, response.reason, response.ok) == (200, "OK", True)
    assert response.json()["completion"] == " one twó three"
    assert response.headers["REQUEST-ID"].startswith("req_")
    assert response.url == URL
    assert response.request.method == "POST"
    assert response.encoding == "utf-8"


def test_the_query_and_the_path_reach_the_app(session):
    page = session.get("embedded://ngram/v1/models?limit=1").json()
    info = session.get("embedded://ngram/v1/models/ngram%2Dbase").json()

    assert page["last_id"] == info["id"] == "ngram-base"


def test_an_error_has_its_status(session):
    response = session.post(URL, json=GOOD, headers={"x-api-key": "no"})

    assert response.status_code == 401
    assert response.json()["error"]["type"] == "authentication_error"


@pytest.mark.parametrize(
    "sent",
    [
        json.dumps(GOOD),
        json.dumps(GOOD).encode(),
        io.BytesIO(json.dumps(GOOD).encode()),
        (part.encode() for part in json.dumps(GOOD)),
    ],
    ids=["text", "bytes", "file", "chunks"],
)
def test_every_kind_of_body_is_sent(session, sent):
    assert session.post(URL, data=sent).status_code == 200


def test_the_answer_is_there_before_the_first_token(session, model):
    response = open_stream(session)

    assert response.status_code == 200
    assert model.given == 0
    response.close()


def test_each_event_can_be_read_before_the_next_is_made(session, model):
    with open_stream(session) as response:
        first = response.raw.read1(65536)

        assert texts(first) == [" one"]
        assert model.given == 1


READERS = {
    "read1": lambda r: b"".join(iter(lambda: r.raw.read1(65536), b"")),
    "read1 of few": lambda r: b"".join(iter(lambda: r.raw.read1(3), b"")),
    "read": lambda r: r.raw.read(),
    "read of few": lambda r: b"".join(iter(lambda: r.raw.read(7), b"")),
    "stream": lambda r: b"".join(r.raw.stream(65536, decode_content=True)),
    "iteration": lambda r: b"".join(r.raw),
    "iter_content": lambda r: b"".join(r.iter_content(1)),
    "content": lambda r: r.content,
    "BufferedReader": lambda r: io.BufferedReader(Raw(r.raw)).read(),
}


class Raw(io.RawIOBase):
    def __init__(self, raw):
        self.raw = raw

    def readable(self):
        return self.raw.readable()

    def readinto(self, buffer):
        return self.raw.readinto(buffer)


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_every_way_of_reading_gives_every_byte(session, model, read):
    with open_stream(session) as response:
        data = read(response)

    assert texts(data) == [" one", " twó", " three", ""]
    assert model.closed.is_set()


def test_a_read_of_a_size_gives_it_exactly_until_the_end(session):
    with open_stream(session) as response:
        assert len(response.raw.read(10)) == 10
        assert response.raw.read(0) == response.raw.read1(0) == b""
        assert 0 < len(response.raw.read1(5)) <= 5


def test_closing_the_response_ends_the_generation(session, model):
    response = open_stream(session)
    response.raw.read1()

    response.close()

    assert model.closed.is_set()
    assert model.given == 1
    assert response.raw.read1() == b""
    assert response.raw.isclosed()


def test_closing_from_another_thread_does_not_wait_for_the_model():
    go, reached = threading.Event(), threading.Event()

    class Slow(ScriptedModel):
        def generate(self, prompt, **sampling):
            tokens = super().generate(prompt, **sampling)
            try:
                yield next(tokens)
                reached.set()
                yield from tokens
            finally:
                tokens.close()

    model = Slow(" one", go, *[" x"] * 1000)
    with session_for(make_app({"ngram-base": model})) as session:
        response = open_stream(session)
        got = []
        reader = threading.Thread(target=lambda: got.extend(response.raw.stream()))
        reader.start()
        assert reached.wait(5)

        response.close()

        assert not model.closed.is_set()
        go.set()
        reader.join(5)
        assert model.closed.wait(5)
        assert model.given == 2


def test_a_request_that_is_cancelled_ends_before_it_has_an_answer():
    model = ScriptedModel(*[" x"] * 4000)
    with session_for(make_app({"ngram-base": model})) as session:
        asked = requests.Request(
            "POST", URL, json=GOOD | {"max_tokens_to_sample": 4000}
        )
        prepared = session.prepare_request(asked)
        end_when(prepared, lambda: model.given > 50)
        session.send(prepared)

    assert model.closed.is_set()
    assert model.given < 200


def fails(environ, start_response):
    raise RuntimeError("boom")


def gives_no_status(environ, start_response):
    return []


def gives_two_statuses(environ, start_response):
    start_response("200 OK", [])
    start_response("204 No Content", [])
    return []


@pytest.mark.parametrize(
    ("app", "logged"),
    [
        (fails, "boom"),
        (gives_no_status, "gave no status"),
        (gives_two_statuses, "called twice"),
    ],
)
def test_an_app_that_fails_is_a_500_in_json(caplog, app, logged):
    with session_for(app) as session:
        response = session.post(URL, json=GOOD)

    assert response.status_code == 500
    assert response.json()["error"]["type"] == "api_error"
    assert logged in caplog.text


def test_an_app_that_gives_its_status_late_is_waited_for():
    def app(environ, start_response):
        yield b""
        write = start_response("201 Created", [("X-Late", "yes")])
        write(b"a")
        yield b""
        yield b"b"

    with session_for(app) as session:
        response = session.get(URL)

    assert (response.status_code, response.headers["x-late"]) == (201, "yes")
    assert response.content == b"ab"


def test_an_app_that_breaks_off_looks_like_a_cut_connection():
    def app(environ, start_response):
        start_response("200 OK", [])
        yield b"a"
        raise RuntimeError("boom")

    with session_for(app) as session:
        response = session.get(URL, stream=True)

        assert response.raw.read1() == b"a"
        with pytest.raises(ProtocolError, match="broke off"):
            response.raw.read1()
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            session.get(URL)


def test_many_sessions_ask_at_once(model):
    adapter = WSGIAdapter(make_app({"ngram-base": model}))
    got = []

    def ask():
        with requests.Session() as session:
            session.mount("embedded://", adapter)
            got.append(texts(open_stream(session).content))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert got == [[" one", " twó", " three", ""]] * 8


def test_the_embedded_model_answers_through_it():
    prompt = "\n\nHuman: What does the with statement do?\n\nAssistant:"
    asked = GOOD | {"model": "ngram-chat", "prompt": prompt, "temperature": 0}
    with session_for(make_app(load_models())) as session:
        headers = {"jupyter-complete-logprobs": "3"}
        response = session.post(URL, json=asked, headers=headers)

    made = response.json()
    assert "with" in made["completion"]
    assert "".join(e["token"] for e in made["logprobs"]) == made["completion"]
    assert made["usage"]["output_tokens"] == len(made["logprobs"])
    assert made["usage"]["input_tokens"] > 8
