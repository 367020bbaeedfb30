"""Sweeps from a cell, the calls counted at the server."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from counting import Counting, answered, error

from jupyter_complete import Sweep, figures
from jupyter_complete.errors import (
    CompleteError,
    CompletionInterrupted,
    HistoryError,
    InputError,
)


class Server(Counting):
    """A counting server that refuses or delays what a test names."""

    failing = lagging = None

    @property
    def calls(self):
        return len(self.times)

    def fail(self, word, status=400):
        """Refuse the prompts with this word, none if None."""
        self.failing = word, status

    def slow(self, word):
        """Hold the prompts with this word back until the next call."""
        self.lagging = word

    def reply(self, prompt, number):
        if self.failing and self.failing[0] and self.failing[0] in prompt:
            return self.failing[1], {}, error("invalid_request_error")
        if self.lagging and self.lagging in prompt:
            self.released.wait(2)
        return 200, {}, answered(f"re: {prompt} {number}")


@pytest.fixture
def server():
    with Server() as counting:
        counting.answer = counting.reply
        yield counting


@pytest.fixture
def cell(shell, server):
    """Run a %%complete cell with these flags against the counting server."""

    def run(flags, text="Say {{tone}} things."):
        place = f"-m m --endpoint {server.endpoint.base_url} --dialect text"
        shell.run(f"%%complete {place} --turns raw --no-stream {flags}\n{text}")
        return shell.user_ns["_sweep"]

    return run


def test_a_grid_on_the_embedded_model(shell, capsys):
    shell.run(
        "%%complete -s temperature=0:1:0.5 -s tone=dry,warm -n 2 --max-tokens 5 -o runs"
        "\nWrite a {{tone}} line."
    )
    runs = shell.user_ns["runs"]

    assert isinstance(runs, Sweep)
    assert runs is shell.user_ns["_sweep"]
    assert len(runs) == 12
    assert runs.values("temperature") == (0.0, 0.5, 1.0)
    assert {run.status for run in runs} == {"complete"}
    assert len(runs.at(temperature=0.5, tone="dry")) == 2
    out = capsys.readouterr().out
    assert "temperature" in out
    assert "warm" in out


@pytest.mark.parametrize(("flag", "name"), [("", "_sweep"), ("-o runs", "runs")])
def test_what_is_shown_names_the_sweep_as_the_cell_does(cell, capsys, flag, name):
    cell(f"-n 101 -j 8 {flag}", "Say something.")

    assert f"1 more: {name}.view(page=1) shows" in capsys.readouterr().out


def test_a_dry_run_prints_the_grid_and_sends_nothing(shell, server, cell, capsys):
    with pytest.raises(KeyError):
        cell("--dry-run -s tone=dry,warm -n 3 --max-tokens 10")

    out = capsys.readouterr().out
    assert "2 points, 3 samples each, 6 calls, at most 60 output tokens" in out
    assert "tone=warm" in out
    assert server.calls == 0


def test_a_dry_run_of_many_points_names_the_first_thirty(server, cell, capsys):
    with pytest.raises(KeyError):
        cell("--dry-run -s tone=1:40:1")

    out = capsys.readouterr().out
    assert "tone=30" in out
    assert "tone=31" not in out
    assert "… and 10 more points" in out
    assert server.calls == 0


def test_the_same_cell_asks_only_for_what_is_missing(server, cell):
    cell("-s tone=dry,warm -n 2")
    assert server.calls == 4
    again = cell("-s tone=dry,warm -n 2")
    assert server.calls == 4
    assert all(run.reused for run in again)
    cell("-s tone=dry,warm -n 3")
    assert server.calls == 6
    cell("-s tone=dry,warm,cold -n 3")
    assert server.calls == 9
    cell("-s tone=dry --fresh")
    assert server.calls == 10


def test_a_large_sweep_wants_a_yes(server, cell):
    with pytest.raises(InputError, match=r"201 calls.*--yes"):
        cell("-s tone=dry -n 201")

    assert server.calls == 0
    assert len(cell("-s tone=dry -n 201 --yes")) == 201


def test_only_what_would_be_sent_wants_a_yes(server, cell, capsys):
    cell("-s tone=dry -n 201 --yes -j 20")
    assert len(cell("-s tone=dry -n 203")) == 203
    assert server.calls == 203

    with pytest.raises(InputError, match=r"604 calls.*203 of them answered already"):
        cell("-s tone=dry,warm -n 302")
    with pytest.raises(InputError, match=r"203 calls, at most \d+,\d+ output tokens\)"):
        cell("-s tone=dry -n 203 --fresh")
    capsys.readouterr()
    cell("-s tone=dry -n 205 --max-tokens 256 --dry-run")
    out = capsys.readouterr().out
    assert "The history has 203 of the answers; to send: 2, at most 512" in out
    assert server.calls == 203


def test_a_ceiling_holds_for_the_whole_sweep(server, cell):
    runs = cell("-s tone=dry,warm -n 5 --max-calls 4")
    assert (server.calls, len(runs), runs.pending) == (4, 4, 6)
    assert "max_calls" in runs.stopped
    cell("-s tone=dry,warm -n 5 --max-calls 6")
    assert server.calls == 6


def test_a_failed_call_is_a_row_and_is_asked_again(server, cell):
    server.fail("warm", status=400)
    runs = cell("-s tone=dry,warm,cold")

    assert [run.status for run in runs] == ["complete", "error", "complete"]
    assert [run.http_status for run in runs.failed] == [400]
    server.fail(None)
    runs = cell("-s tone=dry,warm,cold")
    assert [run.status for run in runs] == ["complete"] * 3
    assert server.calls == 4


def test_a_restored_sweep_has_the_same_answers(shell, cell):
    runs = cell("-s tone=dry,warm -n 2")
    shell.run(f"%complete_history --restore {runs.id} -o again")
    again = shell.user_ns["again"]

    assert [run.text for run in again] == [run.text for run in runs]
    assert [row.point.values for row in again.rows] == [
        row.point.values for row in runs.rows
    ]


@pytest.mark.parametrize(
    "axes", ["-s temperature+tone=0,1+dry,warm", '-s stop=json:[["a"],["b","c"]]']
)
def test_axes_in_step_and_lists_are_restored_as_they_were(shell, cell, axes):
    runs = cell(axes, "Say {{tone}} things." if "tone" in axes else "Say things.")
    shell.run(f"%complete_history --restore {runs.id} -o again")

    assert shell.user_ns["again"] == runs
    assert shell.user_ns["again"].axes == runs.axes


def test_a_later_failure_does_not_hide_an_answer(shell, server, cell):
    runs = cell("-s tone=dry,warm")
    server.fail("warm")
    cell("-s tone=dry,warm --fresh")
    shell.run(f"%complete_history --restore {runs.id} -o again")

    assert [run.status for run in shell.user_ns["again"]] == ["complete"] * 2


def test_a_sweep_that_the_history_has_not_is_one_line(cell, shell):
    runs = cell("-s tone=dry")
    session = shell.magics_manager.registry["CompletionMagics"].session

    assert Sweep.shown(session.restore_sweep(runs.id)) == runs
    with pytest.raises(HistoryError, match="no sweep 'nonsense'"):
        session.restore_sweep("nonsense")


def test_a_sweep_of_a_cell_shows_itself(cell):
    runs = cell("-s tone=dry,warm")

    assert "<table>" in runs._repr_html_()
    assert "dry" in repr(runs.view(rows="tone"))


def test_export_writes_every_call(cell, tmp_path):
    file = tmp_path / "runs.jsonl"
    cell(f"-s tone=dry,warm --export {file}")

    lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert [line["tone"] for line in lines] == ["dry", "warm"]


def test_an_interrupt_keeps_what_came_and_asks_for_the_rest(
    shell, server, cell, monkeypatch
):
    """Ctrl-C, as Python sees it, comes while progress is shown."""
    from jupyter_complete.session import Session

    whole = Session.sweep

    def interrupted(self, plan, *, on_progress):
        def once(progress):
            if progress.done:
                raise KeyboardInterrupt

        return whole(self, plan, on_progress=once)

    monkeypatch.setattr(Session, "sweep", interrupted)
    server.slow("tone9")
    tones = ",".join(f"tone{n}" for n in range(10))
    with pytest.raises(CompletionInterrupted, match="run the cell again"):
        cell(f"-s tone={tones}")
    kept = shell.user_ns["_sweep"]
    monkeypatch.setattr(Session, "sweep", whole)
    server.slow(None)
    before = server.calls
    complete = sum(run.status == "complete" for run in kept)

    runs = cell(f"-s tone={tones}")
    assert complete >= 1
    assert {run.status for run in runs} == {"complete"}
    assert server.calls - before == 10 - complete


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("-s mood=a,b", "mood is no setting that can be swept"),
        ("-s tone=", "tone"),
        ("-s tone=@nowhere", "nowhere"),
        ("-s tone=a -s temperature=0:2:0.5", "temperature"),
        ("-s tone=a -s temperature=0:1:0.0000001", "100,000"),
        ("-s tone=a -s temperature=0:1:0", "temperature"),
        ("-s tone", "is no axis"),
        ("-s tone=a --executor nobody", "nobody"),
        ("-s tone=a --export runs.txt", r"\.jsonl"),
        ("-s tone=a --export nowhere/runs.csv", "no folder"),
        ("-s tone=a -n 0", "samples is 0"),
        ("-s tone=a -j 0", "concurrency is 0"),
        ("-s temperature=0,1", "tone"),
    ],
)
def test_bad_input_is_one_line_and_sends_nothing(server, cell, flags, message):
    with pytest.raises(CompleteError, match=message) as caught:
        cell(flags)

    assert "\n" not in str(caught.value)
    assert server.calls == 0


def test_what_only_a_sweep_has_is_refused_elsewhere(shell):
    with pytest.raises(InputError, match="--export is for a sweep"):
        shell.run("%complete --export runs.csv Hi")


def test_a_named_executor_runs_the_calls(shell):
    with ThreadPoolExecutor(2) as pool:
        shell.user_ns["pool"] = pool
        shell.run(
            "%%complete -s temperature=0,1 --executor pool --max-tokens 3\n"
            "What is a list?"
        )

    assert [one.status for one in shell.user_ns["_sweep"]] == ["complete"] * 2


def test_an_endpoint_that_says_not_to_retry_is_not_asked_again(server, cell):
    told = {"x-should-retry": "false"}
    server.answer = lambda *_: (503, told, error("overloaded_error"))

    sweep = cell("-s tone=dry,warm")

    assert server.calls == 2
    assert [run.attempts for run in sweep.failed] == [1, 1]


def test_a_refusal_tells_when_there_is_room_again(server, cell):
    """The sweep waits for the reset that a 429 names, though it names no wait."""
    until = datetime.now(UTC) + timedelta(seconds=2)
    kind = "anthropic-ratelimit-requests"
    told = {f"{kind}-remaining": 0, f"{kind}-reset": until.isoformat()}
    server.answer = lambda prompt, number: (
        (429, told, error("rate_limit_error"))
        if datetime.now(UTC) < until
        else (200, {}, answered(prompt))
    )

    sweep = cell("-s tone=dry,warm")

    assert [run.status for run in sweep] == ["complete"] * 2
    assert server.statuses.count(429) == 2


@pytest.mark.parametrize("spec", ["nonsense", "words~nonsense", "words~tone+tone"])
def test_a_plot_that_cannot_be_is_refused_before_anything_is_sent(server, cell, spec):
    with pytest.raises(InputError, match=r"nonsense|tone"):
        cell(f"-s tone=dry,warm --plot {spec}")

    assert server.calls == 0


def test_without_matplotlib_a_plot_sends_nothing(server, cell, monkeypatch):
    figures._figure_class.cache_clear()
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)

    with pytest.raises(InputError, match="pip install"):
        cell("-s tone=dry,warm --plot words")

    assert server.calls == 0


def test_a_sweep_without_an_axis_says_what_it_is(cell, shell, capsys):
    shell.run("%%complete -n 3 --max-tokens 5 --dry-run\nhi")

    assert capsys.readouterr().out == (
        "1 point, 3 samples each, 3 calls, at most 15 output tokens\n"
    )


def test_resuming_without_a_history_asks_for_nothing_twice(server, cell):
    server.fail("warm")
    sweep = cell("-s tone=dry,warm --no-history")
    server.fail(None)

    whole = sweep.resume()

    assert [run.status for run in whole] == ["complete"] * 2
    assert server.calls == 3


def test_reuse_answers_a_sweep_from_any_earlier_call(server, cell):
    cell("-s tone=dry,warm -n 2")
    sweep = cell("--reuse -s tone=dry,loud", "Say {{tone}} things.")
    again = cell("--reuse -n 2 -s thing=dry,warm,cold", "Say {{thing}} things.")

    assert [run.reused for run in sweep] == [True, False]
    assert [run.reused for run in again] == [True] * 4 + [False] * 2
    assert server.calls == 7
    cell("--reuse --fresh -s tone=dry,warm")
    assert server.calls == 9


def test_a_prompt_that_was_swept_twice_restores_its_last_sweep(shell, cell):
    cell("-s temperature=0,1", "the same")
    cell("-n 2 --max-tokens 9", "the same")
    last = cell("-s top_p=0.5,1 -s top_k=1,2", "the same")
    shell.run(f"%complete_history --restore {last.id} -o again")

    again = shell.user_ns["again"]
    assert again == last
    assert again.axes == last.axes


def test_the_history_names_the_sweep(shell, cell):
    sweep = cell("-s tone=dry,warm")
    table = shell.run("%complete_history -n 1")

    assert sweep.id in repr(table)


@pytest.mark.parametrize("flag", ["--as curl", "--count", "--as magic --dry-run"])
def test_what_only_one_completion_has_sends_no_sweep(server, cell, flag):
    with pytest.raises(InputError, match="is for one completion"):
        cell(f"{flag} -s tone=dry,warm")

    assert server.calls == 0


def test_a_table_that_the_prompt_names_nothing_of_is_refused(server, cell, shell):
    shell.user_ns["table"] = [{"a b": 1}]

    with pytest.raises(InputError, match="the columns a b, and the prompt names none"):
        cell("-s rows=@table")

    assert server.calls == 0


def test_a_column_that_the_prompt_does_not_name_rides_along(server, cell, shell):
    """And asks for nothing again: no call depends on it."""
    cell("-s tone=dry,warm")
    shell.user_ns["table"] = [
        {"tone": "dry", "wanted": float("nan"), "a b": np.float32(0.1)},
        {"tone": "warm", "wanted": 4, "a b": datetime(2026, 1, 2, tzinfo=UTC)},
    ]

    runs = cell("-s rows=@table")

    assert server.calls == 2
    assert [run.prompt for run in runs] == ["Say dry things.", "Say warm things."]
    records = runs.to_records()
    assert [record["wanted"] for record in records] == [None, 4]
    assert records[0]["a b"] == 0.1
    assert list(runs.to_dataframe().columns)[:3] == ["tone", "wanted", "a b"]
    assert runs.at(wanted=4)[0].text == runs.at(tone="warm")[0].text
    shell.run(f"%complete_history --restore {runs.id}")
    assert [run.text for run in shell.user_ns["_sweep"]] == [run.text for run in runs]


def test_a_cell_scores_its_sweep(server, cell, shell, capsys):
    shell.user_ns["table"] = [
        {"tone": "dry", "want": "dry"},
        {"tone": "wet", "want": "x"},
    ]
    shell.run("def long(completion):\n    return len(completion.text) > 3")

    flags = "--expect want --score contains --score long --extract '(Say .*)'"
    runs = cell(f"-s rows=@table {flags} --plot score~tone")

    assert runs.scores == ("contains", "long")
    shell.user_ns["wanted"] = {"dry": "DRY", "wet": "no"}
    shell.run("def last(completion):\n    return completion.text.split()[2]")
    named = cell("-s tone=dry,wet --expect @wanted --extract last --score contains")
    assert [row.marks.extracted for row in named.rows] == ["dry", "wet"]
    assert [row.marks.scores["contains"] for row in named.rows] == [True, False]
    assert [row.marks.scores["contains"] for row in runs.rows] == [True, False]
    assert runs.to_records()[0]["extracted"].startswith("Say dry things. ")
    again = runs.scored(shell.user_ns["long"])
    assert again.scores == ("long",)
    assert server.calls == 2


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ("--expect wants", "no such column; did you mean want?"),
        ("--expect @nothing", "@nothing names no variable"),
        ("--score shot", "which nobody has; did you mean shout?"),
        ("--score table", "which is a list and no function"),
        ("--score number --expect tone", "expected is 'dry', which number cannot use"),
        ("--score json --plot exat~tone", "metric is 'exat'; choose from json, length"),
        ("--score regex:(", "regex cannot use: missing )"),
        ("--extract table", "which has no group"),
    ],
)
def test_a_score_that_cannot_be_is_told_before_anything_is_sent(
    server, cell, shell, flags, says
):
    shell.user_ns["table"] = [{"tone": "dry", "want": "dry"}]
    shell.run("def shout(completion):\n    pass")

    with pytest.raises(InputError) as caught:
        cell(f"-s rows=@table {flags}")

    assert says in str(caught.value)
    assert server.calls == 0


def test_ctrl_c_in_a_score_costs_no_answer(server, cell, shell):
    shell.run("def halt(completion):\n    raise KeyboardInterrupt")

    with pytest.raises(CompletionInterrupted):
        cell("-s tone=dry,warm --score halt")

    runs = shell.user_ns["_sweep"]
    assert len(runs) == 2
    assert runs.remarks == (
        "The scoring was stopped; _sweep.scored(…) scores the answers.",
    )


def test_another_label_asks_for_nothing_again_either(server, cell, shell):
    for label in ("a", "b"):
        shell.user_ns["table"] = [{"tone": "dry", "label": label}]
        runs = cell("-s rows=@table")

    assert server.calls == 1
    assert runs.to_records()[0]["label"] == "b"
    shell.user_ns["table"] = [{"tone": "dry", "label": label} for label in "ab"]
    assert len(cell("-s rows=@table")) == 2
    assert server.calls == 1


def test_a_history_that_cannot_be_used_costs_no_sweep(server, cell, shell, capsys):
    """The file's name is taken by a folder."""
    (Path(shell.profile_dir.location) / "completions.sqlite").mkdir(parents=True)

    first = cell("-s tone=dry,warm")
    again = cell("--reuse -s tone=dry,warm")

    assert [run.status for run in [*first, *again]] == ["complete"] * 4
    assert capsys.readouterr().err.count("Warning:") == 1


def test_short_floats_are_as_short_in_the_prompt(server, cell, shell):
    shell.user_ns["some"] = np.array([0.1, 0.2], dtype="float32")

    cell("-s tone=@some")

    assert set(server.asked) == {"Say 0.1 things.", "Say 0.2 things."}
