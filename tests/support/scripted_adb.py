"""An adb server that misbehaves on purpose: smart-socket protocol in front, and each service is a test's own script.

For what no honest server or phone does: hang, lie about lengths, cut a transfer. Everything else is tested on the real
server with the virtual phone.
"""

import asyncio
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from bridge.adb.smartsocket import AdbAddress

__all__ = ["Script", "ScriptedAdb", "block", "stat_v1"]

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def block(text: str | bytes) -> bytes:
    """Text as the server sends it: four hex digits of length in front."""
    raw = text.encode() if isinstance(text, str) else text
    return b"%04x" % len(raw) + raw


def stat_v1(mode: int, size: int, mtime: int = 1_000) -> bytes:
    """An answer to the sync protocol's STAT."""
    return struct.pack("<4s3I", b"STAT", mode, size, mtime)


class ScriptedAdb:
    """Listens on loopback; `services` maps the beginning of a service's name to its script.

    A transport is granted, unless scripted. A script starts after the OKAY to its service; the socket closes when it
    returns. Services without a script are refused with FAIL.
    """

    def __init__(self, services: dict[str, Script]) -> None:
        self.services = services
        self.refused: dict[str, str] = {}  # the beginning of a service's name: the words it is refused with
        self.mute = False  # true: accept, and never answer anything
        self.asked: list[str] = []
        self.hanging = asyncio.Event()  # set when a script has begun to hang
        self.served: asyncio.Queue[str] = asyncio.Queue()  # each connection's last service, once it is closed over here
        self.closed = asyncio.Event()  # set when a client closed its socket while a script waited for it
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> AdbAddress:
        """Where it listens."""
        if self._server is None:
            raise RuntimeError("not started")
        return AdbAddress("127.0.0.1", self._server.sockets[0].getsockname()[1])

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def hang(self, reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        """A script: say nothing until the client goes away."""
        self.hanging.set()
        while await reader.read(65_536):
            pass
        self.closed.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
        try:
            await self._requests(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client went away
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
            self.served.put_nowait(self.asked[-1] if self.asked else "")

    async def _requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            name = (await reader.readexactly(int(await reader.readexactly(4), 16))).decode(errors="replace")
            self.asked.append(name)
            if self.mute:
                await self.hang(reader, writer)
                return
            words = next((words for prefix, words in self.refused.items() if name.startswith(prefix)), None)
            if words is not None:
                writer.write(b"FAIL" + block(words))
                return
            script = next((s for prefix, s in self.services.items() if name.startswith(prefix)), None)
            if script is None and name.startswith("host:transport-id:"):
                writer.write(b"OKAY")
                continue
            if script is None:
                writer.write(b"FAIL" + block(f"no script for {name}"))
                return
            writer.write(b"OKAY")
            await script(reader, writer)
            await writer.drain()
            return
