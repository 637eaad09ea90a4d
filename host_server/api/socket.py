"""`/v1/responses` as a WebSocket: many questions and answers on one connection, each lane in its own order.

One task reads, without ever waiting for anything else, because a socket that is not read does not see its own pongs.
Each lane's question runs in a task that forwards its answer's events; a client that takes nothing of it is cut off
(`connection`), which never ends the answer. What waits meanwhile is merged.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from host_server.api.gate import CLOSE_TOKEN, CLOSE_TRY_AGAIN, PRINCIPAL, SUBPROTOCOL, subprotocols
from host_server.api.limits import ApiLimits
from host_server.api.rates import Rates
from host_server.core.lanes import LaneLimitError, Lanes
from host_server.observe.log import get_logger
from host_server.security.principal import Principal
from host_server.wire.acks import Acks
from host_server.wire.codec import encode
from host_server.wire.errors import WireError, error_event
from host_server.wire.events import session_ready
from host_server.wire.ids import new_session_id
from host_server.wire.request import Ack, ClientMessage, ResponseCancel, ResponseCreate, ResumePoint, parse_message
from host_server.wire.response import Json

if TYPE_CHECKING:
    from host_server.service import Answer, Service

__all__ = ["MAX_INFLIGHT", "MAX_MESSAGE", "socket_router"]

MAX_MESSAGE = 1024 * 1024
MAX_INFLIGHT = 16

_MAX_RESUMED = 64
_CLOSE_S = 1.0
_LOOKS = 4  # in the time that a client has to acknowledge

_UNSUPPORTED_DATA = 1003


def socket_router(
    service: "Service",
    *,
    max_image_bytes: int,
    still_valid: Callable[[Principal], bool],
    rates: Rates,
    limits: ApiLimits,
) -> APIRouter:
    """The WebSocket route, bound to this service."""
    router = APIRouter()
    open_sockets: set[_Connection] = set()

    @router.websocket("/v1/responses")
    async def responses(websocket: WebSocket) -> None:
        connection = _Connection(
            websocket,
            service,
            max_image_bytes=max_image_bytes,
            still_valid=still_valid,
            rates=rates,
            limits=limits,
        )
        full = len(open_sockets) >= limits.sockets
        await connection.accept()
        if full:
            await websocket.close(CLOSE_TRY_AGAIN, "too many sockets")
            return
        open_sockets.add(connection)
        try:
            await connection.serve()
        finally:
            open_sockets.discard(connection)

    return router


class _Ended(Exception):
    def __init__(self, code: int | None = None) -> None:
        super().__init__(code)
        self.code = code


class _Connection:
    def __init__(
        self,
        websocket: WebSocket,
        service: "Service",
        *,
        max_image_bytes: int,
        still_valid: Callable[[Principal], bool],
        rates: Rates,
        limits: ApiLimits,
    ) -> None:
        self._websocket = websocket
        self._service = service
        self._max_image_bytes = max_image_bytes
        self._still_valid = still_valid
        self._rates = rates
        self._limits = limits
        self._principal: Principal = websocket.scope[PRINCIPAL]
        self._session_id = new_session_id()
        self._lanes: Lanes[ResponseCreate] = Lanes(max_inflight=MAX_INFLIGHT)
        self._resumed = 0
        self._next = 0
        self._tasks = asyncio.TaskGroup()
        self._ours = SUBPROTOCOL in subprotocols(websocket.scope)
        self._acks = Acks(limits.ack_s)
        self._acked = asyncio.Event()

    async def accept(self) -> None:
        await self._websocket.accept(subprotocol=SUBPROTOCOL if self._ours else None)

    async def serve(self) -> None:
        """Until the client goes, or does not read any more."""
        code: int | None = None
        try:
            async with self._tasks:
                self._tasks.create_task(self._mind_acks())
                if self._ours:
                    await self._send(self._ready())
                while True:
                    await self._take(await self._receive())
        except* _Ended as group:
            code = next((error.code for error in group.exceptions if isinstance(error, _Ended)), None)
        if code is not None:
            await self._close(code)

    async def _receive(self) -> str:
        try:
            message = await self._websocket.receive()
        except (WebSocketDisconnect, RuntimeError):
            raise _Ended from None
        if message["type"] == "websocket.disconnect":
            raise _Ended
        text = message.get("text")
        if text is None:
            raise _Ended(_UNSUPPORTED_DATA)
        if not self._still_valid(self._principal):
            raise _Ended(CLOSE_TOKEN)
        return str(text)

    async def _take(self, text: str) -> None:
        try:
            message = parse_message(text)
            try:
                await self._handle(message)
            except WireError as error:
                error.event_id = message.event_id
                error.stream_id = error.stream_id or getattr(message, "stream_id", None)
                raise
        except WireError as error:
            if self._rates.refused(self._principal):
                raise _Ended(CLOSE_TRY_AGAIN) from None
            await self._send(error_event(error))

    async def _handle(self, message: ClientMessage) -> None:
        if isinstance(message, ResponseCreate):
            self._rates.take(self._principal)
            self._ask(message)
        elif isinstance(message, ResponseCancel):
            self._find(message.response_id).cancel("client")
        elif isinstance(message, Ack):
            self._acks.acknowledged(message.response_id, message.sequence_number, time.monotonic())
            self._acked.set()
        else:
            self._rates.take(self._principal)
            if message.type == "bridge:hello" and not self._ours:
                self._ours = True
                await self._send(self._ready())
            for point in message.points:
                await self._resume(point, message.event_id)

    def _ask(self, create: ResponseCreate) -> None:
        try:
            starts = self._lanes.submit(create.stream_id, create)
        except LaneLimitError:
            raise WireError(
                "websocket_stream_limit_reached",
                f"At most {MAX_INFLIGHT} questions at once on one socket.",
                retry_after_ms=1000,
            ) from None
        if starts:
            self._tasks.create_task(self._run_lane(create))

    async def _resume(self, point: ResumePoint, event_id: str | None) -> None:
        """Continue one answer; one that cannot be does not keep the others."""
        try:
            answer = self._to_continue(point)
        except WireError as error:
            error.event_id = event_id
            await self._send(error_event(error))
            return
        self._resumed += 1
        self._tasks.create_task(self._continue(answer, point))

    def _to_continue(self, point: ResumePoint) -> "Answer":
        if self._resumed >= _MAX_RESUMED:
            message = "Too many answers are continued on this socket."
            raise WireError("too_many_inflight", message, response_id=point.id, stream_id=point.stream_id)
        return self._find(point.id, stream_id=point.stream_id)

    def _find(self, response_id: str, *, stream_id: str | None = None) -> "Answer":
        try:
            return self._service.find(self._principal.id, response_id, connection=self._session_id)
        except WireError as error:
            error.response_id, error.stream_id = response_id, stream_id
            raise

    async def _run_lane(self, create: ResponseCreate) -> None:
        following: ResponseCreate | None = create
        while following is not None:
            await self._answer(following)
            following = self._lanes.ended(following.stream_id)

    async def _answer(self, create: ResponseCreate) -> None:
        try:
            answer = await self._service.ask(self._principal.id, create, connection=self._session_id)
        except WireError as error:
            error.event_id, error.stream_id = create.event_id, create.stream_id
            await self._send(error_event(error))
            return
        await self._forward(answer, -1, create.stream_id)

    async def _continue(self, answer: "Answer", point: ResumePoint) -> None:
        try:
            await self._forward(answer, point.starting_after, point.stream_id)
        finally:
            self._resumed -= 1

    async def _forward(self, answer: "Answer", cursor: int, stream_id: str | None) -> None:
        async with aclosing(answer.follow(cursor)) as batches:
            async for events in batches:
                for event in events:
                    await self._send(event if stream_id is None else event | {"stream_id": stream_id})
                while self._acks.full:
                    self._acked.clear()
                    await self._acked.wait()

    def _ready(self) -> Json:
        number, self._next = self._next, self._next + 1
        return session_ready(
            session_id=self._session_id,
            sequence_number=number,
            models=self._service.engines.names,
            max_image_bytes=self._max_image_bytes,
            max_message_bytes=MAX_MESSAGE,
            max_inflight=MAX_INFLIGHT,
            resume_grace_s=self._service.limits.grace_s,
        )

    async def _send(self, event: Json) -> None:
        text = encode(event)
        self._acks.sent(event, len(text), time.monotonic())
        try:
            await self._websocket.send_text(text)
        except (WebSocketDisconnect, RuntimeError):
            raise _Ended from None

    async def _mind_acks(self) -> None:
        """End the connection of a client that has promised to tell what it has read, and does not.

        One look now and then, because a timer for each event costs more than all else that is done for a token.
        """
        while True:
            await asyncio.sleep(self._limits.ack_s / _LOOKS)
            deadline = self._acks.deadline
            if deadline is not None and time.monotonic() > deadline:
                get_logger("host_server.api").warning("a client does not read", principal=self._principal.id)
                raise _Ended(CLOSE_TRY_AGAIN)

    async def _close(self, code: int) -> None:
        with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
            async with asyncio.timeout(_CLOSE_S):
                await self._websocket.close(code)
