"""`tcp:` and `localabstract:`: the host reaches a server that runs on the phone.

Only the phone's own: TCP goes to its loopback address and nowhere else, abstract names carry the phone's prefix. The
server is dialled first and the stream accepted afterwards, so that the host learns of a refused connection.
"""

import asyncio
import contextlib

from virtual_phone.channel import Channel
from virtual_phone.events import StreamClosedError
from virtual_phone.link import OpenRequest
from virtual_phone.tasks import first_of

__all__ = ["abstract_path", "connect_abstract", "connect_tcp", "pump"]

_CHUNK = 256 << 10
_LOCAL_NAMES = ("", "localhost")
_PORT_LIMIT = 0xFFFF


async def connect_tcp(loopback: str, target: str, request: OpenRequest) -> None:
    """`tcp:PORT` and `tcp:PORT:localhost`."""
    port, _, host = target.partition(":")
    if host not in _LOCAL_NAMES or not port.isdigit() or int(port) > _PORT_LIMIT:
        return
    try:
        reader, writer = await asyncio.open_connection(loopback, int(port))
    except OSError:
        return
    await pump(request.accept(), reader, writer)


async def connect_abstract(loopback: str, name: str, request: OpenRequest) -> None:
    """`localabstract:NAME`."""
    try:
        reader, writer = await asyncio.open_unix_connection(abstract_path(loopback, name))
    except (OSError, ValueError):
        return
    await pump(request.accept(), reader, writer)


def abstract_path(loopback: str, name: str) -> str:
    """The phone's abstract name as the laptop's kernel knows it: no phone reaches another one's, or the laptop's."""
    return f"\0virtual_phone/{loopback}/{name}"


async def pump(channel: Channel, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry bytes both ways until one side ends; half a close is a whole one, as in adb."""

    async def outward() -> None:
        with contextlib.suppress(StreamClosedError, ConnectionError):
            while data := await reader.read(_CHUNK):
                await channel.write(data)

    async def inward() -> None:
        with contextlib.suppress(ConnectionError):
            while data := await channel.read():
                writer.write(data)
                await writer.drain()

    try:
        await first_of(outward(), inward())
    finally:
        channel.close()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
