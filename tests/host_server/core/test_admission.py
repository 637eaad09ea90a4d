"""Seats, queue and refusals; what somebody waits for first, and batch in the end too."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_server.core.admission import CLASSES, PATIENCE, Admission, AdmissionError, Load, Moved, Quota
from host_server.core.question import Priority


def _admission(seats: int = 1, waiting: int = 2, each: int = 10, batch: Quota | None = None) -> Admission:
    quotas: dict[Priority, Quota] = {"interactive": Quota(waiting, each), "batch": batch or Quota(waiting, each)}
    return Admission({"ocr": seats, "echo": 1}, quotas)


def _enter(
    admission: Admission,
    ticket: str,
    *,
    engine: str = "ocr",
    principal: str = "a",
    priority: Priority = "interactive",
) -> int:
    """The place in the queue, 0 for a seat."""
    moved = admission.enter(ticket, engine=engine, principal=principal, priority=priority)
    return 0 if ticket in moved.seated else moved.waiting[ticket]


def _batch(admission: Admission, *tickets: str, principal: str = "a") -> list[int]:
    return [_enter(admission, ticket, principal=principal, priority="batch") for ticket in tickets]


def test_the_first_sits_and_the_others_wait_in_order() -> None:
    admission = _admission()

    assert [_enter(admission, ticket) for ticket in ("t1", "t2", "t3")] == [0, 1, 2]
    assert (admission.running, admission.waiting(), admission.seated("ocr")) == (1, 2, 1)


def test_who_leaves_makes_room_for_the_next_and_the_queue_moves_up() -> None:
    admission = _admission()
    for ticket in ("t1", "t2", "t3"):
        _enter(admission, ticket)

    assert admission.leave("t1") == Moved(("t2",), {"t3": 1})


def test_who_leaves_the_queue_frees_no_seat() -> None:
    admission = _admission()
    for ticket in ("t1", "t2", "t3"):
        _enter(admission, ticket)

    assert admission.leave("t2") == Moved((), {"t3": 1})
    assert admission.running == 1


def test_places_far_behind_are_told_when_they_halve() -> None:
    admission = _admission(waiting=100, each=100)
    for number in range(41):
        _enter(admission, f"t{number}")

    told = [admission.leave(f"t{number}").waiting.get("t40") for number in range(40)]
    assert [place for place in told if place] == [20, 10, 8, 7, 6, 5, 4, 3, 2, 1]


def test_principals_take_turns() -> None:
    admission = _admission(waiting=10)
    for ticket in ("a0", "a1", "a2", "a3", "b1"):
        _enter(admission, ticket, principal=ticket[0])

    assert admission.leave("a0").seated == ("a1",)
    assert admission.leave("a1").seated == ("b1",)
    assert admission.leave("b1").seated == ("a2",)


def test_batch_leaves_a_seat_free_and_what_somebody_waits_for_takes_it_at_once() -> None:
    admission = _admission(seats=3, waiting=10)

    assert _batch(admission, "b1", "b2", "b3", "b4") == [0, 0, 1, 2]
    assert _enter(admission, "i1") == 0
    assert admission.leave("b1").seated == ()  # the seat that is free now is kept
    assert _enter(admission, "i2") == 0
    assert admission.leave("i1").seated == ()
    assert admission.leave("i2").seated == ("b3",)


def test_of_many_seats_an_eighth_is_kept() -> None:
    admission = _admission(seats=16, waiting=20, each=40)

    assert _batch(admission, *(f"b{number}" for number in range(20))).count(0) == 14


def test_with_a_single_seat_batch_may_have_it() -> None:
    assert _batch(_admission(), "b1") == [0]


def test_what_somebody_waits_for_is_seated_before_batch_that_came_earlier() -> None:
    admission = _admission(waiting=10)
    _enter(admission, "i1")
    _batch(admission, "b1", "b2")

    assert _enter(admission, "i2") == 1
    assert admission.leave("i1") == Moved(("i2",), {"b1": 1, "b2": 2})
    assert admission.leave("i2") == Moved(("b1",), {"b2": 1})


def test_batch_has_its_turn_however_much_somebody_waits_for() -> None:
    admission = _admission(waiting=50, each=50)
    _enter(admission, "i")
    _batch(admission, "b1", "b2")
    for number in range(20):
        _enter(admission, f"i{number}")
    seated = ["i"]
    for _ in range(11):
        seated += admission.leave(seated[-1]).seated

    assert seated == ["i", *(f"i{n}" for n in range(4)), "b1", *(f"i{n}" for n in range(4, 8)), "b2", "i8"]


def test_batch_takes_its_turn_when_seats_come_free_one_by_one_with_nobody_in_the_queue() -> None:
    admission = _admission(seats=2, waiting=10, each=50)
    _batch(admission, "b1", "b2")
    admission.leave("b1")  # b2 sits now
    _batch(admission, "b3")
    seated = [f"i{number}" for number in range(PATIENCE)]
    for ticket in seated:
        assert _enter(admission, ticket) == 0
        assert admission.leave(ticket).seated == ()  # batch may hold one of two seats, and does
    assert admission.leave("b2").seated == ("b3",)


def test_engines_do_not_share_seats_but_the_length_of_the_queue() -> None:
    admission = _admission()
    for ticket in ("t1", "t2", "t3"):
        _enter(admission, ticket)

    assert _enter(admission, "t4", engine="echo") == 0
    with pytest.raises(AdmissionError):
        _enter(admission, "t5", engine="echo")


def test_a_full_queue_refuses_and_says_when_to_come_back() -> None:
    admission = _admission()
    for ticket in ("t1", "t2", "t3"):
        _enter(admission, ticket)
    assert admission.full

    with pytest.raises(AdmissionError) as caught:
        _enter(admission, "t4")

    assert (caught.value.code, caught.value.retry_after_s) == ("queue_full", 6.0)
    assert admission.waiting() == 2


def test_a_full_queue_of_batch_is_no_full_queue() -> None:
    admission = _admission(batch=Quota(1, 10))
    _batch(admission, "b1", "b2")

    with pytest.raises(AdmissionError) as caught:
        _batch(admission, "b3")
    assert caught.value.code == "queue_full"
    assert not admission.full
    assert _enter(admission, "i1") == 1


def test_one_principal_cannot_take_everything() -> None:
    admission = _admission(seats=4, each=2)
    _enter(admission, "t1")
    _enter(admission, "t2")

    with pytest.raises(AdmissionError) as caught:
        _enter(admission, "t3")
    assert caught.value.code == "too_many_inflight"
    assert _enter(admission, "t4", principal="b") == 0
    assert _batch(admission, "b1") == [1]  # another class, another account; and one seat is kept
    admission.leave("t1")
    assert _enter(admission, "t5") == 0


def test_the_wait_follows_how_long_answers_take() -> None:
    admission = _admission(waiting=0)
    for ticket in range(40):
        _enter(admission, str(ticket))
        admission.leave(str(ticket), took_s=20.0)
    _enter(admission, "last")
    admission.leave("nobody", took_s=1.0)

    with pytest.raises(AdmissionError) as caught:
        _enter(admission, "refused")
    assert 19.0 < caught.value.retry_after_s <= 20.0


@pytest.mark.parametrize(("took", "wait"), [(0.0, 0.5), (10_000.0, 60.0)])
def test_the_wait_is_neither_nothing_nor_for_ever(took: float, wait: float) -> None:
    admission = _admission(waiting=0)
    for ticket in range(40):
        _enter(admission, str(ticket))
        admission.leave(str(ticket), took_s=took)
    _enter(admission, "last")

    with pytest.raises(AdmissionError) as caught:
        _enter(admission, "refused")
    assert caught.value.retry_after_s == pytest.approx(wait)


def test_the_load_is_what_waits_for_this_engine_before_a_new_question() -> None:
    admission = _admission(seats=2, waiting=10)
    for ticket in ("t1", "t2", "t3", "t4"):
        _enter(admission, ticket)
    _batch(admission, "b1")

    assert admission.load("ocr", "interactive") == Load(waiting=2, most=10, wait_s=3.0)
    assert admission.load("ocr", "batch") == Load(waiting=1, most=10, wait_s=4.0)
    assert admission.load("echo", "interactive").waiting == 0


def test_a_ticket_given_back_twice_changes_nothing() -> None:
    admission = _admission()
    _enter(admission, "t1")
    admission.leave("t1")

    assert admission.leave("t1") == Moved()


Step = tuple[str, int, str, str, Priority]
_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["enter", "enter", "leave"]),
        st.integers(0, 30),
        st.sampled_from(["ocr", "echo"]),
        st.sampled_from("ab"),
        st.sampled_from(CLASSES),
    ),
    max_size=120,
)


def _play(
    admission: Admission, steps: list[Step], look: Callable[[dict[str, Step], set[str], tuple[str, ...]], None]
) -> None:
    """Do these, and look after each: who holds a ticket, who sits, who has just sat down."""
    held: dict[str, Step] = {}
    seated: set[str] = set()
    for step in steps:
        ticket = str(step[1])
        if step[0] == "enter" and ticket not in held:
            try:
                moved = admission.enter(ticket, engine=step[2], principal=step[3], priority=step[4])
            except AdmissionError:
                continue
            held[ticket] = step
        elif step[0] == "leave":
            moved = admission.leave(ticket)
            held.pop(ticket, None)
            seated.discard(ticket)
        else:
            continue
        assert set(moved.seated) <= held.keys() - seated
        assert set(moved.waiting) <= held.keys() - seated
        seated |= set(moved.seated)
        look(held, seated, moved.seated)


@given(_STEPS, st.integers(1, 9))
def test_nobody_is_lost_and_no_seat_is_taken_twice_or_left_free_for_nothing(steps: list[Step], seats: int) -> None:
    admission = _admission(seats=seats, waiting=6, each=9)
    reserved = {"ocr": max(1, seats // 8) if seats > 1 else 0, "echo": 0}
    counts = {"ocr": seats, "echo": 1}

    def look(held: dict[str, Step], seated: set[str], _new: tuple[str, ...]) -> None:
        assert (admission.running, admission.waiting()) == (len(seated), len(held) - len(seated))
        for name in CLASSES:
            waits = [step for ticket, step in held.items() if step[4] == name and ticket not in seated]
            assert admission.waiting(name) == len(waits) <= 6
        for engine, count in counts.items():
            sit = [held[ticket][4] for ticket in seated if held[ticket][2] == engine]
            wait = [step[4] for ticket, step in held.items() if step[2] == engine and ticket not in seated]
            free = count - len(sit)
            assert free >= 0
            assert sit.count("batch") <= count - reserved[engine]
            assert not ("interactive" in wait and free)
            assert not ("batch" in wait and free > reserved[engine])

    _play(admission, steps, look)


@given(_STEPS)
def test_batch_that_waits_is_passed_by_only_so_often(steps: list[Step]) -> None:
    admission = _admission(seats=2, waiting=20, each=20)
    passed = 0

    def look(held: dict[str, Step], seated: set[str], new: tuple[str, ...]) -> None:
        nonlocal passed
        here = [ticket for ticket in new if held[ticket][2] == "ocr"]
        sit = [held[ticket][4] for ticket in seated if held[ticket][2] == "ocr"]
        waits = any(step[2] == "ocr" and step[4] == "batch" and ticket not in seated for ticket, step in held.items())
        for ticket in here:
            passed = passed + 1 if held[ticket][4] == "interactive" and waits else 0
        if "batch" not in sit:  # it does not sit already, where only one of two seats is for it
            assert passed <= PATIENCE + 1

    _play(admission, steps, look)
