"""A request ends within 200 ms of a cancel, whatever it is waiting for."""

import contextlib
import gc
import os
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from loopback import STALL, black_hole, completion, events

from jupyter_complete.cancel import Cancel
from jupyter_complete.client import Client, connections
from jupyter_complete.dialects.text import TextDialect
from jupyter_complete.endpoint import Endpoint
from jupyter_complete.errors import Cancelled
from jupyter_complete.request import CompletionRequest

REQUEST = CompletionRequest("m", "Hi", 10)
DIALECT = TextDialect()
SOON = 2  # a tenth of it on a machine with nothing else to do
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"


@pytest.fixture
def client():
    with Client(lambda _: None) as made:
        yield made


def ask(client, url, **options):
    with client.send(REQUEST, Endpoint("lab", url, "text"), DIALECT, **options) as got:
        return "".join(chunk.text for chunk in got)


@contextlib.contextmanager
def cancelled_at(moment, cancel):
    """Cancel from another thread at the moment; give a list with the time of it."""
    at = []

    def run():
        moment()
        at.append(time.monotonic())
        cancel.set()

    thread = threading.Thread(target=run)
    thread.start()
    yield at
    thread.join()


SILENCES = {
    "before the head": {"raw": [STALL]},
    "within the head": {"raw": [HEAD, STALL]},
    "before the first event": {"raw": [HEAD + b"\r\n", STALL]},
    "within an event": {"body": [*events("Hi", stop=None), b"event: compl", STALL]},
    "within the data of an event": {
        "body": [*events("Hi", stop=None), b'event: completion\ndata: {"comp', STALL]
    },
    "between events": {"body": [*events("Hi", stop=None), STALL]},
    "within a whole answer": {"raw": [HEAD + b"\r\n{", STALL]},
    "within an error": {
        "raw": [b"HTTP/1.1 500 No\r\ncontent-length: 9\r\n\r\nx", STALL]
    },
}


@pytest.mark.parametrize("silence", SILENCES)
def test_cancel_ends_a_silent_request_and_closes_its_connection(
    client, loopback, silence
):
    loopback.reply(**SILENCES[silence])
    cancel = Cancel()

    with cancelled_at(loopback.wait_for_stall, cancel) as at, pytest.raises(Cancelled):
        ask(client, loopback.url, cancel=cancel)

    assert time.monotonic() - at[0] < SOON
    assert loopback.requests[0].gone.wait(SOON)
    assert len(loopback.requests) == 1


@pytest.mark.parametrize("silence", ["before the head", "between events"])
def test_interrupt_ends_a_silent_request_and_closes_its_connection(
    client, loopback, silence
):
    loopback.reply(**SILENCES[silence])
    at = []

    def press():
        loopback.wait_for_stall()
        at.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        ask(client, loopback.url)

    assert time.monotonic() - at[0] < SOON
    assert loopback.requests[0].gone.wait(SOON)
    thread.join()


def test_cancel_keeps_what_came(client, loopback):
    loopback.reply(**SILENCES["between events"])
    cancel = Cancel()
    there = Endpoint("lab", loopback.url, "text")

    with client.send(REQUEST, there, DIALECT, cancel=cancel) as answer:
        chunks = iter(answer)
        next(chunks)
        with (
            cancelled_at(loopback.wait_for_stall, cancel),
            pytest.raises(Cancelled) as caught,
        ):
            next(chunks)

    assert caught.value.partial == "Hi"
    assert caught.value.attempts == 1


@pytest.mark.parametrize("interrupt", [True, False])
def test_cancel_ends_the_wait_for_a_retry(client, loopback, interrupt):
    loopback.reply(b"", 429, {"retry-after": "30"})
    cancel = Cancel()

    def moment():
        loopback.wait_for_requests()
        time.sleep(0.05)
        if interrupt:
            os.kill(os.getpid(), signal.SIGINT)

    start = time.monotonic()
    with (
        pytest.raises(KeyboardInterrupt if interrupt else Cancelled),
        cancelled_at(moment, Cancel() if interrupt else cancel),
    ):
        ask(client, loopback.url, cancel=cancel)

    assert time.monotonic() - start < 10


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_cancel_ends_connecting_to_a_black_hole(client, scheme):
    cancel = Cancel()

    with black_hole() as hole:
        url = hole.replace("http", scheme)
        with (
            cancelled_at(lambda: time.sleep(0.05), cancel) as at,
            pytest.raises(Cancelled),
        ):
            ask(client, url, cancel=cancel)

    assert time.monotonic() - at[0] < SOON


def test_interrupt_ends_connecting_to_a_black_hole(client):
    timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))

    start = time.monotonic()
    timer.start()
    with black_hole() as url, pytest.raises(KeyboardInterrupt):
        ask(client, url)

    assert time.monotonic() - start < 2 * SOON


def test_cancel_ends_a_silent_tls_handshake(client):
    cancel = Cancel()

    with socket.create_server(("127.0.0.1", 0)) as mute, ExitStack() as stack:
        url = f"https://127.0.0.1:{mute.getsockname()[1]}"
        with (
            cancelled_at(lambda: greeted(mute, stack), cancel) as at,
            pytest.raises(Cancelled),
        ):
            ask(client, url, cancel=cancel)

        assert time.monotonic() - at[0] < SOON


def greeted(server, stack):
    """Wait for the first bytes of a handshake, and answer nothing."""
    connection = stack.enter_context(server.accept()[0])
    connection.recv(1)


def test_cancel_ends_a_slow_look_up_of_the_host(client, monkeypatch):
    answered = threading.Event()
    look_up = socket.getaddrinfo

    def slow(host, *args, flags=0, **more):
        if host == "slow.example" and not flags:
            answered.wait(60)
        return look_up("127.0.0.1" if not flags else host, *args, flags=flags, **more)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    cancel = Cancel()

    with (
        cancelled_at(lambda: time.sleep(0.05), cancel) as at,
        pytest.raises(Cancelled),
    ):
        ask(client, "http://slow.example", cancel=cancel)

    assert time.monotonic() - at[0] < SOON
    answered.set()


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_cancel_just_after_connecting_sends_nothing(loopback, monkeypatch, scheme):
    loopback.reply(raw=[STALL])
    cancel = Cancel()
    reach = connections.reach

    def reach_and_cancel(*args, **options):
        sock = reach(*args, **options)
        cancel.set()
        return sock

    monkeypatch.setattr(connections, "reach", reach_and_cancel)
    with Client(lambda _: None, read_timeout=60) as made, pytest.raises(Cancelled):
        ask(made, loopback.url.replace("http", scheme), cancel=cancel)

    assert loopback.requests == []
    gc.collect()  # warns of a socket that was left open


def test_cancel_before_sending_sends_nothing(client, loopback):
    loopback.reply(events("Hi"))
    cancel = Cancel()
    cancel.set()

    with pytest.raises(Cancelled):
        ask(client, loopback.url, cancel=cancel)

    assert loopback.requests == []


def test_cancel_ends_a_stream_that_never_pauses(client, loopback):
    loopback.reply(events(*["x"] * 20_000), framing="close")
    cancel = Cancel()
    there = Endpoint("lab", loopback.url, "text")

    with client.send(REQUEST, there, DIALECT, cancel=cancel) as answer:
        chunks = iter(answer)
        for _ in range(10):
            next(chunks)
        cancel.set()
        with pytest.raises(Cancelled) as caught:
            next(chunks)

    assert caught.value.partial == "x" * 10


def test_cancel_ends_a_call_for_json(client, loopback):
    loopback.reply(raw=[STALL])
    cancel = Cancel()

    with cancelled_at(loopback.wait_for_stall, cancel) as at, pytest.raises(Cancelled):
        client.get_json(
            Endpoint("lab", loopback.url, "text"),
            "/v1/models",
            dialect=DIALECT,
            cancel=cancel,
        )

    assert time.monotonic() - at[0] < SOON


def test_cancel_after_the_stop_reason_leaves_the_answer_complete(client, loopback):
    loopback.reply(events("Hi"))
    cancel = Cancel()

    with client.send(
        REQUEST, Endpoint("lab", loopback.url, "text"), DIALECT, cancel=cancel
    ) as answer:
        for chunk in answer:
            if chunk.stop_reason:
                cancel.set()

    assert chunk.stop_reason == "stop_sequence"


def test_cancel_of_an_ended_answer_leaves_its_connection_to_the_next(client, loopback):
    """The connection is back in the pool, and serves another request by then."""
    loopback.reply(events("Hi"))
    loopback.reply([*events("Hel", stop=None), STALL, *events("lo")])
    cancel = Cancel()
    ask(client, loopback.url, cancel=cancel)
    texts = []
    thread = threading.Thread(target=lambda: texts.append(ask(client, loopback.url)))

    thread.start()
    loopback.wait_for_stall()
    cancel.set()
    loopback.go()
    thread.join()

    assert texts == ["Hello"]
    assert [request.connection for request in loopback.requests] == [0, 0]


def test_one_cancel_ends_many_requests(client, loopback):
    loopback.reply(raw=[STALL])
    cancel = Cancel()
    ended = []

    def run():
        with pytest.raises(Cancelled):
            ask(client, loopback.url, cancel=cancel)
        ended.append(time.monotonic())

    threads = [threading.Thread(target=run) for _ in range(20)]
    for thread in threads:
        thread.start()
    loopback.wait_for_requests(20)
    start = time.monotonic()
    cancel.set()
    for thread in threads:
        thread.join()

    assert max(ended) - start < 2 * SOON
    assert all(request.gone.wait(SOON) for request in loopback.requests)


def test_pool_works_on_and_nothing_is_left_open_after_many_cancels(client, loopback):
    for _ in range(20):
        loopback.reply([*events("Hi", stop=None), STALL])
    loopback.reply(completion("Hi", "max_tokens"))
    sockets, threads = open_sockets(), threading.active_count()

    for _ in range(20):
        cancel = Cancel()
        with client.send(
            REQUEST, Endpoint("lab", loopback.url, "text"), DIALECT, cancel=cancel
        ) as answer:
            chunks = iter(answer)
            next(chunks)
            cancel.set()
            with pytest.raises(Cancelled):
                next(chunks)
    loopback.go()

    assert ask(client, loopback.url) == "Hi"
    assert cancel._listeners == {}
    client.close()
    gc.collect()
    assert all(request.gone.wait(60) for request in loopback.requests)
    wait_until(lambda: open_sockets() <= sockets)
    wait_until(lambda: threading.active_count() <= threads)


def open_sockets():
    links = Path("/proc/self/fd").iterdir()
    found = []
    for link in links:
        with contextlib.suppress(OSError):
            found.append(str(link.readlink()))
    return sum(name.startswith("socket:") for name in found)


def wait_until(true):
    for _ in range(3000):
        if true():
            return
        time.sleep(0.01)
    assert true()


@pytest.fixture
def secure(tmp_path, monkeypatch):
    """A TLS server that `requests` trusts, with one connection at a time."""
    if shutil.which("openssl") is None:
        pytest.skip("makes its certificate with openssl")
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes"]
    names = ["-subj", "/CN=lab", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*made, *names, *files], check=True, capture_output=True)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        context.wrap_socket(listener, server_side=True) as server,
    ):
        yield server


def test_cancel_ends_a_silent_stream_over_tls(client, secure):
    cancel = Cancel()
    port = secure.getsockname()[1]

    def serve():
        connection, _ = secure.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(HEAD + b"\r\n" + events("Hi", stop=None)[0])
            cancel.wait(0.05)
            cancel.set()
            with contextlib.suppress(OSError):
                connection.recv(1)

    thread = threading.Thread(target=serve)
    thread.start()
    with pytest.raises(Cancelled) as caught:
        ask(client, f"https://127.0.0.1:{port}", cancel=cancel)

    assert caught.value.partial == "Hi"
    thread.join(60)
    assert not thread.is_alive()


def test_listener_hears_of_a_cancel_once():
    cancel = Cancel()
    heard = []
    cancel.listen(lambda: heard.append("listener"))
    forget = cancel.listen(lambda: heard.append("forgotten"))
    forget()

    cancel.set()
    cancel.set()
    cancel.listen(lambda: heard.append("late"))

    assert heard == ["listener", "late"]


def test_wait_tells_whether_it_was_cancelled():
    cancel = Cancel()

    assert cancel.wait(0) is False
    cancel.set()
    assert cancel.wait(10) is True
