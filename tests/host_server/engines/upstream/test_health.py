"""A replica that failed rests, and one question at a time finds out whether it is back."""

from hypothesis import given
from hypothesis import strategies as st

from host_server.engines.upstream.health import Health


def test_one_that_never_failed_never_rests() -> None:
    health = Health()
    health.begin(0.0)

    assert not health.rests(0.0)


def test_it_rests_longer_each_time_until_it_answers() -> None:
    health = Health((1.0, 4.0))
    health.failed(10.0)
    assert health.rests(10.9)
    assert not health.rests(11.0)
    for _ in range(3):
        health.failed(20.0)
    assert health.rests(23.9)
    assert not health.rests(24.0)
    health.works()
    assert not health.rests(20.0)


def test_it_rests_for_as_long_as_it_asks_to() -> None:
    health = Health((1.0,))
    health.failed(0.0, for_s=30.0)

    assert health.rests(29.0)


def test_only_one_question_tries_whether_it_is_back() -> None:
    health = Health((2.0,))
    health.failed(0.0)
    assert not health.rests(2.0)
    health.begin(2.0)

    assert health.rests(2.1)
    assert not health.rests(4.0)  # that question was given up: the next one tries


@given(st.lists(st.tuples(st.sampled_from(["begin", "failed", "works"]), st.floats(0, 10))))
def test_no_rest_is_for_ever(steps: list[tuple[str, float]]) -> None:
    health, now = Health((1.0, 5.0)), 0.0
    for what, passed in steps:
        now += passed
        if what == "works":
            health.works()
        elif what == "begin":
            health.begin(now)
        else:
            health.failed(now)

    assert not health.rests(now + 5.0)
