"""Hung is who leaves a ping unanswered or a piece of work untouched for too long."""

from host_server.core.watchdog import Watchdog


def test_one_that_answers_its_pings_is_well() -> None:
    dog = Watchdog(silent_s=10, stall_s=20)
    for now in range(100):
        assert dog.look(now) is None
        dog.pinged(now)
        dog.heard()


def test_silence_counts_from_the_first_ping_that_was_not_answered() -> None:
    dog = Watchdog(silent_s=10, stall_s=20)
    dog.pinged(100.0)
    dog.pinged(105.0)

    assert dog.look(110.0) is None
    assert dog.look(110.1) == "silent"
    dog.heard()
    assert dog.look(999.0) is None


def test_nothing_asked_means_nothing_missed() -> None:
    assert Watchdog(silent_s=10, stall_s=20).look(1e6) is None


def test_work_that_does_not_get_on_is_a_stall_and_rest_is_none() -> None:
    dog = Watchdog(silent_s=10, stall_s=20)
    dog.moved(0.0)
    assert dog.look(20.0) is None
    assert dog.look(20.1) == "stalled"
    dog.moved(20.0)
    assert dog.look(30.0) is None
    dog.rests()
    assert dog.look(999.0) is None
