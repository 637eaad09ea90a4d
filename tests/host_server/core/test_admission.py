"""Seats, queue and refusals."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_server.core.admission import Admission, AdmissionError, Moved


def _admission(seats: int = 1, max_waiting: int = 2, max_per_principal: int = 10) -> Admission:
    return Admission({"ocr": seats, "echo": 1}, max_waiting=max_waiting, max_per_principal=max_per_principal)


def _enter(admission: Admission, ticket: str, *, engine: str = "ocr", principal: str = "a", now: float = 0.0) -> int:
    return admission.enter(ticket, engine=engine, principal=principal, now=now)


def test_the_first_sits_and_the_others_wait_in_order() -> None:
    admission = _admission()

    assert [_enter(admission, ticket) for ticket in ("t1", "t2", "t3")] == [0, 1, 2]
    assert (admission.running, admission.waiting) == (1, 2)


def test_who_leaves_makes_room_for_the_next_and_the_queue_moves_up() -> None:
    admission = _admission()
    for ticket in ("t1", "t2", "t3"):
        _enter(admission, ticket)

    assert admission.leave("t1", now=1.0) == Moved(("t2",), {"t3": 1})


def test_who_leaves_the_queue_frees_no_seat() -> None:
    admission = _admission()
    for ticket in ("t1", "t2", "t3"):
        _enter(admission, ticket)

    assert admission.leave("t2", now=1.0) == Moved((), {"t3": 1})
    assert admission.running == 1


def test_engines_do_not_share_seats() -> None:
    admission = _admission()
    _enter(admission, "t1")

    assert _enter(admission, "t2", engine="echo") == 0


def test_a_full_queue_refuses_and_says_when_to_come_back() -> None:
    admission = _admission()
    for ticket in ("t1", "t2", "t3"):
        _enter(admission, ticket)
    assert admission.full

    with pytest.raises(AdmissionError) as caught:
        _enter(admission, "t4")

    assert (caught.value.code, caught.value.retry_after_s) == ("queue_full", 6.0)
    assert admission.waiting == 2


def test_a_full_queue_does_not_refuse_who_finds_a_free_seat() -> None:
    admission = _admission(max_waiting=0)
    _enter(admission, "t1")

    assert _enter(admission, "t2", engine="echo") == 0


def test_one_principal_cannot_take_everything() -> None:
    admission = _admission(seats=4, max_per_principal=2)
    _enter(admission, "t1")
    _enter(admission, "t2")

    with pytest.raises(AdmissionError) as caught:
        _enter(admission, "t3")
    assert caught.value.code == "too_many_inflight"
    assert _enter(admission, "t4", principal="b") == 0
    admission.leave("t1", now=1.0)
    assert _enter(admission, "t5") == 0


def test_the_wait_follows_how_long_answers_take() -> None:
    admission = _admission(max_waiting=0)
    now = 0.0
    for ticket in range(40):
        _enter(admission, str(ticket), now=now)
        now += 20.0
        admission.leave(str(ticket), now=now)
    _enter(admission, "last", now=now)

    with pytest.raises(AdmissionError) as caught:
        _enter(admission, "refused", now=now)
    assert 19.0 < caught.value.retry_after_s <= 20.0


@pytest.mark.parametrize(("took", "wait"), [(0.0, 0.5), (10_000.0, 60.0)])
def test_the_wait_is_neither_nothing_nor_for_ever(took: float, wait: float) -> None:
    admission = _admission(max_waiting=0)
    for ticket in range(40):
        _enter(admission, str(ticket))
        admission.leave(str(ticket), now=took)
    _enter(admission, "last")

    with pytest.raises(AdmissionError) as caught:
        _enter(admission, "refused")
    assert caught.value.retry_after_s == pytest.approx(wait)


def test_a_ticket_given_back_twice_changes_nothing() -> None:
    admission = _admission()
    _enter(admission, "t1")
    admission.leave("t1", now=1.0)

    assert admission.leave("t1", now=2.0) == Moved()


@given(
    st.lists(
        st.tuples(st.booleans(), st.integers(0, 12), st.sampled_from(["ocr", "echo"]), st.sampled_from("ab")),
        max_size=60,
    )
)
def test_nobody_is_lost_and_no_seat_is_taken_twice(steps: list[tuple[bool, int, str, str]]) -> None:
    admission = _admission(seats=2, max_waiting=3, max_per_principal=4)
    seated: set[str] = set()
    waiting: set[str] = set()
    for enters, number, engine, principal in steps:
        ticket = f"{number}"
        if enters and ticket not in seated | waiting:
            try:
                place = _enter(admission, ticket, engine=engine, principal=principal)
            except AdmissionError:
                continue
            (seated if place == 0 else waiting).add(ticket)
        elif not enters:
            moved = admission.leave(ticket, now=1.0)
            seated.discard(ticket)
            waiting.discard(ticket)
            assert set(moved.seated) <= waiting
            seated |= set(moved.seated)
            waiting -= set(moved.seated)
            assert set(moved.waiting) <= waiting

        assert (admission.running, admission.waiting) == (len(seated), len(waiting))
        assert admission.running <= 3
        assert admission.waiting <= 3
