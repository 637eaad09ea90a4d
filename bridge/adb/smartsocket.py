"""One socket to the adb server, on the event loop: a request, its OKAY or FAIL, then bytes.

Plain non-blocking socket calls instead of streams: closing is immediate, nothing is read ahead, and TCP_QUICKACK can
be set before each read. Without it the server's second small packet waits about 40 ms for our delayed acknowledgement.
"""

import asyncio
import re
import select
import socket
from dataclasses import dataclass
from typing import Self

from bridge.adb.faults import GarbledError, LinkError, NobodyListensError, RefusedError
from bridge.errors import UsageError

__all__ = ["QUICKACK", "AdbAddress", "Connection", "PhoneAddress", "frame", "is_quiet"]

QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)  # Linux only
MAX_REQUEST = 0xFFFF  # four hex digits
MAX_SERVICE = 4095  # with its NUL it fills the packet of an Android 6
_LENGTH = re.compile(rb"[0-9a-fA-F]{4}")


@dataclass(frozen=True, slots=True)
class AdbAddress:
    """Where an adb server listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def loopback(self) -> bool:
        """True for this machine: only there may a server be started."""
        return self.host in {"localhost", "::1"} or self.host.startswith("127.")


def is_quiet(sock: socket.socket) -> bool:
    """True when nothing waits to be read from the socket, not even its end."""
    waiting = select.poll()
    waiting.register(sock, select.POLLIN)
    return not waiting.poll(0)


def frame(service: str | bytes) -> bytes:
    """A request as it goes over the wire: four hex digits of length, then the service's name."""
    raw = service.encode(errors="surrogateescape") if isinstance(service, str) else service
    if len(raw) > MAX_REQUEST:
        raise ValueError(f"an adb request has at most {MAX_REQUEST} bytes, this one has {len(raw)}")
    return b"%04x" % len(raw) + raw


class Connection:
    """An open socket to the adb server. It has no deadline of its own: callers hold one around it."""

    __slots__ = ("_buffer", "_loop", "_socket")

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()

    @classmethod
    async def open(cls, address: AdbAddress) -> Self:
        """Connect. Raises NobodyListensError when no program has that port."""
        try:
            return cls(await _connect(address))
        except ConnectionRefusedError as error:
            raise NobodyListensError(str(error)) from error
        except OSError as error:
            raise LinkError(str(error)) from error

    async def request(self, service: str | bytes) -> None:
        """Ask for a service; returns when the server said OKAY."""
        await self.send(frame(service))
        await self.status()

    async def status(self) -> None:
        """Read OKAY, or FAIL and its reason."""
        answer = await self.exactly(4)
        if answer == b"FAIL":
            raise RefusedError((await self.block()).decode(errors="replace"))
        if answer != b"OKAY":
            raise LinkError(f"no adb server: it answered {answer!r}")

    async def block(self) -> bytes:
        """Read four hex digits of length and that many bytes."""
        head = await self.exactly(4)
        if not _LENGTH.fullmatch(head):
            raise GarbledError(f"{head!r} is no length")
        return await self.exactly(int(head, 16))

    async def exactly(self, size: int) -> bytes:
        """Read `size` bytes, all of them."""
        while len(self._buffer) < size:
            self._buffer += await self._receive(65_536)
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    async def read(self, size: int = 65_536) -> bytes:
        """Read what is there, at least one byte. Raises LinkError at the end."""
        if self._buffer:
            return await self.exactly(min(size, len(self._buffer)))
        return await self._receive(size)

    async def _receive(self, size: int) -> bytes:
        try:
            if QUICKACK is not None:
                self._socket.setsockopt(socket.IPPROTO_TCP, QUICKACK, 1)
            data = await self._loop.sock_recv(self._socket, size)
            await asyncio.sleep(0)  # what is there already is given at once: a phone that floods us would have us alone
        except OSError as error:
            raise LinkError(str(error)) from error
        if not data:
            raise LinkError("the connection was closed")
        return data

    async def send(self, data: bytes) -> None:
        """Write all of `data`."""
        try:
            await self._loop.sock_sendall(self._socket, data)
        except OSError as error:
            raise LinkError(str(error)) from error

    @property
    def quiet(self) -> bool:
        """True when a kept connection may be used: not closed over there, nothing said that was not read."""
        return not self._buffer and is_quiet(self._socket)

    def close(self) -> None:
        """Close at once; the server ends what ran behind it. Safe to call twice."""
        self._socket.close()


async def _connect(address: AdbAddress) -> socket.socket:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    family, kind, proto, _, where = found[0]
    sock = socket.socket(family, kind, proto)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await loop.sock_connect(sock, where)
    except BaseException:
        sock.close()
        raise
    return sock


@dataclass(frozen=True, slots=True)
class PhoneAddress:
    """One phone behind one server. The `transport_id` names this very connection of it: a replug ends it."""

    server: AdbAddress
    transport_id: int
    serial: str

    async def open(self, service: str | bytes) -> Connection:
        """A new socket with `service` opened on the phone.

        Raises UsageError for a name that the oldest phones' packets cannot hold: an adb server that is asked to send
        one ends itself, and with it the connections of everybody on this machine.
        """
        if len(service) > MAX_SERVICE:
            raise UsageError(
                f"a request to a phone has at most {MAX_SERVICE} bytes, this one has {len(service)}",
                hint="push it as a file and name the file",
            )
        connection = await Connection.open(self.server)
        try:
            await connection.request(f"host:transport-id:{self.transport_id}")
            await connection.request(service)
        except BaseException:
            connection.close()
            raise
        return connection

    async def ask_server(self, question: str) -> str:
        """What the server says about this phone, for example `features` or `get-state`."""
        connection = await Connection.open(self.server)
        try:
            await connection.request(f"host-transport-id:{self.transport_id}:{question}")
            return (await connection.block()).decode(errors="replace")
        finally:
            connection.close()
