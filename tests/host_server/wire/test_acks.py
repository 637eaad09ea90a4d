"""Who has promised to say how far it has read."""

from typing import Any

import pytest

from host_server.wire.acks import WINDOW, Acks

Json = dict[str, Any]


def _delta(number: int, answer: str = "resp_1") -> Json:
    return {"type": "response.output_text.delta", "response_id": answer, "sequence_number": number}


def _own(number: int) -> Json:
    return {"type": "bridge:device", "sequence_number": number}


@pytest.fixture
def acks() -> Acks:
    """With its first acknowledgement."""
    made = Acks(within=10.0)
    made.acknowledged(None, 0, 0.0)
    return made


def test_who_never_acknowledged_owes_nothing() -> None:
    acks = Acks(within=10.0)
    for number in range(1000):
        acks.sent(_delta(number), 1000, 0.0)

    assert (acks.full, acks.deadline) == (False, None)


def test_what_is_sent_has_to_be_acknowledged_in_time(acks: Acks) -> None:
    acks.sent(_delta(3), 100, 5.0)
    acks.sent(_delta(4), 100, 9.0)

    assert acks.deadline == pytest.approx(15.0)
    acks.acknowledged("resp_1", 3, 12.0)
    assert acks.deadline == pytest.approx(22.0)
    acks.acknowledged("resp_1", 4, 13.0)
    assert acks.deadline is None


def test_an_old_or_foreign_number_is_no_progress(acks: Acks) -> None:
    acks.sent(_delta(3), 100, 0.0)
    for answer, number in (("resp_1", 2), ("resp_2", 9), (None, 9)):
        acks.acknowledged(answer, number, 5.0)

    assert acks.deadline == pytest.approx(10.0)


def test_the_window_closes_and_opens(acks: Acks) -> None:
    acks.sent(_delta(1), WINDOW - 1, 0.0)
    assert not acks.full
    acks.sent(_delta(2), 1, 0.0)
    assert acks.full
    acks.acknowledged("resp_1", 1, 1.0)
    assert not acks.full


def test_what_was_sent_before_an_acknowledged_event_was_read_too(acks: Acks) -> None:
    for event in (_own(1), _delta(1), {"type": "error"}, _delta(1, "resp_2")):
        acks.sent(event, 10, 0.0)
    acks.acknowledged("resp_2", 1, 1.0)

    assert acks.deadline is None
