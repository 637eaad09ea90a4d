"""When a worker is let go though nothing is wrong with it."""

import pytest

from host_server.core.upkeep import Reason, Upkeep

MB = 1024 * 1024


def _upkeep(*, idle_s: float | None = None, growth: int | None = None) -> Upkeep:
    return Upkeep(idle_s=idle_s, growth=growth, now=0.0, shortest_life_s=60.0)


def _look(
    upkeep: Upkeep, now: float, *, busy: bool = False, kind: str = "rss", size: int | None = None
) -> Reason | None:
    return upkeep.look(busy=busy, memory={} if size is None else {kind: size}, now=now)


def test_nobody_needs_it_for_so_long_since_it_was_ready_or_used() -> None:
    upkeep = _upkeep(idle_s=10.0)

    assert [_look(upkeep, 9.9), _look(upkeep, 10.0)] == [None, "idle"]
    assert _look(upkeep, 50.0, busy=True) is None
    assert [_look(upkeep, 59.9), _look(upkeep, 60.0)] == [None, "idle"]


@pytest.mark.parametrize("kind", ["rss", "device"])
def test_it_has_grown_too_much_since_it_was_weighed_first(kind: str) -> None:
    upkeep = _upkeep(growth=100 * MB)

    assert _look(upkeep, 1.0) is None
    assert _look(upkeep, 5.0, kind=kind, size=500 * MB) is None
    assert _look(upkeep, 70.0, kind=kind, size=600 * MB) is None
    assert _look(upkeep, 71.0, busy=True, kind=kind, size=600 * MB + 1) == "grown"


def test_kinds_of_memory_are_not_added_up() -> None:
    upkeep = _upkeep(growth=100 * MB)
    upkeep.look(busy=False, memory={"rss": 0, "device": 0}, now=5.0)

    assert upkeep.look(busy=False, memory={"rss": 80 * MB, "device": 80 * MB}, now=70.0) is None


def test_a_young_one_may_grow() -> None:
    upkeep = _upkeep(growth=1)
    _look(upkeep, 5.0, size=0)

    assert [_look(upkeep, 59.9, size=MB), _look(upkeep, 60.0, size=MB)] == [None, "grown"]


def test_without_limits_it_stays() -> None:
    upkeep = _upkeep()
    _look(upkeep, 0.0, size=0)

    assert _look(upkeep, 1e9, size=1 << 49) is None
