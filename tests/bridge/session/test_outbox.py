"""The outbox of one viewer: in order, merged when it is slow, bounded."""

import json

from bridge.session.viewers import EVENT_COST, MAX_FOLLOWED, Outbox
from host_server.wire.log import AnswerLog
from tests.support.session import HostAnswer


def log_of(*pieces: str) -> AnswerLog:
    log = AnswerLog()
    answer = HostAnswer("resp_1")
    for event in [answer.created(), *answer.words(*pieces)]:
        log.append(event)
    return log


def test_events_of_ours_are_numbered_and_errors_are_not() -> None:
    box = Outbox()
    box.tell({"type": "bridge:host"})
    box.tell({"type": "error"})
    box.tell({"type": "bridge:pause"})

    assert [event.get("sequence_number") for event in box.take()] == [0, None, 1]
    assert box.take() == []


def test_a_slow_viewer_gets_pending_words_as_one() -> None:
    box = Outbox()
    box.show("resp_1", log_of("a", "b", "c"), 3)

    (delta,) = box.take()
    assert (delta["delta"], delta["sequence_number"]) == ("abc", 6)


def test_showing_again_does_not_turn_the_cursor_back() -> None:
    box, log = Outbox(), log_of("a", "b")
    box.show("resp_1", log, -1)
    box.take()
    box.show("resp_1", log, -1)

    assert box.take() == []


def test_an_answer_read_to_its_end_is_let_go() -> None:
    box, log = Outbox(), AnswerLog()
    for event in HostAnswer("resp_1").whole("a"):
        log.append(event)
    box.show("resp_1", log, -1)
    box.take()

    assert box._cursors == {}


def test_a_viewer_that_reads_nothing_becomes_full_and_holds_nothing() -> None:
    box = Outbox(limit=1000)
    for _ in range(20):
        box.tell({"type": "bridge:host", "padding": "x" * 100})

    assert box.full
    assert box.take() == []


def test_one_that_is_full_stays_so_and_takes_nothing_more_in() -> None:
    box = Outbox(limit=1000)
    box.tell({"type": "bridge:host", "padding": "x" * 1000})
    box.tell({"type": "bridge:host"})
    box.show("resp_1", log_of("a"), -1)

    assert box.full
    assert [event["type"] for event in box.take()][:1] == ["response.created"]
    box.tell({"type": "bridge:host"})
    assert box.take() == []


def test_what_is_taken_makes_room() -> None:
    box = Outbox(limit=1000)
    for _ in range(20):
        box.tell({"type": "bridge:host"})
        box.take()

    assert not box.full


def test_small_events_count_for_what_they_cost() -> None:
    box = Outbox(limit=3000)
    for _ in range(10):
        box.tell({"type": "bridge:host"})

    assert box.full


def test_exactly_the_limit_is_allowed() -> None:
    event = {"type": "error"}
    cost = len(json.dumps(event)) + EVENT_COST
    box, smaller = Outbox(limit=cost), Outbox(limit=cost - 1)
    box.tell(event)
    smaller.tell(event)

    assert (box.full, smaller.full) == (False, True)


def test_a_cursor_stands_still_while_nothing_is_new() -> None:
    box, log = Outbox(), log_of("a")
    box.show("resp_1", log, -1)
    box.take()
    box.take()
    more = HostAnswer("resp_1")
    news = [more.created(), *more.words("a"), *more.words("b")]
    log.append(news[-1])

    assert [event.get("delta") for event in box.take()] == ["b"]


def test_a_viewer_that_is_ahead_of_the_log_waits_for_it() -> None:
    box, log, answer = Outbox(), AnswerLog(), HostAnswer("resp_1")
    log.append(answer.created())
    box.show("resp_1", log, 4)
    assert box.take() == []
    for event in answer.words("a", "b"):
        log.append(event)

    assert [event.get("delta") for event in box.take()] == ["b"]


def test_of_a_deleted_answer_nothing_more_is_shown() -> None:
    box = Outbox()
    box.show("resp_1", log_of("a"), -1)
    box.show("resp_2", log_of("b"), -1)
    box.forget(["resp_1", "resp_9"])

    assert [event["delta"] for event in box.take() if "delta" in event] == ["b"]


def test_a_viewer_may_follow_as_many_as_are_allowed() -> None:
    box = Outbox()
    for n in range(MAX_FOLLOWED):
        box.show(f"resp_{n}", AnswerLog(), -1)

    assert not box.full


def test_a_viewer_that_follows_too_many_answers_becomes_full() -> None:
    box = Outbox()
    for n in range(MAX_FOLLOWED + 1):
        box.show(f"resp_{n}", AnswerLog(), -1)

    assert box.full
