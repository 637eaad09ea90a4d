"""At once, then with a pause, then a rest; a long life begins a new row."""

from host_server.core.restarts import Pause, Restarts


def test_the_third_death_in_a_row_opens_the_breaker_and_rests_grow() -> None:
    restarts = Restarts(delays=(0.0, 1.0), rests=(30.0, 60.0), stable_s=60.0)

    assert [restarts.died(lived_s=1.0) for _ in range(5)] == [
        Pause(0.0, resting=False),
        Pause(1.0, resting=False),
        Pause(30.0, resting=True),
        Pause(60.0, resting=True),
        Pause(60.0, resting=True),
    ]


def test_a_long_life_closes_it() -> None:
    restarts = Restarts()
    for _ in range(4):
        restarts.died(lived_s=0.0)

    assert not restarts.died(lived_s=60.0).resting
    assert not restarts.died(lived_s=59.9).resting
    assert restarts.died(lived_s=0.0).resting
