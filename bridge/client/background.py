"""Tasks that live as long as an object that is used as an async context."""

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any

__all__ = ["Background"]


class Background:
    """A TaskGroup for an object's `__aenter__` and `__aexit__`: errors of the caller's block leave it as they are."""

    def __init__(self) -> None:
        self._group = asyncio.TaskGroup()
        self._life = AsyncExitStack()
        self._tasks: set[asyncio.Task[None]] = set()

    async def begin(self) -> None:
        """Call in `__aenter__`."""
        await self._life.enter_async_context(self._group)

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run beside the block; may be cancelled. When it raises, the block is cancelled and `end` raises."""
        task = self._group.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def end(self, *, cancel: bool = True) -> None:
        """Call in `__aexit__`: cancels what still runs, unless it ends by itself, and waits for it."""
        for task in self._tasks if cancel else ():
            task.cancel()
        # Not told about the block's own error: the group would wrap it, and the caller's `except` would miss it.
        await self._life.aclose()
