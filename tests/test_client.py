"""The client over real HTTP: what it sends, what it makes of what comes."""

import email.utils
import gzip
import json
import logging
import subprocess
import sys
import threading
import time
import traceback

import loopback as loopback_module
import pytest
from loopback import (
    CUT,
    PAUSE,
    RESET,
    STALL,
    black_hole,
    completion,
    event,
    events,
    port_that_refuses,
)
from requests import Response
from requests.adapters import BaseAdapter

from jupyter_complete.client import Client, failures
from jupyter_complete.client.answer import salvaged
from jupyter_complete.dialects.text import TextDialect
from jupyter_complete.endpoint import Endpoint, HttpCall
from jupyter_complete.errors import (
    AuthenticationError,
    BadRequestError,
    BillingError,
    CompleteError,
    ConnectionFailed,
    CredentialError,
    IncompleteStream,
    InputError,
    NotFoundError,
    PermissionDeniedError,
    ProtocolError,
    RateLimitError,
    ServerError,
)
from jupyter_complete.request import CompletionRequest

KEY = "sk-ant-secret-0123456789"
REQUEST = CompletionRequest("m", "\n\nHuman: Hi\n\nAssistant:", 10)
DIALECT = TextDialect()


def endpoint(url, *, required=True):
    return Endpoint("lab", url, "text", "LAB_API_KEY", key_required=required)


@pytest.fixture
def client():
    with Client(lambda _: KEY) as made:
        yield made


@pytest.fixture
def ask(client, loopback):
    """Send the one request to the loopback server; give the answer's whole text."""

    def send(**options):
        with client.send(REQUEST, endpoint(loopback.url), DIALECT, **options) as answer:
            return "".join(chunk.text for chunk in answer)

    return send


def locals_of_the_package(error):
    """Return every local of every frame that a debugger would show, tests left out."""
    found = []
    while error is not None:
        for frame, _ in traceback.walk_tb(error.__traceback__):
            if frame.f_code.co_filename not in (__file__, loopback_module.__file__):
                found += [repr(value) for value in frame.f_locals.values()]
        error = error.__cause__ or error.__context__
    return found


def error_body(type_, message="No."):
    return {"type": "error", "error": {"type": type_, "message": message}}


# What is sent


def test_sends_one_post_with_version_and_key(ask, loopback):
    loopback.reply(events("Hi"))

    ask()

    (request,) = loopback.requests
    assert (request.method, request.path) == ("POST", "/v1/complete")
    assert request.json["stream"] is True
    assert request.headers["x-api-key"] == KEY
    assert request.headers["anthropic-version"] == "2023-06-01"
    assert request.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("suffix", "path"),
    [
        ("", "/v1/complete"),
        ("/", "/v1/complete"),
        ("/v1", "/v1/complete"),
        ("/v1/", "/v1/complete"),
        ("/v1/complete", "/v1/complete"),
        ("/proxy/anthropic", "/proxy/anthropic/v1/complete"),
        ("/proxy/v1/", "/proxy/v1/complete"),
    ],
)
def test_base_url_may_end_in_slash_version_or_path(client, loopback, suffix, path):
    loopback.reply(events("Hi"))

    with client.send(REQUEST, endpoint(loopback.url + suffix), DIALECT) as answer:
        list(answer)

    assert loopback.requests[0].path == path


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:8000",
        "ftp://host",
        "http://",
        "http://ho st",
        "http://[::1",
        "http://host:port",
        "http://host/?a=b",
        "http://host/#a",
        "http://host\n",
        "http://*",
        "http://-" + "a" * 300 + ".example",
    ],
)
def test_bad_url_is_refused_in_one_line_that_names_the_endpoint(client, url):
    with pytest.raises(InputError, match="lab") as caught:
        client.send(REQUEST, endpoint(url), DIALECT, retries=0)

    assert "\n" not in str(caught.value)


def test_name_and_password_in_url_are_refused_and_not_shown(client):
    with pytest.raises(InputError, match="leave the name and password out") as caught:
        client.send(REQUEST, endpoint("http://me:hunter2@host"), DIALECT)

    assert "hunter2" not in str(caught.value)


def test_netrc_never_replaces_the_key(ask, loopback, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password hunter2\n")
    monkeypatch.setenv("NETRC", str(netrc))
    loopback.reply(events("Hi"))

    ask()

    assert "authorization" not in loopback.requests[0].headers


def test_netrc_is_not_sent_where_there_is_no_key(loopback, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password hunter2\n")
    monkeypatch.setenv("NETRC", str(netrc))
    loopback.reply(events("Hi"))

    there = endpoint(loopback.url, required=False)
    with (
        Client(lambda _: None) as keyless,
        keyless.send(REQUEST, there, DIALECT) as answer,
    ):
        list(answer)

    assert not {"authorization", "x-api-key"} & set(loopback.requests[0].headers)


def test_proxy_of_the_environment_is_used(client, loopback, monkeypatch):
    monkeypatch.setenv("http_proxy", loopback.url)
    monkeypatch.setenv("no_proxy", "")
    loopback.reply(events("Hi"))

    with client.send(REQUEST, endpoint("http://far.example"), DIALECT) as answer:
        list(answer)

    assert loopback.requests[0].path == "http://far.example/v1/complete"


def test_cookies_are_not_kept(ask, loopback):
    loopback.reply(events("Hi"), headers={"set-cookie": "a=b"})

    ask()
    ask()

    assert "cookie" not in loopback.requests[1].headers


def test_connection_serves_again_after_a_whole_stream(ask, loopback):
    loopback.reply(events("Hi"))

    for _ in range(5):
        ask()

    assert {request.connection for request in loopback.requests} == {0}


def test_connection_serves_again_after_a_whole_answer_and_an_error(ask, loopback):
    loopback.reply(completion("Hi", "max_tokens"))
    loopback.reply(error_body("overloaded_error"), 529)
    loopback.reply(completion("Hi", "max_tokens"))

    ask(stream=False)
    with pytest.raises(ServerError):
        ask(retries=0)
    ask(stream=False)

    assert {request.connection for request in loopback.requests} == {0}


def test_answer_is_complete_at_its_stop_though_the_server_does_not_end(ask, loopback):
    loopback.reply([*events("Hi"), STALL])

    assert ask() == "Hi"
    assert loopback.requests[0].gone.wait(60)


def test_answer_is_complete_at_its_stop_though_the_server_goes_on(ask, loopback):
    more = [event({"type": "ping"}, "ping"), PAUSE] * 50
    loopback.reply([*events("Hi"), *more])
    loopback.reply(events("Ho"))

    assert ask() == "Hi"
    assert ask() == "Ho"
    assert loopback.requests[1].connection == 1


def test_answer_that_is_left_early_closes_its_connection(client, loopback):
    loopback.reply([*events("Hi", stop=None), STALL])

    with client.send(REQUEST, endpoint(loopback.url), DIALECT) as answer:
        next(iter(answer))

    assert loopback.requests[0].gone.wait(60)


# Keys


@pytest.mark.parametrize("key", [None, ""])
def test_missing_key_names_the_variable_and_sends_nothing(loopback, key):
    loopback.reply(events("Hi"))

    with (
        Client(lambda _: key) as keyless,
        pytest.raises(CredentialError, match="LAB_API_KEY"),
    ):
        keyless.send(REQUEST, endpoint(loopback.url), DIALECT)

    assert loopback.requests == []


@pytest.mark.parametrize(
    ("key", "fault"),
    [
        (KEY + "\n", "white space"),
        (" " + KEY, "white space"),
        (KEY[:8] + "\n" + KEY[8:], "line break"),
        (KEY + "\x07" + KEY, "control character"),
        (KEY + "\N{EM DASH}" + KEY, "no HTTP header can carry"),
    ],
)
def test_key_that_no_header_carries_is_refused_unseen(loopback, key, fault):
    loopback.reply(events("Hi"))

    with (
        Client(lambda _: key) as careless,
        pytest.raises(CredentialError, match=fault) as caught,
    ):
        careless.send(REQUEST, endpoint(loopback.url), DIALECT)

    assert KEY[:8] not in "".join(traceback.format_exception(caught.value))
    assert KEY[:8] not in "".join(locals_of_the_package(caught.value))
    assert loopback.requests == []


def test_latin_1_key_is_sent(loopback):
    loopback.reply(events("Hi"))

    with (
        Client(lambda _: "clé") as polyglot,
        polyglot.send(REQUEST, endpoint(loopback.url), DIALECT) as answer,
    ):
        list(answer)

    assert loopback.requests[0].headers["x-api-key"] == "clé"


def test_key_that_the_server_echoes_is_removed_from_the_error(ask, loopback):
    loopback.reply(error_body(KEY, f"invalid x-api-key: {KEY} is wrong"), 401)

    with pytest.raises(AuthenticationError, match="LAB_API_KEY") as caught:
        ask()

    error = caught.value
    assert KEY not in "".join((str(error), repr(error), error.type))


@pytest.mark.parametrize("before", range(370, 410, 3))
def test_start_of_an_echoed_key_is_removed_where_a_message_is_cut(
    ask, loopback, before
):
    loopback.reply(error_body("invalid_request_error", "x" * before + KEY), 400)

    with pytest.raises(BadRequestError) as caught:
        ask()

    assert KEY[:10] not in str(caught.value)


def test_key_echoed_inside_a_stream_is_removed(ask, loopback):
    loopback.reply([event(error_body("api_error", f"bad key {KEY}"), "error")])

    with pytest.raises(ServerError) as caught:
        ask()

    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    "reply",
    [
        {"body": error_body("api_error", KEY), "status": 400},
        {"body": f"<html>{KEY}</html>".encode(), "status": 403},
        {"body": b"<html>", "headers": {"x-key": KEY}},
        {"raw": [RESET]},
        {"raw": [f"NONSENSE {KEY}\r\n\r\n".encode(), CUT]},
        {"body": b"", "status": 302, "headers": {"location": f"http://{KEY}@h/{KEY}"}},
        {"body": [b"data: {}\n\n", RESET]},
    ],
)
def test_key_is_in_no_traceback_log_or_local_that_is_shown(
    ask, loopback, reply, caplog
):
    """Not even where locals are shown, as IPython's verbose mode does."""
    caplog.set_level(logging.DEBUG)
    loopback.reply(**reply)

    with pytest.raises(CompleteError) as caught:
        ask(retries=0)

    assert KEY not in "".join(locals_of_the_package(caught.value))
    assert KEY not in "".join(traceback.format_exception(caught.value))
    assert KEY not in caplog.text


def test_interrupt_shows_no_key_among_the_locals(loopback, monkeypatch):
    """The frames of requests and urllib3 hold the headers, but not to be shown."""
    held = []

    class Interrupted(BaseAdapter):
        def send(self, request, **_):
            held.append(request.headers["x-api-key"])
            raise KeyboardInterrupt

        def close(self):
            pass

    with (
        Client(lambda _: KEY, adapters={"lab://": Interrupted()}) as client,
        pytest.raises(KeyboardInterrupt) as caught,
    ):
        client.send(REQUEST, endpoint("lab://x"), DIALECT)

    assert held == [KEY]
    assert locals_of_the_package(caught.value)
    assert KEY not in "".join(locals_of_the_package(caught.value))


def test_client_shows_no_key():
    with Client(lambda _: KEY) as client:
        assert KEY not in repr(vars(client))


# Errors


@pytest.mark.parametrize(
    ("status", "type_", "expected"),
    [
        (400, "invalid_request_error", BadRequestError),
        (401, "authentication_error", AuthenticationError),
        (402, "billing_error", BillingError),
        (403, "billing_error", BillingError),
        (403, "permission_error", PermissionDeniedError),
        (404, "not_found_error", NotFoundError),
        (409, "conflict_error", BadRequestError),
        (413, "request_too_large", BadRequestError),
        (422, "invalid_request_error", BadRequestError),
        (429, "rate_limit_error", RateLimitError),
        (500, "api_error", ServerError),
        (504, "timeout_error", ServerError),
        (529, "overloaded_error", ServerError),
    ],
)
def test_status_gives_its_error_with_all_that_is_known(
    ask, loopback, status, type_, expected
):
    loopback.reply(error_body(type_, "Not now."), status)

    with pytest.raises(expected, match=r"Not now\.") as caught:
        ask(retries=0)

    error = caught.value
    assert type(error) is expected
    assert (error.status, error.type) == (status, type_)
    assert (error.request_id, error.attempts) == ("req_1", 1)


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"<html><head><title>T</title></head><h1>Bad\n Gateway</h1>", "T (HTTP"),
        (b"<html><head></head><h1>Bad\n Gateway</h1>", "Bad Gateway"),
        (b"  upstream\nconnect error  ", "upstream connect error"),
        (b"", "Internal server error"),
        (b"[1]", "1 (HTTP"),
        (b'{"error": "a string"}', "a string"),
        (b'{"error": {"message": 5}}', "5 (HTTP"),
        (b'{"detail": []}', "Internal server error"),
        (b"\xff\xfe\x00", "\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_error_body_of_any_kind_becomes_one_line(ask, loopback, body, shown):
    loopback.reply(body, 500)

    with pytest.raises(ServerError) as caught:
        ask(retries=0)

    assert str(caught.value).startswith(shown)
    assert "HTTP 500" in str(caught.value)


def test_error_body_that_is_cut_still_gives_its_status(ask, loopback):
    loopback.reply(b"Bad", 502, {"content-length": "100"}, then=CUT)

    with pytest.raises(ServerError) as caught:
        ask(retries=0)

    assert caught.value.status == 502


def test_error_body_is_read_no_further_than_a_megabyte(ask, loopback):
    piece = b"x" * 2**16
    loopback.reply([*[piece] * 17, STALL], 502)

    with pytest.raises(ServerError, match="x"):
        ask(retries=0)

    assert loopback.requests[0].gone.wait(60)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_not_followed_and_names_its_host(ask, loopback, status):
    loopback.reply(b"", status, {"location": "https://user:pw@evil.example/v1/x?k=1"})

    with pytest.raises(ProtocolError, match=r"redirects to evil\.example ") as caught:
        ask()

    assert caught.value.status == status
    assert len(loopback.requests) == 1


@pytest.mark.parametrize("location", [None, "", "http://[", "/elsewhere", "::"])
def test_redirect_to_nowhere_is_one_clear_error(ask, loopback, location):
    loopback.reply(b"", 302, {} if location is None else {"location": location})

    with pytest.raises(ProtocolError, match="redirects to"):
        ask()


def test_refused_connection_names_host_and_endpoint(client):
    url = port_that_refuses()

    with pytest.raises(ConnectionFailed, match=r"lab") as caught:
        client.send(REQUEST, endpoint(url), DIALECT, retries=0)

    assert url.removeprefix("http://") in str(caught.value)
    assert "refused" in str(caught.value)
    assert caught.value.attempts == 1


def test_host_is_found_by_its_name(client, loopback):
    loopback.reply(events("Hi"))
    by_name = loopback.url.replace("127.0.0.1", "localhost")

    with client.send(REQUEST, endpoint(by_name), DIALECT) as answer:
        assert "".join(chunk.text for chunk in answer) == "Hi"


@pytest.mark.parametrize("seconds", [0.05, 0.2])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_connection_that_is_never_made_ends_in_the_connect_timeout(scheme, seconds):
    with (
        black_hole() as hole,
        Client(lambda _: KEY, connect_timeout=seconds) as hasty,
        pytest.raises(ConnectionFailed, match=rf"no connection within {seconds} s"),
    ):
        hasty.send(REQUEST, endpoint(hole.replace("http", scheme)), DIALECT, retries=0)


def test_proxy_that_is_no_url_is_told_as_such(client, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://")
    monkeypatch.setenv("no_proxy", "")

    with pytest.raises(InputError, match="proxy URL"):
        client.send(REQUEST, endpoint("http://far.example"), DIALECT)


def test_unknown_host_is_a_connection_failed(client):
    with pytest.raises(ConnectionFailed, match=r"no-such-host\.invalid"):
        client.send(
            REQUEST, endpoint("http://no-such-host.invalid"), DIALECT, retries=0
        )


def test_server_without_tls_is_a_connection_failed(client, loopback):
    loopback.reply(raw=[b"plain\r\n", CUT])

    with pytest.raises(ConnectionFailed, match="127"):
        client.send(
            REQUEST,
            endpoint(loopback.url.replace("http", "https")),
            DIALECT,
            retries=0,
        )


def test_silent_server_ends_in_the_read_timeout(loopback):
    loopback.reply(raw=[STALL])

    with (
        Client(lambda _: KEY, read_timeout=0.05) as hasty,
        pytest.raises(ConnectionFailed, match=r"sent nothing for 0\.05 s"),
    ):
        hasty.send(REQUEST, endpoint(loopback.url), DIALECT, retries=0)


def test_silence_within_a_stream_keeps_what_came(loopback):
    loopback.reply([*events("Hi", stop=None), STALL])

    with (
        Client(lambda _: KEY, read_timeout=0.05) as hasty,
        hasty.send(REQUEST, endpoint(loopback.url), DIALECT) as answer,
        pytest.raises(IncompleteStream, match="timed out") as caught,
    ):
        list(answer)

    assert caught.value.partial == "Hi"


# Retries


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 529])
def test_passing_error_is_retried(ask, loopback, status):
    loopback.reply(b"", status, {"retry-after-ms": "1"})
    loopback.reply(events("Hi"))

    assert ask() == "Hi"
    assert len(loopback.requests) == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
def test_lasting_error_is_not_retried(ask, loopback, status):
    loopback.reply(b"", status)

    with pytest.raises(CompleteError):
        ask()

    assert len(loopback.requests) == 1


@pytest.mark.parametrize(("told", "count"), [("true", 3), ("false", 1)])
@pytest.mark.parametrize("status", [400, 500])
def test_endpoint_tells_whether_to_retry(ask, loopback, status, told, count):
    loopback.reply(b"", status, {"x-should-retry": told, "retry-after-ms": "1"})

    with pytest.raises(CompleteError) as caught:
        ask()

    assert len(loopback.requests) == caught.value.attempts == count


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_retries_of_one_call_are_honoured(ask, loopback, retries):
    loopback.reply(b"", 500, {"retry-after-ms": "1"})

    with pytest.raises(ServerError) as caught:
        ask(retries=retries)

    assert len(loopback.requests) == caught.value.attempts == retries + 1


def test_broken_connection_is_retried_before_the_first_byte(ask, loopback):
    loopback.reply(raw=[RESET])
    loopback.reply(raw=[CUT])
    loopback.reply(events("Hi"))

    assert ask() == "Hi"


@pytest.mark.parametrize(
    "body",
    [[b"", RESET], [event(completion("Hi")), RESET], [event({}, "ping"), CUT]],
)
def test_nothing_is_retried_after_the_head_of_an_answer(ask, loopback, body):
    loopback.reply(body)

    with pytest.raises(CompleteError):
        ask()

    assert len(loopback.requests) == 1


def test_attempts_are_on_the_answer(client, loopback):
    loopback.reply(b"", 500, {"retry-after-ms": "1"})
    loopback.reply(events("Hi"))

    with client.send(REQUEST, endpoint(loopback.url), DIALECT) as answer:
        assert (answer.attempts, answer.status) == (2, 200)
        assert answer.request_id == "req_1"


def test_retry_after_is_waited_for(ask, loopback, monkeypatch):
    monkeypatch.setattr(failures, "FIRST_BACKOFF", 60)
    loopback.reply(b"", 429, {"retry-after": "0.05"})
    loopback.reply(events("Hi"))

    start = time.monotonic()
    ask()

    assert 0.05 <= time.monotonic() - start < 20


@pytest.mark.parametrize(
    "headers",
    [
        {"retry-after": "61"},
        {"retry-after-ms": "61000"},
        {"retry-after": email.utils.formatdate(time.time() + 61 * 60, usegmt=True)},
    ],
)
def test_long_wait_is_told_not_slept(ask, loopback, headers):
    loopback.reply(error_body("rate_limit_error"), 429, headers)

    with pytest.raises(RateLimitError, match=r"asks to wait \d+ s") as caught:
        ask()

    assert caught.value.retry_after > 60
    assert caught.value.attempts == 1


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"retry-after": "0"},
        {"retry-after": "-5"},
        {"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"},
        {"retry-after": "Thu, 01 Jan 99999 00:00:00 GMT"},
    ],
)
def test_without_a_sensible_wait_it_backs_off(ask, loopback, monkeypatch, headers):
    monkeypatch.setattr(failures, "FIRST_BACKOFF", 0.2)
    loopback.reply(b"", 500, headers)
    loopback.reply(events("Hi"))

    start = time.monotonic()
    ask()

    assert 0.15 <= time.monotonic() - start < 20


# What comes


def test_whole_answer(ask, loopback):
    loopback.reply(completion("Grüße", "max_tokens"))

    assert ask(stream=False) == "Grüße"
    assert "stream" not in loopback.requests[0].json


@pytest.mark.parametrize("framing", ["chunked", "close"])
def test_stream_however_it_is_framed(ask, loopback, framing):
    loopback.reply(events("Hel", "lo"), framing=framing)

    assert ask() == "Hello"


def test_compressed_stream(ask, loopback):
    body = gzip.compress(b"".join(events("Hel", "lo")))
    loopback.reply([body[:20], body[20:]], headers={"content-encoding": "gzip"})

    assert ask() == "Hello"


@pytest.mark.parametrize("framing", ["chunked", "close"])
def test_each_event_is_given_as_soon_as_it_is_there(client, loopback, framing):
    first, *rest = events("Hel", "lo")
    loopback.reply([first, STALL, *rest], framing=framing)

    with client.send(REQUEST, endpoint(loopback.url), DIALECT) as answer:
        chunks = iter(answer)
        assert next(chunks).text == "Hel"
        loopback.go()
        assert next(chunks).text == "lo"


@pytest.mark.parametrize(
    "kind",
    ["text/event-stream", "text/event-stream; charset=latin-1", "text/plain", ""],
)
def test_stream_is_utf_8_whatever_the_header_says(ask, loopback, kind):
    data = '{"completion": "é\u2028ß", "stop_reason": "max_tokens"}'
    loopback.reply([event(data)], headers={"content-type": kind})

    assert ask() == "é\u2028ß"


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([r"a\ud83d\ude00b"], "a\N{GRINNING FACE}b"),
        ([r"a\ud83d", r"\ude00b"], "a\N{GRINNING FACE}b"),
        ([r"\ud83d", "", r"\ude00"], "\N{GRINNING FACE}"),
        ([r"a\ud83d", "b"], "a\ufffdb"),
        ([r"a\ude00b"], "a\ufffdb"),
        ([r"\ud83d", r"\ud83d\ude00"], "\ufffd\N{GRINNING FACE}"),
        ([r"a\ud83d"], "a\ufffd"),
    ],
)
def test_characters_split_between_events_are_joined(ask, loopback, parts, expected):
    """Halves of a character can be neither printed nor stored."""
    pieces = [event(f'{{"completion": "{part}"}}') for part in parts]
    loopback.reply([*pieces, event(completion("", "max_tokens"))])

    assert ask() == expected


def test_whole_answer_to_a_request_for_a_stream(ask, loopback):
    loopback.reply(completion("Hi", "max_tokens"))

    assert ask(stream=True) == "Hi"


def test_stream_to_a_request_for_a_whole_answer(ask, loopback):
    loopback.reply(events("Hi"))

    assert ask(stream=False) == "Hi"


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"<!DOCTYPE html><h1>Log in</h1>", "web page"),
        (b"\n <html>", "web page"),
        (b"", "empty"),
        (b" \n", "empty"),
        (b'{"completion": ', "not JSON"),
        (b"[]", "no JSON object"),
        (b"{}", "completion"),
        (b"fine", "not JSON"),
        (b'{"completion": 5}', "completion"),
        (b"[" * 100_000, "not JSON"),
    ],
)
def test_answer_that_is_none_is_one_clear_error(ask, loopback, stream, body, shown):
    loopback.reply(body)

    with pytest.raises(ProtocolError, match=shown) as caught:
        ask(stream=stream)

    assert "check" in str(caught.value)
    assert caught.value.attempts == 1


@pytest.mark.parametrize(
    ("pieces", "partial"),
    [
        (events("Hel", "lo", stop=None), "Hello"),
        ([*events("Hel", "lo", stop=None), PAUSE, RESET], "Hello"),
        ([*events("Hel", "lo", stop=None), CUT], "Hello"),
        ([*events("Hel", stop=None), b'event: completion\ndata: {"comp'], "Hel"),
        ([*events("Hel", stop=None), event(completion("lo"))[:-2]], "Hel"),
        ([b": only a comment\n\n"], ""),
        ([], ""),
        ([b"nothing of the kind\n\n"], ""),
    ],
)
def test_stream_without_a_stop_reason_is_incomplete(ask, loopback, pieces, partial):
    loopback.reply(pieces)

    with pytest.raises(IncompleteStream, match="without a stop reason") as caught:
        ask()

    assert caught.value.partial == partial
    assert caught.value.request_id == "req_1"


@pytest.mark.parametrize("end", [None, CUT, RESET])
def test_last_event_counts_without_its_blank_line_if_it_has_the_stop(
    ask, loopback, end
):
    *first, last = events("Hel", "lo")
    loopback.reply([*first, last[:-2], *([PAUSE, end] if end else [])])

    assert ask() == "Hello"


def test_the_text_of_a_cut_answer_is_kept_whatever_the_place():
    text = 'One "two"\n\ttrois é \N{GRINNING FACE} end'
    for encode in (json.dumps, lambda v: json.dumps(v, ensure_ascii=False)):
        body = encode({"type": "completion", "completion": text, "model": "m"})
        data = body.encode()
        begin = data.index(b'"completion": "') + len(b'"completion": "')
        for place in range(begin, len(data)):
            kept = salvaged(data[:place])

            assert text.startswith(kept.rstrip("?"))
        assert salvaged(data[:-3]) == text


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        (b'{"completion": "H', "H"),
        (b'{"id": "compl', ""),
        (b'{"completion": "a \\q is no escape', ""),
    ],
)
def test_whole_answer_that_is_cut_is_incomplete(ask, loopback, body, kept):
    loopback.reply(body, headers={"content-length": "80"}, then=CUT)

    with pytest.raises(IncompleteStream, match="cut") as caught:
        ask(stream=False)

    assert caught.value.partial == kept


def test_malformed_event_keeps_what_came(ask, loopback):
    loopback.reply([*events("Hi", stop=None), event("{nonsense")])

    with pytest.raises(ProtocolError, match="not JSON") as caught:
        ask()

    assert caught.value.partial == "Hi"


def test_bytes_that_are_not_utf_8_keep_what_came(ask, loopback):
    loopback.reply([*events("Hi", stop=None), b"data: \xff\n\n"])

    with pytest.raises(ProtocolError, match="UTF-8") as caught:
        ask()

    assert caught.value.partial == "Hi"


@pytest.mark.parametrize(
    ("type_", "expected"),
    [
        ("overloaded_error", ServerError),
        ("rate_limit_error", RateLimitError),
        ("invalid_request_error", BadRequestError),
        ("authentication_error", AuthenticationError),
        ("never_heard_of_error", ServerError),
    ],
)
def test_error_inside_a_stream_keeps_what_came_and_is_not_retried(
    ask, loopback, type_, expected
):
    loopback.reply([*events("Hi", stop=None), event(error_body(type_), "error")])

    with pytest.raises(expected) as caught:
        ask()

    assert type(caught.value) is expected
    assert (caught.value.type, caught.value.partial) == (type_, "Hi")
    assert len(loopback.requests) == 1


def test_error_as_a_whole_answer_under_status_200(ask, loopback):
    loopback.reply(error_body("overloaded_error", "Overloaded"))

    with pytest.raises(ServerError, match="Overloaded"):
        ask(stream=False)


# JSON that is no completion


def test_get_json_gives_body_and_headers(client, loopback):
    loopback.reply({"data": []}, headers={"x-more": "yes"})

    body, headers = client.get_json(
        endpoint(loopback.url), "/v1/models", params={"limit": 2}, dialect=DIALECT
    )

    (request,) = loopback.requests
    assert (body, headers["X-More"]) == ({"data": []}, "yes")
    assert (request.method, request.path) == ("GET", "/v1/models?limit=2")
    assert (request.headers["x-api-key"], request.body) == (KEY, b"")
    assert request.headers["anthropic-version"] == "2023-06-01"


def test_json_sends_the_headers_and_the_body(client, loopback):
    loopback.reply({"input_tokens": 3})

    call = HttpCall("POST", "/v1/count", {"x-more": "yes"}, '{"a": "é"}'.encode())
    body, _ = client.json(call, endpoint(loopback.url + "/v1/"), DIALECT)

    assert body == {"input_tokens": 3}
    assert loopback.requests[0].json == {"a": "é"}
    assert loopback.requests[0].headers["x-more"] == "yes"


@pytest.mark.parametrize("body", [b"", b"<html>", b"data: {}\n\n"])
def test_json_that_is_none_is_one_clear_error(client, loopback, body):
    loopback.reply(body)

    with pytest.raises(ProtocolError, match="not JSON"):
        client.get_json(endpoint(loopback.url), "/v1/models", dialect=DIALECT)


def test_json_call_raises_the_endpoints_error(client, loopback):
    loopback.reply(error_body("not_found_error"), 404)

    with pytest.raises(NotFoundError):
        client.get_json(endpoint(loopback.url), "/v1/models/x", dialect=DIALECT)


# The rest


def test_mounted_adapter_answers_without_a_socket():
    class Local(BaseAdapter):
        closed = False

        def send(self, request, **_):
            response = Response()
            response.status_code = 200
            response.headers["content-type"] = "text/event-stream"
            response.url, response.request = request.url, request
            response.raw = self
            self.left = events("Hi")
            return response

        def read1(self, amt=None, decode_content=None):
            return self.left.pop(0) if self.left else b""

        def release_conn(self):
            pass

        def close(self):
            self.closed = True

    local = Local()
    with (
        Client(lambda _: None, adapters={"embedded://": local}) as client,
        client.send(REQUEST, Endpoint("e", "embedded://x", "text"), DIALECT) as answer,
    ):
        assert "".join(chunk.text for chunk in answer) == "Hi"
    assert local.closed


def test_many_threads_share_one_client(client, loopback):
    loopback.reply(events("Hel", "lo"))
    texts = []

    def run():
        with client.send(REQUEST, endpoint(loopback.url), DIALECT) as answer:
            texts.append("".join(chunk.text for chunk in answer))

    threads = [threading.Thread(target=run) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert texts == ["Hello"] * 20
    assert loopback.connections <= 20


def test_importing_the_package_imports_no_requests():
    code = "import sys, jupyter_complete; print('requests' in sys.modules)"

    assert subprocess.check_output([sys.executable, "-c", code]).strip() == b"False"
