"""One connection of somebody on the phone: how long it may say nothing, and how long it may read nothing.

Any app of the phone reaches the front, and uvicorn would keep every connection that says nothing, for ever: a thousand
of them and `bridge connect` can open no file any more. So there are so many and no more, and each has a moment to say
what it wants. One more than there may be takes the place of the oldest that has shown no token: nobody can keep the
page out by holding all of them. The parser is h11, which reads no endless head.

A page that stops reading is worse: uvicorn waits for it without end, a `close` included, since asyncio wants to send
the rest first. Here nothing is kept for such a page beyond what the kernel took, and one that takes nothing for a while
is cut off, whatever was being done for it.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from bridge.front.gate import PRINCIPAL

__all__ = ["MAX_CONNECTIONS", "Connection", "PageSocket", "Patience"]

MAX_CONNECTIONS: Final = 64
_CLOSE_S: Final = 3.0  # for the page to answer a close


@dataclass(frozen=True, slots=True)
class Patience:
    """How many seconds the front waits."""

    head_s: float = 10.0  # for a request's head
    send_s: float = 10.0  # for what it sends to be taken
    ping_s: float = 5.0  # between two pings, and for the answer to one
    ack_s: float = 10.0  # for a page that acknowledges what it has read to do so


class _Hurried(asyncio.Protocol):
    """Cuts off whoever takes nothing of what is sent to it for `send_s`, even if it is being closed already."""

    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport

    def __init__(self, *args: Any, patience: Patience, **options: Any) -> None:
        super().__init__(*args, **options)
        self._patience = patience
        self._stuck: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """With a limit of zero, asyncio says so as soon as the kernel takes no more."""
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(high=0)

    def pause_writing(self) -> None:
        """The other side takes nothing at the moment."""
        super().pause_writing()
        if self._stuck is None:
            self._stuck = self.loop.call_later(self._patience.send_s, self.transport.abort)

    def resume_writing(self) -> None:
        """It took everything."""
        self._flowing()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is there any more."""
        self._flowing()
        super().connection_lost(exc)

    def _flowing(self) -> None:
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None


class Connection(_Hurried, H11Protocol):
    """uvicorn's protocol with a limit on connections and, for each request's head, on time."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._head: asyncio.TimerHandle | None = None
        self.since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody is there; one too many costs the oldest stranger its place."""
        super().connection_made(transport)
        self.since = self.loop.time()
        if len(self.connections) > MAX_CONNECTIONS:
            min(self._strangers(), key=lambda stranger: stranger.since).transport.abort()
        if not self.transport.is_closing():
            self._wait()

    def data_received(self, data: bytes) -> None:
        """Part of a head, or what comes after one."""
        super().data_received(data)
        self._wait()

    def on_response_complete(self) -> None:
        """The next request may come."""
        super().on_response_complete()
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is there any more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        """Be patient from the first moment of a head to its last, however slowly its bytes come."""
        if not self._owes() or self.transport.is_closing():
            self._stop_waiting()
        elif self._head is None:
            self._head = self.loop.call_later(self._patience.head_s, self.transport.abort)

    def _owes(self) -> bool:
        """Whether a head is to come, or the rest of a body that was answered without being read."""
        theirs = self.conn.their_state
        return theirs is h11.IDLE or (theirs is h11.SEND_BODY and self.conn.our_state is h11.DONE)

    def _strangers(self) -> Iterator["Connection"]:
        """Those, this one among them, that are not at work for somebody with a token; all being closed are gone."""
        for other in self.connections:
            if isinstance(other, Connection) and not other.transport.is_closing():
                at_work = other.conn.our_state in {h11.SEND_RESPONSE, h11.SEND_BODY}
                if not (at_work and other.scope.get(PRINCIPAL)):
                    yield other

    def _stop_waiting(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None


class PageSocket(_Hurried, WebSocketsSansIOProtocol):
    """uvicorn's WebSocket; a page that answers no ping will not take the rest either, so it is not waited for."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.close_timeout = _CLOSE_S

    def keepalive_timeout(self) -> None:
        """The answer did not come."""
        super().keepalive_timeout()
        self.transport.abort()
