import math
import os
import re
import subprocess
import sys
import threading
from collections import Counter
from itertools import islice, pairwise
from pathlib import Path

import pytest
from scipy.stats import chisquare

from jupyter_complete.completion import TokenLogprob
from jupyter_complete.errors import InputError
from jupyter_complete.ngram import model as room
from jupyter_complete.ngram.corpus import documentation, from_text
from jupyter_complete.ngram.level import Estimate, Level
from jupyter_complete.ngram.model import END, count_tokens, load_models
from jupyter_complete.ngram.retrieval import question_terms
from jupyter_complete.ngram.sampling import Sampling, shape
from jupyter_complete.ngram.tokens import tokenise

_plain = (
    "What does the with statement do?",
    "What is a list?",
    "What does lambda do?",
    "What is a tuple?",
    "How do decorators work?",
    "What does raise do?",
    "What is a generator function?",
    "How does integer division work?",
)
SMALL = """The cat sat on the mat. The cat ate the fish. The dog sat on the log.

A dog ate the bone on the mat. The fish sat in the bowl. A cat and a dog sat.

The bone is on the log and the bowl is on the mat. A fish ate a fish.
"""


def chat(question):
    return f"\n\nHuman: {question}\n\nAssistant:"


def text_of(model, prompt, most=300, **sampling):
    return "".join(t.token for t in islice(model.generate(prompt, **sampling), most))


def shares(model, prompt, **limits):
    """Return the probability of each next token, as the sampling leaves it."""
    return model.begin(prompt).shares(Sampling(**limits))


def advance(passage, text):
    """Append a token by its text."""
    alike = (t for t, _ in passage.shaped(Sampling()) if passage.text_of(t) == text)
    passage.advance(next(alike))


@pytest.fixture(scope="module")
def models():
    return load_models()


@pytest.fixture(scope="module")
def small():
    return load_models(SMALL)


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("What does the with statement do?", "wrap the execution of a block"),
        ("What is an f-string?", "formatted string literal"),
        ("What does the del statement do?", "Deletion of a"),
        ("What is the difference between is and ==?", "identity"),
        ("How does integer division work?", "floor division"),
        ("explain list comprehensions", "A list display yields a new list"),
        ("What does in do?", "test for membership"),
    ],
)
def test_plain_question_is_answered_in_whole_sentences(models, question, wanted):
    answer = text_of(models["ngram-chat"], chat(question), temperature=0)

    assert wanted in answer
    assert answer.endswith(".")


def test_at_least_nine_in_ten_answers_are_good(models, monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "benchmarks")
    import questions

    bad = [
        question
        for question, wanted in questions.QUESTIONS
        if questions.faults(
            text_of(models["ngram-chat"], chat(question), temperature=0), wanted
        )
    ]

    assert len(bad) <= len(questions.QUESTIONS) // 10, bad


def test_base_model_continues_raw_text(models):
    answer = text_of(
        models["ngram-base"], "The operators in and not", 30, temperature=0
    )

    assert answer
    assert answer[0] != "\n"


def test_base_model_goes_on_within_a_known_sentence(small):
    answer = text_of(
        small["ngram-base"], "The bone is on the log and", 4, temperature=0
    )

    assert answer == " the bowl is on"


@pytest.mark.parametrize(
    "question", ["Name three colours.", "Write a haiku", "🎉🎉", "?", "x" * 1_000_000]
)
def test_question_it_knows_nothing_of_gets_a_passage(models, question):
    answer = text_of(models["ngram-chat"], chat(question), temperature=0)

    assert len(answer.split()) > 15
    assert answer.startswith(" ")


def test_unusual_prompts_are_answered(models):
    for prompt in ("\n\nHuman:\n\nAssistant:", "del", "\n\nAssistant:", " "):
        assert text_of(models["ngram-chat"], prompt, temperature=0)
        assert text_of(models["ngram-base"], prompt, 20, temperature=0)


def test_prefill_is_continued(models):
    prompt = chat("What is del?")

    assert text_of(
        models["ngram-chat"], f"{prompt} Deletion of a target list", temperature=0
    ).startswith(" recursively deletes each target")
    assert text_of(
        models["ngram-chat"], f"{prompt} Deletion of a ", temperature=0
    ).startswith("target list recursively")


def test_follow_up_is_answered_from_the_turn_it_refers_to(models):
    first = chat("What does yield do?")
    answer = text_of(
        models["ngram-chat"], f"{first} It yields.{chat('And how?')}", temperature=0
    )

    assert "yield" in answer


def test_few_shot_prompt_is_answered_by_its_last_question(models):
    shots = "Q: What is a tuple?\nA: A sequence.\nQ: What does lambda do?\nA:"

    assert "anonymous" in text_of(models["ngram-chat"], chat(shots), temperature=0)


def test_answer_is_its_tokens_joined_and_begins_with_a_space(models):
    tokens = list(models["ngram-chat"].generate(chat("What is a set?"), seed=1))

    assert tokens[0].token.startswith(" ")
    assert "  " not in "".join(token.token for token in tokens)
    assert "\n " not in "".join(token.token for token in tokens)


def test_same_seed_gives_the_same_text_and_another_gives_another(models):
    def answer(seed):
        return text_of(models["ngram-chat"], chat("What is a list?"), seed=seed)

    assert answer(5) == answer(5)
    assert len({answer(seed) for seed in range(6)}) > 1


def test_without_a_seed_answers_differ(models):
    answers = {text_of(models["ngram-chat"], chat("What is a list?")) for _ in range(8)}

    assert len(answers) > 1


def test_seed_gives_the_same_text_in_every_process():
    code = (
        "from jupyter_complete.ngram.model import load_models\n"
        f"for model in load_models({SMALL!r}).values():\n"
        "    print([t for t in model.generate('the cat', temperature=1, seed=3)])"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }

    assert len(texts) == 1


def test_temperature_zero_ignores_the_seed(models):
    def answer(seed):
        return text_of(
            models["ngram-chat"], chat("What is del?"), temperature=0, seed=seed
        )

    assert answer(1) == answer(2)


@pytest.mark.parametrize("name", ["ngram-chat", "ngram-base"])
@pytest.mark.parametrize("temperature", [None, 0.001, 0.1, 0.7, 1, 2])
@pytest.mark.parametrize(
    "limits", [{}, {"top_k": 3}, {"top_p": 0.6}, {"top_k": 5, "top_p": 0.5}]
)
def test_distribution_sums_to_one_and_is_sorted(models, name, temperature, limits):
    passage = models[name].begin(chat("What does the with statement do?"))
    for token in [" The", ' "with"', " statement"]:
        found = passage.shares(Sampling(temperature=temperature, **limits)).values()

        assert math.fsum(found) == pytest.approx(1, abs=1e-9)
        assert list(found) == sorted(found, reverse=True)
        advance(passage, token)


def test_distribution_without_limits_has_the_whole_vocabulary(small):
    found = small["ngram-base"].next_token_distribution("The cat")

    assert {" sat", " ate", " bowl", ".", END} < set(found.tokens)
    assert all(p > 0 for p in found.probabilities)


def test_temperature_scales_the_logarithms(small):
    plain = shares(small["ngram-base"], "The cat")
    cold = shares(small["ngram-base"], "The cat", temperature=0.5)

    total = sum(p**2 for p in plain.values())
    for token, probability in cold.items():
        assert probability == pytest.approx(plain[token] ** 2 / total)


def test_top_k_keeps_that_many_and_zero_is_no_limit(small):
    model = small["ngram-base"]

    assert len(shares(model, "The", top_k=4)) == 4
    assert shares(model, "The", top_k=0) == shares(model, "The")


def test_top_p_keeps_the_fewest_that_reach_it_after_temperature(small):
    scaled = [*shares(small["ngram-base"], "The", temperature=0.5).values()]
    cut = shares(small["ngram-base"], "The", temperature=0.5, top_p=0.8)
    mass = sum(scaled[: len(cut)])

    assert mass >= 0.8
    assert mass - scaled[len(cut) - 1] < 0.8


def test_top_p_zero_and_temperature_zero_are_the_likeliest(small):
    model = small["ngram-base"]
    likeliest = model.next_token_distribution("The cat").tokens[0]

    for limits in ({"top_p": 0}, {"temperature": 0}, {"top_k": 1}):
        assert shares(model, "The cat", **limits) == {likeliest: 1.0}


@pytest.mark.parametrize(
    "sampling",
    [
        {},
        {"temperature": 0.6},
        {"temperature": 1.5},
        {"top_k": 4},
        {"top_p": 0.95},
        {"temperature": 0.8, "top_k": 6, "top_p": 0.99},
    ],
)
@pytest.mark.parametrize("name", ["ngram-chat", "ngram-base"])
def test_samples_follow_the_distribution_that_is_shown(small, name, sampling):
    draws = 2000
    prompt = chat("fish") + " The" if name == "ngram-chat" else "The"
    model = small[name]
    shown = shares(model, prompt, **sampling)
    seen = Counter(
        next(model.generate(prompt, seed=seed, **sampling), TokenLogprob(END, 0)).token
        for seed in range(draws)
    )
    expected = {token: p * draws for token, p in shown.items()}
    assert set(seen) <= set(expected)
    common = [token for token in expected if expected[token] >= 5]
    observed = [seen[token] for token in common]
    wanted = [expected[token] for token in common]
    rest = draws - sum(wanted)
    if rest > 1e-6:
        observed.append(draws - sum(observed))
        wanted.append(rest)

    assert len(common) > 1
    assert chisquare(observed, wanted).pvalue > 0.001


@pytest.mark.parametrize("temperature", [0.001, 0.05, 0.3, 0.7, 1, 2])
def test_distribution_sums_to_one_where_tokens_are_ruled_out(small, temperature):
    said = "The cat sat on the mat. The cat"
    found = shares(small["ngram-base"], said, temperature=temperature)

    assert " sat" not in found
    assert math.fsum(found.values()) == pytest.approx(1, abs=1e-9)


SHARES = Level({0: 0.6, 1: 0.3, 2: 0.1}, 0.0, None)
"""Three tokens; and what a longer context says of the first of them alone."""
LONGER = Level({0: 0.999}, 0.0025, SHARES)


@pytest.mark.parametrize("level", [SHARES, LONGER], ids=["short", "long"])
@pytest.mark.parametrize("temperature", [0.02, 0.05, 0.5, 1, 2])
def test_where_the_likeliest_is_ruled_out_the_others_share_the_whole(
    level, temperature
):
    left = dict(shape(Estimate(level).without([0]), Sampling(temperature=temperature)))

    weights = {token: SHARES.own[token] ** (1 / temperature) for token in (1, 2)}
    total = math.fsum(weights.values())
    for token, weight in weights.items():
        assert left[token] == pytest.approx(weight / total)


@pytest.mark.parametrize("temperature", [0.0005, 1])
def test_every_number_from_0_to_1_chooses_a_token_that_can_come(temperature):
    shaped = shape(Estimate(SHARES), Sampling(temperature=temperature))

    assert shaped.choose(0.0)[0] == 0
    token, probability = shaped.choose(1.0)
    assert (token, probability) == ((0, 1.0) if temperature < 1 else (2, 0.1))


def test_an_estimate_that_is_less_than_a_whole_keeps_what_it_has():
    rounded = Level({0: 0.5, 1: 0.4999}, 0.0, None)

    assert [t for t, _ in shape(Estimate(rounded), Sampling(top_p=0.99999))] == [0, 1]


def test_a_token_outside_the_vocabulary_never_comes():
    assert LONGER.probability(3) == 0


def test_entropy_rises_with_the_temperature(models):
    def entropy(temperature):
        found = shares(
            models["ngram-chat"], chat("What is a list?"), temperature=temperature
        )
        return -sum(p * math.log(p) for p in found.values() if p)

    entropies = [entropy(temperature) for temperature in (0.2, 0.5, 0.7, 1, 1.5)]

    assert entropies == sorted(set(entropies))


@pytest.mark.parametrize("temperature", [0.7, None])
def test_question_of_with_opens_with_a_sentence_of_it(models, temperature):
    for seed in range(30):
        answer = text_of(
            models["ngram-chat"],
            chat("What does the with statement do?"),
            temperature=temperature,
            seed=seed,
        )
        opening = answer.partition(". ")[0]

        assert '"with"' in opening or "context manager" in opening
        assert answer[1].isupper() or answer[1] == '"'
        assert answer[-1] in '.)"”'


@pytest.mark.parametrize("temperature", [0, 0.7, 1])
def test_answer_does_not_say_a_sentence_twice_in_a_row(models, temperature):
    again = 0
    for number, question in enumerate(_plain):
        answer = text_of(
            models["ngram-chat"], chat(question), temperature=temperature, seed=number
        )
        sentences = re.split(r"(?<=[.!?])\s+", answer.strip())
        again += any(one == other for one, other in pairwise(sentences))

    assert again <= 1


def test_brackets_of_an_answer_are_closed(models):
    whole = 0
    for seed in range(40):
        answer = text_of(
            models["ngram-chat"], chat("What is a class?"), temperature=1, seed=seed
        )
        prose = re.sub(r'"[^"]*"|\w+\(\)', "", answer)
        whole += prose.count("(") == prose.count(")")

    assert whole >= 36


def test_seeds_give_different_openings_and_answers(models):
    answers = [
        text_of(models["ngram-chat"], chat("What is a list?"), temperature=1, seed=seed)
        for seed in range(20)
    ]

    assert len(set(answers)) >= 12
    assert len({" ".join(answer.split()[:6]) for answer in answers}) >= 3


def test_token_tells_the_probability_it_was_sampled_with(models):
    model, prompt = models["ngram-chat"], chat("What is a set?")
    token = next(model.generate(prompt, temperature=0.8, seed=4, logprobs=3))
    shown = shares(model, prompt, temperature=0.8)

    assert math.exp(token.logprob) == pytest.approx(shown[token.token])
    assert [text for text, _ in token.alternatives] == list(shown)[:3]


def test_passage_and_prompt_with_its_tokens_go_on_alike(models):
    model, prompt = models["ngram-chat"], chat("What does break do?")
    passage = model.begin(prompt)
    for _ in range(60):
        here = tuple(passage.shares(Sampling()))
        assert here == model.next_token_distribution(prompt).tokens
        if here[0] == END:
            break
        advance(passage, here[0])
        prompt += here[0]


def test_passage_that_ended_can_only_end(models):
    passage = models["ngram-chat"].begin(chat("What does pass do?"))
    while not passage.ended:
        advance(passage, next(iter(passage.shares(Sampling(temperature=0)))))

    assert passage.shares(Sampling()) == {END: 1.0}


def test_greedy_base_text_does_not_go_round_in_circles(models):
    words = text_of(models["ngram-base"], "The", 1500, temperature=0).split()
    twelves = Counter(tuple(words[n : n + 12]) for n in range(len(words) - 11))

    assert len(words) > 20
    assert twelves.most_common(1)[0][1] <= 3


def test_generation_ends_when_it_is_closed(models):
    tokens = models["ngram-chat"].generate(chat("What is a class?"), seed=1)
    next(tokens)
    tokens.close()

    assert list(tokens) == []


def test_two_threads_at_once_learn_once(monkeypatch):
    learnt = []
    monkeypatch.setattr(
        room, "documentation", lambda: learnt.append(1) or from_text(SMALL)
    )
    fresh = room._models.__wrapped__(None)
    asked = [threading.Thread(target=fresh["ngram-chat"].load) for _ in range(4)]
    for thread in asked:
        thread.start()
    for thread in asked:
        thread.join()

    assert learnt == [1]


def test_models_are_made_once_and_named(models):
    assert load_models() is models
    assert list(models) == ["ngram-chat", "ngram-base"]
    assert "claude-2" not in models
    with pytest.raises(KeyError):
        models["claude-2"]


def test_import_learns_nothing():
    code = (
        "import sys, jupyter_complete.ngram.model as m; m.load_models();"
        "print('pydoc_data.topics' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout == "False\n"


def test_users_own_text_is_learnt(small):
    assert "bowl" in text_of(small["ngram-chat"], chat("bowl?"), temperature=0)


def test_text_of_one_word_is_enough():
    model = load_models("word")["ngram-chat"]

    assert text_of(model, chat("word"), 5, temperature=0).startswith(" word")


@pytest.mark.parametrize("text", ["", " \n\n "])
def test_empty_text_is_refused(text):
    with pytest.raises(InputError, match="empty"):
        load_models(text)


def test_tokens_are_counted_and_lose_nothing():
    text = 'If "x is y" then\n\nx==y, isn\'t it? naïve 日本 🎉'

    assert "".join(tokenise(text)) == text
    assert count_tokens("The cat sat.") == 4
    assert count_tokens("") == 0


def test_documentation_is_prose():
    paragraphs = documentation()

    assert len(paragraphs) > 800
    for paragraph in paragraphs:
        assert "\n" not in paragraph.text
        assert "::=" not in paragraph.text
        assert ">>>" not in paragraph.text
        assert "``" not in paragraph.text
        assert paragraph.text.rstrip(')"”’')[-1] in ".!?"


@pytest.mark.parametrize(
    ("question", "term"),
    [
        ("What does with do?", "`with`"),
        ("with", "`with`"),
        ("What is the difference between is and ==?", "`is`"),
        ("What is the difference between is and ==?", "`==`"),
        ("How do I use `in`?", "`in`"),
        ("How does the for loop work?", "`for`"),
        ("What is an f-string?", "f-string"),
        ("What does __init__ do?", "__init__"),
    ],
)
def test_keyword_and_operator_that_is_asked_for_is_looked_for(question, term):
    assert term in question_terms(question)


@pytest.mark.parametrize(
    ("question", "term"),
    [
        ("What is operator precedence?", "`is`"),
        ("How do I work with files?", "`with`"),
        ("What is a list for?", "`is`"),
    ],
)
def test_keyword_that_is_only_a_word_is_not_looked_for(question, term):
    assert term not in question_terms(question)
