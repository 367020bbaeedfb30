"""Text is shown up to the first stop sequence, however it is cut into pieces."""

from itertools import pairwise, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_complete.stops import StopFinder


def oracle(text, stops):
    found = [(text.find(stop), len(stop), stop) for stop in stops if stop in text]
    start, _, stop = min(found, default=(len(text), 0, None))
    return text[:start], stop


def shown(tokens, stops):
    finder, shown = StopFinder(stops), ""
    for token in tokens:
        shown += finder.feed(token)
        if finder.stop is not None:
            return shown, finder.stop
    return shown + finder.flush(), finder.stop


@given(
    st.lists(st.text("ab\n", max_size=4), max_size=12),
    st.lists(st.text("ab\n", min_size=1, max_size=5), min_size=1, max_size=5),
)
@settings(max_examples=200)
def test_stops_are_found_whatever_the_split(tokens, stops):
    assert shown(tokens, stops) == oracle("".join(tokens), stops)


@given(
    st.lists(st.text("ab", min_size=1, max_size=3), max_size=8),
    st.text("ab", min_size=1),
)
@settings(deadline=None)
def test_nothing_is_held_back_that_cannot_become_a_stop(tokens, stop):
    finder, given_text, got = StopFinder([stop]), "", ""
    for token in tokens:
        given_text += token
        got += finder.feed(token)
        if finder.stop is not None:
            return
        held = given_text[len(got) :]

        assert not held or stop.startswith(held)


@pytest.mark.parametrize("stops", [["abab"], ["bab", "abc"], ["abaa", "ba"], []])
def test_every_split_of_a_text_gives_the_same(stops):
    text = "aababa"
    for places in product([False, True], repeat=len(text) - 1):
        cuts = [0, *(n for n, cut in enumerate(places, 1) if cut), len(text)]
        tokens = [text[begin:end] for begin, end in pairwise(cuts)]

        assert shown(tokens, stops) == oracle(text, stops)
