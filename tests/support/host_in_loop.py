"""A host on a real port inside the test's own event loop, so that a scripted engine can be told what to say."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from websockets.asyncio.client import connect

from bridge.client.tls import trusted
from host_server.api.app import create_app
from host_server.api.limits import ApiLimits
from host_server.api.server import HostServer
from host_server.core.idle import IdleClock
from host_server.core.rates import RateLimits
from host_server.engines.base import Engine
from host_server.security.admin_token import ensure_admin_token
from host_server.security.authenticator import Authenticator
from host_server.security.keys import KeyFile
from host_server.service import Care, EngineRoom, Limits, Pictures, Service
from host_server.settings import HostSettings
from host_server.store.blobs import BlobStore
from host_server.wire.discovery import HostRecord

__all__ = ["Serving", "serving"]


@dataclass(slots=True)
class Serving:
    """A host that listens: its address, its token, its insides."""

    url: str
    token: str
    service: Service
    server: HostServer
    folder: Path

    @property
    def headers(self) -> dict[str, str]:
        """What proves the admin."""
        return {"authorization": f"Bearer {self.token}"}

    def client(self, **options: str) -> httpx.AsyncClient:
        """An HTTP client that is let in."""
        tls, headers = trusted(self.url), self.headers | options
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=5, trust_env=False, verify=tls)

    def socket(self, *, ours: bool = True) -> connect:
        """A WebSocket as the bridge opens it (`ours`), or as any OpenAI client does; use it with `async with`."""
        address = self.url.replace("http", "ws", 1) + "/v1/responses"
        if ours:
            protocols = ["bridge.v1", f"bridge.bearer.{self.token}"]
            return connect(address, subprotocols=protocols, proxy=None, compression=None, max_queue=None)  # type: ignore[arg-type]
        return connect(address, additional_headers=self.headers, proxy=None, compression=None, max_queue=None)


@asynccontextmanager
async def serving(
    folder: Path,
    *engines: Engine,
    limits: Limits | None = None,
    idle_s: float | None = None,
    api: ApiLimits | None = None,
    rates: RateLimits | None = None,
    drain_s: float = 28.0,
    within_s: float = 30.0,
    names: tuple[str, ...] = (),
    care: Care | None = None,
) -> AsyncGenerator[Serving]:
    """Serve these engines until the block ends, which has to be within so many seconds."""
    authenticator = Authenticator(ensure_admin_token(folder), KeyFile(folder))
    room = EngineRoom(engines, care=care)
    service = Service(room, Pictures(BlobStore(folder / "blobs", quota=100_000_000)), limits=limits)
    idle = IdleClock(idle_s, now=time.monotonic())
    listening: asyncio.Future[HostRecord] = asyncio.get_running_loop().create_future()
    app = create_app(service, authenticator, idle=idle, names=names, version="test", limits=api, rate_limits=rates)
    server = HostServer(
        app,
        service,
        idle,
        state_dir=folder,
        version="test",
        on_listening=listening.set_result,
        limits=api,
        drain_s=drain_s,
    )
    settings = HostSettings(state_dir=folder, engines=(), host="127.0.0.1", port=0)
    with settings.bind() as listener:
        async with asyncio.timeout(within_s), asyncio.TaskGroup() as group:
            group.create_task(server.serve_host(listener))
            record = await listening
            try:
                yield Serving(record.url, ensure_admin_token(folder), service, server, folder)
            finally:
                service.abort()
                server.should_exit = True
