"""`Front`: the web server of one phone, in the loop of whoever uses it."""

import asyncio
import socket
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

import uvicorn

from bridge.client.background import Background
from bridge.front.app import create_app
from bridge.front.connection import Connection, PageSocket, Patience
from bridge.front.links import Links
from bridge.front.sockets import Sockets
from bridge.session import Session

__all__ = ["Front"]

_START_S = 10.0
_MAX_MESSAGE = 1024 * 1024
# The kernel would take four megabytes for a page that does not read, before we noticed; this much is enough to stream.
_SEND_BUFFER = 128 * 1024
_PATIENCE = Patience()


class Front:
    """Use as an async context. Listens on a port of its own of 127.0.0.1, which the phone's reverse leads to."""

    def __init__(self, session: Session, *, app_dir: Path, patience: Patience = _PATIENCE) -> None:
        self._links = Links()
        self._sockets = Sockets(session, ack_s=patience.ack_s)
        self._background = Background()
        self._server = _Server(create_app(session, self._links, self._sockets, app_dir=app_dir), patience)
        self.port = 0

    async def __aenter__(self) -> Self:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
            # Inherited by what is accepted; else a small event waits for the acknowledgement before it (40 ms).
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            listener.bind(("127.0.0.1", 0))
            self.port = listener.getsockname()[1]
            await self._background.begin()
            self._background.start(self._server.serve([listener]))
            async with asyncio.timeout(_START_S):
                await self._server.ready.wait()
        except BaseException:
            await self._background.end()
            listener.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        await self._background.end(cancel=False)

    @property
    def url(self) -> str:
        """Where the laptop reaches it."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def control_token(self) -> str:
        """For other commands of the same user; worth nothing anywhere else."""
        return self._links.control_token

    @property
    def pages(self) -> int:
        """How many pages are looking."""
        return self._sockets.pages

    @property
    def on_pages(self) -> Callable[[int], None]:
        """Called with the number of pages whenever one comes or goes."""
        return self._sockets.on_pages

    @on_pages.setter
    def on_pages(self, listener: Callable[[int], None]) -> None:
        self._sockets.on_pages = listener

    def new_link_code(self) -> str:
        """A code for the page's address, `http://localhost:8017/#c=CODE`: good once, for a minute."""
        return self._links.new_code(time.monotonic())

    def revoke(self) -> None:
        """Unlink every page, at once."""
        self._links.revoke()
        self._sockets.close_pages()


class _Server(uvicorn.Server):
    """Leaves the process's signals alone and says when it listens."""

    def __init__(self, app: object, patience: Patience) -> None:
        super().__init__(
            uvicorn.Config(
                app,  # type: ignore[arg-type]  # an ASGI app, whatever its class
                http=partial(Connection, patience=patience),  # type: ignore[arg-type]  # called like the class
                ws=partial(PageSocket, patience=patience),  # type: ignore[arg-type]  # likewise
                ws_max_size=_MAX_MESSAGE,
                ws_ping_interval=patience.ping_s,
                ws_ping_timeout=patience.ping_s,
                ws_per_message_deflate=False,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=1,
                log_level="critical",  # the app tells of its own faults; a page that goes away is none
            )
        )
        self._no_signals = nullcontext()
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets)
        self.ready.set()

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]  # ours captures none
        """Leave the process's signal handlers to the command that owns them."""
        return self._no_signals
