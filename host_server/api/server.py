"""uvicorn, taught four things.

Whom not to keep, to let running answers end first, to end when nobody is left, and to say where it listens.
"""

import asyncio
import os
import socket
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn

from host_server.api.connection import HttpConnection, Room, SocketConnection
from host_server.api.limits import ApiLimits
from host_server.api.socket import MAX_MESSAGE
from host_server.observe.log import get_logger
from host_server.wire.discovery import HostRecord, remove_host_record, write_host_record

if TYPE_CHECKING:
    from fastapi import FastAPI

    from host_server.core.idle import IdleClock
    from host_server.service import Service

__all__ = ["HostServer"]

# Together less than the 35 s after which a service manager may lose its patience.
_DRAIN_S = 28.0
_GOODBYE_S = 2
_LOOK_S = 0.05
_LAST_WORDS_S = 0.3


class HostServer(uvicorn.Server):
    """Serves the app on a socket that is bound already; `serve_host` returns when it has ended."""

    def __init__(
        self,
        app: "FastAPI",
        service: "Service",
        idle: "IdleClock",
        *,
        state_dir: Path,
        version: str,
        on_listening: Callable[[HostRecord], None],
        certificate: tuple[str, str] | None = None,
        limits: ApiLimits | None = None,
        drain_s: float = _DRAIN_S,
    ) -> None:
        limits = limits or ApiLimits()
        super().__init__(
            uvicorn.Config(
                app,
                http=partial(HttpConnection, room=Room(limits)),  # type: ignore[arg-type]  # called like the class
                ws=partial(SocketConnection, send_s=limits.send_s),  # type: ignore[arg-type]  # ditto
                ws_max_size=MAX_MESSAGE,
                ws_per_message_deflate=False,
                ws_ping_interval=limits.ping_s,
                ws_ping_timeout=limits.pong_s,
                server_header=False,
                access_log=False,
                log_config=None,
                log_level="error",  # a stranger can make it warn as often as he likes
                lifespan="on",
                timeout_graceful_shutdown=_GOODBYE_S,
                ssl_certfile=certificate[0] if certificate else None,
                ssl_keyfile=certificate[1] if certificate else None,
            )
        )
        self._service = service
        self._idle = idle
        self._state_dir = state_dir
        self._version = version
        self._on_listening = on_listening
        self._scheme = "https" if certificate else "http"
        self._drain_s = drain_s
        self._loop: asyncio.AbstractEventLoop | None = None

    async def serve_host(self, listener: socket.socket) -> None:
        """Serve until a signal or the idle clock says stop."""
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(self._watch_idle())
            try:
                await self.serve(sockets=[listener])
            finally:
                watching.cancel()
                remove_host_record(self._state_dir, pid=os.getpid())

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn does; then say where."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        if self.should_exit or not sockets:
            return
        name, port = sockets[0].getsockname()[:2]
        host = f"[{name}]" if ":" in name else name
        record = HostRecord(
            url=f"{self._scheme}://{host}:{port}",
            pid=os.getpid(),
            start_time=time.time(),
            version=self._version,
            engines=self._service.engines.names,
        )
        write_host_record(self._state_dir, record)
        self._on_listening(record)

    def handle_exit(self, _sig: int, _frame: FrameType | None) -> None:
        """First signal: refuse new questions and let the running ones end. Second one: end them now."""
        if self._loop is None:
            self.should_exit = True
        else:
            self._loop.call_soon_threadsafe(self._stop)

    def _stop(self) -> None:
        if self.should_exit:
            self.force_exit = True
        elif self._service.draining:
            self._cut()
        else:
            get_logger("host_server").info("ending", answers=self._service.busy)
            self._service.drain()
            self._wait_for_answers(time.monotonic() + self._drain_s)

    def _wait_for_answers(self, end: float) -> None:
        if not self._service.busy:
            self.should_exit = True
        elif time.monotonic() < end:
            asyncio.get_running_loop().call_later(_LOOK_S, self._wait_for_answers, end)
        else:
            self._cut()

    def _cut(self) -> None:
        """End the running answers and leave their followers a moment to read the last event."""
        self._service.abort()
        asyncio.get_running_loop().call_later(_LAST_WORDS_S, setattr, self, "should_exit", True)

    async def _watch_idle(self) -> None:
        while True:
            remaining = self._idle.remaining(now=time.monotonic())
            if remaining == 0 and not self._service.busy:
                get_logger("host_server").info("nobody is here any more; ending")
                self.should_exit = True
                return
            await asyncio.sleep(min(1.0, remaining or 1.0))
