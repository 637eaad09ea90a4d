"""The page's WebSocket: what the session tells goes out, what the page says goes in, and nobody waits for ever."""

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import suppress

from starlette.websockets import WebSocket, WebSocketDisconnect

from bridge.front.gate import CLOSE_TOKEN, PRINCIPAL, SUBPROTOCOL
from bridge.front.links import Principal
from bridge.session import Session, Viewer
from bridge.session.events import ViewerKind

__all__ = ["MAX_SOCKETS", "Sockets"]

MAX_SOCKETS = 16

_UNSUPPORTED_DATA = 1003
_TRY_AGAIN_LATER = 1013
_TOO_SLOW = 4408


class _Over(Exception):
    def __init__(self, code: int | None = None) -> None:
        super().__init__(code)
        self.code = code


class Sockets:
    """All open sockets of one front. That what is sent is taken in time is the connection's affair."""

    def __init__(self, session: Session, *, ack_s: float) -> None:
        self._session = session
        self._ack_s = ack_s
        self._viewers: set[Viewer] = set()
        self.on_pages: Callable[[int], None] = lambda _pages: None

    @property
    def pages(self) -> int:
        """How many pages are looking."""
        return sum(viewer.kind == "page" for viewer in self._viewers)

    def close_pages(self) -> None:
        """Send every page away; a page that is linked no longer does not come back."""
        for viewer in list(self._viewers):
            if viewer.kind == "page":
                viewer.close()

    async def serve(self, websocket: WebSocket) -> None:
        """One socket, from its acceptance to its end."""
        principal: Principal = websocket.scope[PRINCIPAL]
        await websocket.accept(SUBPROTOCOL if SUBPROTOCOL in websocket.scope["subprotocols"] else None)
        if len(self._viewers) >= MAX_SOCKETS:
            await websocket.close(_TRY_AGAIN_LATER, "too many sockets")
            return
        kind: ViewerKind = "page" if principal.role == "page" else "terminal"
        with self._session.subscribe(kind, ack_s=self._ack_s) as viewer:
            self._viewers.add(viewer)
            self.on_pages(self.pages)
            try:
                code = await self._talk(websocket, viewer, principal)
            finally:
                self._viewers.discard(viewer)
                self.on_pages(self.pages)
        if code is not None:
            with suppress(WebSocketDisconnect, RuntimeError, OSError):
                await websocket.close(code)

    async def _talk(self, websocket: WebSocket, viewer: Viewer, principal: Principal) -> int | None:
        """Until one side ends it; gives the code to close with, if the other side is still there."""
        left = None if principal.role == "control" else max(0.0, principal.expires_at - time.monotonic())
        try:
            async with asyncio.timeout(left):
                return await self._both_ways(websocket, viewer)
        except TimeoutError:
            return CLOSE_TOKEN

    async def _both_ways(self, websocket: WebSocket, viewer: Viewer) -> int | None:
        codes: list[int | None] = []
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_write(websocket, viewer))
                await self._read(websocket, viewer)
        except* _Over as over:
            codes = [error.code for error in over.exceptions if isinstance(error, _Over)]
        return codes[0] if codes else None

    async def _read(self, websocket: WebSocket, viewer: Viewer) -> None:
        while True:
            try:
                message = await websocket.receive()
            except (WebSocketDisconnect, RuntimeError):
                raise _Over from None
            if message["type"] == "websocket.disconnect":
                raise _Over
            text = message.get("text")
            if text is None:
                raise _Over(_UNSUPPORTED_DATA)
            self._session.handle(viewer, text)


async def _write(websocket: WebSocket, viewer: Viewer) -> None:
    async for event in viewer:
        text = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
        viewer.sent(event, len(text))
        try:
            await websocket.send_text(text)
        except (WebSocketDisconnect, RuntimeError, OSError):
            raise _Over from None
    if viewer.slow:
        raise _Over(_TOO_SLOW)
    raise _Over(CLOSE_TOKEN if viewer.kind == "page" else _TRY_AGAIN_LATER)
