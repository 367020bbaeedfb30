"""Flags, settings and requests: one description, three faces."""

import dataclasses
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from traitlets import Int

from jupyter_complete.errors import InputError
from jupyter_complete.request import BOUNDS, CompletionRequest
from jupyter_complete.settings import CompletionSettings, flags, parameters
from jupyter_complete.settings.options import CompleteOptions
from jupyter_complete.settings.traits import Settings

PROMISED = {
    "--format",
    "--reuse",
    "--dry-run",
    "--yes",
    "--as",
    "--system",
    "--seed",
    "--out",
    "--top-k",
    "--no-history",
    "--max-output-tokens",
    "--fresh",
    "--sweep",
    "--dialect",
    "--temperature",
    "--executor",
    "--plot",
    "--user-id",
    "--top-p",
    "--samples",
    "--beta",
    "--export",
    "--endpoint",
    "--no-stream",
    "--model",
    "--turns",
    "--stop",
    "--concurrency",
    "--max-calls",
    "--max-tokens",
}


def test_every_field_of_a_request_has_one_setting_and_one_flag():
    """The prompt is the cell; log-probabilities are a setting like the others."""
    fields = {field.name for field in dataclasses.fields(CompletionRequest)}
    filled = [parameter.request for parameter in parameters() if parameter.request]

    assert sorted(filled) == sorted(fields - {"prompt"})


def test_every_parameter_has_a_flag_and_help():
    by_name = {flag.name: flag for flag in flags.flags() if flag.setting}

    assert list(by_name) == [parameter.name for parameter in parameters()]
    for parameter in parameters():
        assert by_name[parameter.name].spellings == parameter.flags
        assert by_name[parameter.name].help == parameter.help
        assert parameter.help.endswith(".")


def test_the_bounds_of_traits_are_those_of_the_request():
    traits = CompletionSettings.class_traits()
    for parameter in parameters():
        if parameter.request in BOUNDS:
            smallest, largest, _ = BOUNDS[parameter.request]
            assert traits[parameter.name].min == smallest
            assert traits[parameter.name].max == largest


def test_the_promised_flags_are_there():
    longs = {flag.long for flag in flags.flags()}

    assert longs >= PROMISED


def test_no_spelling_serves_two_flags():
    spellings = [s for flag in flags.flags() for s in flag.spellings]

    assert len(spellings) == len(set(spellings))


def test_only_the_given_flags_override():
    line = flags.parse(
        "-t 0 --top-k=5 --stop a --stop b --no-stream -o x", CompleteOptions
    )

    assert line.overrides == {
        "temperature": 0.0,
        "top_k": 5,
        "stop": ("a", "b"),
        "stream": False,
    }
    assert line.options == CompleteOptions(out="x")
    assert line.rest == ""


def test_zero_is_a_value_and_absent_is_absent():
    assert flags.parse("-k 0", CompleteOptions).overrides == {"top_k": 0}
    assert flags.parse("", CompleteOptions).overrides == {}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        (r'--stop "\n\nHuman:"', "\n\nHuman:"),
        (r"--stop='a b'", "a b"),
        (r"--stop \n", r"\n"),
        ("--stop ''", ""),
        ('--stop "it\'s"', "it's"),
        (r'--stop "100\x is"', r"100\x is"),
        ("--stop {x}$y", "{x}$y"),
        ("--stop -", "-"),
        ("--stop --stop", "--stop"),
    ],
)
def test_quotes_make_python_strings(written, value):
    assert flags.parse(written, CompleteOptions).overrides == {"stop": (value,)}


@pytest.mark.parametrize(
    "rest", ["What's up?", "2 - 1", "--- a", "-1 is", "“quoted” {{x}}  end ", "'x"]
)
def test_what_follows_the_flags_is_the_prompt_to_the_byte(rest):
    line = flags.parse(f"-t 0.5  {rest}", CompleteOptions)

    assert line.overrides == {"temperature": 0.5}
    assert line.rest == rest


def test_two_dashes_end_the_flags():
    assert (
        flags.parse("-t 1 -- --model is a flag", CompleteOptions).rest
        == "--model is a flag"
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--temprature 1", r"--temprature: did you mean --temperature\?"),
        ("--nonsense", "lists them"),
        ("-t", "--temperature wants a value"),
        ("-t warm", "--temperature is 'warm'; give a number"),
        ("-k 1.5", "--top-k is '1.5'; give a whole number"),
        ("-j many", "--concurrency is 'many'; give a whole number or auto"),
        ("--turns x", "--turns is 'x'; choose from auto, wrap, raw"),
        ("--dry-run=1", "--dry-run takes no value"),
        ("--api-key secret", "a key never goes into a cell"),
    ],
)
def test_a_bad_flag_is_named_with_the_remedy(line, message):
    with pytest.raises(InputError, match=message):
        flags.parse(line, CompleteOptions)


def test_a_refused_key_is_not_repeated():
    with pytest.raises(InputError) as caught:
        flags.parse("--api-key=sk-ant-secret", CompleteOptions)

    assert "sk-ant-secret" not in str(caught.value)


def test_none_unsets_a_number():
    assert flags.parse("-t none", CompleteOptions).overrides == {"temperature": None}


def test_a_unique_beginning_is_enough():
    assert flags.parse("--temp 1", CompleteOptions).overrides == {"temperature": 1.0}


TEXTS = st.text(st.characters(codec="utf-8"), min_size=1)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "temperature": st.floats(0, 2) | st.none(),
            "top_k": st.integers(0, 10**9),
            "stop": st.lists(TEXTS, min_size=1).map(tuple),
            "system": TEXTS,
            "stream": st.sampled_from([False]),
            "reuse": st.sampled_from([True]),
            "turns": st.sampled_from(["auto", "wrap", "raw"]),
            "concurrency": st.just("auto") | st.integers(1, 64),
        },
    )
)
def test_what_is_written_reads_back(overrides):
    line = flags.write(overrides)

    assert "\n" not in line
    assert flags.parse(line, CompleteOptions).overrides == overrides


def test_the_help_names_every_flag():
    text = flags.help_text()

    for flag in flags.flags():
        assert re.search(rf"(^|\s){re.escape(flag.long)}\b", text)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("temperature", 7, "temperature is 7; give a number from 0 to 2"),
        ("max_tokens", 0, "max_tokens is 0; give a whole number, 1 or more"),
        ("top_k", -1, "top_k is -1; give a whole number, 0 or more"),
        ("top_p", "x", "top_p is 'x'; give a number from 0 to 1"),
        ("turns", "x", "turns is 'x'; choose from auto, wrap, raw"),
        ("warmth", 1, "warmth is no setting; %config CompletionSettings lists them"),
        ("temprature", 1, r"temprature is no setting; did you mean temperature\?"),
    ],
)
def test_a_bad_setting_is_named_with_its_bounds(name, value, message):
    with pytest.raises(InputError, match=message):
        CompletionSettings().changed({name: value})


def test_a_number_without_bounds_is_asked_for_as_a_number():
    class Free(Settings):
        shift = Int(0).tag(config=True)

    assert Free().changed({"shift": -3}).shift == -3
    with pytest.raises(InputError, match="shift is 'x'; give an int"):
        Free().changed({"shift": "x"})


def test_overrides_never_move_the_settings():
    settings = CompletionSettings()
    copy = settings.changed({"temperature": 0.3, "stop": ("a",)})

    assert (copy.temperature, copy.stop) == (0.3, ["a"])
    assert (settings.temperature, settings.stop) == (None, [])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": ""}, "model is ''"),
        ({"prompt": ""}, "at least one character"),
        ({"prompt": "a\ud800b"}, "half a character at position 1"),
        ({"max_tokens_to_sample": 0}, "max_tokens_to_sample is 0"),
        ({"max_tokens_to_sample": True}, "whole number"),
        ({"max_tokens_to_sample": None}, "whole number"),
        ({"temperature": float("inf")}, "temperature is inf"),
        ({"temperature": float("nan")}, "temperature is nan"),
        ({"temperature": 2.1}, "from 0 to 2"),
        ({"top_p": 1.01}, "from 0 to 1"),
        ({"top_k": 1.0}, "top_k is 1.0"),
        ({"stop_sequences": ("",)}, "stop is ''"),
        ({"betas": ("a,b",)}, "one flag in each --beta"),
        ({"betas": ("a\nX-Api-Key: b",)}, "one flag in each --beta"),
        ({"user_id": "x" * 513}, "513 characters"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_a_request_that_exists_is_valid(change, message):
    good = {"model": "m", "prompt": "p", "max_tokens_to_sample": 1}
    with pytest.raises(InputError, match=message):
        CompletionRequest(**(good | change))
