"""What is forgotten, and when."""

from hypothesis import given
from hypothesis import strategies as st

from host_server.core.shelf import Shelf


def _shelf(*, keep_s: float = 100.0, max_answers: int = 3, max_bytes: int = 1000) -> Shelf:
    return Shelf(keep_s=keep_s, max_answers=max_answers, max_bytes=max_bytes)


def test_an_answer_is_kept_for_its_time() -> None:
    shelf = _shelf()
    shelf.ended("a", size=1, now=0.0)

    assert shelf.expire(now=99.9) == []
    assert shelf.expire(now=100.0) == ["a"]
    assert shelf.expire(now=200.0) == []


def test_the_oldest_goes_when_there_are_too_many() -> None:
    shelf = _shelf()
    gone = [shelf.ended(name, size=1, now=0.0) for name in "abcd"]

    assert gone == [[], [], [], ["a"]]


def test_the_oldest_go_when_they_are_too_large_together() -> None:
    shelf = _shelf()
    shelf.ended("a", size=600, now=0.0)
    shelf.ended("b", size=300, now=0.0)

    assert shelf.ended("c", size=800, now=0.0) == ["a", "b"]


def test_an_answer_larger_than_the_shelf_is_not_kept() -> None:
    assert _shelf().ended("a", size=1001, now=0.0) == ["a"]


def test_a_removed_answer_leaves_its_room() -> None:
    shelf = _shelf()
    shelf.ended("a", size=1000, now=0.0)
    shelf.remove("a")
    shelf.remove("a")

    assert shelf.ended("b", size=1000, now=0.0) == []


@given(st.lists(st.tuples(st.integers(0, 400), st.floats(0, 50)), max_size=40))
def test_the_limits_always_hold(answers: list[tuple[int, float]]) -> None:
    shelf = _shelf()
    kept: dict[str, tuple[int, float]] = {}
    now = 0.0
    for number, (size, pause) in enumerate(answers):
        now += pause
        kept[str(number)] = (size, now)
        for gone in shelf.ended(str(number), size=size, now=now):
            del kept[gone]

        assert len(kept) <= 3
        assert sum(size for size, _ in kept.values()) <= 1000
        assert all(now - at < 100.0 for _, at in kept.values())
