"""The outbox of one viewer: in order, merged when it is slow, bounded."""

from bridge.session.viewers import MAX_FOLLOWED, Outbox
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


def test_a_viewer_that_follows_too_many_answers_becomes_full() -> None:
    box = Outbox()
    for n in range(MAX_FOLLOWED + 1):
        box.show(f"resp_{n}", AnswerLog(), -1)

    assert box.full
