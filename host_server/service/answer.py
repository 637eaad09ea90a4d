"""One answer while it is known: its writer, its log, whoever follows it, and the way to stop it."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Literal

from host_server.core.conversation import Chain
from host_server.wire.events import AnswerWriter
from host_server.wire.log import AnswerLog
from host_server.wire.response import Json

__all__ = ["Answer", "CancelledBy"]

_ITSELF = 4096

CancelledBy = Literal["client", "disconnect", "deadline", "shutdown"]


class Answer:
    """Events go in by `emit`, out by `follow`.

    Nobody following it for `grace_s` cancels it: an answer that nobody will read should not keep an engine busy.
    """

    def __init__(
        self,
        answer_id: str,
        writer: AnswerWriter,
        *,
        principal: str,
        connection: str | None,
        store: bool,
        grace_s: float,
        items: tuple[Json, ...] = (),
        weight: int = 0,
    ) -> None:
        self.id = answer_id
        self.principal = principal
        self.writer = writer
        self.items = items
        self.log = AnswerLog()
        self._weight = weight
        self.chain: Chain | None = None
        self.cancelled_by: CancelledBy | None = None
        self._connection = connection
        self._store = store
        self._grace_s = grace_s
        self._followers: set[asyncio.Event] = set()
        self._grace: asyncio.TimerHandle | None = None
        self._stop: Callable[[], object] | None = None
        self.when_deleted: Callable[[], None] = lambda: None

    @property
    def ended(self) -> bool:
        """Whether its terminal event is written."""
        return self.log.terminal is not None

    @property
    def retryable(self) -> bool:
        """Whether it has ended without an answer, and asking again may bring one."""
        response = self.response()
        error = response["error"] or {}
        return self.ended and bool(response.get("retryable") or error.get("retryable"))

    @property
    def size(self) -> int:
        """Bytes it costs to know this answer, about: what was asked, the events, and the text once more as a whole."""
        text = len((self.writer.thought + self.writer.text).encode("utf-8", "surrogatepass"))
        return _ITSELF + self._weight + self.log.size + text

    @property
    def abandoned(self) -> bool:
        """Whether it was stopped because its connection was lost, and nobody can see it any more."""
        return self.cancelled_by == "disconnect" and not self._store

    def visible(self, principal: str, connection: str | None) -> bool:
        """Whether this client may see it; an answer that is not stored is seen by the socket that asked."""
        return self.principal == principal and (
            self._store or (connection is not None and connection == self._connection)
        )

    def response(self) -> Json:
        """The Response as it stands."""
        return self.writer.response()

    def emit(self, events: list[Json]) -> None:
        """Write events to the log and wake who follows."""
        for event in events:
            self.log.append(event)
        for follower in self._followers:
            follower.set()
        if self.ended:
            self._keep()

    def begin(self, stop: Callable[[], object]) -> bool:
        """The task is running and can be stopped; False when it was cancelled before it could begin."""
        self._stop = stop
        return self.cancelled_by is None

    def cancel(self, by: CancelledBy) -> None:
        """Stop it; the terminal event follows. One that has ended, or is ending, stays as it is."""
        if self.ended or self.cancelled_by is not None:
            return
        self.cancelled_by = by
        if self._stop is not None:
            self._stop()

    def wait_for_follower(self) -> None:
        """Start the grace time: cancelled unless somebody follows."""
        self._keep()
        if not self.ended and not self._followers:
            self._grace = asyncio.get_running_loop().call_later(self._grace_s, self.cancel, "disconnect")

    async def follow(self, cursor: int = -1, *, beat_s: float | None = None) -> AsyncGenerator[list[Json], None]:
        """Everything after `cursor` until the end, what is pending at once; an empty list each `beat_s` of silence."""
        wake = asyncio.Event()
        self._followers.add(wake)
        self._keep()
        try:
            while True:
                wake.clear()
                events = self.log.since(cursor)
                if events:
                    cursor = int(events[-1]["sequence_number"])
                    yield events
                if self.log.is_read(cursor):
                    return
                if not events and not await _set_within(wake, beat_s):
                    yield []
        finally:
            self._followers.discard(wake)
            if not self._followers and not self.ended:
                self.wait_for_follower() if self._store else self.cancel("disconnect")

    def _keep(self) -> None:
        if self._grace is not None:
            self._grace.cancel()
            self._grace = None


async def _set_within(event: asyncio.Event, seconds: float | None) -> bool:
    if seconds is None:
        return await event.wait()
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
