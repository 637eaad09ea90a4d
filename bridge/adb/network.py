"""Phones over the network: `adb connect` and `adb disconnect`, asked by adbutils.

adbutils' calls have time limits per read or none, and it starts an adb server on a port of its own choosing when it
finds none. So the server is asked first whether it is there, the call runs in a thread, and its sockets are shut down
when the deadline passes.
"""

import asyncio
import re
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from bridge.adb.deadlines import within
from bridge.adb.devices import list_devices
from bridge.adb.faults import state_hint
from bridge.adb.server import server_version
from bridge.adb.smartsocket import AdbAddress
from bridge.errors import AdbUnreachable, DeviceUnusable, NoSuchDevice

__all__ = ["connect_tcp", "disconnect_tcp"]

_CONNECTED = re.compile(r"(?:already )?connected to (\S+)")


async def connect_tcp(address: AdbAddress, where: str, *, deadline: float = 12.0) -> str:
    """Let the server connect to `HOST[:PORT]`; the serial it is listed under. A mute peer costs adb 10 s.

    adb calls a phone "already connected" that it lists as offline; such a one is disconnected and connected again.
    """
    async with within(deadline, f"adb connect {where}"):
        answer = await _ask(address, lambda client: client.connect(where))
        if answer.startswith("already") and await _offline(address, _serial(answer, where)):
            await disconnect_tcp(address, where)
            answer = await _ask(address, lambda client: client.connect(where))
    return _serial(answer, where)


async def disconnect_tcp(address: AdbAddress, where: str, *, deadline: float = 5.0) -> None:
    """Let the server forget `HOST[:PORT]`; one it does not know is fine."""
    async with within(deadline, f"adb disconnect {where}"):
        await _ask(address, lambda client: client.disconnect(where))


def _serial(answer: str, where: str) -> str:
    """The serial in adb's prose, which comes with OKAY even when the connection failed."""
    words = " ".join(answer.split())
    connected = _CONNECTED.match(words)
    if connected:
        return connected[1]
    if "authenticate" in words:
        raise DeviceUnusable(
            f"{where} is unauthorized", hint=state_hint("unauthorized"), serial=where, state="unauthorized"
        )
    raise NoSuchDevice(
        f"no phone at {where}: {words}", hint="is its wireless debugging on, and is that the port it shows?"
    )


async def _offline(address: AdbAddress, serial: str) -> bool:
    return any(line.serial == serial and line.state == "offline" for line in await list_devices(address))


async def _ask(address: AdbAddress, question: Callable[[Any], str | None]) -> str:
    """One question to adbutils, in a thread; cancelling it shuts its sockets down."""
    await server_version(address)
    opened: list[socket.socket] = []
    asking = asyncio.get_running_loop().run_in_executor(None, _ask_blocking, address, question, opened)
    try:
        return await asyncio.shield(asking)
    except asyncio.CancelledError:
        for sock in opened:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        await asyncio.wait([asking])
        raise


def _ask_blocking(address: AdbAddress, question: Callable[[Any], str | None], opened: list[socket.socket]) -> str:
    import adbutils

    client = adbutils.AdbClient(address.host, address.port)
    plain = client.make_connection

    def remembered(timeout: float | None = None) -> Any:
        connection = plain(timeout)
        opened.append(connection.conn)
        return connection

    client.make_connection = remembered
    try:
        return question(client) or ""
    except (adbutils.AdbError, OSError, EOFError) as error:
        raise AdbUnreachable(
            f"the adb server at {address} did not answer: {error}", hint="try `adb devices`"
        ) from error
