"""What one question takes from a connection that other questions, and earlier occupants, share."""

import pytest

from bridge.client.lane import Lane
from host_server.wire.errors import WireError, error_event
from tests.support.answers import answer


def lane_with(count: int) -> Lane:
    lane = Lane("q1")
    for event in answer("plain")[:count]:
        lane.take(event | {"stream_id": "q1"})
    return lane


def test_an_answer_is_kept_without_the_name_of_its_lane() -> None:
    lane = lane_with(len(answer("plain")))

    assert lane.log.since() == [*answer("plain")[:4], *lane.log.since(3)]
    assert lane.response_id == "resp_1"
    assert not lane.running


def test_nothing_begins_without_its_first_event() -> None:
    lane = Lane("q1")
    lane.take(answer("plain")[1])
    lane.take({"type": "response.created", "response": None})

    assert lane.response_id is None


def test_events_of_another_answer_and_repeated_ones_are_left_out() -> None:
    lane = lane_with(3)
    lane.take(answer("plain")[3] | {"response_id": "resp_2"})
    lane.take(answer("plain")[2])

    assert lane.log.last == 2


def test_an_error_before_the_answer_refuses_the_question() -> None:
    lane = Lane("q1")
    lane.take(error_event(WireError("prompt_too_long", "Too long.")))

    assert lane.error is not None
    assert (lane.error["code"], lane.error["status"]) == ("prompt_too_long", 400)


def test_an_answer_the_host_does_not_know_is_lost() -> None:
    lane = lane_with(6)
    lane.take(error_event(WireError("response_not_found", "?", response_id="resp_1")))

    assert lane.log.terminal is not None
    assert lane.log.terminal["response"]["error"]["reason"] == "engine_restarted"


def test_an_answer_that_may_not_be_continued_is_lost_too() -> None:
    lane = lane_with(6)
    lane.take(error_event(WireError("too_many_inflight", "Busy.")))

    assert lane.log.terminal is not None
    assert lane.log.terminal["response"]["error"]["reason"] == "engine_unavailable"


def test_losing_what_has_ended_or_not_begun_changes_nothing() -> None:
    ended, new = lane_with(len(answer("plain"))), Lane("q2")
    ended.lose("engine_restarted")
    new.lose("engine_restarted")

    assert ended.log.terminal == answer("plain")[-1]
    assert new.log.last == -1


def test_it_knows_where_to_go_on() -> None:
    assert lane_with(6).resume_point() == {"id": "resp_1", "starting_after": 5, "stream_id": "q1"}


@pytest.mark.parametrize(
    "response",
    [
        "x",
        None,
        {},
        {"status": ["completed"]},
        {"status": "failed", "error": "x"},
        {"status": "failed", "error": {"message": {"a": 1}}},
        {"status": "completed", "metrics": [1]},
        {"status": "completed", "metrics": {"queue_time_ms": "x"}},
    ],
)
def test_an_end_that_makes_no_sense_is_a_lost_answer(response: object) -> None:
    lane = lane_with(6)
    lane.take({"type": "response.completed", "sequence_number": 90, "response_id": "resp_1", "response": response})

    end = (lane.log.terminal or {})["response"]
    assert (end["status"], end["error"]["reason"]) == ("failed", "upstream_error")


def test_events_that_make_no_sense_are_left_out() -> None:
    lane = lane_with(2)
    for event in ({"type": "response.output_item.added", "item": "x"}, {"type": "response.content_part.added"}):
        lane.take(event | {"sequence_number": 3, "response_id": "resp_1"})

    assert lane.log.last == 1
    lane.lose("engine_restarted")
    assert not lane.running


def test_an_answer_has_so_much_beside_its_text_and_no_more() -> None:
    lane = lane_with(2)
    for number in range(3, 40):
        lane.take({"type": "x", "sequence_number": number, "response_id": "resp_1", "more": "x" * 1024 * 1024})

    assert lane.log.last < 20
    assert lane.running
    for event in answer("plain")[-1:]:
        lane.take(event | {"sequence_number": 50})
    assert not lane.running
