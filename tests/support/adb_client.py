"""The smallest adb client: one service of one phone, as a pair of streams. For what no adb command can send."""

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncGenerator, Awaitable, Callable

from tests.support.adb_server import PrivateAdbServer

__all__ = ["Adb", "RefusedError", "service"]

Adb = Callable[..., Awaitable[subprocess.CompletedProcess[str]]]


class RefusedError(Exception):
    """The server or the phone said FAIL."""


@contextlib.asynccontextmanager
async def service(
    server: PrivateAdbServer, serial: str, name: str
) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A stream to a service of the phone. Raises `RefusedError`."""
    reader, writer = await asyncio.open_connection(server.host, server.port)
    try:
        for request in (f"host:transport:{serial}", name):
            raw = request.encode()
            writer.write(b"%04x" % len(raw) + raw)
            if await reader.readexactly(4) != b"OKAY":
                raise RefusedError((await reader.readexactly(int(await reader.readexactly(4), 16))).decode())
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
