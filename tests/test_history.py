"""The history: kept whatever happens, found again, equal to what was stored."""

import contextlib
import csv
import hashlib
import json
import multiprocessing
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jupyter_client import KernelManager
from loopback import STALL, events

from jupyter_complete.completion import Check, Completion, TokenLogprob, Usage
from jupyter_complete.endpoint import Endpoint
from jupyter_complete.errors import HistoryError, InputError
from jupyter_complete.history import (
    History,
    disk,
    processes,
    schema,
    search,
    store,
    texts,
)
from jupyter_complete.history.disk import on_network
from jupyter_complete.history.row import request_hash
from jupyter_complete.plain import csv_cell
from jupyter_complete.request import CompletionRequest

EVERY_FIELD = Completion(
    text=" it closes the file.",
    request=CompletionRequest(
        model="ngram-chat",
        prompt="\n\nHuman: What does with do? 😀\n\nAssistant:",
        max_tokens_to_sample=100,
        temperature=0.3,
        top_p=0.9,
        top_k=0,
        stop_sequences=("\n\n", "END"),
        betas=("b-2025-01-01",),
        user_id="u",
        seed=3,
    ),
    status="complete",
    model="ngram-chat-1",
    stop_reason="stop_sequence",
    stop="\n\nHuman:",
    id="compl_1",
    request_id="req_1",
    usage=Usage(10, 5),
    seconds=1.25,
    first_token_seconds=0.5,
    endpoint="embedded",
    dialect="text",
    attempts=2,
    notices=("one", "two"),
    raw={"completion": " it closes the file.", "nested": [1, None, {"x": 1.5}]},
    logprobs=(TokenLogprob(" it", -0.1, ((" it", -0.1), (" he", float("-inf")))),),
    http_status=200,
    sample=2,
    checks=(
        Check("words<=5", passed=False, got="9"),
        Check("json", passed=None, got=""),
    ),
)


@pytest.fixture
def warnings():
    return []


@pytest.fixture
def history(tmp_path, warnings):
    found = History(tmp_path / "profile" / "completions.sqlite", warn=warnings.append)
    yield found
    found.close()


def ask(prompt="Name a colour.", **more):
    return CompletionRequest("m", prompt, 10, **more)


def keep(history, text, prompt="Name a colour.", status="complete", **more):
    """Store a completion as a session does, and give its id."""
    request = ask(prompt)
    entry = history.begin(request, endpoint="e", dialect="text", **more)
    answer = Completion(
        text,
        request,
        status,
        endpoint="e",
        dialect="text",
        sample=more.get("sample", 0),
    )
    history.finish(entry, answer)
    assert history.flush(30)
    return entry.number


def begun(history, **more):
    """Begin a run that is in the file, and give its entry."""
    entry = history.begin(ask(), endpoint="e", dialect="text", **more)
    assert history.flush(30)
    return entry


def child(code, *arguments, **more):
    """Start a Python process that runs the code with a history open as ``history``."""
    head = """
        import os, sys
        from jupyter_complete.completion import Completion
        from jupyter_complete.request import CompletionRequest
        from jupyter_complete.history import History
        history = History(sys.argv[1], warn=print)
        request = CompletionRequest("m", "Name a colour.", 10)
    """
    return subprocess.Popen(
        [
            sys.executable,
            "-c",
            textwrap.dedent(head) + textwrap.dedent(code),
            *map(str, arguments),
        ],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
        **more,
    )


@contextlib.contextmanager
def looked_into(history):
    """Return a connection of our own to the file."""
    history.close()
    with contextlib.closing(sqlite3.connect(history.path)) as connection:
        yield connection
        connection.commit()


# What is stored comes back.

TEXT = st.text(st.characters(), max_size=60)  # half characters and NUL included


@st.composite
def completions(draw):
    prompt = draw(st.text(st.characters(codec="utf-8"), min_size=1, max_size=60))
    text = draw(TEXT)
    return replace(
        EVERY_FIELD,
        text=text,
        request=replace(EVERY_FIELD.request, prompt=prompt),
        status=draw(st.sampled_from(["complete", "interrupted", "broken", "error"])),
        model=draw(TEXT),
        stop=draw(st.none() | TEXT),
        error=draw(st.none() | TEXT),
        usage=draw(st.sampled_from([None, Usage(), Usage(None, 3), Usage(1, 2)])),
        notices=tuple(draw(st.lists(TEXT, max_size=2))),
        logprobs=(TokenLogprob(draw(TEXT), -1.5),),
        raw={"completion": text, draw(TEXT): [draw(TEXT), {"$json": draw(TEXT)}]},
    )


@settings(max_examples=30)
@given(completion=completions())
def test_any_completion_comes_back_equal_from_store_export_and_import(
    completion, tmp_path
):
    with contextlib.ExitStack() as stack:
        first, second = (
            stack.enter_context(
                contextlib.closing(History(tmp_path / name, warn=pytest.fail))
            )
            for name in ("first.sqlite", "second.sqlite")
        )
        first.purge()
        second.purge()
        entry = first.begin(
            completion.request, endpoint="embedded", dialect="text", sample=2
        )
        first.finish(entry, completion)
        assert first.flush(30)
        number = entry.number

        assert first.get(number) == replace(completion, history_id=number)

        first.export(tmp_path / "out.jsonl")
        assert second.import_(tmp_path / "out.jsonl") == 1
        (row,) = second.search()
        assert row == replace(
            first.row(number),
            id=row.id,
            completion=replace(completion, history_id=row.id),
        )

        first.export(tmp_path / "out.csv")
        (line,) = _csv(tmp_path / "out.csv")
        assert line["prompt"] == csv_cell(completion.request.prompt)
        text = csv_cell(completion.text)
        assert line["text"] == text.encode("utf-8", "backslashreplace").decode()


def _csv(path):
    csv.field_size_limit(sys.maxsize)
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_text_of_a_megabyte_comes_back(history, tmp_path):
    text = "😀 \u202eabc\u202c \0\n" * 80_000
    number = keep(history, text, prompt="long " * 200_000)

    assert history.get(number).text == text
    history.export(tmp_path / "long.jsonl")
    history.export(tmp_path / "long.csv")
    history.purge()
    assert history.import_(tmp_path / "long.jsonl") == 1
    assert history.search()[0].completion.text == text
    assert _csv(tmp_path / "long.csv")[0]["text"] == text


def test_a_row_has_all_that_was_told_of_it(history):
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    number = keep(
        history,
        "Red.",
        base_url="https://example.org",
        sample=1,
        sweep="s",
        point={"temperature": 0.5, "tone": "dry"},
        stream=False,
        notebook="lesson.ipynb",
        cell="c-1",
        source="%%complete\nName a colour.",
    )

    row = history.row(number)
    assert before <= row.created <= datetime.now(UTC)
    assert row.completion.sample == 1
    assert not row.stream
    assert (row.base_url, row.sweep, row.point, row.notebook, row.cell, row.source) == (
        "https://example.org",
        "s",
        {"temperature": 0.5, "tone": "dry"},
        "lesson.ipynb",
        "c-1",
        "%%complete\nName a colour.",
    )


def test_a_running_row_shows_the_text_so_far(history):
    entry = begun(history)
    history.update(entry, "Re\ud800")
    assert history.flush(30)

    assert history.row(entry.number).status == "running"
    assert history.get(entry.number).text == "Re\ud800"
    assert history.get(entry.number).status == "broken"


def test_one_text_is_stored_once(history):
    for sample in range(50):
        keep(history, "Red.", sample=sample, source="%%complete\nName", sweep="s")

    with looked_into(history) as connection:
        (count,) = connection.execute("SELECT count(*) FROM text").fetchone()
    assert count == 3  # prompt, answer, cell


def test_an_id_is_never_given_twice(history):
    number = keep(history, "Red.")
    history.delete([number])

    assert keep(history, "Blue.") == number + 1


def test_nothing_is_opened_before_the_first_use(tmp_path):
    path = tmp_path / "profile" / "completions.sqlite"
    History(path, warn=pytest.fail)

    assert not path.parent.exists()


def test_only_its_owner_may_read_the_file(history):
    keep(history, "Red.")

    modes = {
        file.name: oct(file.stat().st_mode & 0o777)
        for file in history.path.parent.iterdir()
    }
    assert set(modes.values()) == {"0o600"}
    assert "completions.sqlite-wal" in modes


def test_a_file_that_others_may_read_is_closed_to_them(history):
    history.path.parent.mkdir()
    history.path.touch(0o644)
    history.path.chmod(0o644)
    keep(history, "Red.")

    assert history.path.stat().st_mode & 0o777 == 0o600


# Asked before.

E = Endpoint("e", "", "text")


def test_a_complete_answer_is_had_again(history):
    number = keep(history, "Red.")

    answer = history.answered(ask(), E)
    assert answer == replace(history.get(number), reused=True)


def test_only_the_same_request_endpoint_and_sample_answer(history):
    keep(history, "Red.", sample=1)

    assert history.answered(ask(), E, 1)
    assert history.answered(ask(), E, 2) is None
    assert history.answered(ask(temperature=0), E, 1) is None
    assert history.answered(ask("Name a colour"), E, 1) is None
    assert history.answered(ask(), replace(E, name="f"), 1) is None
    assert history.answered(ask(), replace(E, base_url="https://x.org"), 1) is None


@pytest.mark.parametrize("status", ["interrupted", "broken", "error"])
def test_what_is_not_complete_is_no_answer(history, status):
    keep(history, "Red.", status=status)

    assert history.answered(ask(), E) is None


def test_streaming_is_no_part_of_the_question(history):
    keep(history, "Red.", stream=False)
    keep(history, "Blue.", stream=True)

    assert history.answered(ask(), E).text == "Blue."


def test_0_and_0_0_are_one_question(history):
    entry = history.begin(ask(temperature=0), endpoint="e", dialect="text")
    history.finish(entry, Completion("Red.", ask(temperature=0)))

    assert history.answered(ask(temperature=0.0), E).text == "Red."


# Search.


def found(history, words="", **where):
    return [row.completion.text for row in history.search(words, n=None, **where)]


def test_the_newest_come_first(history):
    for text in ("one", "two", "three"):
        keep(history, text)

    assert found(history) == ["three", "two", "one"]
    assert [row.completion.text for row in history.search(n=2)] == ["three", "two"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("rain", ["in the prompt", "The rain in Spain"]),
        ("RAIN spain", ["in the prompt", "The rain in Spain"]),
        ("rai", []),
        ("rai*", ["in the prompt", "The rain in Spain"]),
        ("rain nothing", []),
        ('"rain in"', ["The rain in Spain"]),
        ("f-string", ["a f-string -> Cafe\u0301"]),
        ("cafe", ["in the prompt", "a f-string -> Cafe\u0301"]),
        ("caf\u00e9", ["in the prompt", "a f-string -> Cafe\u0301"]),
        ("->", ["a f-string -> Cafe\u0301"]),
        ("ノート", ["このノートは"]),
    ],
)
def test_words_are_found_in_prompts_and_answers(history, words, expected):
    for text in ("The rain in Spain", "a f-string -> Cafe\u0301", "このノートは"):
        keep(history, text, prompt="f string")
    keep(history, "in the prompt", prompt="Spain, in rain: caf\u00e9")

    assert found(history, words) == expected


@settings(max_examples=60)
@given(
    words=st.text(st.characters(), max_size=20)
    | st.sampled_from(['"', "*", "NEAR(", "a OR", "text:x", "^a", "NOT", "- -", "()"])
)
def test_no_words_are_a_syntax_error(tmp_path, words):
    with contextlib.closing(
        History(tmp_path / "h.sqlite", warn=pytest.fail)
    ) as history:
        if not history.count():
            keep(history, "Red.")

        assert isinstance(history.search(words), list)


def test_filters_narrow_a_search(history):
    keep(history, "red one", sweep="s")
    keep(history, "red two", status="broken")
    middle = datetime.now(UTC) + timedelta(milliseconds=2)
    while datetime.now(UTC) < middle + timedelta(milliseconds=2):
        pass
    keep(history, "red three")

    assert found(history, "red", sweep="s") == ["red one"]
    assert found(history, status="broken") == ["red two"]
    assert found(history, "red", since=middle) == ["red three"]
    assert found(history, "red", before=middle) == ["red two", "red one"]
    assert found(history, model="other") == []
    assert history.count("red", model="m") == 3


@pytest.mark.parametrize("few", [3, 1000], ids=["many texts match", "few match"])
@pytest.mark.parametrize("newest", [2, 1000])
def test_a_search_is_exact_however_it_is_made(history, monkeypatch, few, newest):
    monkeypatch.setattr(search, "FEW", few)
    monkeypatch.setattr(search, "NEWEST", newest)
    everything = []
    for number in range(60):
        text, prompt = f"answer {number % 7}", f"prompt {number % 5}"
        keep(history, text, prompt=prompt)
        everything.insert(0, (text, prompt))

    for words in ("answer", "3", "prompt 4", "answer 6", "prompt answer"):
        expected = [
            text
            for text, prompt in everything
            if any(set(words.split()) <= set(it.split()) for it in (text, prompt))
        ]
        assert found(history, words) == expected


def test_without_fts5_words_are_found_by_reading(history, monkeypatch):
    monkeypatch.setattr(texts, "has_fts5", lambda _: False)
    keep(history, "The rain in Spain")
    keep(history, "rainy")

    assert found(history, "rain") == ["The rain in Spain"]
    assert found(history, "rain*") == ["rainy", "The rain in Spain"]


def test_without_fts5_all_can_be_deleted(history, monkeypatch):
    keep(history, "Red.")
    history.close()
    with monkeypatch.context() as patch:
        patch.setattr(texts, "has_fts5", lambda _: False)
        number = keep(history, "Blue.")
        assert history.delete([number]) == 1
        assert history.purge() == 1
        keep(history, "Green.")
        history.close()

    assert found(history, "red") == []
    assert found(history, "green") == ["Green."]


def test_an_index_that_was_left_behind_is_made_anew(history, monkeypatch):
    keep(history, "before")
    old = keep(history, "deleted")
    history.close()
    with monkeypatch.context() as patch:
        patch.setattr(texts, "has_fts5", lambda _: False)
        history.delete([old])
        keep(history, "while it was not there")
        history.close()

    assert found(history, "while") == ["while it was not there"]
    assert found(history, "before") == ["before"]
    assert found(history, "deleted") == []


def test_a_sweep_comes_back_in_order(history):
    for sample in range(5):
        keep(history, f"answer {sample}", sample=sample, sweep="s", point={"t": 1})
    keep(history, "another")

    rows = history.sweep("s")
    assert [row.completion.sample for row in rows] == [0, 1, 2, 3, 4]
    assert {row.sweep for row in rows} == {"s"}


# Deleting.


def test_what_is_deleted_is_gone_from_the_file(history):
    number = keep(
        history, "xylophone " * 3, prompt="quixotic", source="%%complete zebra"
    )
    other = keep(history, "Blue.")
    assert history.delete([number, 999]) == 1
    history.close()

    left = b"".join(f.read_bytes() for f in history.path.parent.iterdir())
    for word in (b"xylophone ", b"quixotic", b"zebra"):
        assert word not in left
    assert history.get(other).text == "Blue."
    assert found(history, "xylophone") == []


def test_what_is_deleted_is_not_found_though_the_index_is_too_large_to_tidy(
    history, monkeypatch
):
    monkeypatch.setattr(texts, "SMALL_BLOCKS", 0)
    number = keep(history, "Red.")
    keep(history, "Blue.")

    assert history.delete([number]) == 1
    assert found(history, "red") == []
    assert found(history, "blue") == ["Blue."]


def test_a_text_that_another_row_has_stays(history):
    number = keep(history, "Red.")
    other = keep(history, "Red.")
    history.delete([number])

    assert history.get(other).prompt == "Name a colour."
    assert found(history, "red colour") == []
    assert found(history, "red") == ["Red."]


def test_purge_takes_what_search_finds(history):
    keep(history, "red one")
    keep(history, "blue")
    keep(history, "red two")

    assert history.purge("red") == 2
    assert found(history) == ["blue"]
    assert history.purge() == 1
    with looked_into(history) as connection:
        tables = ("run", "request", "origin", "text", "words_idx")
        for table in tables:
            assert not connection.execute(f"SELECT * FROM {table}").fetchall()


def test_what_is_running_is_not_deleted(history):
    entry = begun(history)
    keep(history, "Red.")

    assert history.purge() == 1
    assert history.delete([entry.number]) == 0
    assert history.row(entry.number).status == "running"


# Export and import.


def test_import_adds_only_what_is_not_there(history, tmp_path):
    keep(history, "Red.")
    keep(history, "Red.")
    keep(history, "Blue.", status="error")
    path = tmp_path / "out.jsonl"

    assert history.export(path) == 3
    assert history.import_(path) == 0
    history.purge()
    assert history.import_(path) >= 2
    assert found(history, "blue") == ["Blue."]


def test_export_writes_the_rows_that_are_named_in_their_order(history, tmp_path):
    first, second, _ = (keep(history, text) for text in "abc")
    history.export(tmp_path / "out.csv", [second, first])

    assert [row["text"] for row in _csv(tmp_path / "out.csv")] == ["b", "a"]


def test_an_exported_file_is_its_owners(history, tmp_path):
    keep(history, "Red.")
    history.export(tmp_path / "out.jsonl")

    assert (tmp_path / "out.jsonl").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["out.txt", "nowhere/out.csv"])
def test_a_file_that_cannot_be_written_is_one_line(history, tmp_path, name):
    keep(history, "Red.")

    with pytest.raises(InputError, match=r"out\.(txt|csv)"):
        history.export(tmp_path / name)
    assert not list(tmp_path.glob("*out*"))


def test_empty_lines_are_no_completions(history, tmp_path):
    keep(history, "Red.")
    path = tmp_path / "out.jsonl"
    history.export(path)
    history.purge()
    path.write_text(f"\n{path.read_text()}\n \n")

    assert history.import_(path) == 1
    assert found(history) == ["Red."]


@pytest.mark.parametrize(
    ("field", "value"),
    [("created", "2026-01-01T00:00:00"), ("status", "perhaps")],
)
def test_a_line_with_an_impossible_value_imports_nothing(
    history, tmp_path, field, value
):
    keep(history, "Red.")
    path = tmp_path / "out.jsonl"
    history.export(path)
    path.write_text(json.dumps({**json.loads(path.read_text()), field: value}))
    history.purge()

    with pytest.raises(HistoryError, match="no time zone, or status is unknown"):
        history.import_(path)
    assert history.count() == 0


@pytest.mark.parametrize(
    "line",
    ["nonsense", "{}", "[]", '{"completion": {}}', "\udcff", '{"completion": 1}'],
)
def test_a_bad_line_imports_nothing(history, tmp_path, line):
    keep(history, "Red.")
    path = tmp_path / "out.jsonl"
    history.export(path)
    history.purge()
    path.write_bytes(path.read_bytes() + line.encode("utf-8", "surrogateescape"))

    with pytest.raises((InputError, HistoryError), match=r"out\.jsonl"):
        history.import_(path)
    assert history.count() == 0


def test_an_unknown_id_is_one_line(history):
    with pytest.raises(HistoryError, match="no completion 7"):
        history.get(7)


# Many writers, and writers that die.


def test_eight_kernels_that_write_at_once_lose_nothing(history):
    code = """
        for number in range(40):
            text = f"{sys.argv[2]} {number}"
            row = history.begin(request, endpoint="e", dialect="text", sample=number)
            history.update(row, text[:1])
            history.finish(row, Completion(text, request))
        history.close()
    """
    kernels = [child(code, history.path, kernel) for kernel in range(8)]

    assert [kernel.communicate()[0] for kernel in kernels] == [""] * 8
    assert sorted(found(history)) == sorted(
        f"{kernel} {number}" for kernel in range(8) for number in range(40)
    )


STREAMING = """
    row = history.begin(request, endpoint="e", dialect="text")
    history.update(row, "so far")
    assert history.flush(30)
    print(row.number, flush=True)
    sys.stdin.read()
"""


def test_a_killed_kernel_leaves_its_text_as_lost(history):
    kernel = child(STREAMING, history.path)
    number = int(kernel.stdout.readline())

    assert history.recover() == 0
    assert history.row(number).status == "running"  # of a kernel that lives
    kernel.send_signal(signal.SIGKILL)
    kernel.communicate()
    assert history.recover() == 1
    row = history.row(number)
    assert (row.status, row.completion.text) == ("lost", "so far")
    assert row.completion.error.startswith("lost: ")
    assert found(history, "so far", status="lost") == ["so far"]


def test_the_next_kernel_finds_what_the_killed_one_had(tmp_path):
    path = tmp_path / "completions.sqlite"
    kernel = child(STREAMING, path)
    kernel.stdout.readline()
    kernel.kill()
    kernel.communicate()

    with contextlib.closing(History(path, warn=pytest.fail)) as history:
        assert [row.status for row in history.search()] == ["lost"]


def test_where_there_are_no_locks_every_writer_counts_as_living(history, monkeypatch):
    monkeypatch.setattr(processes, "fcntl", None)
    kernel = child(STREAMING, history.path)
    number = int(kernel.stdout.readline())
    kernel.kill()
    kernel.communicate()

    assert history.recover() == 0
    assert history.row(number).status == "running"
    assert history.row(number).completion.text == "so far"


def test_a_damaged_file_is_set_aside_where_there_are_no_locks(
    history, monkeypatch, warnings
):
    monkeypatch.setattr(processes, "fcntl", None)
    keep(history, "Red.")
    history.close()
    history.path.write_bytes(b"garbage " * 1000)

    keep(history, "Blue.")
    assert found(history) == ["Blue."]
    assert len(warnings) == 2


def test_a_step_that_another_connection_holds_up_is_made_again(tmp_path):
    first, second = (
        sqlite3.connect(
            tmp_path / "h.sqlite",
            timeout=0,
            isolation_level=None,
            check_same_thread=False,
        )
        for _ in range(2)
    )
    first.execute("BEGIN EXCLUSIVE")
    threading.Timer(0.1, first.execute, ["COMMIT"]).start()

    store._patiently(lambda: second.execute("CREATE TABLE found (x)"), 30)

    assert first.execute("SELECT count(*) FROM found").fetchone() == (0,)
    first.close()
    second.close()


def test_a_real_kernel_that_is_killed_in_a_stream_loses_no_text(loopback):
    loopback.reply([*events("Red, ", "green", stop=None), STALL])
    manager = KernelManager()
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(60)
    client.execute("%load_ext jupyter_complete")
    client.execute(
        f"%%complete --endpoint {loopback.url} --dialect text -m m --turns raw\nName"
    )
    loopback.wait_for_stall(60)
    path = Path(os.environ["IPYTHONDIR"], "profile_default", "completions.sqlite")
    with contextlib.closing(History(path, warn=pytest.fail)) as history:
        while not (rows := history.search()) or not rows[0].completion.text:
            time.sleep(0.05)
        assert rows[0].status == "running"
        assert rows[0].source.endswith("Name")
        os.kill(manager.provisioner.pid, signal.SIGKILL)
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()

    with contextlib.closing(History(path, warn=pytest.fail)) as history:
        (row,) = history.search("green")
        assert (row.status, row.completion.text) == ("lost", "Red, green")


def test_an_answer_that_ends_after_all_is_no_longer_lost(history):
    entry = begun(history)
    with looked_into(history) as connection:
        connection.execute("UPDATE run SET status = 'lost', writer = NULL")
    history.finish(entry, Completion("Red.", ask()))

    assert history.row(entry.number).status == "complete"


def test_a_fork_shares_no_connection(history):
    keep(history, "parent")
    context = multiprocessing.get_context("fork")
    process = context.Process(target=keep, args=(history, "child"))
    with contextlib.suppress(DeprecationWarning):
        process.start()
    process.join()

    assert process.exitcode == 0
    keep(history, "parent again")
    assert sorted(found(history)) == ["child", "parent", "parent again"]


def test_a_file_that_was_taken_away_is_begun_again(history, warnings):
    entry = begun(history, sweep="s")
    history.path.rename(history.path.with_name("elsewhere"))
    history.finish(entry, Completion("Red.", ask()))
    assert history.flush(30)
    again = entry.number

    assert history.row(again).completion.text == "Red."
    assert history.row(again).sweep == "s"
    assert warnings == []


# Files and disks that fail.


@pytest.mark.parametrize(
    "damage",
    [
        lambda file: b"garbage " * 1000,
        lambda file: file[: len(file) // 2],
        lambda file: file[:50],
        lambda file: file[:4096] + os.urandom(len(file) - 4096),
    ],
    ids=["garbage", "half", "a stump", "all but the start"],
)
def test_a_damaged_file_is_set_aside_and_another_begun(history, warnings, damage):
    for number in range(200):
        keep(history, f"answer {number} " * 20)
    history.close()
    damaged = damage(history.path.read_bytes())
    history.path.write_bytes(damaged)
    keep(history, "Red.")

    assert found(history)[0] == "Red."
    (kept,) = history.path.parent.glob("completions.sqlite.damaged-*Z")
    assert kept.read_bytes() == damaged
    assert len(warnings) == 2
    assert str(kept) in warnings[0]
    assert warnings[1].startswith("Of the damaged history ")


def test_a_damaged_index_of_words_costs_no_completion(history, warnings):
    keep(history, "Red.")
    with looked_into(history) as connection:
        connection.execute("UPDATE words_data SET block = x'ffffffffffff'")
    keep(history, "Blue.")

    assert found(history, "red") == ["Red."]
    assert sorted(found(history)) == ["Blue.", "Red."]
    assert not list(history.path.parent.glob("*.damaged-*"))


def test_a_damaged_row_is_named_with_what_to_do(history):
    number = keep(history, "Red.")
    other = keep(history, "Blue.")
    with looked_into(history) as connection:
        connection.execute("UPDATE run SET detail = x'00ff' WHERE id = ?", (number,))

    with pytest.raises(HistoryError, match=f"leave it out, or .*--delete {number}"):
        history.get(number)
    assert history.delete([number]) == 1
    assert [row.id for row in history.search()] == [other]


def test_a_fault_of_a_statement_is_no_fault_of_the_file(history, warnings):
    keep(history, "Red.")

    with pytest.raises(sqlite3.ProgrammingError):
        history._file.store.run(lambda connection: connection.execute("SELECT ?"))
    assert found(history) == ["Red."]
    assert warnings == []


def test_a_place_that_cannot_be_written_is_one_warning(warnings):
    history = History("/proc/nowhere/completions.sqlite", warn=warnings.append)

    for _ in range(2):
        entry = history.begin(ask(), endpoint="e", dialect="text")
        assert history.finish(entry, Completion("Red.", ask())) is None
        assert not entry.kept
    assert history.answered(ask(), E).text == "Red."
    assert history.answered(ask("Another."), E) is None
    assert len(warnings) == 1
    assert "\n" not in warnings[0]
    assert warnings[0].endswith("What is completed meanwhile is not stored.")
    with pytest.raises(HistoryError, match="/proc/nowhere"):
        history.search()
    history.close()


def test_a_full_disk_is_one_warning_and_keeps_what_it_has(tmp_path):
    path = tmp_path / "completions.sqlite"
    code = """
        for number in range(300):
            row = history.begin(request, endpoint="e", dialect="text")
            if row:
                text = str(number) + os.urandom(2000).hex()
                history.finish(row, Completion(text, request))
        history.close()
    """
    limit = 400_000
    kernel = child(
        code,
        path,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    output = kernel.communicate()[0]

    assert kernel.returncode == 0
    assert len(output.splitlines()) == 1
    assert "cannot be used" in output
    with contextlib.closing(History(path, warn=pytest.fail)) as history:
        assert 20 < history.count() < 300
        keep(history, "there is room again")


@pytest.fixture
def small_disk(tmp_path):
    place = tmp_path / "disk"
    place.mkdir()
    options = ["-o", "size=600k", "tmpfs", place]
    made = subprocess.run(
        ["mount", "-t", "tmpfs", *options], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("only root may mount a small disk")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def test_a_disk_without_room_loses_no_earlier_completion(small_disk, warnings):
    history = History(small_disk / "completions.sqlite", warn=warnings.append)
    kept = []
    for number in range(60):
        row = history.begin(ask(), endpoint="e", dialect="text")
        text = str(number) + os.urandom(10_000).hex()
        if row and history.finish(row, Completion(text, ask())):
            kept.append(text)

    assert kept
    assert len(kept) < 60
    assert len(warnings) == 1
    assert set(kept) <= set(found(history))
    history.close()


def test_a_disk_without_room_for_a_copy_says_so_when_all_is_deleted(
    small_disk, warnings
):
    history = History(small_disk / "completions.sqlite", warn=warnings.append)
    keep(history, "Red.")

    with pytest.raises(HistoryError, match=r"They are deleted, .* make room"):
        history.purge()

    assert found(history) == []
    history.close()


def test_a_file_that_may_only_be_read_is_read(small_disk, warnings):
    path = small_disk / "completions.sqlite"
    child(
        """
        row = history.begin(request, endpoint="e", dialect="text")
        history.finish(row, Completion("Red.", request))
        history.close()
        """,
        path,
    ).communicate()
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with contextlib.closing(History(path, warn=warnings.append)) as history:
        entry = history.begin(ask(), endpoint="e", dialect="text")
        assert history.finish(entry, Completion("Blue.", ask())) is None
        assert not entry.kept
        assert len(warnings) == 1
        assert found(history) == ["Red."]


def test_a_damaged_file_that_cannot_be_moved_is_left_as_it_is(small_disk, warnings):
    path = small_disk / "completions.sqlite"
    path.write_bytes(b"garbage " * 1000)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with contextlib.closing(History(path, warn=warnings.append)) as history:
        history.begin(ask(), endpoint="e", dialect="text")
        assert not history.flush(30)
        assert len(warnings) == 1
        with pytest.raises(HistoryError, match="Read-only"):
            history.search()

    assert path.read_bytes() == b"garbage " * 1000


def test_a_file_system_without_wal_is_used_without_it(tmp_path, warnings):
    history = History(tmp_path / "h.sqlite", warn=warnings.append)
    # It has no shared memory, as NFS has none.
    history._file.store._vfs = "unix-dotfile"
    keep(history, "Red.")

    mode = history._file.store._connection.execute("PRAGMA journal_mode").fetchone()
    assert mode == ("delete",)
    assert found(history, "red") == ["Red."]
    assert not (tmp_path / "h.sqlite-wal").exists()
    assert warnings == []
    history.close()


@pytest.mark.parametrize(
    ("path", "network"),
    [("/home/ann/x", True), ("/home2/x", False), ("/tmp/x", False), ("/a b/x", True)],
)
def test_a_network_file_system_is_known_by_its_mount(path, network):
    mounts = (
        "/dev/vda / ext4 rw 0 0\nserver:/h /home nfs4 rw 0 0\n"
        "tmpfs /tmp tmpfs rw 0 0\n//s/x /a\\040b cifs rw 0 0\n"
    )

    assert on_network(Path(path), mounts) is network


def test_on_a_network_no_log_is_shared(history, monkeypatch):
    monkeypatch.setattr(disk, "on_network", lambda *_: True)
    keep(history, "Red.")

    assert not history.path.with_name("completions.sqlite-wal").exists()


# Migrations.

LATER = (
    *schema.MIGRATIONS,
    ("ALTER TABLE run ADD COLUMN mood TEXT", "UPDATE run SET mood = 'good'"),
    ("CREATE TABLE extra (id INTEGER PRIMARY KEY)",),
)


@pytest.mark.parametrize("start", range(1, len(LATER)))
def test_a_file_of_every_earlier_version_is_brought_up_to_date(
    history, monkeypatch, start
):
    migrate = schema.migrate
    history.path.parent.mkdir()
    with looked_into(history) as connection:
        connection.isolation_level = None
        migrate(connection, LATER[:start])
        connection.isolation_level = ""
        _store_as_the_first_version_did(connection)
    monkeypatch.setattr(schema, "migrate", lambda c: migrate(c, LATER))

    assert history.get(1).text == "Red."
    assert history.get(1).prompt == "Name a colour."
    assert found(history, "red") == ["Red."]
    with looked_into(history) as connection:
        applied = connection.execute("SELECT number FROM migration").fetchall()
        assert applied == [(number,) for number in range(1, len(LATER) + 1)]
        names = [column[1] for column in connection.execute("PRAGMA table_info(run)")]
    assert "mood" in names
    keep(history, "Blue.")


def _store_as_the_first_version_did(connection):
    connection.executemany(
        "INSERT INTO text (hash, searched, body) VALUES (?, 1, ?)",
        (
            (hashlib.blake2b(text.encode(), digest_size=16).digest(), text)
            for text in ("Name a colour.", "Red.")
        ),
    )
    connection.execute(
        """INSERT INTO request (hash, endpoint, base_url, dialect, stream, model,
        prompt, parameters) VALUES (?, 'e', '', 'text', 1, 'm', 1, ?)""",
        (request_hash(ask()), '{"max_tokens_to_sample":10,"model":"m"}'),
    )
    connection.execute(
        """INSERT INTO run (created, request, sample, status, text)
        VALUES (1700000000000, 1, 0, 'complete', 2)"""
    )


def test_a_migration_that_fails_changes_nothing(history, monkeypatch, warnings):
    keep(history, "Red.")
    history.close()
    migrate, bad = schema.migrate, (LATER[-2][0], "SELECT * FROM no_such_table")
    broken = (*schema.MIGRATIONS, bad)
    with monkeypatch.context() as patch:
        patch.setattr(schema, "migrate", lambda c: migrate(c, broken))
        with pytest.raises(HistoryError, match="no_such_table"):
            history.search()

    assert found(history) == ["Red."]
    with looked_into(history) as connection:
        names = [row[1] for row in connection.execute("PRAGMA table_info(run)")]
    assert "mood" not in names


def test_a_file_of_a_later_version_is_left_alone(history, warnings):
    keep(history, "Red.")
    with looked_into(history) as connection:
        connection.execute("INSERT INTO migration VALUES (99, 0)")
    before = history.path.read_bytes()

    for _ in range(2):
        entry = history.begin(ask(), endpoint="e", dialect="text")
        assert history.finish(entry, Completion("Red.", ask())) is None
        deadline = time.monotonic() + 10
        while not entry.kept:  # at once, but on a busy machine
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert len(warnings) == 1
    assert "later version" in warnings[0]
    with pytest.raises(HistoryError, match="schema 99"):
        history.search()
    history.close()
    assert history.path.read_bytes() == before


def test_a_migration_is_never_edited():
    """Change the tables by another migration at the end, and add its digest here."""
    digests = [
        hashlib.sha256(" ".join(" ".join(migration).split()).encode()).hexdigest()[:16]
        for migration in schema.MIGRATIONS
    ]

    assert digests == ["831112993c4649d7", "d30cd77f5c442d8d"]
