"""Bounds on what pictures may cost: uploads at a time, and memory at a time."""

import threading
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager

from host_server.wire.errors import WireError

__all__ = ["MemoryGate", "UploadSlots"]


class UploadSlots:
    """Uploads on their way in, of each principal and of all together. A slow one keeps its slot until its deadline."""

    def __init__(self, *, each: int, together: int) -> None:
        self._each = each
        self._together = together
        self._taken: Counter[str] = Counter()

    @contextmanager
    def one(self, principal: str) -> Generator[None]:
        """Hold a slot. Raises `WireError`."""
        if self._taken[principal] >= self._each:
            raise WireError("too_many_inflight", "Too many uploads of yours at once.", retry_after_ms=1000)
        if self._taken.total() >= self._together:
            raise WireError("queue_full", "Too many uploads at once.", retry_after_ms=1000)
        self._taken[principal] += 1
        try:
            yield
        finally:
            self._taken[principal] -= 1
            self._taken += Counter()


class MemoryGate:
    """Lets work of known cost through as long as it fits together; what is larger than everything goes alone.

    Waits in the thread that works: those threads are few and do nothing else.
    """

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._used = 0
        self._changed = threading.Condition()

    @contextmanager
    def room(self, cost: int) -> Generator[None]:
        """Hold so much memory."""
        with self._changed:
            self._changed.wait_for(lambda: not self._used or self._used + cost <= self._budget)
            self._used += cost
        try:
            yield
        finally:
            with self._changed:
                self._used -= cost
                self._changed.notify_all()
