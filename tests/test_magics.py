"""The magics in a shell, on the model that needs nothing."""

import pytest

from jupyter_complete import Completion
from jupyter_complete.errors import (
    CompletionInterrupted,
    EndpointError,
    InputError,
    PromptError,
)

QUESTION = "What does the with statement do?"


def test_loading_says_nothing_and_makes_no_file(bare_shell, capsys, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    bare_shell.run("%load_ext jupyter_complete")

    assert capsys.readouterr().out == ""
    assert sorted(tmp_path.rglob("*")) == before


def test_a_cell_is_completed_shown_and_kept(shell, capsys):
    shell.run(f"%%complete -t 0 -o answer\n{QUESTION}")

    answer = shell.user_ns["answer"]
    assert isinstance(answer, Completion)
    assert answer is shell.user_ns["_completion"]
    assert answer.status == "complete"
    assert answer.prompt == f"\n\nHuman: {QUESTION}\n\nAssistant:"
    assert answer.stop_reason in {"stop_sequence", "max_tokens"}
    assert answer.first_token_seconds <= answer.seconds
    assert str(answer) == answer.text
    assert "with" in answer.text
    out = capsys.readouterr().out
    assert out.startswith(answer.text.strip())
    assert "[ngram-chat · " in out


def test_a_line_may_end_in_a_question_mark(shell):
    shell.run(f"%complete -t 0 --max-tokens 5 {QUESTION}")

    assert QUESTION in shell.user_ns["_completion"].prompt


def test_a_question_within_a_cell_of_python(shell):
    shell.run(f"if True:\n    %complete --max-tokens 2 {QUESTION}\nx = 1")

    assert QUESTION in shell.user_ns["_completion"].prompt
    assert shell.user_ns["x"] == 1


def test_a_question_in_a_string_is_left_alone(shell):
    shell.run('text = """\n%complete a?\n"""')

    assert shell.user_ns["text"] == "\n%complete a?\n"


def test_help_is_still_help(shell, monkeypatch):
    shown = []
    monkeypatch.setattr(shell, "show_usage", lambda *_: None, raising=False)
    monkeypatch.setattr(
        "IPython.core.page.page", lambda text, *_, **__: shown.append(text)
    )
    shell.run("%complete?")
    shell.run("%%complete?")

    assert len(shown) == 2
    for text in shown:
        assert "--temperature" in str(text)
        assert "--max-output-tokens" in str(text)


def test_variables_fill_the_template(shell):
    shell.run("topic = 'the {{del}} statement'")
    shell.run("%%complete --max-tokens 1\nExplain {{topic}} and {this} $that.")

    assert "Explain the {{del}} statement and {this} $that." in (
        shell.user_ns["_completion"].prompt
    )


def test_an_unknown_name_sends_nothing(shell):
    with pytest.raises(PromptError, match="nowhere"):
        shell.run("%%complete\nExplain {{nowhere}}.")

    assert "_completion" not in shell.user_ns


def test_a_flag_never_moves_a_setting(shell):
    shell.run("%%complete -t 0.25 --max-tokens 1\nHi")

    assert shell.user_ns["_completion"].request.temperature == 0.25
    shell.run("%complete --max-tokens 1 Hi")
    assert shell.user_ns["_completion"].request.temperature is None


def test_a_setting_is_the_next_cells_default(shell):
    shell.run("%config CompletionSettings.temperature = 0.75")
    shell.run("%complete --max-tokens 1 Hi")

    assert shell.user_ns["_completion"].request.temperature == 0.75


def test_config_lists_the_settings(shell, capsys):
    shell.run("%config CompletionSettings")

    out = capsys.readouterr().out
    assert "CompletionSettings.temperature" in out
    assert "CompletionSettings.top_k" in out


def test_a_seed_repeats(shell):
    texts = []
    for seed in (7, 7, 8, 9, 10):
        shell.run(f"%complete --seed {seed} -t 1 --max-tokens 40 Tell me a story.")
        texts.append(shell.user_ns["_completion"].text)

    assert texts[0] == texts[1]
    assert len(set(texts)) > 1


def test_the_base_model_takes_raw_text(shell):
    shell.run("%complete -m ngram-base -t 0 --max-tokens 8 The with statement is")

    assert shell.user_ns["_completion"].prompt == "The with statement is"


def test_a_dry_run_shows_the_request_and_sends_nothing(shell, capsys):
    shell.run("%complete --dry-run -t 0.5 -k 3 --stop x Hi")

    out = capsys.readouterr().out
    assert "POST " in out
    assert "/v1/complete" in out
    assert "anthropic-version: 2023-06-01" in out
    assert '"model":"ngram-chat","prompt":"\\n\\nHuman: Hi\\n\\nAssistant:"' in out
    assert '"temperature":0.5' in out
    assert "_completion" not in shell.user_ns


def test_raw_turns_let_the_endpoint_speak(shell):
    with pytest.raises(EndpointError, match="prompt must start with"):
        shell.run("%complete --turns raw Hi")

    failed = shell.user_ns["_completion"]
    assert (failed.status, failed.http_status) == ("error", 400)
    assert failed.error_type == "invalid_request_error"
    assert failed.request_id.startswith("req_")


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("%complete", "There is no prompt"),
        ("%%complete\n ", "prompt is empty"),
        ("%%complete -t 0 Hello\nthere", "'Hello' on the %%complete line"),
        ("%complete -t 7 Hi", "temperature is 7.0; give a number from 0 to 2"),
        ("%complete -t 1.5 Hi", "from 0 to 1.*Text Completions"),
        ("%complete -m nothing-like-it Hi", "nothing-like-it"),
        ("%complete --endpoint nowhere Hi", "nowhere"),
        ("%complete --beta 'a b' Hi", "one flag in each --beta"),
    ],
)
def test_bad_input_is_one_line_and_sends_nothing(shell, cell, message):
    with pytest.raises(InputError, match=message) as caught:
        shell.run(cell)

    assert caught.value._render_traceback_() == [
        f"{type(caught.value).__name__}: {caught.value}"
    ]
    assert "\n" not in str(caught.value)
    assert "_completion" not in shell.user_ns


def test_unloading_takes_everything_away(shell):
    shell.run("%complete --max-tokens 1 Hi")
    shell.run("%unload_ext jupyter_complete")

    assert "complete" not in shell.magics_manager.magics["cell"]
    assert "complete" not in shell.magics_manager.magics["line"]
    assert not any(
        type(c).__name__ == "CompletionSettings" for c in shell.configurables
    )
    names = [t.__name__ for t in shell.input_transformer_manager.token_transformers]
    assert "QuestionLine" not in names
    assert not any(
        hasattr(m, "jupyter_complete") for m in shell.Completer.custom_matchers
    )


def test_unloading_and_loading_again_works(shell):
    shell.run("%reload_ext jupyter_complete")
    shell.run("%complete --max-tokens 1 Hi")

    assert shell.user_ns["_completion"].status == "complete"


def test_an_interrupt_keeps_the_text(shell, monkeypatch, capsys):
    """Ctrl-C, as Python sees it, comes while the text is being shown."""
    from jupyter_complete import display

    def write(self, text):
        raise KeyboardInterrupt

    monkeypatch.setattr(display.TerminalScreen, "write", write)
    monkeypatch.setattr(display.TerminalScreen, "finish", lambda *_: None)
    with pytest.raises(CompletionInterrupted) as caught:
        shell.run(f"%%complete --max-tokens 4000 -t 1\n{QUESTION}")

    kept = shell.user_ns["_completion"]
    assert kept is caught.value.completion
    assert kept.status in {"interrupted", "complete"}
    assert kept.text
