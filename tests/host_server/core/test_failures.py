"""Too many wrong tokens."""

from hypothesis import given
from hypothesis import strategies as st

from host_server.core.failures import FailureLimiter


def test_the_eleventh_failure_within_a_minute_is_told_to_wait() -> None:
    limiter = FailureLimiter()
    waits = [limiter.failed("peer", now=float(second)) for second in range(12)]

    assert waits == [None] * 10 + [50.0, 49.0]


def test_old_failures_do_not_count() -> None:
    limiter = FailureLimiter(limit=1, window_s=60.0)
    limiter.failed("peer", now=0.0)

    assert limiter.failed("peer", now=59.9) is not None
    assert limiter.failed("peer", now=60.0) is None


def test_peers_do_not_pay_for_each_other() -> None:
    limiter = FailureLimiter(limit=1)
    limiter.failed("a", now=0.0)

    assert limiter.failed("b", now=0.0) is None


def test_the_peer_seen_longest_ago_is_forgotten_first() -> None:
    limiter = FailureLimiter(limit=1, max_peers=2)
    for peer in ("a", "b", "a", "c"):
        limiter.failed(peer, now=0.0)

    assert limiter.failed("a", now=0.0) is not None
    assert limiter.failed("b", now=0.0) is None


@given(st.lists(st.floats(0, 30), max_size=60))
def test_never_more_than_the_limit_pass_within_a_window(pauses: list[float]) -> None:
    limiter = FailureLimiter(limit=3, window_s=60.0)
    passed: list[float] = []
    now = 0.0
    for pause in pauses:
        now += pause
        wait = limiter.failed("peer", now=now)
        if wait is None:
            passed.append(now)
        else:
            assert 0 < wait <= 60.001
        assert sum(now - time < 59.999 for time in passed) <= 3
