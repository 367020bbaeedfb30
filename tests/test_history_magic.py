"""``%complete_history`` in a shell."""

from dataclasses import replace

import pytest

import jupyter_complete
from jupyter_complete import as_code
from jupyter_complete.errors import CompleteError, InputError


@pytest.fixture
def asked(shell):
    """A shell with three completions in its history."""
    for seed, prompt in enumerate(["What does break do?", "What is a zebra?", "Hi"]):
        shell.run(f"%complete -t 0 --seed {seed} --max-tokens 5 {prompt}")
    return shell


def test_it_lists_the_newest_first(asked):
    table = asked.run("%complete_history")

    assert [row[0] for row in table.rows] == ["3", "2", "1"]
    assert "What does break do?" in repr(table)
    assert "<table" in table._repr_html_()


def test_it_searches_with_words_and_flags_in_any_order(asked):
    for line in ("zebra", "zebra -n 5", "-n 5 zebra", "zebra --model ngram-chat"):
        table = asked.run(f"%complete_history {line}")

        assert [row[0] for row in table.rows] == ["2"]
    assert asked.run("%complete_history zebra --status broken").rows == []
    assert asked.run("%complete_history --since 1h -n 1").rows[0][0] == "3"


def test_what_is_restored_is_what_was_stored(asked):
    last = asked.user_ns["_completion"]
    asked.run("%complete_history --restore 3 -o again")

    assert asked.user_ns["again"] == last
    assert asked.user_ns["_completion"] == last


def test_show_shows_the_card(asked, capsys):
    asked.run("%complete_history --show 1")

    assert "[ngram-chat · " in capsys.readouterr().out


def test_rerun_writes_the_cell(asked):
    asked.run("%complete_history --rerun 2")

    assert asked.rl_next_input == (
        "%complete -t 0 --seed 1 --max-tokens 5 What is a zebra?"
    )


def test_export_delete_and_import(asked, tmp_path, capsys):
    file = tmp_path / "some.jsonl"
    asked.run(f"%complete_history --export {file}")
    asked.run("%complete_history --delete 1 2")
    assert len(asked.run("%complete_history").rows) == 1
    asked.run(f"%complete_history --import {file}")
    assert len(asked.run("%complete_history").rows) == 3
    asked.run("%complete_history --purge zebra")
    assert len(asked.run("%complete_history").rows) == 3
    asked.run("%complete_history --purge --yes zebra")
    assert len(asked.run("%complete_history").rows) == 2

    out = capsys.readouterr().out
    assert f"Written to {file}: 3." in out
    assert "Deleted: 2." in out
    assert "To be deleted: 1; add --yes" in out


def test_no_history_writes_nothing(shell):
    shell.run("%complete --no-history --max-tokens 1 Hi")
    shell.run("%config CompletionSettings.history = False")
    shell.run("%complete --max-tokens 1 Hi")

    assert shell.user_ns["_completion"].history_id is None
    assert shell.run("%complete_history").rows == []


def test_reuse_answers_without_a_call(shell, capsys):
    for _ in range(2):
        shell.run("%complete --reuse -t 1 --max-tokens 20 Tell me a story.")

    last = shell.user_ns["_completion"]
    assert last.reused
    assert "reused from the history" in capsys.readouterr().out
    assert len(shell.run("%complete_history").rows) == 1


def test_a_key_in_a_cell_is_refused_and_not_stored(shell, tmp_path):
    key = "sk-ant-api03-" + "a1B2" * 8
    with pytest.raises(CompleteError, match="looks like an API key") as caught:
        shell.run(f"%%complete\nMy key is {key}")

    assert key not in str(caught.value)
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or key.encode() not in file.read_bytes()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--show 99", "no completion 99"),
        ("--restore 99", "no completion 99"),
        ("--since yesterday", "--since is 'yesterday'; give a date"),
        ("--status odd", "--status is 'odd'; choose from"),
        ("-n 0", "-n is 0"),
        ("--delete x", "--delete is 'x'; give a whole number"),
        ("--delete 1 x", "'x' is none"),
        ("--export notes.txt", r"neither \.jsonl nor \.csv"),
        ("--import nowhere.jsonl", "nowhere.jsonl"),
    ],
)
def test_bad_input_is_one_line(shell, line, message):
    with pytest.raises(CompleteError, match=message) as caught:
        shell.run(f"%complete_history {line}")

    assert "\n" not in str(caught.value)


def test_an_odd_search_is_no_error(shell):
    for words in ('"', "a AND", "NEAR(", "*", "-", "a:b", "''"):
        assert shell.run(f"%complete_history {words}").rows == []


def test_the_catalogue_is_shown(shell):
    table = shell.run("%complete_models")
    names = [row[0] for row in table.rows]

    assert names[:2] == ["ngram-chat", "ngram-base"]
    assert "claude-opus-4-5" in names
    only = shell.run("%complete_models --endpoint anthropic")
    assert {row[1] for row in only.rows} == {"anthropic"}


def test_refreshing_asks_the_endpoint(shell, loopback, capsys):
    page = {
        "data": [{"type": "model", "id": "brand-new-1", "display_name": "New"}],
        "has_more": False,
        "first_id": "brand-new-1",
        "last_id": "brand-new-1",
    }
    loopback.reply(page)
    table = shell.run(
        f"%complete_models --refresh --endpoint {loopback.url} --dialect text -m x"
    )

    assert "brand-new-1: new" in capsys.readouterr().out
    assert [row[0] for row in table.rows] == ["brand-new-1"]


def test_a_list_of_models_that_is_none_is_one_line(shell, loopback):
    loopback.reply(b"7")
    with pytest.raises(CompleteError, match="list of models is not one"):
        shell.run(
            f"%complete_models --refresh --endpoint {loopback.url} --dialect text -m x"
        )


def test_an_endpoint_that_is_down_is_one_line(shell):
    with pytest.raises(CompleteError) as caught:
        shell.run("%complete_models --refresh --endpoint http://127.0.0.1:9 -m x")

    assert not isinstance(caught.value, InputError)
    assert "127.0.0.1:9" in str(caught.value)


def test_a_completion_is_written_as_code(asked):
    last = asked.user_ns["_completion"]
    asked.run("%config CompletionSettings.top_p = 0.5")
    asked.run("%config CompletionSettings.system = 'Be brief.'")
    cell = as_code(last, "magic")
    asked.run(cell)

    assert asked.user_ns["_completion"].request == last.request
    for kind in ("curl", "requests", "sdk"):
        assert "/v1/complete" in as_code(last, kind) or "anthropic" in as_code(
            last, kind
        )


def test_as_shows_code_and_sends_nothing(shell, capsys):
    shell.run("%complete --as curl -t 0.5 Hi")

    assert "\ncurl " in "\n" + capsys.readouterr().out
    assert "_completion" not in shell.user_ns


def test_a_cell_that_does_not_stream_is_written_so(shell, capsys):
    shell.run("%complete --as magic --no-stream Hi")

    assert "--no-stream" in capsys.readouterr().out


def test_a_completion_of_an_endpoint_that_nobody_knows_is_no_code(asked):
    lost = replace(asked.user_ns["_completion"], endpoint="http://lab:9", dialect="")

    with pytest.raises(InputError, match="endpoint 'http://lab:9' of this completion"):
        as_code(lost, "curl")


def test_the_extension_can_be_unloaded_twice(asked):
    jupyter_complete.unload_ipython_extension(asked)
    jupyter_complete.unload_ipython_extension(asked)

    assert "complete" not in asked.magics_manager.magics["cell"]
    asked.run("%reload_ext jupyter_complete")
    assert "complete" in asked.magics_manager.magics["cell"]
