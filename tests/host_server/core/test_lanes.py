"""The same lane one after another, different lanes side by side."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_server.core.lanes import LaneLimitError, Lanes


def test_a_lane_has_one_question_at_a_time_in_order() -> None:
    lanes: Lanes[int] = Lanes(max_inflight=9)

    assert lanes.submit("A", 1)
    assert not lanes.submit("A", 2)
    assert not lanes.submit("A", 3)
    assert [lanes.ended("A"), lanes.ended("A"), lanes.ended("A")] == [2, 3, None]
    assert lanes.inflight == 0


def test_lanes_do_not_wait_for_each_other_and_no_name_is_a_lane() -> None:
    lanes: Lanes[int] = Lanes(max_inflight=9)

    assert [lanes.submit(lane, 1) for lane in ("A", "B", None)] == [True, True, True]
    assert not lanes.submit(None, 2)


def test_those_that_wait_count_too() -> None:
    lanes: Lanes[int] = Lanes(max_inflight=2)
    lanes.submit("A", 1)
    lanes.submit("A", 2)

    with pytest.raises(LaneLimitError):
        lanes.submit("B", 3)
    lanes.ended("A")
    assert lanes.submit("B", 3)


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(["A", "B", None])), max_size=50))
def test_every_question_starts_once_in_its_lanes_order(steps: list[tuple[bool, str | None]]) -> None:
    lanes: Lanes[int] = Lanes(max_inflight=5)
    sent: dict[str | None, list[int]] = {"A": [], "B": [], None: []}
    started: dict[str | None, list[int]] = {"A": [], "B": [], None: []}
    running: set[str | None] = set()
    for number, (submits, lane) in enumerate(steps):
        if submits and lanes.inflight < 5:
            sent[lane].append(number)
            if lanes.submit(lane, number):
                assert lane not in running
                running.add(lane)
                started[lane].append(number)
        elif not submits and lane in running:
            following = lanes.ended(lane)
            if following is None:
                running.discard(lane)
            else:
                started[lane].append(following)

    for lane in list(running):
        while (following := lanes.ended(lane)) is not None:
            started[lane].append(following)
    assert started == sent
    assert lanes.inflight == 0
