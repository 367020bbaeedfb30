"""A local model samples as the sliders say, and a seed repeats its text."""

import contextlib
import json
import math
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from gguf import tiny_llama
from scipy.stats import chisquare

from jupyter_complete.distribution import Distribution
from jupyter_complete.local.children import CHILDREN
from jupyter_complete.session import Session
from jupyter_complete.settings import CompletionSettings

DRAWS, AT_ONCE = 5000, 250


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """A session whose model is a tiny random one."""
    path = tmp_path_factory.mktemp("models") / "tiny.gguf"
    path.write_bytes(tiny_llama())
    with contextlib.closing(Session(CompletionSettings(model=str(path)))) as session:
        yield session


def sent(session, shape, **changes):
    """Send what a cell with these settings would, changed to draw one token or many.

    The engine's own path is asked, as it alone tells the tokens by their numbers.
    """
    call = session.prepare("abc", turns="raw", stream=False, max_tokens=1, **shape)
    at = CHILDREN.reach(call.endpoint.base_url, idle=900)
    body = json.loads(call.http().body) | {"return_tokens": True} | changes
    headers = {"Authorization": f"Bearer {at.key}"}
    answer = requests.post(f"{at.url}/completion", json=body, headers=headers)
    answer.raise_for_status()
    return answer.json()


@pytest.mark.parametrize(
    "shape",
    [{"temperature": 0.6}, {"top_k": 7}, {"top_p": 0.6}],
    ids=["temperature", "top_k", "top_p"],
)
def test_draws_are_as_the_distribution_reshaped_says(session, shape):
    # The engine tells none beside half a character, or the end of the text.
    answer = sent(session, {}, n_probs=300, grammar="root ::= [ -~]+")
    told = answer["completion_probabilities"][0]["top_logprobs"]
    ids = [one["id"] for one in told]
    likely = tuple(math.exp(one["logprob"]) for one in told)
    tokens = tuple(map(str, ids))
    left = Distribution("abc", "tiny", tokens, likely).reshaped(**shape).left

    drawn = Counter()
    for _ in range(DRAWS // AT_ONCE):
        many = sent(session, shape, prompt=["abc"] * AT_ONCE)
        drawn.update(one["tokens"][0] for one in many)

    assert sum(drawn.values()) == DRAWS
    assert set(drawn) <= set(ids[: len(left)])
    expected = [DRAWS * chance for chance in left]
    often = [n for n, count in enumerate(expected) if count >= 5]
    seen = [drawn[ids[n]] for n in often]
    wanted = [expected[n] for n in often]
    if len(often) < len(left):
        seen.append(DRAWS - sum(seen))
        wanted.append(DRAWS - sum(wanted))
    assert chisquare(seen, wanted).pvalue > 1e-4


def test_a_seed_repeats_the_text_alone_and_beside_seven_other_calls(session):
    def text(seed, prompt):
        call = session.prepare(prompt, turns="raw", seed=seed, max_tokens=60)
        return session.ask(call).completion.text

    alone = [text(7, "Once upon a time") for _ in range(3)]
    with ThreadPoolExecutor(8) as pool:
        prompts = [
            "Once upon a time",
            *(f"{n} others that are longer" for n in "bcdefgh"),
        ]
        beside, *_ = pool.map(text, [7, *range(7)], prompts)
        same = {*pool.map(text, [7] * 8, ["Once upon a time"] * 8)}

    assert {*alone, beside} | same == {alone[0]}
    assert text(8, "Once upon a time") != alone[0]
