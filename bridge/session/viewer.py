"""`Viewer`: somebody who looks at one phone, on the side that waits."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from types import TracebackType
from typing import Any, Self

from bridge.session.events import ViewerKind
from bridge.session.viewers import Outbox
from host_server.wire.log import AnswerLog

__all__ = ["Viewer"]


class Viewer:
    """Use as a context, iterate over what there is to see; it ends when the viewer is too slow, or closed.

    Between two steps of the iteration everything new is merged, so a slow reader gets fewer, larger deltas.
    """

    def __init__(self, name: str, kind: ViewerKind, *, on_leave: Callable[["Viewer"], None]) -> None:
        self.name = name
        self.kind = kind
        self._on_leave = on_leave
        self._outbox = Outbox()
        self._wake = asyncio.Event()
        self.closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aiter__(self) -> AsyncIterator[Mapping[str, Any]]:
        while not self.closed:
            self._wake.clear()
            for event in self._outbox.take():
                yield event
            if not self.closed:
                await self._wake.wait()

    def close(self) -> None:
        """Leave. What was not read yet is not read any more."""
        if not self.closed:
            self.closed = True
            self._wake.set()
            self._on_leave(self)

    def tell(self, event: Mapping[str, Any]) -> None:
        """Used by the session: one event of ours."""
        self._outbox.tell(event)
        self._changed()

    def show(self, response_id: str, log: AnswerLog, after: int) -> None:
        """Used by the session: an answer has news."""
        self._outbox.show(response_id, log, after)
        self._changed()

    def _changed(self) -> None:
        self._wake.set()
        if self._outbox.full:
            self.close()
