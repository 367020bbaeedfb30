"""The pace of a sweep, by a clock that the test moves."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from jupyter_complete.completion import Usage
from jupyter_complete.sweeps.pace import Pace


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def told(clock, kind, left, seconds, **more):
    """Return the headers that say what is left, and for how long."""
    reset = datetime.fromtimestamp(clock.now, UTC) + timedelta(seconds=seconds)
    name = f"anthropic-ratelimit-{kind}"
    return {
        f"{name}-remaining": str(left),
        f"{name}-reset": reset.isoformat().replace("+00:00", "Z"),
        **{f"{name}-{key}": str(value) for key, value in more.items()},
    }


def pace(clock, concurrency="auto"):
    return Pace(concurrency, clock=clock, now=clock)


def answer(paced, headers=None, usage=None, in_flight=0):
    paced.answered(paced.sent(), headers or {}, usage, in_flight=in_flight)


def test_auto_starts_at_eight_and_doubles_with_each_round(clock):
    paced = pace(clock)

    limits = [paced.limit]
    for _ in range(4):
        for _ in range(paced.limit):
            answer(paced)
        limits.append(paced.limit)

    assert limits == [8, 16, 32, 64, 64]


def test_a_refusal_halves_the_room_which_then_grows_slowly(clock):
    paced = pace(clock)
    paced.refused(paced.sent(), 429, 2.0)
    assert (paced.limit, paced.wait()) == (4, 2.0)

    clock.now += 3
    for _ in range(5):
        answer(paced)

    assert paced.limit == 5


def test_a_burst_of_refusals_is_one_and_waits_for_the_longest(clock):
    paced = pace(clock)
    tickets = [paced.sent() for _ in range(8)]

    for place, ticket in enumerate(tickets):
        clock.now += 0.01
        paced.refused(ticket, 429, 1.0 + place)

    assert paced.limit == 4
    assert paced.refusals == 1
    assert paced.wait() == 8.0


def test_a_fixed_number_stays_but_waits(clock):
    paced = Pace(20, clock=clock, now=clock)
    paced.refused(paced.sent(), 429, 1.5)

    assert (paced.limit, paced.wait()) == (20, 1.5)


@pytest.mark.parametrize(
    ("status", "first", "most"),
    [(429, 1, 60), (529, 1, 60), (500, 0.5, 8), (None, 0.5, 8)],
)
def test_without_a_retry_after_each_pause_is_longer_up_to_a_most(
    clock, status, first, most
):
    paced = pace(clock)
    pauses = []
    for _ in range(9):
        paced.refused(paced.sent(), status, None)
        pauses.append(paced.pause)
        clock.now += paced.pause + 1

    assert 0.75 * first <= pauses[0] <= first
    assert all(low <= high * 1.34 for low, high in itertools.pairwise(pauses))
    assert 0.75 * most <= pauses[-1] <= most


def test_an_answer_ends_the_row_of_refusals(clock):
    paced = pace(clock)
    paced.refused(paced.sent(), 500, None)
    answer(paced)

    assert paced.refusals == 0


def test_much_left_is_no_reason_to_wait(clock):
    paced = pace(clock)
    answer(paced, told(clock, "requests", 100, 60))

    assert paced.wait() == 0


def test_what_is_left_is_spread_over_the_time_to_the_reset(clock):
    paced = pace(clock)
    answer(paced, told(clock, "requests", 4, 20))
    assert paced.wait() == 5

    clock.now += 5
    paced.sent()

    assert paced.wait() == 5


def test_calls_in_flight_count_as_if_the_endpoint_had_not_seen_them(clock):
    paced = pace(clock)
    answer(paced, told(clock, "requests", 4, 20), in_flight=3)

    assert paced.wait() == 20


def test_nothing_left_waits_for_the_reset_and_no_longer_than_a_minute(clock):
    paced = pace(clock)
    answer(paced, told(clock, "requests", 0, 30))
    assert paced.wait() == 30

    other = pace(clock)
    answer(other, told(clock, "requests", 0, 5000))
    assert other.wait() == 60


def test_after_the_reset_no_more_go_than_the_limit_says(clock):
    paced = pace(clock)
    answer(paced, told(clock, "requests", 0, 10, limit=3))
    clock.now += 10.5

    for _ in range(3):
        assert paced.wait() == 0
        paced.sent()

    assert paced.wait() > 10


def test_tokens_count_by_what_calls_have_taken_so_far(clock):
    """Two calls of 500 tokens are left of 1,000."""
    paced = pace(clock)
    answer(paced, told(clock, "output-tokens", 1000, 30), Usage(10, 500))

    assert paced.wait() == 15


def test_the_scarcest_of_all_kinds_decides(clock):
    paced = pace(clock)
    headers = told(clock, "requests", 1000, 60) | told(clock, "input-tokens", 100, 8)
    answer(paced, headers, Usage(50, 1))

    assert paced.wait() == 4


def test_an_older_answer_that_comes_late_is_not_believed(clock):
    paced = pace(clock)
    first, second = paced.sent(), paced.sent()
    paced.answered(second, told(clock, "requests", 1, 9), None, in_flight=0)
    paced.answered(first, told(clock, "requests", 900, 9), None, in_flight=0)

    assert paced.wait() == 9


def test_an_answer_that_tells_nothing_does_not_end_the_wait(clock):
    paced = pace(clock)
    answer(paced, told(clock, "requests", 0, 9))
    answer(paced)

    assert paced.wait() == 9


@pytest.mark.parametrize(
    "headers",
    [
        {"anthropic-ratelimit-requests-remaining": "0"},
        {
            "anthropic-ratelimit-requests-remaining": "none",
            "anthropic-ratelimit-requests-reset": "2026-01-01T00:00:00Z",
        },
        {
            "anthropic-ratelimit-requests-remaining": "0",
            "anthropic-ratelimit-requests-reset": "soon",
        },
        {
            "anthropic-ratelimit-requests-remaining": "nan",
            "anthropic-ratelimit-requests-reset": "2036-01-01T00:00:00Z",
        },
    ],
)
def test_headers_that_make_no_sense_change_nothing(clock, headers):
    paced = pace(clock)
    answer(paced, headers)

    assert paced.wait() == 0
