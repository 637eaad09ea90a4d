"""Any ASGI app on a real port, in the test's own loop."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import uvicorn
from starlette.types import ASGIApp

__all__ = ["serving"]


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


@asynccontextmanager
async def serving(app: ASGIApp, where: str = "127.0.0.1") -> AsyncGenerator[str]:
    """Gives the URL while the app is being served."""
    listener = socket.create_server((where, 0))
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # small events must not wait for each other
    config = uvicorn.Config(app, ws="websockets-sansio", lifespan="off", log_config=None, timeout_graceful_shutdown=1)
    server = _Server(config)
    async with asyncio.TaskGroup() as group:
        group.create_task(server._serve([listener]))
        await server.listening.wait()
        try:
            yield f"http://{where}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
