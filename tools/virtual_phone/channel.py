"""A stream as services see it: read, write, close. The asyncio skin over one stream of the core."""

import asyncio
from typing import Protocol

from virtual_phone.core import Core
from virtual_phone.events import Command, StreamClosedError

__all__ = ["Carrier", "Channel"]

_CHUNK = 1 << 20


class Carrier(Protocol):
    """What a stream needs of its connection."""

    @property
    def core(self) -> Core:
        """Decides what goes over the wire."""

    def carry_out(self, commands: list[Command]) -> None:
        """Do what the core said."""

    async def drain(self) -> None:
        """Wait until the wire takes more."""

    def forget(self, stream: int) -> None:
        """This stream is over."""


class Channel:
    """One stream to the adb server. What is read is acknowledged; writing waits for the other side."""

    def __init__(self, link: Carrier, stream: int) -> None:
        self._link = link
        self._stream = stream
        self._buffer = bytearray()
        self._readable = asyncio.Event()
        self._writable = asyncio.Event()
        self._turn = asyncio.Lock()
        self.ended = asyncio.Event()

    async def read(self, limit: int = _CHUNK) -> bytes:
        """Some bytes, at most `limit`; empty when the host closed the stream and all was read."""
        while not self._buffer:
            if self.ended.is_set():
                return b""
            self._readable.clear()
            await self._readable.wait()
        return self._take(limit)

    async def read_exactly(self, size: int) -> bytes:
        """Exactly `size` bytes. Raises `StreamClosedError` when the stream ends before."""
        parts = []
        while size:
            part = await self.read(size)
            if not part:
                raise StreamClosedError("ended by the host")
            parts.append(part)
            size -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def write(self, data: bytes | bytearray) -> None:
        """Send all of `data`. Raises `StreamClosedError` when the host closes the stream."""
        async with self._turn:
            limit = self._link.core.max_payload
            for start in range(0, len(data), limit):
                while not self._link.core.may_send(self._stream):
                    self._writable.clear()
                    await self._writable.wait()
                self._link.carry_out(self._link.core.write(self._stream, bytes(data[start : start + limit])))
                await self._link.drain()

    def close(self) -> None:
        """End the stream; twice is fine."""
        self._link.carry_out(self._link.core.close(self._stream))
        self._link.forget(self._stream)
        self.on_closed()

    # -------------------------------------------------------------------------------------------- for the link
    def on_data(self, payload: bytes) -> None:
        """The host sent bytes."""
        self._buffer += payload
        self._readable.set()

    def on_credit(self) -> None:
        """The host lets us send again."""
        self._writable.set()

    def on_closed(self) -> None:
        """The stream is over."""
        self.ended.set()
        self._readable.set()
        self._writable.set()

    def _take(self, limit: int) -> bytes:
        with memoryview(self._buffer) as view:
            data = bytes(view[:limit])
        del self._buffer[: len(data)]
        self._link.carry_out(self._link.core.consumed(self._stream, len(data)))
        return data
