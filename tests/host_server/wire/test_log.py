"""AnswerLog: numbers are cursors, merging loses nothing, limits hold."""

from itertools import pairwise, starmap
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_server.wire.log import AnswerLog, LogError, LogFullError
from tests.support.answers import REQUESTS, answer

Json = dict[str, Any]

_WORDS = st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=12)


def _delta(number: int, text: str, **fields: Any) -> Json:
    return {
        "type": "response.output_text.delta",
        "sequence_number": number,
        "item_id": "msg_1",
        "delta": text,
        "logprobs": [],
        **fields,
    }


def _log(events: list[Json]) -> AnswerLog:
    log = AnswerLog()
    for event in events:
        log.append(event)
    return log


def _text(events: list[Json]) -> str:
    return "".join(event["delta"] for event in events if "delta" in event)


@pytest.mark.parametrize("scenario", REQUESTS)
def test_one_event_at_a_time_comes_out_as_it_went_in(scenario: str) -> None:
    log = AnswerLog()
    for event in answer(scenario):
        before = log.last
        log.append(event)

        assert log.since(before) == [event]


def test_pending_text_is_one_delta_with_the_last_number() -> None:
    log = _log(answer("plain"))

    (merged,) = [event for event in log.since() if event["type"].endswith("delta")]

    assert (merged["sequence_number"], merged["delta"]) == (7, "The total is 42.")
    assert merged["merged"] == [[4, 4], [5, 6], [6, 3], [7, 3]]


def test_a_reader_in_the_middle_of_the_text_gets_the_rest_of_it() -> None:
    log = _log(answer("plain"))

    assert _text(log.since(5)) == "is 42."


def test_text_of_different_items_is_not_merged() -> None:
    log = _log([_delta(0, "a"), _delta(1, "b", item_id="msg_2"), _delta(2, "c", item_id="msg_2")])

    assert [event["delta"] for event in log.since()] == ["a", "bc"]


def test_text_around_another_event_is_not_merged() -> None:
    log = _log([_delta(0, "a"), {"type": "bridge:note", "sequence_number": 1}, _delta(2, "b")])

    assert [event["sequence_number"] for event in log.since()] == [0, 1, 2]


def test_a_delta_with_log_probabilities_stays_whole() -> None:
    log = _log([_delta(0, "a", logprobs=[{"token": "a"}]), _delta(1, "b")])

    assert [event["delta"] for event in log.since()] == ["a", "b"]


@given(words=_WORDS, data=st.data())
def test_any_stops_and_resumes_give_the_same_text_with_growing_numbers(words: list[str], data: st.DataObject) -> None:
    log = _log(list(starmap(_delta, enumerate(words))))
    cursor = -1
    seen: list[Json] = []
    while log.last != cursor:
        cut = data.draw(st.integers(cursor + 1, log.last))
        part = AnswerLog()
        for event in log.since(cursor):
            part.append(event)
        fresh = [event for event in part.since(cursor) if event["sequence_number"] <= cut]
        seen += fresh or part.since(cursor)
        cursor = seen[-1]["sequence_number"]

    assert _text(seen) == "".join(words)
    assert all(before < after for before, after in pairwise(event["sequence_number"] for event in seen))


@given(words=_WORDS, data=st.data())
def test_a_log_fed_from_another_log_knows_the_same_cursors(words: list[str], data: st.DataObject) -> None:
    source = _log(list(starmap(_delta, enumerate(words))))
    start = data.draw(st.integers(-1, source.last - 1))
    copy = _log(source.since(start))

    for cursor in range(start, source.last):
        assert copy.since(cursor) == source.since(cursor)


@given(
    merged=st.recursive(
        st.none() | st.booleans() | st.integers(-3, 5) | st.text(max_size=2),
        lambda inner: st.lists(inner, max_size=3),
        max_leaves=8,
    ),
    text=st.text(max_size=6),
)
def test_a_hostile_merged_field_is_refused_or_means_the_same_text(merged: Any, text: str) -> None:
    log = AnswerLog()
    try:
        log.append(_delta(3, text, merged=merged))
    except LogError:
        assert log.since() == []
    else:
        assert _text(log.since()) == text


@pytest.mark.parametrize(
    "merged", [[], [[1, 1], [1, 1]], [[0, 1]], [[3, 1]], [[0, 1], [3, 2]], [[0, True], [3, 1]], [[2, 3], [3, -1]], [3]]
)
def test_a_merged_field_that_does_not_fit_is_refused(merged: Any) -> None:
    with pytest.raises(LogError, match="merged"):
        AnswerLog().append(_delta(3, "ab", merged=merged))


@pytest.mark.parametrize(
    "event",
    [
        {"type": "response.created"},
        {"type": "response.created", "sequence_number": "1"},
        {"type": "response.created", "sequence_number": True},
        {"type": "response.created", "sequence_number": -1},
        {"type": "response.output_text.delta", "sequence_number": 1, "delta": 7},
    ],
)
def test_an_event_without_number_or_text_is_refused(event: Json) -> None:
    with pytest.raises(LogError):
        AnswerLog().append(event)


@pytest.mark.parametrize("number", [4, 5])
def test_numbers_grow(number: int) -> None:
    log = _log([_delta(5, "a")])

    with pytest.raises(LogError, match="after 5"):
        log.append(_delta(number, "b"))


def test_a_merged_delta_may_not_reach_back() -> None:
    log = _log([_delta(5, "a")])

    with pytest.raises(LogError, match="after 5"):
        log.append(_delta(7, "bc", merged=[[5, 1], [7, 1]]))


def test_nothing_follows_the_terminal_event() -> None:
    log = _log(answer("plain"))

    with pytest.raises(LogError, match="terminal"):
        log.append({"type": "response.failed", "sequence_number": 99})
    assert log.terminal is not None
    assert log.terminal["type"] == "response.completed"


def test_only_who_has_read_the_terminal_event_has_read_everything() -> None:
    log = AnswerLog()
    assert not log.is_read(-1)
    for event in answer("plain"):
        assert not log.is_read(log.last)
        log.append(event)

    assert not log.is_read(log.last - 1)
    assert log.is_read(log.last)
    assert log.is_read(log.last + 100)


def test_text_beyond_the_limit_is_refused_but_the_closing_events_are_taken() -> None:
    log = AnswerLog(limit=250)
    log.append(_delta(0, "x" * 100))
    size = log.size

    with pytest.raises(LogFullError):
        log.append(_delta(1, "y" * 100))
    assert log.size == size
    log.append({"type": "response.incomplete", "sequence_number": 1, "response": {"text": "x" * 1000}})
    assert log.terminal is not None


def test_a_piece_counts_even_when_it_is_short() -> None:
    log = AnswerLog(limit=250)

    log.append(_delta(0, "x"))
    assert log.fits("x")
    log.append(_delta(1, "x"))
    assert not log.fits("x")

    with pytest.raises(LogFullError):
        log.append(_delta(2, "x"))


def test_the_events_of_an_empty_log_are_none() -> None:
    assert (AnswerLog().since(), AnswerLog().last, AnswerLog().terminal) == ([], -1, None)
