"""A host that speaks ADB packets to a phone directly: for what no adb server does, or does only to end itself."""

import asyncio
import contextlib
from typing import Self

from virtual_phone.packets import Packet, PacketReader, Verb, encode

__all__ = ["RawHost"]

_DEADLINE = 5.0


class RawHost:
    """One connection to a phone, packet by packet."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._packets = PacketReader()
        self._waiting: list[Packet] = []
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    def send(self, verb: int, arg0: int, arg1: int, payload: bytes = b"") -> None:
        """Send one packet."""
        self._writer.write(encode(Packet(verb, arg0, arg1, payload), checksum=True))

    def send_bytes(self, raw: bytes) -> None:
        """Send what is no packet."""
        self._writer.write(raw)

    async def receive(self) -> Packet | None:
        """The next packet, None when the phone has hung up."""
        async with asyncio.timeout(_DEADLINE):
            while not self._waiting:
                try:
                    data = await self._reader.read(1 << 16)
                except ConnectionError:
                    data = b""
                if not data:
                    return None
                self._waiting += self._packets.feed(data)
        return self._waiting.pop(0)

    async def connect(self, features: str = "shell_v2") -> Packet | None:
        """Say hello; the phone's answer."""
        self.send(Verb.CNXN, 0x01000001, 1 << 20, f"host::features={features}".encode())
        return await self.receive()

    async def ask(self, service: str, *, window: int = 0, number: int = 1) -> bytes:
        """Open a service and read it to its end; classic flow control without a window."""
        self.send(Verb.OPEN, number, window, service.encode() + b"\0")
        answer = b""
        while (packet := await self.receive()) is not None and packet.verb != Verb.CLSE:
            if packet.verb == Verb.WRTE:
                answer += packet.payload
                count = len(packet.payload).to_bytes(4, "little") if window else b""
                self.send(Verb.OKAY, number, packet.arg0, count)
        return answer
