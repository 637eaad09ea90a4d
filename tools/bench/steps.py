"""The beat of an engine that works on many answers at once: each step gives every one of them a word."""

import asyncio
import time

__all__ = ["Steps"]


class Steps:
    """`rate` steps a second, by the clock; none while nobody waits."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._due: asyncio.Event | None = None
        self._made_at = 0.0

    async def next(self) -> float:
        """Wait for the next step; gives the time it was made at."""
        if self._due is None:
            self._due = asyncio.Event()
            loop = asyncio.get_running_loop()
            number = int(loop.time() * self._rate) + 1
            loop.call_at(number / self._rate, self._make, self._due)
        await self._due.wait()
        return self._made_at

    def _make(self, due: asyncio.Event) -> None:
        self._due, self._made_at = None, time.monotonic()
        due.set()
