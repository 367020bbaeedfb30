"""The key is sent to its endpoint, and is nowhere else: every place is searched."""

import gc
import io
import json
import logging
import pathlib
import pickle
import textwrap
import traceback
import types
import warnings

import nbformat
import pytest
from loopback import CUT, RESET, STALL, event, events
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

import jupyter_complete
from jupyter_complete.errors import CompleteError

KEY = "sk-ant-api03-Ab1Cd2Ef3Gh4Ij5Kl6Mn7Op8Qr9"
CODES = ["curl", "requests", "sdk", "magic"]


def error(message=f"invalid x-api-key {KEY}", type_="authentication_error"):
    return {
        "type": "error",
        "error": {"type": type_, "message": message, "key": KEY},
        "request_id": f"req_{KEY}",
    }


@pytest.fixture
def spied(shell, loopback, monkeypatch, capfd):
    """A shell with a key, everything verbose; gives all that can be read of it."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("ANTHROPIC_BASE_URL", loopback.url)
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    levels = {}
    names = [None, *logging.root.manager.loggerDict]
    for name in [*names, "urllib3", "requests", "jupyter_complete", "asyncio"]:
        logger = logging.getLogger(name)
        levels[logger] = logger.level
        logger.setLevel(logging.DEBUG)
    logging.root.addHandler(handler)
    shell.run("%xmode Verbose")
    shell.run("%config CompletionSettings.retries = 0")

    def read():
        out, err = capfd.readouterr()
        return f"{out}\n{err}\n{log.getvalue()}"

    yield shell, read
    logging.root.removeHandler(handler)
    for logger, level in levels.items():
        logger.setLevel(level)


MODEL = "-m claude-2.1 --dialect text"


def run(shell, cell):
    """Run a cell as a notebook does, and give the exception it ended in."""
    result = shell.run_cell(cell)
    return result.error_in_exec or result.error_before_exec


def traces(error):
    """Return every way a traceback of the exception can be written."""
    if error is None:
        return ""
    full = traceback.TracebackException.from_exception(error, capture_locals=True)
    pieces = ["".join(full.format()), repr(error), str(error), repr(vars(error))]
    while error is not None:
        pieces += [repr(error.args), repr(vars(error))]
        error = error.__cause__ or error.__context__
    return "\n".join(pieces)


def stored(shell):
    """Return every byte of the profile: the history, its log, IPython's own files."""
    place = shell.profile_dir.location
    return b"".join(
        path.read_bytes()
        for path in sorted(pathlib.Path(place).rglob("*"))
        if path.is_file()
    )


def assert_nowhere(text):
    if isinstance(text, str):
        text = text.encode("utf-8", "replace")
    place = text.find(KEY.encode())
    assert place < 0, text[max(0, place - 300) : place + 60]
    # Not in the way that a cut message would show it, either.
    assert KEY[:20].encode() not in text


REPLIES = {
    "success": {"body": events(" One")},
    "whole": {"body": {"completion": " One", "stop_reason": "max_tokens"}},
    "echoed in the text of an error": {"body": error(), "status": 401},
    "echoed, cut": {"body": error("x" * 400 + KEY), "status": 400},
    "echoed as HTML": {"body": f"<h1>{KEY}</h1>".encode(), "status": 502},
    "echoed as text": {"body": KEY.encode(), "status": 500},
    "echoed in a type": {"body": error("no", KEY), "status": 403},
    "echoed in a header": {
        "body": error("no", "x"),
        "status": 400,
        "headers": {"request-id": KEY},
    },
    "echoed in a stream": {
        "body": [*events(" One", stop=None), event(error(), "error")]
    },
    "echoed where JSON should be": {"body": [event(f"{{{KEY}")]},
    "echoed where an answer should be": {"body": KEY.encode()},
    "echoed in a redirect": {
        "body": b"",
        "status": 302,
        "headers": {"location": f"http://{KEY}.test/{KEY}"},
    },
    "rate limit": {
        "body": error("slow"),
        "status": 429,
        "headers": {"retry-after": "90"},
    },
    "cut": {"body": [*events(" One", stop=None), CUT]},
    "reset": {"body": [*events(" One", stop=None), RESET]},
    "cut before the head": {"raw": [CUT]},
    "no HTTP": {"raw": [KEY.encode() + b"\r\n\r\n", CUT]},
    "empty": {"body": b""},
}


@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES)
@pytest.mark.parametrize("stream", ["", "--no-stream"])
def test_no_answer_brings_the_key_to_light(spied, loopback, reply, stream):
    shell, read = spied
    loopback.reply(**reply)

    error = run(shell, f"%complete {MODEL} {stream} -o answer Hi")

    assert loopback.requests[0].headers["x-api-key"] == KEY
    assert_nowhere(read())
    assert_nowhere(traces(error))
    assert_nowhere(repr(shell.user_ns["answer"]))
    assert_nowhere(json.dumps(shell.user_ns["answer"].to_record()))
    assert_nowhere(pickle.dumps(shell.user_ns["answer"]))
    assert_nowhere(stored(shell))


@pytest.mark.parametrize("reply", [STALL], ids=["stalled"])
def test_an_interrupt_does_not(spied, loopback, reply, monkeypatch):
    from jupyter_complete import display

    shell, read = spied
    loopback.reply([*events(" One", stop=None), reply])

    def write(self, text):
        raise KeyboardInterrupt

    monkeypatch.setattr(display.TerminalScreen, "write", write)
    monkeypatch.setattr(display.TerminalScreen, "finish", lambda *_: None)
    error = run(shell, f"%complete {MODEL} Hi")

    assert type(error).__name__ == "CompletionInterrupted"
    assert_nowhere(read() + traces(error))


@pytest.mark.parametrize("place", ["decode_stream", "encode", "headers"])
def test_a_fault_of_our_own_does_not(spied, loopback, monkeypatch, place):
    """Whatever room fails, its frames are shown with all their variables."""
    from jupyter_complete.dialects.text import TextDialect

    shell, read = spied
    loopback.reply(events(" One"))

    def fail(self, *args, **kwargs):
        raise ZeroDivisionError(f"a fault in {place}")

    monkeypatch.setattr(TextDialect, place, fail)
    error = run(shell, f"%complete {MODEL} Hi")

    assert isinstance(error, ZeroDivisionError)
    out = read()
    assert "a fault in" in out
    assert_nowhere(out)
    assert_nowhere(traces(error))


def test_a_fault_of_requests_does_not(spied, loopback, monkeypatch):
    import requests

    shell, read = spied

    def fail(*args, **kwargs):
        raise ZeroDivisionError("a fault in an adapter")

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", fail)
    error = run(shell, f"%complete {MODEL} Hi")

    assert isinstance(error, ZeroDivisionError)
    assert_nowhere(read() + traces(error))


@pytest.mark.parametrize("line", ["--dry-run", *(f"--as {kind}" for kind in CODES)])
@pytest.mark.parametrize(
    "model",
    ["-m claude-opus-4-5", "-m claude-2.1 --dialect text", "-m x --endpoint openai"],
)
def test_what_would_be_sent_does_not(spied, monkeypatch, line, model):
    shell, read = spied
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    error = run(shell, f"%complete {line} {model} Hi")

    assert error is None
    out = read()
    assert "Hi" in out
    assert_nowhere(out)


@pytest.mark.parametrize("key", [f"{KEY}\n", f"{KEY[:9]}\n{KEY}", f"{KEY}\u4e2d"])
def test_a_key_that_is_refused_is_not_shown(spied, monkeypatch, loopback, key):
    shell, read = spied
    monkeypatch.setenv("ANTHROPIC_API_KEY", key)

    error = run(shell, f"%complete {MODEL} Hi")

    assert type(error).__name__ == "CredentialError"
    assert loopback.requests == []
    assert_nowhere(read() + traces(error))


def test_a_key_that_was_typed_is_not_shown_and_not_stored(spied, monkeypatch, loopback):
    shell, read = spied
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    monkeypatch.delenv("ANTHROPIC_BASE_URL")
    monkeypatch.setattr("getpass.getpass", lambda _: KEY)
    loopback.reply(error(), status=401)
    shell.run(
        "%config CompletionSettings.endpoints = {'near': {'url': "
        f"'{loopback.url}', 'dialect': 'text', 'key_required': True}}}}"
    )

    error_ = run(shell, "%complete -m m --endpoint near Hi")

    assert loopback.requests[0].headers["x-api-key"] == KEY
    assert_nowhere(read() + traces(error_))
    assert_nowhere(stored(shell))


def test_a_key_in_a_cell_is_refused_and_not_stored(spied, loopback):
    shell, _ = spied

    error = run(shell, f"%%complete {MODEL}\nMy key is {KEY}.")

    assert type(error).__name__ == "CredentialError"
    assert loopback.requests == []
    assert_nowhere(str(error))
    assert_nowhere(stored(shell))


def test_a_sweep_and_its_errors_do_not(spied, loopback):
    shell, read = spied
    loopback.reply(events(" One"))
    loopback.reply(error(), status=401)

    run(shell, f"%complete {MODEL} -n 3 -j 1 Hi")

    sweep = shell.user_ns["_sweep"]
    assert_nowhere(read() + repr(sweep))
    assert_nowhere(json.dumps(sweep.to_records(), default=repr))
    assert_nowhere(pickle.dumps([*sweep]))
    assert_nowhere(stored(shell))


def ours(value):
    return type(value).__module__.partition(".")[0] == "jupyter_complete"


def reachable(*roots):
    """Yield every object of ours, and of requests, that hangs on the roots."""
    seen, queue = set(), list(roots)
    while queue:
        value = queue.pop()
        if id(value) in seen or isinstance(
            value, (type, types.ModuleType, types.FunctionType, types.CodeType)
        ):
            continue
        seen.add(id(value))
        yield value
        queue += gc.get_referents(value)


def test_no_repr_of_anything_within_reach_shows_it(spied, loopback):
    shell, _ = spied
    loopback.reply(events(" One"))
    loopback.reply(error(), status=401)
    run(shell, f"%complete {MODEL} -o good Hi")
    failed = run(shell, f"%complete {MODEL} -o bad Hi")
    magics = shell.magics_manager.registry["CompletionMagics"]

    roots = [magics.session, shell.user_ns["good"], shell.user_ns["bad"], failed]
    checked = set()
    for value in reachable(*roots):
        if ours(value) or type(value).__module__.startswith("requests"):
            checked.add(type(value).__name__)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                assert_nowhere(repr(value))
                if not isinstance(value, str):  # which is what it is
                    assert_nowhere(str(value))

    assert {"Session", "Client", "Keys", "Completion"} <= checked


def attempt(*args, **settings):
    """Return the error of a call; this frame, unlike a test's, has no server in it."""
    try:
        jupyter_complete.complete(*args, **settings)
    except CompleteError as failed:
        return failed


def test_complete_from_python_does_not(monkeypatch, loopback, shell):
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("ANTHROPIC_BASE_URL", loopback.url)
    loopback.reply(error(), status=401)

    failed = attempt("Hi", model="claude-2.1", dialect="text")

    assert failed.status == 401
    assert_nowhere(traces(failed))
    assert_nowhere(pickle.dumps(failed))


def test_a_saved_notebook_does_not(loopback, monkeypatch, tmp_path):
    """A real kernel, verbose: a success, errors, code, tracebacks, the lot."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("ANTHROPIC_BASE_URL", loopback.url)
    loopback.reply(events(" One"))
    loopback.reply(error(), status=401)
    loopback.reply([*events(" One", stop=None), event(error(), "error")])
    spy = """
        %load_ext jupyter_complete
        %xmode Verbose
        import logging
        logging.basicConfig(level=logging.DEBUG, force=True)
        """
    fault = """
        from jupyter_complete.dialects.text import TextDialect
        TextDialect.decode_stream = None
        """
    cells = [
        textwrap.dedent(spy),
        f"%complete {MODEL} Hi",
        f"%complete {MODEL} Hi",
        f"%complete {MODEL} Hi",
        "_completion, vars(get_ipython().magics_manager.registry['CompletionMagics'])",
        *(f"%complete {MODEL} --as {kind} Hi" for kind in CODES),
        f"%complete {MODEL} --dry-run Hi",
        "%complete_history",
        textwrap.dedent(fault),
        f"%complete {MODEL} Hi",
    ]
    notebook = new_notebook(cells=[new_code_cell(cell) for cell in cells])
    client = NotebookClient(
        notebook, timeout=60, kernel_name="python3", allow_errors=True
    )
    client.execute()
    nbformat.write(notebook, tmp_path / "saved.ipynb")

    kinds = [
        "error" in {output.output_type for output in cell.outputs}
        for cell in notebook.cells
    ]
    assert [place for place, failed in enumerate(kinds) if failed] == [2, 3, 12]
    assert_nowhere((tmp_path / "saved.ipynb").read_bytes())
