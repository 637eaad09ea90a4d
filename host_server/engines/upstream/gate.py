"""Waits that end at a deadline, and all of them when the engine is closed.

A generator has no task of its own that `close` could cancel, and the task that reads it is not ours to cancel. So each
wait inside stands in an `asyncio.timeout` whose end `close` moves to now.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from host_server.engines.base import EngineClosedError

__all__ = ["Gate", "LateError"]


class LateError(Exception):
    """The deadline of a wait has passed."""


class Gate:
    """Open until it is closed."""

    def __init__(self) -> None:
        self._waits: set[asyncio.Timeout] = set()
        self._closed = False

    def check(self) -> None:
        """Raises `EngineClosedError` once it is closed."""
        if self._closed:
            raise EngineClosedError("The engine upstream is closed.")

    def close(self) -> None:
        """End all waits, now and from now on."""
        self._closed = True
        for wait in self._waits:
            wait.reschedule(0.0)

    @asynccontextmanager
    async def waiting(self, seconds: float | None = None) -> AsyncGenerator[None]:
        """Wait inside for so long at most. Raises `LateError`, or `EngineClosedError`."""
        self.check()
        wait = asyncio.timeout(seconds)
        try:
            async with wait:
                self._waits.add(wait)
                try:
                    yield
                finally:
                    self._waits.discard(wait)
        except TimeoutError:
            if not wait.expired():
                raise
            self.check()
            raise LateError from None
