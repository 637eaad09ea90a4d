"""A few threads for work on pictures, where what somebody waits for goes first."""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from host_server.core.question import Priority

__all__ = ["Threads"]

_ResultT = TypeVar("_ResultT")


class Threads:
    """At most `count` works at a time. Batch ones never have all the threads, unless there is only one.

    A pool alone works in the order of asking: two hundred pictures of a batch, and then the one somebody waits for.
    """

    def __init__(self, count: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix=name)
        self._free: dict[Priority, int] = {"interactive": count, "batch": max(1, count - 1)}
        self._waiting: dict[Priority, deque[asyncio.Future[None]]] = {"interactive": deque(), "batch": deque()}

    def close(self) -> None:
        """End the threads; what they are at is finished first."""
        self._pool.shutdown(cancel_futures=True)

    async def run(self, work: Callable[[], _ResultT], *, priority: Priority = "interactive") -> _ResultT:
        """Do this in a thread. Cancelled, it is forgotten if it has not begun, and finished for nobody if it has."""
        loop = asyncio.get_running_loop()
        if not self._may(priority) or self._waiting[priority]:
            turn = loop.create_future()
            self._waiting[priority].append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if not turn.cancelled():  # its turn came in the same moment
                    self._over(priority)
                raise
        else:
            self._take(priority)
        done = self._pool.submit(work)

        def over(_done: Future[_ResultT]) -> None:
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(self._over, priority)

        done.add_done_callback(over)
        return await asyncio.wrap_future(done)

    def _may(self, priority: Priority) -> bool:
        return self._free["interactive"] > 0 and self._free[priority] > 0

    def _take(self, priority: Priority) -> None:
        self._free["interactive"] -= 1
        if priority == "batch":
            self._free["batch"] -= 1

    def _over(self, priority: Priority) -> None:
        self._free["interactive"] += 1
        if priority == "batch":
            self._free["batch"] += 1
        for name, queue in self._waiting.items():
            while queue and self._may(name):
                turn = queue.popleft()
                if not turn.done():
                    self._take(name)
                    turn.set_result(None)
