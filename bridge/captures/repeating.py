"""`Repeating`: one way to take a picture, repeated, as a source of captures like any other."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable

from bridge.captures.notices import FolderNotice, Trouble
from bridge.captures.ways import Seen, Way
from bridge.errors import BridgeError, DeviceLost
from bridge.spool import Capture

__all__ = ["Repeating"]


class Repeating:
    """A picture every so many seconds, for as long as `captures` is iterated.

    The pace is kept from start to start, and whoever takes longer over a capture than that gets the next one at once:
    nothing piles up. With `on_change`, a picture that is the same as the last one given is left out. What goes wrong
    for a while is told once as `Trouble`, and tried again; only the phone's going away ends it.
    """

    def __init__(
        self,
        way: Way,
        *,
        every: float,
        on_change: bool = False,
        on_notice: Callable[[FolderNotice], None] = lambda _notice: None,
    ) -> None:
        self._way = way
        self._every, self._on_change = every, on_change
        self._on_notice = on_notice
        self._given: Seen | None = None
        self._trouble = ""

    async def captures(self) -> AsyncGenerator[Capture, None]:
        """Give the captures, each safe in the spool. Raises `DeviceLost` when the phone goes."""
        while True:
            started = time.monotonic()
            capture = await self._next()
            if capture is not None:
                yield capture
            await asyncio.sleep(max(0.0, started + self._every - time.monotonic()))

    async def _next(self) -> Capture | None:
        try:
            seen = await self._way.look()
            if self._on_change and self._given is not None and seen.same_as(self._given):
                await seen.drop()
                capture = None
            else:
                capture = await seen.keep()
                self._given = seen
        except DeviceLost:
            raise
        except BridgeError as error:
            self._tell(error)
            return None
        self._trouble = ""
        return capture

    def _tell(self, error: BridgeError) -> None:
        if error.message != self._trouble:
            self._trouble = error.message
            self._on_notice(Trouble(error.message, error.hint))
