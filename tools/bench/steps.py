"""The beat of an engine that works on many answers at once: each step gives every one of them a word."""

import asyncio
import time

__all__ = ["Steps"]


class Steps:
    """`rate` steps a second, by the clock; none while nobody waits. Costs little, so that what is around it is seen."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: list[asyncio.Future[float]] = []

    async def next(self) -> float:
        """Wait for the next step; gives the time it was made at."""
        loop = self._loop = self._loop or asyncio.get_running_loop()
        if not self._waiting:
            loop.call_at((int(loop.time() * self._rate) + 1) / self._rate, self._make)
        due = loop.create_future()
        self._waiting.append(due)
        return await due

    def _make(self) -> None:
        waiting, self._waiting, now = self._waiting, [], time.monotonic()
        for due in waiting:
            if not due.done():
                due.set_result(now)
