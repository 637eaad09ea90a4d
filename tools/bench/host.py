"""A worker: the real host with an engine that tells the time, and a probe in its event loop.

The engine `clock=RATE` says the time, in steps as a batching engine does: a client then knows how old each word is.

usage: python -m tools.bench.host FOLDER [--cached] ENGINE...      without --cached, no answer is given from memory
"""

import asyncio
import sys
import time
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path
from typing import Any

from host_server.api.app import create_app
from host_server.api.server import HostServer
from host_server.core.idle import IdleClock
from host_server.engines import registry
from host_server.engines.base import Engine, Piece, PreparedQuestion
from host_server.observe.logging import configure_logging
from host_server.security.admin_token import ensure_admin_token
from host_server.security.authenticator import Authenticator
from host_server.security.keys import KeyFile
from host_server.service import EngineRoom, Limits, Pictures, Service
from host_server.settings import HostSettings
from host_server.store.blobs import BlobStore
from host_server.wire.discovery import HostRecord, private_folder
from tools.bench.steps import Steps
from tools.bench.workers import serve_verbs

__all__ = ["Clock"]

_EVERY_S = 0.005


class Clock:
    """An engine whose every word is the time it was said at."""

    def __init__(self, rate: float) -> None:
        self.info = replace(registry.create("echo").info, name="clock")
        self._steps = Steps(rate)

    async def warm_up(self) -> None:
        """Nothing to load."""

    async def answer(self, question: PreparedQuestion) -> AsyncGenerator[Piece, None]:
        """As many words as the question has."""
        for _ in question.text.split():
            yield Piece(f"{await self._steps.next():.6f} ")

    async def close(self) -> None:
        """Nothing to end."""


async def probe(seconds: float) -> dict[str, Any]:
    """How late the event loop was, in seconds, each five milliseconds."""
    late: list[float] = []
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while (due := loop.time() + _EVERY_S) < end:
        reached = loop.create_future()
        loop.call_at(due, reached.set_result, None)
        await reached
        late.append(loop.time() - due)
    return {"late": late}


async def main(folder: Path, specs: list[str]) -> None:
    """Serve until stdin ends."""
    configure_logging()
    cache_bytes = (1 << 20) * specs.count("--cached")
    engines = [_engine(spec) for spec in specs if spec != "--cached"]
    for engine in engines:
        await engine.warm_up()
    private_folder(folder)
    keys = [ensure_admin_token(folder), KeyFile(folder).new("bench")]  # one key may have 48 questions at once
    pictures = Pictures(BlobStore(folder / "blobs", quota=1 << 28))
    service = Service(EngineRoom(engines), pictures, limits=Limits(cache_bytes=cache_bytes))
    listening: asyncio.Future[HostRecord] = asyncio.get_running_loop().create_future()
    idle = IdleClock(None, now=time.monotonic())
    server = HostServer(
        create_app(service, Authenticator(keys[0], KeyFile(folder)), idle=idle),
        service,
        idle,
        state_dir=folder,
        version="bench",
        on_listening=listening.set_result,
    )
    with HostSettings(state_dir=folder, engines=(), host="127.0.0.1", port=0).bind() as listener:
        async with asyncio.TaskGroup() as group:
            group.create_task(server.serve_host(listener))
            await serve_verbs({"url": (await listening).url, "keys": keys}, probe=probe)
            service.abort()
            server.should_exit = True


def _engine(spec: str) -> Engine:
    name, _, rate = spec.partition("=")
    return Clock(float(rate)) if name == "clock" else registry.create(spec)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2:]))
