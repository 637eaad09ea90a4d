"""How fast one principal may go."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_server.core.rates import Rate, RateLimiter

SLOW = Rate(per_minute=60, burst=3)


def _ask(limiter: RateLimiter, principal: str, now: float) -> float:
    wait = limiter.wait(principal, now=now)
    if not wait:
        limiter.spend(principal, 1, now=now)
    return wait


def test_a_burst_is_fine_and_then_it_goes_evenly() -> None:
    limiter = RateLimiter(SLOW)

    assert [_ask(limiter, "a", 0.0) for _ in range(4)] == [0, 0, 0, 1.0]
    assert [_ask(limiter, "a", now) for now in (0.5, 1.0, 1.5, 2.0)] == [0.5, 0, 0.5, 0]


def test_who_waits_as_told_may_go_on_and_a_rest_gives_a_burst_again() -> None:
    limiter = RateLimiter(SLOW)
    for _ in range(3):
        _ask(limiter, "a", 0.0)

    assert _ask(limiter, "a", _ask(limiter, "a", 0.2) + 0.2) == 0
    assert [_ask(limiter, "a", 1000.0) for _ in range(4)] == [0, 0, 0, 1.0]


def test_a_debt_has_to_be_paid_first() -> None:
    limiter = RateLimiter(Rate(per_minute=600, burst=100))
    limiter.spend("a", 150, now=0.0)

    assert limiter.wait("a", now=0.0) == pytest.approx(5.1)
    assert limiter.wait("a", now=5.1) == 0


def test_principals_do_not_pay_for_each_other() -> None:
    limiter = RateLimiter(Rate(per_minute=1, burst=1))
    _ask(limiter, "a", 0.0)

    assert (_ask(limiter, "a", 0.0), _ask(limiter, "b", 0.0)) == (60.0, 0)


def test_the_principal_seen_longest_ago_is_forgotten_first() -> None:
    limiter = RateLimiter(Rate(per_minute=1, burst=1), max_principals=2)
    for principal in ("a", "b", "a", "c"):
        _ask(limiter, principal, 0.0)

    assert _ask(limiter, "a", 0.0) > 0
    assert _ask(limiter, "b", 0.0) == 0


@given(st.lists(st.floats(0, 5), max_size=80))
def test_never_more_than_the_burst_and_the_rate(pauses: list[float]) -> None:
    limiter = RateLimiter(SLOW)
    now, let_in = 0.0, 0
    for pause in pauses:
        now += pause
        let_in += not _ask(limiter, "a", now)

    assert let_in <= 3 + now + 1e-6
