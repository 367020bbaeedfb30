"""Templates and turns."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_complete.errors import PromptError
from jupyter_complete.prompts import (
    check_turns,
    fill,
    parse_turns,
    refusals,
    sanitise,
    template_names,
    with_turns,
)


def test_fill_replaces_names_once():
    filled = fill("{{a}} and {{b}} and {{a}}", {"a": "{{b}}", "b": 2})

    assert filled == "{{b}} and 2 and {{b}}"


@pytest.mark.parametrize(
    "text",
    [
        "{a}",
        "{{ a b }}",
        "{{\na}}",
        "{{1a}}",
        "{{a.b}}",
        "{{}}",
        "$a",
        '{"a": {"b": 1}}',
        "%s",
        "{{",
    ],
)
def test_every_other_brace_is_just_a_brace(text):
    assert fill(text, {"a": "no"}) == text


@pytest.mark.parametrize("text", ["{{a}}", "{{ a }}", "{{a }}", "{{\ta}}"])
def test_a_name_may_have_room_around_it(text):
    assert fill(text, {"a": "yes"}) == "yes"
    assert template_names(text) == ("a",)


def test_an_unknown_name_is_named_with_the_remedy():
    with pytest.raises(PromptError, match=r"\{\{tone\}\}.*assign tone first"):
        fill("Be {{tone}}.", {})


@given(st.text(), st.text())
def test_values_come_through_unchanged(value, rest):
    assert fill("{{x}}|" + rest.replace("{", ""), {"x": value}) == (
        value + "|" + rest.replace("{", "")
    )


def test_template_names_are_in_order_and_once():
    assert template_names("{{b}}{{a}}{{b}}{{é}}") == ("b", "a", "é")


def test_auto_wraps_where_turns_are_wanted():
    prompt = with_turns("Hi there\n", "auto", wanted=True, system=None)

    assert prompt == "\n\nHuman: Hi there\n\nAssistant:"


@pytest.mark.parametrize(
    "text",
    [
        "\n\nHuman: Hi\n\nAssistant:",
        "\nHuman: Hi\n\nAssistant: I",
        "Human: Hi\n\nAssistant:",
        "Be brief.\n\nHuman: Hi\n\nAssistant: ",
    ],
)
def test_text_with_turns_stays_to_the_byte(text):
    assert with_turns(text, "auto", wanted=True, system=None) == text


def test_raw_sends_the_cell_as_it_stands():
    assert with_turns(" Hi\n", "raw", wanted=True, system=None) == " Hi\n"


def test_system_goes_before_the_first_turn():
    prompt = with_turns("Hi", "auto", wanted=True, system="Be brief.\n")

    assert prompt == "Be brief.\n\nHuman: Hi\n\nAssistant:"


def test_system_without_a_turn_is_refused():
    with pytest.raises(PromptError, match="--turns wrap"):
        with_turns("Hi", "auto", wanted=False, system="Be brief.")


def test_an_empty_cell_is_refused():
    with pytest.raises(PromptError, match="empty"):
        with_turns(" \n", "auto", wanted=True, system=None)


@pytest.mark.parametrize(
    ("prompt", "why"),
    [
        ("Hello, world", "start"),
        ("Hello, world\n\nAssistant:", "start"),
        ("\n\nHuman: Hello, Claude", "end"),
        ("\n\nAssistant: Hi\n\nHuman: Hello\n\nAssistant:", "start"),
        ("\n\nHuman: Hello\n\nAssistant: Hi\n\nHuman: More", "end"),
        ("\n\nHuman: Hello, Claude \nAssistant:", "end"),
    ],
)
def test_what_the_api_documents_as_refused(prompt, why):
    """The six examples of the vendor's page on prompt validation."""
    assert any(f"must {why} with" in refusal.message for refusal in refusals(prompt))
    with pytest.raises(PromptError, match="--turns raw"):
        check_turns(prompt)


@pytest.mark.parametrize(
    "prompt",
    [
        "\n\nHuman: Hello, Claude\n\nAssistant:",
        "Human: Hello, Claude\n\nAssistant:",
        "\n\nHuman: Hello, Claude\n\nAssistant: ",
        "\n\nHuman: Hello, Claude\n\nAssistant: Once upon",
        "Be brief.\n\nHuman: Hello\n\nAssistant:",
    ],
)
def test_what_the_api_documents_as_accepted(prompt):
    assert refusals(prompt) == []


def test_a_trailing_space_after_the_last_marker_is_repaired():
    assert sanitise("\n\nHuman: a\n\nAssistant: ") == "\n\nHuman: a\n\nAssistant:"


def test_a_prompt_comes_apart_at_exact_markers_only():
    dialogue = parse_turns(
        "Sys\n\nHuman: a Human: b\nHuman: c\r\n\r\nAssistant: d\n\nhuman: e"
    )

    assert dialogue.system == "Sys"
    assert dialogue.turns == (
        ("user", " a Human: b\nHuman: c"),
        ("assistant", " d\n\nhuman: e"),
    )
