"""``complete`` and ``sweep``: what the magics can, with or without a shell."""

import concurrent.futures
import contextlib
import inspect
import json
import multiprocessing
import os
import pathlib
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time

import nbformat
import pytest
from counting import Counting, answered
from loopback import CUT, STALL, events
from nbformat.v4 import new_code_cell, new_notebook, new_output

import jupyter_complete
from jupyter_complete import (
    CompleteError,
    Completion,
    CompletionInterrupted,
    Sweep,
    complete,
    errors,
    sweep,
)
from jupyter_complete.display import card
from jupyter_complete.session import Session
from jupyter_complete.settings import CompletionSettings

# The promise: the names that users type.
SETTINGS = {
    *("model", "temperature", "top_p", "top_k", "max_tokens", "stop", "betas"),
    *("user_id", "system", "endpoint", "dialect", "turns", "seed", "stream", "history"),
}
SWEEP_SETTINGS = {
    *("samples", "concurrency", "executor", "max_calls", "max_output_tokens", "reuse"),
}
COMPLETION = {
    *("text", "prompt", "model", "stop_reason", "stop", "id", "request_id", "request"),
    *("usage", "seconds", "first_token_seconds", "status", "raw"),
}
SWEEP = {"to_records", "to_dataframe", "to_jsonl", "plot", "failed", "resume"}


def test_the_promised_settings_and_attributes_are_there(shell):
    assert set(CompletionSettings().values()) >= SETTINGS | SWEEP_SETTINGS
    answer = complete("What does break do?", max_tokens=2)
    for name in COMPLETION:
        assert hasattr(answer, name), name
    for name in SWEEP:
        assert hasattr(Sweep, name), name


@pytest.mark.parametrize("function", [complete, sweep])
def test_only_the_prompt_is_positional(function):
    first, *others = inspect.signature(function).parameters.values()

    assert first.name == "prompt"
    assert all(each.kind in {each.KEYWORD_ONLY, each.VAR_KEYWORD} for each in others)


def test_every_setting_reaches_the_request(shell, loopback):
    loopback.reply(events(" One", stop="max_tokens"))

    answer = complete(
        "Say {{what}}.",
        values={"what": "it"},
        model="m",
        temperature=0.5,
        top_p=0.9,
        top_k=3,
        max_tokens=7,
        stop=["x", "y"],
        betas=["b-1"],
        user_id="me",
        system="Be brief.",
        endpoint=loopback.url,
        dialect="text",
        turns="wrap",
        stream=True,
        history=False,
    )

    (request,) = loopback.requests
    assert request.json == {
        "model": "m",
        "prompt": "Be brief.\n\nHuman: Say it.\n\nAssistant:",
        "max_tokens_to_sample": 7,
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 3,
        "stop_sequences": ["x", "y"],
        "metadata": {"user_id": "me"},
        "stream": True,
    }
    assert request.headers["anthropic-beta"] == "b-1"
    assert isinstance(answer, Completion)
    assert (str(answer), answer.stop_reason) == (" One", "max_tokens")
    assert answer.history_id is None


def test_a_seed_makes_it_exact(shell):
    first, second = (
        complete("Tell me a story.", seed=5, temperature=1, max_tokens=30).text
        for _ in range(2)
    )

    assert first == second


def test_the_shells_settings_and_variables_count(shell):
    shell.run("%config CompletionSettings.temperature = 0.25")
    shell.run("topic = 'break'")

    answer = complete("What does {{topic}} do?", max_tokens=2)

    assert answer.request.temperature == 0.25
    assert "What does break do?" in answer.prompt
    shell.run("%complete_history --restore 1 -o stored")
    assert shell.user_ns["stored"].text == answer.text


def test_values_replace_the_shells_variables(shell):
    shell.run("topic = 'break'")

    with pytest.raises(errors.PromptError, match="topic"):
        complete("What does {{topic}} do?", values={})


def test_reuse_answers_without_a_call(shell, loopback):
    loopback.reply(events(" One"))
    settings = {"model": "m", "endpoint": loopback.url, "dialect": "text"}
    first = complete("Hi", **settings)

    again = complete("Hi", reuse=True, **settings)

    assert (again.text, again.reused) == (first.text, True)
    assert len(loopback.requests) == 1
    session = shell.magics_manager.registry["CompletionMagics"].session
    call = session.prepare("Hi", {}, reuse=True, **settings)
    assert session.ask(call).completion.text == first.text
    assert len(loopback.requests) == 1


def test_reuse_asks_where_there_is_no_history(loopback):
    loopback.reply(events(" One"))
    with contextlib.closing(Session(CompletionSettings())) as session:
        call = session.prepare(
            "Hi", {}, reuse=True, model="m", endpoint=loopback.url, dialect="text"
        )

        assert session.ask(call).completion.text == " One"


def test_complete_does_not_touch_the_namespace(shell):
    complete("Hi", max_tokens=1)

    assert "_completion" not in shell.user_ns


def test_the_historys_warnings_are_pythons(bare_shell):
    """A history that cannot be opened costs the history, not the completion."""
    place = pathlib.Path(bare_shell.profile_dir.location)
    (place / "completions.sqlite").mkdir(parents=True, exist_ok=True)
    bare_shell.run("%load_ext jupyter_complete")

    with pytest.warns(UserWarning, match="istory"):
        answer = complete("Hi", max_tokens=2)

    assert answer.status == "complete"


def test_ctrl_c_keeps_what_came(shell, loopback):
    loopback.reply([*events(" One", stop=None), STALL])

    def press():
        loopback.wait_for_stall()
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    with pytest.raises(CompletionInterrupted) as caught:
        complete("Hi", model="m", endpoint=loopback.url, dialect="text")
    thread.join()

    assert caught.value.completion.status == "interrupted"
    assert isinstance(caught.value, KeyboardInterrupt)


def test_complete_works_in_other_threads(shell):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(lambda n: complete(f"What is {n}?", max_tokens=3), range(8))
        )

    assert [answer.status for answer in answers] == ["complete"] * 8
    assert len({answer.history_id for answer in answers}) == 8


# Sweeps.


def test_a_sweep_over_settings_and_names(shell):
    runs = sweep(
        "Write a {{tone}} line.",
        temperature=[0, 0.5, 1],
        tone=["dry", "warm"],
        samples=2,
        max_tokens=3,
    )

    assert isinstance(runs, Sweep)
    assert len(runs) == len(list(runs)) == 12
    assert {run.request.temperature for run in runs} == {0, 0.5, 1}
    assert all(run.status == "complete" for run in runs)
    records = runs.to_records()
    assert len(records) == 12
    assert {"temperature", "tone", "text"} <= set(records[0])
    assert len(runs.failed) == 0


def test_a_sweep_keeps_what_failed(shell, loopback):
    loopback.reply(events(" One"))
    loopback.reply(b'{"error": {"type": "x", "message": "no"}}', status=400)
    loopback.reply(events(" One"))
    settings = {"model": "m", "endpoint": loopback.url, "dialect": "text"}

    runs = sweep("Hi", top_k=[1, 2, 3], concurrency=1, **settings)

    assert [run.status for run in runs] == ["complete", "error", "complete"]
    assert len(runs.failed) == 1
    assert all(run.status == "complete" for run in runs.resume())
    assert len(loopback.requests) == 4


def test_a_bad_value_of_an_axis_sends_nothing(shell, loopback):
    with pytest.raises(errors.InputError, match="top_k is -1"):
        sweep("Hi", top_k=[1, -1], model="m", endpoint=loopback.url, dialect="text")

    assert loopback.requests == []


def test_a_sweep_within_its_ceilings(shell):
    runs = sweep("Hi", top_k=[1, 2, 3, 4], max_calls=2, concurrency=1, max_tokens=2)

    assert len([run for run in runs if run.status == "complete"]) == 2


def test_ctrl_c_ends_a_sweep_and_gives_what_it_has(shell):
    with Counting() as server:
        server.answer = lambda prompt, _: (200, {}, answered(prompt))

        def press():
            while len(server.times) < 2:  # so that the first is answered
                time.sleep(0.01)
            server.latency = 5
            os.kill(os.getpid(), signal.SIGINT)

        thread = threading.Thread(target=press)
        thread.start()
        with pytest.raises(CompletionInterrupted, match="in the history") as caught:
            sweep(
                "{{n}}",
                n=range(500),
                concurrency=1,
                model="m",
                stream=False,
                turns="raw",
                endpoint=server.endpoint.base_url,
                dialect="text",
            )
        thread.join()

    stopped = caught.value.sweep
    assert stopped.interrupted
    assert 0 < len([run for run in stopped if run.status == "complete"]) < 500


def test_a_sweep_on_an_executor(shell):
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        runs = sweep("Hi", top_k=[1, 2], executor=pool, max_tokens=2)

    assert [run.status for run in runs] == ["complete"] * 2


# Without a shell.


def script(code, *arguments, stdin=None, env=None):
    """Run a script and give what it printed and what it said on stderr."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code), *arguments],
        capture_output=True,
        text=True,
        check=False,
        input=stdin,
        timeout=60,
        env={**os.environ, **(env or {})},
    )
    return done.returncode, done.stdout, done.stderr


def test_a_script_needs_no_shell():
    status, out, err = script(
        """
        import json, sys
        from jupyter_complete import complete, sweep
        answer = complete("What does break do?", temperature=0, max_tokens=20)
        runs = sweep("Name a {{thing}}.", thing=["list", "set"], max_tokens=2)
        records = [answer.to_record(), len(runs), answer.history_id]
        print(json.dumps(records))
        """
    )

    assert (status, err) == (0, "")
    record, count, row = json.loads(out)
    assert Completion.from_record(record).status == "complete"
    assert (count, row) == (2, 1)


def test_a_shell_without_the_extension_lends_its_variables():
    status, out, err = script(
        """
        from IPython.core.interactiveshell import InteractiveShell
        from jupyter_complete import complete
        shell = InteractiveShell.instance()
        shell.user_ns["thing"] = "list"
        print(complete("Name a {{thing}}.", max_tokens=2).prompt)
        """
    )

    assert (status, err) == (0, "")
    assert "Name a list." in out


def test_a_saved_notebook_is_loaded_by_the_package(shell, tmp_path):
    answer = complete("What does break do?", max_tokens=3)
    path = tmp_path / "saved.ipynb"
    output = new_output("display_data", data=card(answer, "text"))
    nbformat.write(new_notebook(cells=[new_code_cell(outputs=[output])]), path)

    assert jupyter_complete.load(path) == [answer]


def test_a_script_fails_with_a_traceback_that_ends_in_the_line():
    status, out, err = script(
        """
        from jupyter_complete import complete
        complete("Hi {{name}}")
        """
    )

    assert (status, out) == (1, "")
    assert err.splitlines()[-1].startswith(
        "jupyter_complete.errors.PromptError: {{name}} in the prompt names nothing"
    )


def test_a_script_without_a_terminal_is_not_asked_for_a_key():
    status, out, err = script(
        """
        from jupyter_complete import complete
        complete("Hi", model="claude-2.1", dialect="text")
        """,
        stdin="secret\n",
    )

    assert (status, out) == (1, "")
    assert "CredentialError: The endpoint anthropic wants a key" in err
    assert "Key for" not in err


def test_a_script_ends_at_once_though_a_server_is_silent(loopback):
    """No thread of ours keeps Python from ending."""
    loopback.reply([*events(" One", stop=None), STALL])
    code = """
        import sys, threading
        from jupyter_complete import complete
        def ask():
            complete("Hi", model="m", endpoint=sys.argv[1], dialect="text")
        threading.Thread(target=ask, daemon=True).start()
        sys.stdin.readline()
        """
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), loopback.url],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    loopback.wait_for_stall(20)
    child.communicate(b"\n", timeout=10)

    assert child.returncode == 0


def asked_elsewhere(prompt):
    """Complete in this process, whichever it is."""
    return complete(prompt, max_tokens=3)


def failing_elsewhere(prompt, url):
    """Fail in this process."""
    return complete(prompt, model="m", endpoint=url, dialect="text")


def test_completions_and_errors_come_back_from_a_worker_process(loopback):
    loopback.reply([*events(" One", stop=None), CUT])
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        answer = pool.submit(asked_elsewhere, "What does break do?").result(60)
        failed = pool.submit(failing_elsewhere, "Hi", loopback.url).exception(60)

    assert (answer.status, type(answer)) == ("complete", Completion)
    assert isinstance(failed, errors.IncompleteStream)
    assert failed.completion.text == failed.partial == " One"


# Pickles and records.


def test_a_completion_is_the_same_after_a_pickle_and_a_record(shell):
    answer = complete("What does break do?", max_tokens=3, logprobs=2)

    assert pickle.loads(pickle.dumps(answer)) == answer
    assert Completion.from_record(json.loads(json.dumps(answer.to_record()))) == answer


def test_a_completion_cannot_be_changed(shell):
    answer = complete("Hi", max_tokens=1)

    with pytest.raises(AttributeError):
        answer.text = "other"


@pytest.mark.parametrize(
    "kind",
    [getattr(errors, name) for name in errors.__all__ if name[0].isupper()],
    ids=lambda kind: kind.__name__,
)
def test_an_error_is_the_same_after_a_pickle(kind):
    error = kind("What, which value, what now.")
    if isinstance(error, CompleteError):
        error.status, error.type, error.partial = 429, "x", "so far"

    again = pickle.loads(pickle.dumps(error))

    assert type(again) is kind
    assert (str(again), vars(again)) == (str(error), vars(error))


def test_an_error_carries_what_a_program_needs(shell, loopback):
    body = {"type": "error", "error": {"type": "rate_limit_error", "message": "Slow."}}
    loopback.reply(body, status=429, headers={"retry-after": "90"})

    with pytest.raises(errors.RateLimitError) as caught:
        complete("Hi", model="m", endpoint=loopback.url, dialect="text")

    failed = caught.value
    assert (failed.status, failed.type, failed.request_id, failed.retry_after) == (
        429,
        "rate_limit_error",
        "req_1",
        90,
    )
    assert failed.completion.status == "error"


def test_a_sweep_of_a_plain_script_plots_and_shows_itself(tmp_path):
    code = """
import pickle
from jupyter_complete import sweep
runs = sweep("What is {{n}}?", n=["a list", "a set"], max_tokens=5, history=False)
for one in (runs, pickle.loads(pickle.dumps(runs))):
    print(type(one.plot("words~n")).__name__, "<table" in one.view()._repr_html_())
"""
    environ = {**os.environ, "IPYTHONDIR": str(tmp_path), "MPLBACKEND": "agg"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env=environ,
    )

    assert done.stdout.splitlines() == ["SweepFigure True"] * 2, done.stderr
