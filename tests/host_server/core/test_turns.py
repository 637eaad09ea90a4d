"""A queue in which principals take turns."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from host_server.core.turns import Turns


def _turns(*tickets: str) -> Turns:
    turns = Turns()
    for ticket in tickets:
        turns.add(ticket, ticket[0])
    return turns


def _all(turns: Turns) -> list[str]:
    return [turns.next() for _ in range(len(turns))]


def test_each_asks_in_order_and_nobody_waits_behind_all_of_another() -> None:
    turns = _turns("a1", "a2", "a3", "a4", "b1", "b2", "c1")

    assert list(turns) == ["a1", "b1", "c1", "a2", "b2", "a3", "a4"]
    assert _all(turns) == ["a1", "b1", "c1", "a2", "b2", "a3", "a4"]


def test_who_leaves_is_not_called() -> None:
    turns = _turns("a1", "a2", "b1")
    turns.remove("a1", "a")
    turns.remove("b1", "b")

    assert (list(turns), len(turns)) == (["a2"], 1)


def test_whose_queue_is_empty_comes_back_behind_the_others() -> None:
    turns = _turns("a1", "b1", "c1")
    assert turns.next() == "a1"
    turns.add("a2", "a")

    assert _all(turns) == ["b1", "c1", "a2"]


@given(st.lists(st.tuples(st.sampled_from(["add", "next", "remove"]), st.sampled_from("abc"), st.integers(0, 9))))
def test_nobody_is_lost_each_keeps_his_order_and_the_order_told_is_the_order_called(
    steps: list[tuple[str, str, int]],
) -> None:
    turns = Turns()
    held: dict[str, list[str]] = {"a": [], "b": [], "c": []}
    for number, (step, principal, which) in enumerate(steps):
        if step == "add":
            turns.add(f"{principal}{number}", principal)
            held[principal].append(f"{principal}{number}")
        elif step == "remove" and held[principal]:
            ticket = held[principal].pop(which % len(held[principal]))
            turns.remove(ticket, principal)
        elif step == "next" and len(turns):
            first = next(iter(turns))
            assert turns.next() == first
            assert held[first[0]].pop(0) == first
        told = list(turns)
        assert len(turns) == len(told) == sum(map(len, held.values()))
        for name, tickets in held.items():
            assert [ticket for ticket in told if ticket[0] == name] == tickets
        for count in range(len(told)):  # at any moment nobody is two ahead of one who still waits
            called = Counter(ticket[0] for ticket in told[:count])
            still = [name for name in held if len(held[name]) > called[name]]
            assert all(called[name] >= max(called.values(), default=0) - 1 for name in still)
