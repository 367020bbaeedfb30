"""The panel without a browser: what its widgets say, what it sends, what it keeps."""

import html
import re

import nbconvert
import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from loopback import STALL, events
from nbclient import NotebookClient
from panels import panels, session_of, slide

from jupyter_complete.display import difference
from jupyter_complete.errors import InputError
from jupyter_complete.panel import CompletionPanel, preview
from jupyter_complete.panel.controls import OTHER, stops_from_text, text_from_stops
from jupyter_complete.settings import CompletionSettings
from jupyter_complete.settings.flags import parse
from jupyter_complete.settings.options import CompleteOptions


@pytest.fixture
def session(loopback):
    with session_of(model="m", endpoint=loopback.url, dialect="text") as session:
        yield session


@pytest.fixture
def make(session):
    """Make panels that are closed with the test."""
    with panels(session) as make:
        yield make


@pytest.fixture
def panel(make):
    return make()


def dial(panel, name):
    return panel._form.controls[name]


def run(panel):
    panel.run()
    panel.wait()


def status(panel):
    return panel._live.status


# Settings and widgets


@pytest.mark.parametrize("name", ["temperature", "top_p", "top_k"])
def test_off_sends_nothing_and_zero_is_sent(panel, loopback, name):
    loopback.reply(events("Yes"))

    run(panel)
    dial(panel, name)._text.value = "0"
    run(panel)

    off, zero = (request.json for request in loopback.requests)
    assert name not in off
    assert zero[name] == 0


def test_slider_value_switch_and_setting_agree(panel):
    temperature = dial(panel, "temperature")

    slide(temperature._slider, 0.3)
    assert panel.settings.temperature == 0.3
    assert temperature._text.value == "0.3"
    assert temperature._switch.value is True

    temperature._text.value = "0.45"
    assert (panel.settings.temperature, temperature._slider.value) == (0.45, 0.45)

    temperature._switch.value = False
    assert panel.settings.temperature is None
    assert temperature._text.value == ""

    temperature._switch.value = True
    assert panel.settings.temperature == 0.45


def test_two_panels_stay_equal(make):
    one, two = make(), make()

    slide(dial(one, "top_k")._slider, 7)

    assert dial(two, "top_k")._text.value == "7"
    assert dial(two, "top_k")._slider.value == 7


def test_a_value_beyond_the_slider_makes_the_slider_longer(panel):
    tokens = dial(panel, "max_tokens")

    panel.settings.max_tokens = 5000
    assert (tokens._slider.value, tokens._slider.max) == (5000, 5000)
    assert tokens._text.value == "5000"

    panel.settings.max_tokens = 10
    assert (tokens._slider.value, tokens._slider.max) == (10, 4096)


@pytest.mark.parametrize("typed", ["-1", "3", "warm", "nan", "1e400"])
def test_a_refused_value_leaves_widget_and_setting_as_they_were(panel, typed):
    temperature = dial(panel, "temperature")
    panel.settings.temperature = 0.5

    temperature._text.value = typed

    assert panel.settings.temperature == 0.5
    assert temperature._text.value == "0.5"
    assert temperature._slider.value == 0.5
    assert "temperature is" in status(panel)


def test_a_model_that_refuses_sampling_greys_the_sliders_and_says_why(panel):
    panel.settings.endpoint = None
    panel.settings.dialect = "auto"
    panel.settings.model = "claude-opus-4-7"

    for name in ("temperature", "top_p", "top_k"):
        assert dial(panel, name)._slider.disabled
        assert "claude-opus-4-7" in dial(panel, name)._why.value
    assert not dial(panel, "max_tokens")._slider.disabled

    panel.settings.model = "ngram-chat"
    assert not dial(panel, "temperature")._slider.disabled
    assert dial(panel, "temperature")._why.value == ""


def test_what_a_model_refuses_can_still_be_switched_off(panel):
    panel.settings.endpoint = None
    panel.settings.dialect = "auto"
    panel.settings.temperature = 0.5
    panel.settings.model = "claude-opus-4-7"
    switch = dial(panel, "temperature")._switch
    assert not switch.disabled

    switch.value = False

    assert panel.settings.temperature is None
    assert switch.disabled


def test_one_of_temperature_and_top_p_is_greyed_where_a_model_takes_one(panel):
    panel.settings.endpoint = None
    panel.settings.dialect = "auto"
    panel.settings.model = "claude-opus-4-5"
    assert not dial(panel, "top_p")._slider.disabled

    panel.settings.temperature = 0.5

    assert dial(panel, "top_p")._slider.disabled
    assert not dial(panel, "temperature")._slider.disabled


def test_temperature_with_top_p_shows_the_advice(panel):
    panel.settings.temperature = 0.5
    assert panel._preview.note.value == ""

    panel.settings.top_p = 0.9

    assert "change only one" in panel._preview.note.value


def test_an_unlisted_model_has_a_box(panel):
    model = dial(panel, "model")
    model._dropdown.value = "ngram-base"
    assert panel.settings.model == "ngram-base"
    assert model._box.layout.display == "none"

    model._dropdown.value = OTHER
    assert model._box.layout.display == ""
    model._box.value = "my-model"

    assert panel.settings.model == "my-model"
    assert (model._dropdown.value, model._box.value) == (OTHER, "my-model")


def test_a_heading_among_the_models_cannot_be_chosen(panel):
    model = dial(panel, "model")
    panel.settings.model = "ngram-chat"
    heading = next(v for _, v in model._dropdown.options if v.startswith("— "))

    model._dropdown.value = heading

    assert panel.settings.model == model._dropdown.value == "ngram-chat"


def test_a_retired_model_is_marked(panel):
    labels = [label for label, _ in dial(panel, "model")._dropdown.options]

    assert "claude-3-opus-20240229 (retired)" in labels


def test_an_endpoint_of_the_users_own_is_listed(panel):
    panel.settings.endpoints = {"mine": {"url": "http://localhost:1"}}
    panel.settings.endpoint = "mine"

    assert dial(panel, "endpoint")._dropdown.value == "mine"


def test_betas_are_chosen_listed_or_not_and_sent(panel, loopback):
    loopback.reply(events("Yes"))
    betas = dial(panel, "betas")
    assert "No beta flag" in betas._chosen.value
    first = betas._list.options[0]

    betas._list.value = (first,)
    betas._other.value = "mine-2030-01-01"
    run(panel)

    assert panel.settings.betas == [first, "mine-2030-01-01"]
    assert betas._list.value == (first, "mine-2030-01-01")
    assert loopback.requests[0].headers["anthropic-beta"] == f"{first},mine-2030-01-01"
    betas._clear.click()
    assert panel.settings.betas == []


@given(st.lists(st.text(min_size=1)))
def test_stop_sequences_survive_their_text(stops):
    assert stops_from_text(text_from_stops(stops)) == stops


def test_a_seed_is_typed(panel):
    seed = dial(panel, "seed")

    seed._widget.value = "42"
    assert panel.settings.seed == 42
    seed._widget.value = "x"
    assert (panel.settings.seed, seed._widget.value) == (42, "42")
    seed._widget.value = ""
    assert panel.settings.seed is None


def test_every_control_has_the_settings_help(panel):
    for name in ("temperature", "top_p", "top_k", "max_tokens"):
        help_ = panel.settings.traits()[name].help
        assert dial(panel, name)._slider.hint == help_


# Running


def test_a_run_lands_as_from_the_cell(make, loopback):
    loopback.reply(events(" <b>Yes", "</b>"))
    namespace = {"who": "Ann"}
    panel = make("Hi {{who}}", out="answer", namespace=namespace)

    run(panel)

    completion = namespace["_completion"]
    assert namespace["answer"] is completion is panel.completions[0]
    assert completion.text == " <b>Yes</b>"
    assert "Hi Ann" in loopback.requests[0].json["prompt"]
    assert "&lt;b&gt;Yes&lt;/b&gt;" in panel._live._cards[0]
    assert status(panel).startswith("Done: m")


def test_samples_stand_side_by_side(make, loopback):
    loopback.reply(events("Yes"))
    namespace = {}
    panel = make(out="answers", namespace=namespace)
    panel._samples.value = 3

    run(panel)

    assert len(loopback.requests) == 3
    assert [c.sample for c in namespace["answers"]] == [0, 1, 2]
    assert sorted(panel._live._cards) == [0, 1, 2]
    assert status(panel) == "Done: 3 answers."


def test_stop_acts_while_the_server_is_silent(panel, loopback):
    first, *_ = events("Yes", "No")
    loopback.reply([first, STALL])
    panel.run()
    loopback.wait_for_stall()

    panel.stop()
    panel.wait()

    (completion,) = panel.completions
    assert completion.status == "interrupted"
    assert loopback.requests[0].gone.wait(60)
    assert not panel._live.running
    assert panel._stop_button.disabled
    assert not panel._run_button.disabled


def test_stop_acts_while_an_endpoint_is_asked_what_it_speaks(panel, loopback):
    panel.settings.dialect = "auto"
    loopback.reply(raw=[STALL])
    panel.run()
    loopback.wait_for_requests()

    panel.stop()

    panel.wait()

    assert "Cancelled" in status(panel)
    assert not panel._run_button.disabled
    loopback.go()


def test_no_endpoint_is_asked_before_run(session, make, loopback):
    session.settings.dialect = "auto"

    panel = make("Hi {{who}}", namespace={"who": 1})
    panel._show.value = True
    panel.settings.temperature = 0.5

    assert "Run asks the endpoint first" in panel._preview.request.value
    assert loopback.requests == []


def test_a_second_run_waits_for_the_first_to_end(panel, loopback):
    loopback.reply(raw=[STALL])
    panel.run()
    loopback.wait_for_requests()

    panel.run()
    panel.stop()
    panel.wait()

    assert len(loopback.requests) == len(panel.completions) == 1


def test_an_error_is_one_line_and_its_completion_is_kept(panel, loopback):
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Busy"}}
    loopback.reply(error, status=529)

    run(panel)

    assert "Busy" in status(panel)
    assert panel.completions[0].status == "error"
    assert "Busy" in panel._live._cards[0]


def test_a_model_without_a_key_is_one_line_in_the_status(shell, monkeypatch):
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    panel = shell.run("%complete_panel")
    panel.prompt = "Hi"
    panel.settings.model = "claude-opus-4-5"

    run(panel)

    assert "ANTHROPIC_API_KEY" in status(panel)
    assert "\n" not in status(panel)
    assert not panel._run_button.disabled
    panel.close()


def test_a_name_without_a_value_sends_nothing(make, loopback):
    panel = make("Hi {{nobody}}", namespace={})

    run(panel)

    assert "nobody" in status(panel)
    assert "is not defined" in panel._preview.names.value
    assert loopback.requests == []


def test_a_value_that_cannot_be_shown_leaves_the_panel_whole(make):
    class Odd:
        def __str__(self):
            raise RuntimeError

    panel = make("Hi {{odd}}", namespace={"odd": Odd()})

    assert "RuntimeError" in panel._preview.names.value
    run(panel)
    assert "RuntimeError" in status(panel)


def test_what_changes_after_run_is_pressed_is_not_sent(panel, loopback):
    loopback.reply(raw=[STALL])
    panel.run()
    panel.settings.temperature = 0.9
    panel.prompt = "Another"
    loopback.wait_for_requests()
    panel.stop()
    panel.wait()

    sent = loopback.requests[0].json
    assert "temperature" not in sent
    assert "Hi" in sent["prompt"]


def test_the_page_sends_its_prompt_with_the_key_that_runs(panel, loopback):
    loopback.reply(events("Yes"))

    panel._live._handle_custom_msg({"kind": "run", "prompt": "Typed"}, [])
    panel.wait()

    assert "Typed" in loopback.requests[0].json["prompt"]
    assert panel.prompt == "Typed"


# Earlier answers


def test_the_strip_says_that_it_is_empty_until_a_second_run(panel, loopback):
    loopback.reply(events("One"))
    note = panel._answers.strip.box.children
    assert "None yet" in note[0].value

    run(panel)
    assert panel._answers.strip.box.children == note

    run(panel)
    assert "None yet" not in panel._answers.strip.box.children[0].children[0].value


def test_earlier_answers_are_compared_word_by_word(panel, loopback):
    loopback.reply(events("One red cat.")).reply(events("One blue cat."))

    run(panel)
    run(panel)

    (row,) = panel._answers.strip.box.children
    assert "One <del>red</del> <ins>blue</ins> cat." in row.children[0].value


def test_the_strip_keeps_twenty(panel, loopback):
    loopback.reply(events("Yes"))
    panel._samples.value = 8

    for _ in range(4):
        run(panel)

    assert len(panel._answers.strip.box.children) == 20
    assert len(panel.completions) == 32


def test_restore_brings_prompt_and_sliders_back(panel, loopback):
    loopback.reply(events("Yes"))
    panel.settings.temperature = 0.25
    run(panel)
    panel.settings.temperature = None
    panel.settings.top_k = 3
    panel.prompt = "Another"
    run(panel)
    _, button = panel._answers.strip.box.children[0].children

    button.click()

    assert panel.prompt == "Hi"
    assert (panel.settings.temperature, panel.settings.top_k) == (0.25, None)
    assert dial(panel, "temperature")._text.value == "0.25"


WORDS = st.lists(st.sampled_from(["a", "b", "<i>", "&", "\n"])).map(" ".join)


@given(WORDS, WORDS)
def test_a_difference_holds_both_texts(old, new):
    marked = difference(old, new)

    def without(tag):
        text = re.sub(f"<{tag}>.*?</{tag}>", "", marked, flags=re.DOTALL)
        return html.unescape(re.sub("</?(ins|del)>", "", text)).split()

    assert without("ins") == old.split()
    assert without("del") == new.split()


# Cells, requests, saved notebooks


def test_copy_as_cell_writes_what_the_settings_are(panel):
    panel.settings.temperature = 0.0
    panel.settings.stop = ["\n\n"]
    panel._samples.value = 2

    line, _, body = panel.cell().partition("\n")
    read = parse(line.removeprefix("%%complete"), CompleteOptions)

    assert body == "Hi"
    assert read.overrides["temperature"] == 0.0
    assert read.overrides["stop"] == ("\n\n",)
    assert read.overrides["samples"] == 2
    assert read.overrides["model"] == "m"


def test_sweep_writes_the_axis_in_place_of_the_value(panel):
    sent = []
    panel._live.show_cell = sent.append
    panel.settings.temperature = 0.3

    dial(panel, "temperature")._sweep.click()

    line = sent[0].partition("\n")[0]
    read = parse(line.removeprefix("%%complete"), CompleteOptions)
    assert read.options.sweep == ("temperature=0:1:0.25",)
    assert "temperature" not in read.overrides


@pytest.mark.parametrize("name", sorted(preview.SWEEPS))
def test_what_sweep_writes_is_a_sweep(shell, capsys, name):
    line, body = preview.sweep_cell(CompletionSettings(), "Hi", name).split("\n")

    shell.run_cell_magic("complete", f"{line.split(None, 1)[1]} --dry-run", body)

    assert name in capsys.readouterr().out


def test_a_copied_cell_asks_for_the_same_prompt_to_the_byte(shell):
    for prompt in ("Hi", "Hi\n", " two\n\nlines "):
        source = preview.complete_cell(
            CompletionSettings(turns="raw", model="ngram-base"), prompt
        )
        shell.run(source.replace("%%complete", "%%complete --max-tokens 1", 1))

        assert shell.user_ns["_completion"].prompt == prompt


def test_show_request_is_what_is_sent(panel, loopback):
    loopback.reply(events("Yes"))
    panel._show.value = True

    run(panel)

    shown = html.unescape(panel._preview.request.value)
    assert loopback.requests[0].body.decode() in shown
    assert "curl" in shown
    panel._show.value = False
    assert panel._preview.request.value == ""


def test_a_page_that_opens_late_gets_the_whole(panel, loopback):
    sent = []
    loopback.reply(events("Yes"))
    run(panel)
    panel._live.send = lambda content, **_: sent.append(content)

    panel._live._handle_custom_msg({"kind": "hello"}, [])

    (whole,) = sent
    assert whole["texts"] == ["Yes"]
    assert "Yes" in whole["cards"][0]


def test_what_goes_to_the_page_grows_with_the_text_and_not_with_its_square(panel):
    sent = []
    panel._live.send = lambda content, **_: sent.append(len(str(content)))
    panel._live.begin(1)

    for _ in range(100):
        panel._live.append(0, "word " * 10)

    assert max(sent) < 150


def test_a_saved_notebook_shows_the_last_answers_escaped(panel, loopback):
    loopback.reply(events("<img src=x>"))
    assert "needs a running kernel" in panel._saved_bundle()["text/html"]

    run(panel)

    bundle = panel._saved_bundle()
    assert "&lt;img src=x&gt;" in bundle["text/html"]
    assert "<img" not in bundle["text/html"]
    assert "<img src=x>" in bundle["text/plain"]


def test_a_terminal_says_what_it_would_be_and_how_to_get_it(shell, capsys):
    panel = CompletionPanel(prompt="Hi")

    shell.display_formatter.format(panel)
    panel.close()

    assert "jupyter lab" in capsys.readouterr().out


def test_in_a_notebook_it_shares_session_settings_and_names(shell):
    shell.run("who = 'Ann'")
    panel = CompletionPanel(prompt="Hi {{who}} and {{other}}")
    assert "is not defined" in panel._preview.names.value

    shell.run("other = 'Bob'")
    shell.run("%config CompletionSettings.top_k = 9")

    assert "Bob" in panel._preview.names.value
    assert dial(panel, "top_k")._text.value == "9"
    panel.close()


def test_its_completions_are_in_the_history_with_their_cell(shell):
    panel = shell.run("%complete_panel")
    panel.prompt = "What does break do?"
    panel.settings.max_tokens = 5

    run(panel)

    history = panel._session.history
    row = history.row(panel.completions[0].history_id)
    assert row.source == "%%complete --max-tokens 5\nWhat does break do?"
    panel.close()


def test_it_starts_from_the_last_complete_cell(shell):
    shell.run_cell("%%complete --dry-run\nTell me\nof it", store_history=True)
    shell.run_cell("1 + 1", store_history=True)

    panel = CompletionPanel()

    assert panel.prompt == "Tell me\nof it"
    panel.close()


def test_the_magic_takes_the_prompt_from_a_variable_and_names_the_result(shell):
    shell.run("question = 'What does break do?'")

    panel = shell.run("%complete_panel -p question -o answer")
    panel.settings.max_tokens = 5
    run(panel)

    assert panel.prompt == "What does break do?"
    assert shell.user_ns["answer"] is shell.user_ns["_completion"]
    panel.close()


def test_the_package_gives_the_panel_by_its_name(shell):
    shell.run("from jupyter_complete import CompletionPanel")

    panel = shell.run("CompletionPanel(prompt='Hi')")

    assert isinstance(panel, CompletionPanel)
    panel.close()


def test_a_value_that_config_refuses_moves_no_slider(shell, caplog):
    panel = shell.run("%complete_panel")
    panel.settings.temperature = 0.5

    shell.run_cell("%config CompletionSettings.temperature = float('nan')")

    assert "temperature is not a number" in caplog.text
    assert panel.settings.temperature == 0.5
    assert dial(panel, "temperature")._text.value == "0.5"
    assert dial(panel, "temperature")._slider.value == 0.5
    panel.close()


@pytest.mark.parametrize("line", ["-p nothing", "some words", "--temperature 1"])
def test_a_bad_line_of_the_magic_is_an_error_of_ours(shell, line):
    with pytest.raises(InputError):
        shell.run(f"%complete_panel {line}")


def test_without_the_extension_it_says_how_to_load_it(bare_shell):
    with pytest.raises(InputError, match="load_ext"):
        CompletionPanel()


def test_a_closed_panel_follows_nothing(make, session):
    panel = make()
    temperature = dial(panel, "temperature")

    panel.close()
    session.settings.temperature = 0.1

    assert temperature._text.value == ""


def test_a_control_that_is_closed_while_it_runs_ends_the_run(make, loopback):
    loopback.reply(raw=[STALL])
    panel = make()
    panel.run()
    loopback.wait_for_requests()

    panel.close()

    assert panel.completions[0].status == "interrupted"


def test_a_page_made_without_widgets_says_what_it_would_be(tmp_path):
    cells = ["%load_ext jupyter_complete", "panel = %complete_panel\npanel"]
    cells += ["panel.prompt = 'What does break do?'\npanel.run()\npanel.wait()"]
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells]
    )

    NotebookClient(notebook, kernel_name="python3").execute(cwd=str(tmp_path))
    page, _ = nbconvert.HTMLExporter().from_notebook_node(notebook)

    shown, kept = notebook.cells[1].outputs
    assert "jupyter lab" in shown.data["text/plain"]
    assert "needs a running kernel" in page
    assert "Its last answers" in kept.data["text/html"]
    assert "ngram-chat" in kept.data["text/plain"]
