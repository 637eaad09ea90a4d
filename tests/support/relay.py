"""A wire between two programs that a test can cut."""

import asyncio
from collections import deque
from contextlib import suppress
from types import TracebackType
from typing import Self

__all__ = ["Relay"]


class Relay:
    """Listens on 127.0.0.1 and carries bytes to `port`. `cut` breaks what is open, `down` also refuses new ones.

    Each new connection takes a number out of `budgets` while there is one: after so many bytes from there it breaks.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.up = True
        self.connections = 0
        self.budgets: deque[int] = deque()

    @property
    def url(self) -> str:
        """Where to connect instead."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        await self._server.wait_closed()

    def cut(self) -> None:
        """Break every connection, as a pulled cable would."""
        for writer in self._writers:
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        budget = self.budgets.popleft() if self.budgets else None
        self._writers.add(writer)
        try:
            if self.up:
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
                self._writers.add(far_writer)
                try:
                    async with asyncio.TaskGroup() as group:
                        group.create_task(_copy(reader, far_writer))
                        group.create_task(_copy(far_reader, writer, budget))
                finally:
                    await _close(far_writer)
                    self._writers.discard(far_writer)
        finally:
            await _close(writer)
            self._writers.discard(writer)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, budget: int | None = None) -> None:
    with suppress(OSError):
        while budget != 0 and (data := await reader.read(65536 if budget is None else budget)):
            writer.write(data)
            await writer.drain()
            budget = None if budget is None else budget - len(data)
    writer.transport.abort()


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()
    with suppress(OSError):
        await writer.wait_closed()
