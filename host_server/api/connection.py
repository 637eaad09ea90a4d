"""One connection of somebody who has not shown a token yet, or who does not read: uvicorn keeps both for ever.

A connection has a moment to say what it wants, and of those that say nothing the oldest goes when there are too many,
so that whoever speaks at once is always heard. Whoever takes nothing of what is sent to it for a while is cut off, a
`close` included, since asyncio wants to send the rest first. Beyond what the kernel takes only one piece is kept.
"""

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from host_server.api.limits import ApiLimits

__all__ = ["HttpConnection", "Room", "SocketConnection"]


class Room:
    """The connections of one server that are at no request, the oldest first."""

    def __init__(self, limits: ApiLimits) -> None:
        self.limits = limits
        self._silent: dict[HttpConnection, None] = {}

    def waits(self, connection: "HttpConnection") -> None:
        """It is at no request; if too many are, the one that has been longest has to go."""
        self._silent[connection] = None
        if len(self._silent) > self.limits.silent_connections:
            next(iter(self._silent)).leave()

    def speaks(self, connection: "HttpConnection") -> None:
        """It is at a request, or gone."""
        self._silent.pop(connection, None)


class _Hurried(asyncio.Protocol):
    """Cuts off whoever takes nothing for `send_s`, even if it is being closed already."""

    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport

    def __init__(self, *args: Any, send_s: float, **options: Any) -> None:
        super().__init__(*args, **options)
        self._send_s = send_s
        self._stuck: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """With a limit of zero, asyncio says so as soon as the kernel takes no more."""
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(high=0)

    def pause_writing(self) -> None:
        """The other side takes nothing at the moment."""
        super().pause_writing()
        if self._stuck is None:
            self._stuck = self.loop.call_later(self._send_s, self.transport.abort)

    def resume_writing(self) -> None:
        """It took everything."""
        self._flows()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is there any more."""
        self._flows()
        super().connection_lost(exc)

    def _flows(self) -> None:
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None


class HttpConnection(_Hurried, H11Protocol):
    """uvicorn's protocol; h11 is the parser that limits a head."""

    def __init__(self, *args: Any, room: Room, **options: Any) -> None:
        super().__init__(*args, send_s=room.limits.send_s, **options)
        self._room = room
        self._head: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody is there; one too many is sent away."""
        super().connection_made(transport)
        if len(self.connections) > self._room.limits.connections:
            self.transport.abort()
        else:
            self._look()

    def data_received(self, data: bytes) -> None:
        """Part of a head, or what comes after one."""
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        """The next request may come."""
        super().on_response_complete()
        self._look()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """From here on the connection belongs to another protocol."""
        self._stop_waiting()
        self._flows()
        super().handle_websocket_upgrade(event)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is there any more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def leave(self) -> None:
        """Make room."""
        self._stop_waiting()
        self.transport.abort()

    def _look(self) -> None:
        """Be patient from the first moment of a head to its last, however slowly its bytes come."""
        if not self._owes() or self.transport.is_closing():
            self._stop_waiting()
        elif self._head is None:
            self._head = self.loop.call_later(self._room.limits.head_s, self.leave)
            self._room.waits(self)

    def _owes(self) -> bool:
        """Whether a head is to come, or the rest of a body that was answered without being read."""
        theirs = self.conn.their_state
        return theirs is h11.IDLE or (theirs is h11.SEND_BODY and self.conn.our_state is h11.DONE)

    def _stop_waiting(self) -> None:
        self._room.speaks(self)
        if self._head is not None:
            self._head.cancel()
            self._head = None


class SocketConnection(_Hurried, WebSocketsSansIOProtocol):
    """uvicorn's WebSocket, which pings; what is on its way to one that does not answer has to be taken in time too."""
