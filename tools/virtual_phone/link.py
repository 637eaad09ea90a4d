"""One connected adb server: the thin asyncio shell around the core.

Reads packets, carries out the core's commands, runs one task for each service. When the connection ends, however it
ends, its services, its listeners and its streams end with it.
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol

from virtual_phone.channel import Channel
from virtual_phone.core import Core
from virtual_phone.events import (
    Closed,
    Command,
    Credit,
    Data,
    HangUp,
    NotAllowedError,
    Offline,
    OpenAsked,
    Opened,
    Send,
    StreamClosedError,
)
from virtual_phone.packets import PacketReader, WireError, encode
from virtual_phone.tasks import Tasks

__all__ = ["Link", "OpenRequest", "Service", "Services"]

_log = logging.getLogger(__name__)
_READ_SIZE = 1 << 20
_HOST_ANSWER_DEADLINE = 30.0


class OpenRequest:
    """The host asks for a service: it must be accepted before it can be used."""

    def __init__(self, link: "Link", stream: int) -> None:
        self.link = link
        self._stream = stream
        self.channel: Channel | None = None

    def accept(self) -> Channel:
        """The service is ready: the stream."""
        self.link.carry_out(self.link.core.accept(self._stream))
        self.channel = self.link.channel(self._stream)
        return self.channel

    def finish(self) -> None:
        """The service is over, or never began."""
        if self.channel is not None:
            self.channel.close()
        else:
            with contextlib.suppress(StreamClosedError):
                self.link.carry_out(self.link.core.refuse(self._stream))


Service = Callable[[OpenRequest], Awaitable[None]]


class Services(Protocol):
    """What the phone offers on one connection."""

    def find(self, name: str) -> Service | None:
        """The service of this name, None where there is none."""

    def close(self) -> None:
        """The connection is gone or starts over: end what lives as long as it."""


class Link:
    """One TCP connection of an adb server."""

    def __init__(
        self,
        core: Core,
        services: Callable[["Link"], Services],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.core = core
        self._services = services(self)
        self._reader = reader
        self._writer = writer
        self._channels: dict[int, Channel] = {}
        self._opening: dict[int, asyncio.Future[bool]] = {}
        self._tasks = Tasks()
        self._awake = asyncio.Event()
        self._awake.set()
        self._held: list[bytes] = []
        self._budget: int | None = None
        self.done = asyncio.Event()

    async def run(self) -> None:
        """Serve the connection until it ends."""
        self._writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        packets = PacketReader()
        try:
            while data := await self._reader.read(_READ_SIZE):
                await self._awake.wait()
                for packet in packets.feed(data):
                    self.carry_out(self.core.received(packet))
                await self.drain()
        except WireError as error:
            _log.warning("adb server cut off: %s", error)
        except OSError as error:
            _log.debug("connection lost: %s", error)
        finally:
            await self._tear_down()

    def cut(self) -> None:
        """End the connection at once, as a pulled cable does."""
        self._writer.transport.abort()
        self._awake.set()

    def cut_after(self, size: int) -> None:
        """Cut the connection once `size` more bytes were to be sent."""
        self._budget = size

    def hang(self) -> None:
        """Keep the connection, read and send nothing."""
        self._awake.clear()

    def wake(self) -> None:
        """Go on after `hang`."""
        self._awake.set()
        for data in self._held:
            self._writer.write(data)
        self._held.clear()

    def allow(self) -> None:
        """Accept the key that this host offered."""
        self.carry_out(self.core.allow_offered_key())

    async def open(self, destination: str) -> Channel | None:
        """Open a stream to an address of the host that it configured; None when that is not possible."""
        try:
            stream, commands = self.core.open(destination)
        except NotAllowedError:
            return None
        answer = self._opening[stream] = asyncio.get_running_loop().create_future()
        channel = self.channel(stream)
        self.carry_out(commands)
        try:
            async with asyncio.timeout(_HOST_ANSWER_DEADLINE):
                if await answer:
                    return channel
        except TimeoutError:
            _log.warning("the host did not answer OPEN %s", destination)
        finally:
            self._opening.pop(stream, None)
        channel.close()
        return None

    def spawn(self, work: Coroutine[Any, Any, None], *, name: str) -> bool:
        """Run something that lives as long as the connection; False when it is over already."""
        return self._tasks.spawn(work, name=name)

    # -------------------------------------------------------------------------------------------- for channels
    def carry_out(self, commands: list[Command]) -> None:
        """Do what the core says, in order."""
        for command in commands:
            match command:
                case Send(packet):
                    self._send(encode(packet, checksum=self.core.checksum))
                case Data(stream, payload):
                    self._channels[stream].on_data(payload)
                case Credit(stream):
                    self._channels[stream].on_credit()
                case OpenAsked(stream, service):
                    self._tasks.spawn(self._serve(stream, service), name=f"service {service[:40]}")
                case Opened(stream):
                    self._answer(stream, accepted=True)
                case Closed(stream):
                    self._answer(stream, accepted=False)
                    if stream in self._channels:
                        self._channels.pop(stream).on_closed()
                case Offline():
                    self._services.close()
                case HangUp(reason):
                    _log.warning("adb server cut off: %s", reason)
                    self.cut()
                case _:
                    _log.debug("%s", command)

    def channel(self, stream: int) -> Channel:
        """A new channel for a stream of the core."""
        channel = self._channels[stream] = Channel(self, stream)
        return channel

    def forget(self, stream: int) -> None:
        """A channel was closed from this side."""
        self._channels.pop(stream, None)

    async def drain(self) -> None:
        """Wait until the socket can take more."""
        with contextlib.suppress(ConnectionError):
            await self._writer.drain()

    # -------------------------------------------------------------------------------------------- inside
    def _send(self, data: bytes) -> None:
        if self._budget is not None:
            self._budget -= len(data)
            if self._budget < 0:
                self.cut()
        if not self._awake.is_set():
            self._held.append(data)
        elif not self._writer.is_closing():
            self._writer.write(data)

    def _answer(self, stream: int, *, accepted: bool) -> None:
        waiting = self._opening.pop(stream, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(accepted)

    async def _serve(self, stream: int, name: str) -> None:
        request = OpenRequest(self, stream)
        try:
            service = self._services.find(name)
            if service is not None:
                await service(request)
        except (StreamClosedError, ConnectionError):
            pass  # the host left; services clean up after themselves
        finally:
            request.finish()

    async def _tear_down(self) -> None:
        self.cut()
        for channel in list(self._channels.values()):
            channel.on_closed()
        self._services.close()
        await self._tasks.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()
        self.done.set()
