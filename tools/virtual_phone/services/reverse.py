"""`reverse:`: the phone listens, and whoever connects is led to the laptop.

The listeners belong to one connection of an adb server and die with it. Answers and names are those of AOSP's adbd: a
listener on a port is called `tcp:PORT` however it was spelled, so asking again for `tcp:localhost:PORT` finds the port
taken. The destination is checked again when somebody connects (see `virtual_phone.allow`).
"""

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from virtual_phone.link import Link, OpenRequest
from virtual_phone.services.connect import abstract_path, pump

__all__ = ["Reverse"]

_PORT_LIMIT = 0xFFFF
_MAX_LISTENERS = 64


class _RefusedError(Exception):
    """The request cannot be met; the text is what adbd would say."""


@dataclass(slots=True)
class _Listener:
    """One listening socket and where it leads."""

    destination: str
    server: asyncio.Server | None = None


class Reverse:
    """The reverse listeners of one connection."""

    def __init__(self, link: Link, loopback: str, number: int, *, usb_only: bool = False) -> None:
        self._link = link
        self._loopback = loopback
        self._number = number
        self._usb_only = usb_only
        self._listeners: dict[str, _Listener] = {}

    @property
    def listening(self) -> dict[str, str]:
        """What listens now, and where it leads."""
        return {name: listener.destination for name, listener in self._listeners.items()}

    async def serve(self, command: str, request: OpenRequest) -> None:
        """Answer one `reverse:` request."""
        channel = request.accept()
        try:
            answer = await self._obey(command)
        except _RefusedError as error:
            answer = b"FAIL" + _framed(str(error))
        await channel.write(answer)

    def close(self) -> None:
        """End all listeners."""
        for name in list(self._listeners):
            self._stop(name)

    async def _obey(self, command: str) -> bytes:
        verb, _, rest = command.partition(":")
        match verb:
            case "list-forward":
                lines = (f"host-{self._number} {name} {to}\n" for name, to in self.listening.items())
                return _framed("".join(lines))
            case "killforward-all":
                self.close()
                return b"OKAY"
            case "killforward":
                if rest not in self._listeners:
                    raise _RefusedError(f"listener '{rest}' not found")
                self._stop(rest)
                return b"OKAY"
            case "forward":
                norebind = rest.startswith("norebind:")
                return await self._forward(rest.removeprefix("norebind:"), norebind=norebind)
        raise _RefusedError("not a reverse forwarding command")

    async def _forward(self, spec: str, *, norebind: bool) -> bytes:
        if self._usb_only:  # it looks for the one transport there is, and finds its cable's besides ours
            raise _RefusedError("more than one device/emulator")
        name, semicolon, destination = spec.partition(";")
        if not semicolon or not name or not destination or destination.startswith("*") or ";" in destination:
            raise _RefusedError(f"bad forward: {spec}")
        if name in self._listeners:
            if norebind:
                raise _RefusedError("cannot rebind")
            self._listeners[name].destination = destination
            return b"OKAY"
        if len(self._listeners) >= _MAX_LISTENERS:
            raise _RefusedError(f"cannot bind listener: {_MAX_LISTENERS} listeners are open")
        listener = _Listener(destination)
        try:
            server, port = await self._listen(name, listener)
        except (OSError, ValueError) as error:
            raise _RefusedError(f"cannot bind listener: {_reason(error)}") from error
        listener.server = server
        if port is None:
            self._listeners[name] = listener
            return b"OKAY"
        self._listeners[f"tcp:{port}"] = listener
        return b"OKAY" + _framed(str(port))

    async def _listen(self, name: str, listener: _Listener) -> tuple[asyncio.Server, int | None]:
        """The listening socket, and its port when it has one."""
        kind, _, where = name.partition(":")
        accept = self._acceptor(listener)
        if kind == "localabstract" and where:
            return await asyncio.start_unix_server(accept, abstract_path(self._loopback, where)), None
        # adbd takes port 0 in the plain spelling only.
        port = where.removeprefix("localhost:") if where != "localhost:0" else ""
        if kind != "tcp" or not port.isdigit() or int(port) > _PORT_LIMIT:
            raise _RefusedError(f"cannot bind listener: unsupported address '{name}'")
        server = await asyncio.start_server(accept, self._loopback, int(port))
        return server, server.sockets[0].getsockname()[1]

    def _acceptor(
        self, listener: _Listener
    ) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None] | None]:
        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if not self._link.spawn(self._lead(listener, reader, writer), name=f"reverse to {listener.destination}"):
                writer.close()

        return accept

    async def _lead(self, listener: _Listener, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        channel = None
        try:
            channel = await self._link.open(listener.destination)
            if channel is not None:
                await pump(channel, reader, writer)
        finally:
            if channel is None:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()

    def _stop(self, name: str) -> None:
        listener = self._listeners.pop(name)
        if listener.server is not None:
            listener.server.close()  # who is connected stays connected, as on a phone


def _framed(text: str) -> bytes:
    """A text as adb frames it: four hexadecimal digits of length, then the text."""
    raw = text.encode()
    return b"%04x" % len(raw) + raw


def _reason(error: OSError | ValueError) -> str:
    # asyncio words «address in use» its own way; adbd says what errno says.
    return os.strerror(error.errno) if isinstance(error, OSError) and error.errno is not None else str(error)
