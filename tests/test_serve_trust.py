"""``jupyter complete serve`` among those who mean it no good, over bare sockets."""

import itertools
import json
import re
import resource
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager, suppress

import h11
import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted import ScriptedModel

from jupyter_complete.cli import main
from jupyter_complete.server import lobby, outgoing, serve
from jupyter_complete.server.app import make_app
from jupyter_complete.server.hosts import Hosts
from jupyter_complete.server.incoming import BadRequest, Incoming
from jupyter_complete.server.serve import make_server

KEY = "throwaway-key"
RAW = {"model": "ngram-base", "prompt": "The", "max_tokens_to_sample": 4000}


@contextmanager
def running(app):
    """Serve an app in this process; give the port."""
    server = make_server(app, "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield server.bind_addr[1]
    finally:
        server.stop()
        thread.join(60)
        assert not thread.is_alive()


@contextmanager
def serving(model=None, **options):
    model = model or ScriptedModel(" a", " b")
    with running(make_app({"ngram-base": model}, **options)) as port:
        yield port


def connected(port):
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def said(sock):
    """Return all that comes until the server closes."""
    with suppress(ConnectionResetError):
        return b"".join(iter(lambda: sock.recv(65536), b""))
    return b""


def post(asked=RAW, *, head="", length=None, key=KEY):
    data = json.dumps(asked).encode()
    lines = f"POST /v1/complete HTTP/1.1\r\nHost: localhost\r\nx-api-key: {key}\r\n"
    lines += f"{head}Content-Length: {length or len(data)}\r\n\r\n"
    return lines.encode() + data


GET = b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n"


def ask(port, **more):
    """Ask as a client does that has something better to do than to wait."""
    url = f"http://127.0.0.1:{port}/v1/complete"
    headers = {"x-api-key": KEY}
    return requests.post(url, json=RAW, headers=headers, timeout=5, **more)


# 1. Those who wait are in nobody's way


@pytest.fixture
def many_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_five_hundred_that_are_silent_or_drip_keep_nobody_out(many_files):
    held = threading.Event()
    model = ScriptedModel(" first", held, " second")
    begin = post(key="wrong")
    with serving(model, key=KEY) as port, ExitStack() as stack:
        crowd = [stack.enter_context(connected(port)) for _ in range(500)]
        for place, sock in enumerate(crowd[250:]):
            sock.sendall(begin[: place % 60])  # half a request line, half a head

        stop = threading.Event()

        def drip():
            while not stop.wait(0.02):
                for place, sock in enumerate(crowd[250:]):
                    with suppress(OSError):
                        sock.sendall(begin[60 + place % 3 : 61 + place % 3])

        dripping = threading.Thread(target=drip)
        dripping.start()
        try:
            url = f"http://127.0.0.1:{port}/v1/complete"
            asked = RAW | {"stream": True}
            headers = {"x-api-key": KEY}
            with requests.post(
                url, json=asked, headers=headers, stream=True, timeout=5
            ) as answer:
                first = answer.raw.read1(65536)
                seen = model.given
                held.set()
                rest = answer.raw.read()
        finally:
            stop.set()
            dripping.join()

    assert b" first" in first
    assert seen == 1
    assert b" second" in rest


@pytest.mark.parametrize("sent", [b"", b"GET /v1/models HT", GET[:-2]])
def test_a_head_has_so_much_time_however_it_drips(monkeypatch, sent):
    monkeypatch.setattr(lobby, "HEAD_SECONDS", 0.2)
    with serving() as port, connected(port) as sock:
        sock.sendall(sent)
        with suppress(OSError):
            for letter in "x-header: " + "x" * 1000:
                sock.sendall(letter.encode() if sent else b"")
                time.sleep(0.01)
                if select_readable(sock):
                    break
        answer = said(sock)

    assert answer.startswith(b"HTTP/1.1 408 ") if sent else answer == b""
    assert answer.count(b"HTTP/1.1") == bool(sent)


def select_readable(sock):
    return select.select([sock], [], [], 0)[0]


def test_a_body_has_so_much_time_however_it_drips(monkeypatch):
    monkeypatch.setattr(lobby, "BODY_SECONDS", 0.2)
    with serving() as port, connected(port) as sock:
        sock.sendall(post(length=4000))
        while not select_readable(sock):
            sock.sendall(b" ")
            time.sleep(0.01)
        answer = said(sock)

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"body: took too long" in answer


def test_a_long_body_at_a_fair_pace_has_the_time_it_takes(monkeypatch):
    monkeypatch.setattr(lobby, "BODY_SECONDS", 0.1)
    body = json.dumps(RAW).encode() + b" " * 200_000
    with serving() as port, connected(port) as sock:
        head, _, _ = post(length=len(body)).partition(b"\r\n\r\n")
        sock.sendall(head.replace(b"localhost", b"localhost\r\nConnection: close"))
        sock.sendall(b"\r\n\r\n")
        for place in range(0, len(body), 10_000):
            sock.sendall(body[place : place + 10_000])
            time.sleep(0.015)
        answer = said(sock)

    assert answer.startswith(b"HTTP/1.1 200 ")


def test_a_client_that_does_not_read_does_not_hold_its_answer_for_ever(monkeypatch):
    monkeypatch.setattr(outgoing, "PATIENCE_SECONDS", 0.2)
    model = ScriptedModel(*["x" * 100_000] * 3000)
    with serving(model) as port, connected(port) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.sendall(post(RAW | {"stream": True}))

        assert model.closed.wait(10)

    assert model.given < 3000


def test_uploads_do_not_take_the_threads_that_answer(monkeypatch):
    monkeypatch.setattr(serve, "THREADS", 2)
    with serving() as port, ExitStack() as stack:
        for _ in range(20):
            sock = stack.enter_context(connected(port))
            sock.sendall(post(length=1000))

        assert ask(port).json()["completion"] == " a b"


def test_of_too_many_that_wait_the_oldest_goes(monkeypatch):
    monkeypatch.setattr(lobby, "MOST_WAITING", 3)
    with serving() as port, ExitStack() as stack:
        crowd = [stack.enter_context(connected(port)) for _ in range(4)]

        assert said(crowd[0]) == b""
        crowd[3].sendall(GET)
        assert crowd[3].recv(65536).startswith(b"HTTP/1.1 200 ")
        assert select_readable(crowd[1]) == []


def test_of_too_many_that_send_the_slowest_goes(monkeypatch):
    monkeypatch.setattr(lobby, "MOST_SENDING", 2)
    with serving() as port, ExitStack() as stack:
        crowd = [stack.enter_context(connected(port)) for _ in range(3)]
        crowd[0].sendall(post(length=10**6) + b" " * 10_000)
        time.sleep(0.05)
        for sock in crowd[1:]:
            sock.sendall(post(length=10**6))
            time.sleep(0.05)

        assert said(crowd[1]).startswith(b"HTTP/1.1 408 ")
        assert select_readable(crowd[0]) == select_readable(crowd[2]) == []


def test_bodies_together_have_so_much_room(monkeypatch):
    monkeypatch.setattr(lobby, "MOST_BYTES", 100_000)
    body = {"length": 90_000}
    with serving() as port, connected(port) as first, connected(port) as second:
        first.sendall(post(**body) + b" " * 80_000)
        time.sleep(0.05)
        second.sendall(post(**body) + b" " * 80_000)

        assert said(second).startswith(b"HTTP/1.1 503 ")
        first.sendall(b" " * (10_000 - len(json.dumps(RAW))))
        assert first.recv(65536).startswith(b"HTTP/1.1 200 ")
        assert ask(port).status_code == 200


def test_too_many_requests_at_once_are_told_so(monkeypatch):
    monkeypatch.setattr(serve, "THREADS", 1)
    monkeypatch.setattr(serve, "MOST_QUEUED", 1)
    held = threading.Event()
    model = ScriptedModel(held, " a")
    with serving(model) as port, ExitStack() as stack:
        crowd = [stack.enter_context(connected(port)) for _ in range(3)]
        for sock in crowd:
            sock.sendall(post())
            time.sleep(0.05)

        assert crowd[2].recv(65536).startswith(b"HTTP/1.1 503 ")
        held.set()
        assert all(b" a" in sock.recv(65536) for sock in crowd[:2])


def test_the_end_waits_for_no_queue(monkeypatch):
    monkeypatch.setattr(serve, "THREADS", 1)
    monkeypatch.setattr(serve, "SHUTDOWN_SECONDS", 0.1)
    held = threading.Event()
    with ExitStack() as stack:
        with serving(ScriptedModel(held, " a")) as port:
            crowd = [stack.enter_context(connected(port)) for _ in range(2)]
            for sock in crowd:
                sock.sendall(post())
            time.sleep(0.05)
        held.set()

        assert [said(sock) for sock in crowd] == [b"", b""]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (post(key="wrong", length=2**24), 401),
        (post(length=2**24).replace(b"localhost", b"evil.example"), 403),
        (post(length=2**24, head="Origin: https://evil.example\r\n"), 403),
        (post(length=2**40), 413),
    ],
)
def test_what_the_head_is_refused_for_is_refused_before_the_body(sent, status):
    hosts = Hosts.of("127.0.0.1")
    with serving(key=KEY, hosts=hosts) as port, connected(port) as sock:
        sock.sendall(sent)

        assert said(sock).startswith(b"HTTP/1.1 %d " % status)


def test_a_client_that_asks_whether_to_send_its_body_is_told():
    with serving(key=KEY) as port:
        for key, status in ((KEY, 100), ("wrong", 401)):
            with connected(port) as sock:
                head, _, body = post(key=key).partition(b"\r\n\r\n")
                sock.sendall(head + b"\r\nExpect: 100-continue\r\n\r\n")
                assert sock.recv(65536).startswith(b"HTTP/1.1 %d " % status)
                if status == 100:
                    sock.sendall(body)
                    assert sock.recv(65536).startswith(b"HTTP/1.1 200 OK")


def test_one_connection_serves_many_requests_also_sent_ahead():
    with serving() as port, connected(port) as sock:
        for _ in range(3):
            sock.sendall(GET)
            assert sock.recv(65536).startswith(b"HTTP/1.1 200 ")
        close = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        sock.sendall(post() + GET + post() + close)
        answer = said(sock)

    assert len(re.findall(b"HTTP/1.1 200 ", answer)) == 4
    assert answer.count(b'" a b"') == 2


def test_an_old_client_gets_a_stream_that_ends_with_the_connection():
    old = post(RAW | {"stream": True}).replace(b"HTTP/1.1", b"HTTP/1.0")
    with serving() as port, connected(port) as sock:
        sock.sendall(old.replace(b"Host: localhost\r\n", b""))
        answer = said(sock)

    assert b"chunked" not in answer.lower()
    assert b'" a"' in answer
    assert answer.endswith(b"}\n\n")


def test_an_idle_connection_is_closed_without_a_word(monkeypatch):
    monkeypatch.setattr(lobby, "IDLE_SECONDS", 0.1)
    with serving() as port, connected(port) as sock:
        sock.sendall(GET)
        head, _, body = said(sock).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 200 ")
    assert json.loads(body)["data"]


@pytest.mark.parametrize(
    ("app", "answer"),
    [
        (lambda environ, start: [b"x"], b"500"),
        (lambda environ, start: [], b"500"),
        (lambda environ, start: (start("200 OK", []), start("200 OK", [])), b"500"),
        (lambda environ, start: start("200 OK", []) and [b"", b"x"], b"200"),
        (
            lambda environ, start: start("200 OK", [("Content-Length", "1")]) and [],
            b"2",
        ),
        (
            lambda environ, start: (
                start("200 OK", [("Content-Length", "1")]) and [b"xyz"]
            ),
            b"200",
        ),
    ],
)
def test_an_app_that_errs_ends_its_connection_alone(app, answer, caplog):
    with running(app) as port:
        for _ in range(2):
            with connected(port) as sock:
                sock.sendall(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
                whole = said(sock)

                assert whole.startswith(b"HTTP/1.1 " + answer)
                assert b"yz" not in whole
    assert len(caplog.records) == 2 * (answer == b"500")


def test_an_app_that_fails_within_its_answer_breaks_it_off(caplog):
    def app(environ, start):
        start("200 OK", [])
        yield b"x"
        raise RuntimeError("half-way")

    with running(app) as port, connected(port) as sock:
        sock.sendall(GET)
        answer = said(sock)

    assert answer.endswith(b"\r\n\r\n1\r\nx\r\n")
    assert "half-way" in caplog.text


def test_a_client_that_leaves_is_nothing_to_log(caplog):
    left = threading.Event()

    def app(environ, start):
        start("200 OK", [])
        try:
            while True:
                yield b"x" * 10_000
        finally:
            left.set()

    with running(app) as port:
        with connected(port) as sock:
            sock.sendall(GET)
            sock.recv(10)
        assert left.wait(5)

    assert caplog.text == ""


# 2. To whom a request speaks, and from where

OWN = socket.gethostname()
TAKEN = [
    *("localhost", "LocalHost:80", "localhost.", "localhost:", OWN, f"{OWN.upper()}:1"),
    *("127.0.0.1", "127.0.0.1:8765", "10.1.2.3", "[::1]", "[::1]:80", "[FE80::1]"),
    *("gpu.example", "GPU.example.:443", "xn--bcher-kva.example"),
]
FOREIGN = [
    *("evil.example", "localhost.evil.example", "evil-localhost", "127.0.0.1.nip.io"),
    *("0x7f.1", "2130706433", "127.1", "gpu.example.evil.example", "xgpu.example"),
    *("1.2.3.4.5", "localhost..", "[::1].evil.example", "[evil]", "[::1", "::1"),
    *("user@localhost", "localhost@evil.example", "localhost:80@evil.example"),
    *("localhost, evil.example", "localhost evil", "localhost/", "localhost#", ""),
    *("localhost:x", "localhost:123456", "http://localhost", "*", "bücher.example"),
]


@pytest.fixture(scope="module")
def known():
    hosts = Hosts.of("127.0.0.1", ["gpu.example", "bücher.example"])
    with serving(hosts=hosts) as port:
        yield port


def status_of(port, fields, target="/v1/models", version="1.1"):
    lines = [f"GET {target} HTTP/{version}", *fields, "Connection: close", "", ""]
    with connected(port) as sock:
        sock.sendall("\r\n".join(lines).encode())
        head, _, body = said(sock).partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


@pytest.mark.parametrize("host", TAKEN)
def test_numbers_and_names_of_ours_are_answered(known, host):
    assert status_of(known, [f"Host: {host}"])[0] == 200


@pytest.mark.parametrize("host", FOREIGN)
def test_any_other_host_is_refused_with_the_remedy(known, host):
    status, answer = status_of(known, [f"Host: {host}"])

    assert status in (400, 403)
    assert answer["type"] == "error"
    if status == 403:
        assert answer["error"]["type"] == "permission_error"
        assert "--allow-host" in answer["error"]["message"]


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("localhost:8765", "http://localhost:8765", 200),
        ("LOCALHOST.:80", "http://localhost", 200),
        ("[::1]:9", "http://[::1]:9", 200),
        ("gpu.example", "https://gpu.example", 200),
        ("localhost", "https://gpu.example:8443", 200),
        ("localhost:8765", "http://localhost:8888", 403),
        ("localhost:8765", "http://127.0.0.1:8765", 403),
        ("localhost", "https://evil.example", 403),
        ("127.0.0.1", "http://10.0.0.1", 403),
        ("localhost", "http://localhost.evil.example", 403),
        ("localhost", "http://localhost@evil.example", 403),
        ("localhost", "null", 403),
        ("localhost", "file://", 403),
        ("localhost", "http://[::1", 403),
        ("localhost", "chrome-extension://abcdef", 403),
        ("localhost", "", 403),
    ],
)
def test_a_page_of_another_place_is_refused(known, host, origin, status):
    found, answer = status_of(known, [f"Host: {host}", f"Origin: {origin}"])

    assert found == status
    if found == 403:
        assert "--allow-host" in answer["error"]["message"]


def test_two_hosts_are_none_and_so_is_the_lack_of_one(known):
    both = ["Host: localhost", "Host: localhost"]

    assert status_of(known, both)[0] == 400
    assert status_of(known, ["Host: localhost", "host : evil.example"])[0] == 400
    assert status_of(known, [])[0] == 400
    assert status_of(known, [], version="1.0")[0] == 200
    assert status_of(known, ["Host: evil.example"], version="1.0")[0] == 403
    assert status_of(known, ["Host: evil.example", "X_Host: localhost"])[0] == 403


def test_a_target_that_names_a_host_names_the_same(known):
    for target, host, status in [
        ("http://localhost/v1/models", "localhost", 200),
        ("http://localhost/v1/models?limit=1", "LOCALHOST", 200),
        ("http://evil.example/v1/models", "localhost", 400),
        ("http://localhost/v1/models", "evil.example", 400),
        ("http://evil.example/v1/models", "evil.example", 403),
        ("http://localhost", "localhost", 400),
        ("http://a@localhost/v1/models", "localhost", 400),
    ]:
        assert status_of(known, [f"Host: {host}"], target)[0] == status, target


def test_a_server_bound_to_a_name_has_that_name_and_its_own():
    assert "my.example" in Hosts.of("my.example").own
    assert socket.getfqdn().lower().rstrip(".") in Hosts.of("0.0.0.0").own
    assert Hosts.of("", []).own >= {"localhost", OWN.lower()}


@pytest.mark.parametrize("name", ["*", "", "http://x", "x:80", "a b", "x/", "é" * 99])
def test_what_is_no_name_cannot_be_allowed(capsys, name):
    assert main(["serve", "--port", "0", "--allow-host", name]) == 2
    assert "--allow-host" in capsys.readouterr().err


def test_the_command_reads_no_private_text_to_a_page_that_rebinds_its_name(tmp_path):
    path = tmp_path / "own.txt"
    path.write_text("The heron waits in the shallow water until a fish comes.\n\n" * 30)
    command = [sys.executable, "-m", "jupyter_complete", "serve", "--port", "0"]
    more = ["--model-file", str(path), "--allow-host", "lab.example"]
    process = subprocess.Popen(
        [*command, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    url = re.search(r"http://\S+", process.stdout.readline())[0]
    asked = RAW | {"prompt": "The heron", "max_tokens_to_sample": 5, "temperature": 0}
    found = {}
    for host in ("evil.example", "lab.example", None):
        headers = {"Host": host} if host else {}
        answer = requests.post(url + "/v1/complete", json=asked, headers=headers)
        found[host] = (
            answer.status_code,
            "heron" in answer.text + "heron" * (not host),
        )
        assert ("waits" in answer.text) == (host != "evil.example")
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=10)

    assert [status for status, _ in found.values()] == [403, 200, 200]
    assert (process.returncode, out, err) == (0, "", "")


def test_the_model_in_this_process_has_no_host_to_check(shell):
    shell.run("%complete -m ngram-base --max-tokens 3 -o answer Hi")

    assert shell.user_ns["answer"].status == "complete"


# 3. Where a request ends is never guessed

HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: localhost\r\n\r\n"
P = b"POST /x HTTP/1.1\r\nHost: localhost\r\n"
G = b"GET /x HTTP/1.1\r\nHost: localhost\r\n"
TE = b"Transfer-Encoding: chunked\r\n"
L = b"%d" % len(HIDDEN)
MALFORMED = {
    # two lengths, both lengths
    "both lengths": P + b"Content-Length: " + L + b"\r\n" + TE + b"\r\n0\r\n\r\n",
    "both, the other way": P + TE + b"Content-Length: 4\r\n\r\n0\r\n\r\n",
    "two lengths": P + b"Content-Length: 0\r\nContent-Length: " + L + b"\r\n\r\n",
    "the same length twice": P + b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n",
    "a list of lengths": P + b"Content-Length: 0, 0\r\n\r\n",
    "a list of two lengths": P + b"Content-Length: 0," + L + b"\r\n\r\n",
    "two codings": P + TE + TE + b"\r\n0\r\n\r\n",
    "a coding twice": P + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    # lengths that are no number
    "length -1": P + b"Content-Length: -1\r\n\r\n",
    "length +0": P + b"Content-Length: +0\r\n\r\n",
    "length 0x0": P + b"Content-Length: 0x0\r\n\r\n",
    "length 1_0": P + b"Content-Length: 1_0\r\n\r\n0123456789",
    "length 0.0": P + b"Content-Length: 0.0\r\n\r\n",
    "length 1e1": P + b"Content-Length: 1e1\r\n\r\n0123456789",
    "length of blanks": P + b"Content-Length: \r\n\r\n",
    "length with a blank": P + b"Content-Length: 1 0\r\n\r\n0123456789",
    "length in other digits": P + b"Content-Length: \xd9\xa3\r\n\r\nabc",
    "length in quotes": P + b'Content-Length: "0"\r\n\r\n',
    "length of 5000 digits": P + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n",
    "length of 4000 digits": P + b"Content-Length: " + b"9" * 4000 + b"\r\n\r\n",
    # codings
    "coding gzip": P + b"Transfer-Encoding: gzip\r\n\r\n",
    "coding identity": P + b"Transfer-Encoding: identity\r\n\r\n",
    "coding gzip, chunked": P + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "coding xchunked": P + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "coding chunked;": P + b"Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n",
    "coding in quotes": P + b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n',
    "coding behind a form feed": P + b"Transfer-Encoding:\x0cchunked\r\n\r\n0\r\n\r\n",
    "coding with nothing": P + b"Transfer-Encoding:\r\n\r\n0\r\n\r\n",
    "coding in HTTP/1.0": P.replace(b"1.1", b"1.0") + TE + b"\r\n0\r\n\r\n",
    # header lines
    "space before the colon": P + b"Content-Length : " + L + b"\r\n\r\n",
    "tab before the colon": P + b"Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n",
    "folded": G + b"X: a\r\n b\r\n\r\n",
    "folded by a tab": G + b"X: a\r\n\tb\r\n\r\n",
    "folded coding": P + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "a first line that is folded": b"GET /x HTTP/1.1\r\n Host: localhost\r\n\r\n",
    "no colon": G + b"X\r\n\r\n",
    "no name": G + b": x\r\n\r\n",
    "a blank in a name": G + b"X Y: z\r\n\r\n",
    "a bracket in a name": G + b"X(: z\r\n\r\n",
    "a letter that is not ASCII in a name": G + b"X\xe4: z\r\n\r\n",
    "NUL in a value": G + b"X: a\0b\r\n\r\n",
    "NUL in a name": G + b"X\0: a\r\n\r\n",
    "escape in a value": G + b"X: \x1b[2J\r\n\r\n",
    "DEL in a value": G + b"X: \x7f\r\n\r\n",
    "CR in a value": G + b"X: a\rContent-Length: 3\r\n\r\n",
    "LF in a value": G + b"X: a\nContent-Length: 3\r\n\r\n",
    "LF for line ends": G.replace(b"\r\n", b"\n") + b"\n",
    "CR for line ends": G.replace(b"\r\n", b"\r") + b"\r",
    "LF CR for line ends": G.replace(b"\r\n", b"\n\r") + b"\n\r",
    "CR CR LF": G + b"X: y\r\r\n\r\n",
    "a head that ends with LF": G + b"\n",
    "a head of 100 KB": G + b"X: " + b"x" * 100_000 + b"\r\n\r\n",
    "a thousand headers": G + b"X: x\r\n" * 1000 + b"\r\n",
    "two hosts": G + b"Host: localhost\r\n\r\n",
    "no host": b"GET /x HTTP/1.1\r\n\r\n",
    "an expectation nobody knows": P + b"Expect: wonders\r\n\r\n",
    # first lines
    "two spaces": G.replace(b"/x ", b"/x  ") + b"\r\n",
    "a tab": G.replace(b"/x ", b"/x\t") + b"\r\n",
    "a space before": b" " + G + b"\r\n",
    "a space after": G.replace(b"1.1\r", b"1.1 \r") + b"\r\n",
    "two empty lines before": b"\r\n\r\n" + G + b"\r\n",
    "three words more": G.replace(b"/x ", b"/x y z ") + b"\r\n",
    "HTTP/0.9": b"GET /x\r\n\r\n",
    "HTTP/2.0": G.replace(b"1.1", b"2.0") + b"\r\n",
    "HTTP/1.10": G.replace(b"1.1", b"1.10") + b"\r\n",
    "http in small letters": G.replace(b"HTTP", b"http") + b"\r\n",
    "HTTP/2 itself": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100),
    "a method of two words": b"GET IT /x HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a method in brackets": G.replace(b"GET", b"[GET]") + b"\r\n",
    "a target that is no path": G.replace(b"/x", b"x") + b"\r\n",
    "a target with a fragment": G.replace(b"/x", b"/x#y") + b"\r\n",
    "a target not in ASCII": G.replace(b"/x", b"/\xc3\xa4") + b"\r\n",
    "a target for a proxy": G.replace(b"GET /x", b"CONNECT localhost:80") + b"\r\n",
    "a target of 10 KB": G.replace(b"/x", b"/" + b"x" * 10_000) + b"\r\n",
    # chunks
    "chunk size -1": P + TE + b"\r\n-1\r\nabc\r\n0\r\n\r\n",
    "chunk size +3": P + TE + b"\r\n+3\r\nabc\r\n0\r\n\r\n",
    "chunk size 0x3": P + TE + b"\r\n0x3\r\nabc\r\n0\r\n\r\n",
    "chunk size 0_3": P + TE + b"\r\n0_3\r\nabc\r\n0\r\n\r\n",
    "chunk size of nothing": P + TE + b"\r\n\r\nabc\r\n0\r\n\r\n",
    "chunk size with a blank before": P + TE + b"\r\n 3\r\nabc\r\n0\r\n\r\n",
    "chunk size with a blank after": P + TE + b"\r\n3 \r\nabc\r\n0\r\n\r\n",
    "chunk size of 17 digits": P + TE + b"\r\n" + b"0" * 16 + b"3\r\nabc\r\n0\r\n\r\n",
    "chunk size 2^60": P + TE + b"\r\n1000000000000000\r\nabc",
    "chunk over the limit": P + TE + b"\r\n7fffffff\r\nabc",
    "a chunk that is longer": P + TE + b"\r\n3\r\nabcd\r\n0\r\n\r\n",
    "a chunk that is shorter": P + TE + b"\r\n5\r\nabc\r\n0\r\n\r\n",
    "a chunk size ended by LF": P + TE + b"\r\n3\nabc\r\n0\r\n\r\n",
    "a chunk ended by LF": P + TE + b"\r\n3\r\nabc\n0\r\n\r\n",
    "a chunk ended by CR": P + TE + b"\r\n3\r\nabc\r0\r\n\r\n",
    "the last chunk ended by LF": P + TE + b"\r\n0\n\n",
    "LF in an extension": P + TE + b"\r\n3;a\nb\r\nabc\r\n0\r\n\r\n",
    "CR in an extension": P + TE + b"\r\n3;a\rb\r\nabc\r\n0\r\n\r\n",
    "an extension without its mark": P + TE + b"\r\n3 a=b\r\nabc\r\n0\r\n\r\n",
    "an extension of 10 KB": P
    + TE
    + b"\r\n3;"
    + b"x" * 10_000
    + b"\r\nabc\r\n0\r\n\r\n",
    "a trailer that is no field": P + TE + b"\r\n0\r\nGET /hidden HTTP/1.1\r\n\r\n",
    "a trailer that frames": P + TE + b"\r\n0\r\nContent-Length: 3\r\n\r\n",
    "a trailer ended by LF": P + TE + b"\r\n0\r\nX: y\n\n",
    "a trailer that is folded": P + TE + b"\r\n0\r\nX: y\r\n z\r\n\r\n",
    "a trailer of 10 KB": P + TE + b"\r\n0\r\nX: " + b"y" * 10_000 + b"\r\n\r\n",
    "crumbs": P + TE + b"\r\n" + b"1\r\nx\r\n" * 20_000 + b"0\r\n\r\n",
}


@pytest.fixture(scope="module")
def recorded():
    """Serve an app that notes the paths it was asked for; give its port and them."""
    paths = []

    def app(environ, start):
        paths.append(environ["PATH_INFO"])
        environ["wsgi.input"].read()
        start("200 OK", [("Content-Length", "2")])
        return [b"ok"]

    with running(app) as port:
        yield port, paths


def test_the_list_is_long():
    assert len(MALFORMED) >= 90


@pytest.mark.parametrize("sent", MALFORMED.values(), ids=MALFORMED)
def test_what_is_malformed_has_one_answer_and_ends_the_connection(recorded, sent):
    port, paths = recorded
    paths.clear()
    with connected(port) as sock:
        with suppress(OSError):
            sock.sendall(sent + HIDDEN * 2)
        answer = said(sock)

    assert answer.count(b"HTTP/1.1 ") == 1
    assert re.match(rb"HTTP/1.1 (400|413|414|417|431|501|505) ", answer)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"\r\nConnection: close" in head
    assert json.loads(body)["type"] == "error"
    assert paths == []


def test_a_request_in_a_body_is_a_body(recorded):
    port, paths = recorded
    paths.clear()
    size = b"Content-Length: " + L + b"\r\n\r\n"
    chunks = TE + b"\r\n%x;a=b\r\n" % len(HIDDEN) + HIDDEN + b"\r\n0\r\nX: y\r\n\r\n"
    close = b"GET /end HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    with connected(port) as sock:
        sock.sendall(P + size + HIDDEN + P + chunks + G + size + HIDDEN + close)
        answer = said(sock)

    assert answer.count(b"HTTP/1.1 200 OK") == 4
    assert paths == ["/x", "/x", "/x", "/end"]


def test_a_refused_request_with_a_body_does_not_have_it_read_as_another():
    """A 404 or a 401 that is answered early leaves nothing behind to be taken."""
    with serving(key=KEY) as port:
        for path, key in (("/nowhere", KEY), ("/v1/complete", "wrong")):
            inner = GET.replace(b"\r\n\r\n", f"\r\nx-api-key: {KEY}\r\n\r\n".encode())
            head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nx-api-key: {key}\r\n"
            size = f"Content-Length: {len(inner) + 10}\r\n\r\n"
            with connected(port) as sock:
                sock.sendall((head + size).encode() + inner)
                time.sleep(0.05)
                with suppress(OSError):
                    sock.sendall(b" " * 10)
                    sock.shutdown(socket.SHUT_WR)
                answer = said(sock)

            assert answer.count(b"HTTP/1.1 ") == 1
            assert answer.startswith(b"HTTP/1.1 4")


def outcome(pieces):
    """Return what is read of bytes in pieces: the requests, and how they end."""
    incoming, found = Incoming(1000), []
    try:
        for piece in pieces:
            incoming.feed(piece)
            while incoming.whole:
                found.append((incoming.head, bytes(incoming.body)))
                incoming.next()
                incoming.read()
    except BadRequest as bad:
        return found, bad.status
    return found, None


@pytest.mark.parametrize(
    "pieces",
    [
        [b"\r", b"\n" + GET],
        [P + TE + b"\r\n3\r\nabc", b"\r", b"\n0\r\n\r\n"],
        [P + TE + b"\r\n3\r\na", b"bc\r\n0\r", b"\n", b"\r\n"],
        [b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n"],
    ],
)
def test_a_request_that_comes_in_odd_pieces_is_one(pieces):
    found, status = outcome(pieces)

    assert status is None
    assert [head.path for head, _ in found] in (["/v1/models"], ["/x"], ["*"])


GOOD = [
    GET,
    P + b"Content-Length: 3\r\n\r\nabc",
    P + TE + b"\r\n3;x=y\r\nabc\r\n1\r\nd\r\n0\r\nX: y\r\n\r\n",
    b"\r\n" + G + b"\r\n",
]
ANY = st.lists(st.sampled_from([*GOOD, *(s[:3000] for s in MALFORMED.values())]))
BYTES = st.one_of(ANY.map(b"".join), st.binary(max_size=200))


@settings(max_examples=100)
@given(BYTES, st.lists(st.integers(0, 4000), max_size=8))
def test_how_bytes_are_cut_is_nothing_to_what_they_say(data, cuts):
    edges = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    pieces = [data[a:b] for a, b in itertools.pairwise(edges)]
    single = [data[place : place + 1] for place in range(len(data))]

    assert outcome(pieces)[0] == outcome([data])[0] == outcome(single)[0]
    refused = {outcome(way)[1] is None for way in (pieces, [data], single)}
    assert len(refused) == 1


@settings(max_examples=100)
@given(BYTES)
def test_what_is_taken_another_reader_takes_alike(data):
    """What this one takes, h11 takes, too, with the same path and body."""
    found, _ = outcome([data])
    other, theirs = h11.Connection(h11.SERVER), []
    other.receive_data(data.removeprefix(b"\r\n"))
    event = other.next_event() if found else None
    while event is not None and not isinstance(event, h11.EndOfMessage):
        theirs += [event.data] if theirs else [event.target]
        event = other.next_event()
    for head, body in found[:1]:
        query = f"?{head.query}" if head.query else ""
        assert theirs[0] == (head.path + query).encode()
        assert b"".join(theirs[1:]) == body
