"""What it costs: by hand, on a card, before it is sent, and in the history."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_complete.catalog import CATALOG
from jupyter_complete.completion import Usage
from jupyter_complete.errors import InputError
from jupyter_complete.prices import Price, dollars, price_of, refuse_cost, total
from jupyter_complete.request import CompletionRequest

ANSWER = {
    "id": "c-1",
    "object": "text_completion",
    "model": "m",
    "choices": [{"text": " Hi.", "index": 0, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1000, "completion_tokens": 200},
}


@pytest.fixture
def paid(shell, loopback):
    """The flags of a model that costs $3 and $15 for a million tokens."""
    shell.run('%config CompletionSettings.prices = {"m": [3, 15]}')
    loopback.reply(ANSWER)
    return f"--endpoint {loopback.url} --dialect openai -m m --no-stream"


def test_a_price_by_hand():
    price = Price(3, 15)

    assert price.of(Usage(1000, 200)) == pytest.approx(0.006)
    assert price.of(Usage(1000, None)) is None
    assert price.of(None) is None
    request = CompletionRequest("m", "é" * 484, 1000)  # 968 bytes and 32
    assert price.most(request) == pytest.approx(0.018)


@pytest.mark.parametrize(
    ("amount", "near", "up"),
    [
        (0, "$0.00", "$0.00"),
        (0.0042, "$0.0042", "$0.0042"),
        (0.000123, "$0.00012", "$0.00013"),
        (0.5, "$0.50", "$0.50"),
        (1.191, "$1.19", "$1.20"),
        (1234.5, "$1,234.50", "$1,234.50"),
    ],
)
def test_dollars_are_written_as_people_do(amount, near, up):
    assert dollars(amount) == near
    assert dollars(amount, up=True) == up


@given(st.floats(1e-9, 1e6))
def test_what_is_rounded_up_is_no_less(amount):
    assert float(dollars(amount, up=True)[1:].replace(",", "")) >= amount * (1 - 1e-5)


@pytest.mark.parametrize(
    "value",
    [
        *(3, "3", None, [3], [3, "x"], [3, -1], [True, 1], [3, float("inf")]),
        *({"input": 3}, {"input": 1, "output": 2, "cached": 3}),
    ],
)
def test_what_is_no_price_is_one_line(value):
    with pytest.raises(InputError, match=r"The price of m is .*; give US dollars per"):
        price_of(value, "m")


def test_what_is_not_known_is_no_zero():
    assert total([None, 1.0, None, 0.5]) == 1.5
    assert total([None]) is None
    with pytest.raises(InputError, match="the price of m is not known; set Completion"):
        refuse_cost([0.1, None], 1, "m")
    refuse_cost([0.5, 0.5], 1, "m")
    with pytest.raises(InputError, match=r"this can cost \$1.10; lower --max-tokens"):
        refuse_cost([0.5, 0.6], 1, "m")


def test_every_price_of_the_catalogue_has_its_day_and_source():
    priced = [model for model in CATALOG.models if model.price]

    assert priced
    for model in priced:
        assert model.price.date
        assert model.price.source.startswith("https://")
        assert model.endpoint not in ("embedded", "local")


def test_the_card_and_the_history_say_about_how_much(shell, paid, capsys):
    shell.run(f"%complete {paid} Hi")

    assert "200 tokens · about $0.0060 · " in capsys.readouterr().out
    assert shell.user_ns["_completion"].cost == pytest.approx(0.006)
    shell.run("%complete What is a list?")
    assert "about $" not in capsys.readouterr().out
    found = shell.run("%complete_history --cost")
    assert [row[1:] for row in found.rows] == [
        ("m", "1", "1,000", "200", "about $0.0060")
    ]
    assert found.caption == "In all about $0.0060."


def test_what_is_unknown_says_nothing(shell, loopback, capsys):
    loopback.reply(ANSWER)
    place = f"--endpoint {loopback.url} --dialect openai -m m --no-stream"
    shell.run(f"%complete {place} Hi")

    assert "$" not in capsys.readouterr().out
    assert shell.user_ns["_completion"].cost is None
    found = shell.run("%complete_history --cost")
    assert found.rows[0][-1] == "unknown"
    assert found.caption == "What 1 of the calls cost is not known."


def test_a_dry_run_says_at_most_how_much(shell, paid, capsys):
    shell.run(f"%complete --dry-run --max-tokens 1000 {paid} Hi")
    assert "It costs at most $0.02." in capsys.readouterr().out

    shell.run(f"%complete -n 100 --dry-run --max-tokens 1000 {paid} Hi")
    assert "100,000 output tokens, at most $1.52" in capsys.readouterr().out
    shell.run("%complete -n 3 --dry-run Hi there")
    assert "$" not in capsys.readouterr().out


def test_a_ceiling_refuses_before_anything_is_sent(shell, paid, loopback):
    for flags in ("--max-cost 0.01", "-n 10 --max-cost 0.1"):
        with pytest.raises(InputError, match=r"max_cost is \$0.*, and this can cost"):
            shell.run(f"%complete {flags} --max-tokens 1000 {paid} Hi")
    with pytest.raises(InputError, match="the price of other is not known"):
        shell.run(f"%complete --max-cost 5 {paid} -m other Hi")
    with pytest.raises(InputError, match="the price of other is not known"):
        shell.run(f"%complete -n 2 --max-cost 5 {paid} -m other Hi")

    judged = "--score judge --judge other --rubric good"
    with pytest.raises(InputError, match="the price of other is not known"):
        shell.run(f"%complete -n 2 --max-cost 5 {judged} {paid} Hi")
    with pytest.raises(InputError, match=r"max_cost is -1.0; give a number, 0 or more"):
        shell.run("%complete --max-cost -1 Hi")

    assert not loopback.requests
    shell.run("%complete --max-cost 0 What is a list?")
    shell.run("%complete -n 2 --max-cost 0 What is a list?")


def test_a_sweep_sums_what_was_paid_now(shell, paid, loopback, capsys):
    loopback.reply(ANSWER)
    shell.run(f"%complete -n 2 --max-cost 1 {paid} Hi")

    runs = shell.user_ns["_sweep"]
    assert "2 complete, about $0.01" in capsys.readouterr().out
    assert runs.metrics("cost")[0].estimate.value == pytest.approx(0.006)
    assert [one["cost"] for one in runs.to_records()] == [pytest.approx(0.006)] * 2
    shell.run(f"%complete -n 2 --max-cost 0 {paid} Hi")
    assert "about $" not in capsys.readouterr().out


def test_prices_of_ones_own_are_checked(shell):
    with pytest.raises(InputError, match="The price of m is 3"):
        shell.user_ns["settings"] = shell.magics_manager.registry[
            "CompletionMagics"
        ].settings.changed({"prices": {"m": 3}})
