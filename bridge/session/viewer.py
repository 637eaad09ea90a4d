"""`Viewer`: somebody who looks at one phone, on the side that waits."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Self

from bridge.session.events import ViewerKind
from bridge.session.viewers import Outbox
from host_server.wire.acks import Acks
from host_server.wire.log import AnswerLog

__all__ = ["ACK_S", "Viewer"]

ACK_S = 10.0


class Viewer:
    """Use as a context, iterate over what there is to see; it ends when the viewer is too slow, or closed.

    Between two steps of the iteration everything new is merged, so a slow reader gets fewer, larger deltas. Whoever
    sends on what it gives tells so with `sent`: then a viewer that acknowledges is not sent more than it can read.
    """

    def __init__(
        self, name: str, kind: ViewerKind, *, on_leave: Callable[["Viewer"], None], ack_s: float = ACK_S
    ) -> None:
        self.name = name
        self.kind = kind
        self._on_leave = on_leave
        self._outbox = Outbox()
        self._acks = Acks(ack_s)
        self._wake = asyncio.Event()
        self.closed = False
        self.slow = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aiter__(self) -> AsyncIterator[Mapping[str, Any]]:
        while not self.closed:
            self._wake.clear()
            if not self._acks.full:
                for event in self._outbox.take():
                    yield event
            await self._rest()

    def close(self) -> None:
        """Leave. What was not read yet is not read any more."""
        if not self.closed:
            self.closed = True
            self._wake.set()
            self._on_leave(self)

    def sent(self, event: Mapping[str, Any], size: int) -> None:
        """An event that the iteration gave is on its way, in so many bytes."""
        self._acks.sent(event, size, _now())

    def acknowledged(self, response_id: str | None, number: int) -> None:
        """It has read an answer, or our own events, up to this number."""
        self._acks.acknowledged(response_id, number, _now())
        self._wake.set()

    def tell(self, event: Mapping[str, Any]) -> None:
        """Used by the session: one event of ours."""
        self._outbox.tell(event)
        self._changed()

    def show(self, response_id: str, log: AnswerLog, after: int) -> None:
        """Used by the session: an answer has news."""
        self._outbox.show(response_id, log, after)
        self._changed()

    def forget(self, response_ids: Iterable[str]) -> None:
        """Used by the session: these answers are deleted."""
        self._outbox.forget(response_ids)

    async def _rest(self) -> None:
        """Until there is something to do, or the viewer has been behind for too long."""
        deadline = self._acks.deadline
        if not self.closed and (deadline is None or _now() < deadline):
            try:
                async with asyncio.timeout_at(deadline):
                    await self._wake.wait()
            except TimeoutError:
                self._fall_behind()
        elif not self.closed:
            self._fall_behind()

    def _changed(self) -> None:
        self._wake.set()
        if self._outbox.full:
            self._fall_behind()

    def _fall_behind(self) -> None:
        self.slow = True
        self.close()


def _now() -> float:
    return asyncio.get_running_loop().time()
