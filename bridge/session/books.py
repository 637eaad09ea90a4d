"""`Books`: writes down what was answered and tells the observer, in order, and gives up neither on a full disk."""

import asyncio
import sqlite3
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from bridge.errors import BridgeError
from bridge.session.commands import Observe, Record
from bridge.session.report import Reporter
from bridge.spool import Spool

__all__ = ["Books"]

RETRY_S: Final = 2.0


class Books:
    """`enter` at any time; `keep` does the work beside the loop; `close` finishes it when nobody waits any more.

    An answer that cannot be written is tried again every `retry_s`, together with those after it. Were it dropped, its
    picture would be asked about again at the next start.
    """

    def __init__(
        self, spool: Spool, report: Reporter, on_event: Callable[[dict[str, Any]], None], *, retry_s: float = RETRY_S
    ) -> None:
        self._spool = spool
        self._report = report
        self._on_event = on_event
        self._retry_s = retry_s
        self._entries: asyncio.Queue[Record | Observe] = asyncio.Queue()
        self._unwritten: deque[Record] = deque()
        self._troubled = False

    def enter(self, entry: Record | Observe) -> None:
        """Take note; what came first is written and told first."""
        self._entries.put_nowait(entry)

    async def keep(self) -> None:
        """Work until cancelled; a write that has begun is finished then, for the spool may be closed after us."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._retry_s if self._unwritten else None):
                    self._take(await self._entries.get())
            if self._unwritten:
                writing = asyncio.get_running_loop().run_in_executor(None, self._write)
                try:
                    problem = await asyncio.shield(writing)
                except asyncio.CancelledError:
                    await writing
                    raise
                self._tell(problem)

    def close(self) -> None:
        """What has happened is written down, if that can be."""
        while not self._entries.empty():
            self._take(self._entries.get_nowait())
        self._tell(self._write())

    def _take(self, entry: Record | Observe) -> None:
        if isinstance(entry, Record):
            self._unwritten.append(entry)
        else:
            self._on_event(dict(entry.event))

    def _write(self) -> Exception | None:
        """Journal what is not yet; gives what went wrong."""
        while self._unwritten:
            entry = self._unwritten[0]
            about = (entry.capture_id, entry.question_key, entry.response_id, entry.status, entry.text)
            try:
                self._spool.record_answer(*about)
            except (BridgeError, OSError, sqlite3.Error) as error:
                return error
            self._unwritten.popleft()
        return None

    def _tell(self, problem: Exception | None) -> None:
        """Once, until it is over."""
        told, self._troubled = self._troubled, problem is not None
        if problem is None or told:
            return
        words = getattr(problem, "message", None) or str(problem)
        hint = getattr(problem, "hint", "") or "free some space; answers are kept until they can be written"
        message = f"An answer cannot be written down: {words}"
        self._on_event(dict(self._report.error(time.time(), "storage_full", message, hint=hint).event))
