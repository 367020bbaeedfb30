"""A sweep of the history again: of all rows of a text, those of its last run."""

import json
from operator import itemgetter

import pytest
from counting import Counting, answered

from jupyter_complete.session import Session
from jupyter_complete.settings import CompletionSettings
from jupyter_complete.sweeps.points import Axis

TONES = Axis(("tone",), (("dry",), ("warm",), ("cold",)))
TEMPERATURES = Axis(
    ("temperature",), ((0.0,), (0.5,), (1.0,)), frozenset({"temperature"})
)


@pytest.fixture
def server():
    with Counting() as counting:
        counting.answer = lambda prompt, n: (200, {}, answered(f"{prompt}{n}"))
        yield counting


@pytest.fixture
def opened(server, tmp_path):
    """Open sessions on one history, as kernels of one profile do."""
    sessions = []

    def session():
        settings = CompletionSettings(
            endpoint=server.endpoint.base_url,
            dialect="text",
            model="m",
            turns="raw",
            stream=False,
        )
        sessions.append(Session.opened(settings, tmp_path, None))
        return sessions[-1]

    yield session
    for each in sessions:
        each.close()


def swept(session, text, axis=TONES, values=(), **settings):
    """Return what a sweep gave: of each point the answer, and whether it is reused."""
    return session.sweep(session.plan_sweep(text, [axis], dict(values), **settings))


def answers(sweep):
    return [row.completion and row.completion.text for row in sweep.rows]


OTHERWISE = [
    ("{{tone}} {{topic}}", {"topic": "dogs"}),
    # What they make is the same text, at another point.
    ("{{a}}{{tone}}{{b}}", {"a": "", "b": "{{tone}}"}),
    ("\n\nHuman: {{tone}}\n\nAssistant:", {"system": "Sing."}),
    ("{{tone}}", {"turns": "wrap"}),
    ("{{tone}}", {"stop": ["x"]}),
    ("{{tone}}", {"dialect": "openai"}),
]


@pytest.mark.parametrize(("text", "changed"), OTHERWISE)
def test_a_sweep_that_was_stopped_has_no_answer_to_another_prompt(
    opened, server, text, changed
):
    values = {"topic": "cats", "a": "{{tone}}", "b": ""}
    others = {name: values[name] for name in changed if name in values}
    settings = {name: changed[name] for name in changed.keys() - others}
    session = opened()
    first = swept(session, text, values=values, max_calls=2)
    last = swept(opened(), text, values=values | changed, max_calls=1, **settings)

    assert session.restore_sweep(last.id).rows == last.rows[:1]
    whole = swept(session, text, values=values)
    assert len(server.times) == 4
    assert answers(whole)[:2] == answers(first)[:2]
    assert answers(session.restore_sweep(last.id)) == answers(whole)


def test_what_moves_with_the_points_is_no_other_value(opened):
    session = opened()
    system = Axis(("system",), (("Sing.",), ("Hum.",)), frozenset({"system"}))
    done = swept(session, "\n\nHuman: hi\n\nAssistant:", system)

    assert answers(session.restore_sweep(done.id)) == answers(done)


@pytest.mark.parametrize("axis", [TONES, TEMPERATURES])
def test_a_sweep_of_before_is_restored_by_its_prompts_and_not_asked_again(
    opened, server, tmp_path, axis
):
    session, text = opened(), "{{topic}}" + "{{tone}}" * (axis is TONES)
    swept(session, text, axis, {"topic": "cats"}, max_calls=2)
    last = swept(session, text, axis, {"topic": "dogs"}, max_calls=1)
    say_no_more(session.history, tmp_path / "rows.jsonl")

    found = session.restore_sweep(last.id)
    assert last[0].text in answers(found)
    whole = swept(session, text, axis, {"topic": "cats"})
    assert len(server.times) == 4
    if axis is TEMPERATURES:  # every point has the same prompt, which tells all
        assert len(found) == 1
        assert answers(session.restore_sweep(last.id)) == answers(whole)


def say_no_more(history, path):
    """Make the history one of before rows said what filled their prompts."""
    history.export(path)
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    told = [row.pop("filled") for row in rows]
    assert all(told)
    rows.sort(key=itemgetter("created"))
    path.write_text("\n".join(map(json.dumps, rows)))
    history.purge()
    history.import_(path)
