"""Uploads at a time, memory at a time: who comes beyond is refused, or waits."""

import threading

import pytest

from host_server.service.bounds import MemoryGate, UploadSlots
from host_server.wire.errors import WireError

DEADLINE = 5.0


def test_each_principal_has_its_slots_and_all_have_theirs() -> None:
    slots = UploadSlots(each=2, together=3)
    with slots.one("a"), slots.one("a"):
        with pytest.raises(WireError) as caught, slots.one("a"):
            pass
        assert (caught.value.code, caught.value.row.status) == ("too_many_inflight", 429)
        with slots.one("b"):
            with pytest.raises(WireError) as caught, slots.one("c"):
                pass
            assert (caught.value.code, caught.value.row.status) == ("queue_full", 503)
            assert caught.value.retry_after_ms
    with slots.one("a"), slots.one("a"), slots.one("c"):
        pass


class Worker:
    """A thread that wants room and says when it has it."""

    def __init__(self, gate: MemoryGate, cost: int) -> None:
        self.inside, self.leave = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, args=(gate, cost), daemon=True)
        self._thread.start()

    def _work(self, gate: MemoryGate, cost: int) -> None:
        with gate.room(cost):
            self.inside.set()
            self.leave.wait(DEADLINE)

    def end(self) -> None:
        self.leave.set()
        self._thread.join(DEADLINE)


def test_what_does_not_fit_beside_the_others_waits() -> None:
    gate = MemoryGate(10)
    first, second = Worker(gate, 5), Worker(gate, 5)
    assert first.inside.wait(DEADLINE)
    assert second.inside.wait(DEADLINE)
    third = Worker(gate, 1)

    assert not third.inside.wait(0.05)
    first.end()
    assert third.inside.wait(DEADLINE)
    second.end()
    third.end()


def test_what_is_larger_than_everything_goes_alone() -> None:
    gate = MemoryGate(10)
    small = Worker(gate, 1)
    assert small.inside.wait(DEADLINE)
    huge = Worker(gate, 99)

    assert not huge.inside.wait(0.05)
    small.end()
    assert huge.inside.wait(DEADLINE)
    huge.end()
