"""When a host may end."""

import pytest

from host_server.core.idle import IdleClock


def test_the_host_may_end_some_time_after_the_last_client_has_gone() -> None:
    clock = IdleClock(30.0, now=0.0)
    clock.came()
    clock.came()
    clock.left(now=5.0)
    assert clock.remaining(now=100.0) is None

    clock.left(now=100.0)

    assert clock.remaining(now=110.0) == pytest.approx(20.0)
    assert clock.remaining(now=200.0) == pytest.approx(0)


def test_a_host_that_nobody_ever_came_to_ends_too() -> None:
    assert IdleClock(30.0, now=10.0).remaining(now=25.0) == pytest.approx(15.0)


def test_without_a_limit_the_host_stays() -> None:
    assert IdleClock(None, now=0.0).remaining(now=1e9) is None
