"""Background work of a phone or a connection, owned: nothing is lost, nothing outlives its owner.

A `TaskGroup` must be left in the task that entered it; a phone is started in one task and stopped in another (fixtures,
`start()`/`stop()`). This keeps every task by a strong reference, logs what failed, and `close()` waits for all.
"""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

__all__ = ["Tasks", "first_of"]

_log = logging.getLogger(__name__)


class Tasks:
    """A bag of tasks that ends with its owner."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    def spawn(self, work: Coroutine[Any, Any, None], *, name: str) -> bool:
        """Run `work` until it ends or the owner does; False and dropped when the owner's end has come."""
        if self._closed:
            work.close()
            return False
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return True

    async def close(self) -> None:
        """Cancel everything and wait until it is gone; the caller itself is left alone."""
        self._closed = True
        others = self._tasks - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("%s failed", task.get_name(), exc_info=error)


async def first_of(*works: Coroutine[Any, Any, None]) -> None:
    """Run all at once; when the first one ends, the others are cancelled."""
    tasks: list[asyncio.Task[None]] = []

    def one_ended(_: asyncio.Task[None]) -> None:
        for task in tasks:
            task.cancel()

    async with asyncio.TaskGroup() as group:
        for work in works:
            task = group.create_task(work)
            tasks.append(task)
            task.add_done_callback(one_ended)
