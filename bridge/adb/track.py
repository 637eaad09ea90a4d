"""The device list as it changes: our own reader of `host:track-devices-l`.

`track` gives each list the server sends; `changes` is the pure comparison of two of them. The long form carries the
transport_id, so that an unplug and replug between two lists is still seen: same serial, new number.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from bridge.adb.deadlines import within
from bridge.adb.devices import DeviceLine, list_devices, parse_devices_l
from bridge.adb.faults import RefusedError, from_server
from bridge.adb.smartsocket import AdbAddress, Connection
from bridge.errors import DeadlinePassed

__all__ = ["Change", "changes", "track"]

_LOOK = 0.5  # seconds


@dataclass(frozen=True, slots=True)
class Change:
    """`came`: a new transport. `went`: it is gone. `turned`: it has another state. A replug is `went`, then `came`."""

    what: Literal["came", "turned", "went"]
    line: DeviceLine


def changes(before: Iterable[DeviceLine], after: Iterable[DeviceLine]) -> list[Change]:
    """What happened between two lists, goings first."""
    old = {(line.serial, line.transport_id): line for line in before}
    new = {(line.serial, line.transport_id): line for line in after}
    went = [Change("went", line) for key, line in old.items() if key not in new]
    came = [Change("came", line) for key, line in new.items() if key not in old]
    turned = [Change("turned", line) for key, line in new.items() if key in old and old[key].state != line.state]
    return went + turned + came


async def track(address: AdbAddress, *, deadline: float = 5.0) -> AsyncGenerator[tuple[DeviceLine, ...], None]:
    """Each device list, the present one first. Raises AdbUnreachable when the server ends; the caller starts again.

    `deadline` is for the first list; later ones come when something changes. Closing the iterator closes the socket.
    """
    async with within(deadline, f"following the devices of the adb server at {address}"):
        connection, devices = await _start(address)
        tells_all = await _tells_all(address)
    try:
        while True:
            yield devices
            changed = None if tells_all else await _look(connection, address, devices)
            devices = changed or await _next_list(connection, address)
    finally:
        connection.close()


async def _start(address: AdbAddress) -> tuple[Connection, tuple[DeviceLine, ...]]:
    """The open stream and its first list."""
    with from_server(str(address)):
        connection = await Connection.open(address)
        try:
            await connection.request("host:track-devices-l")
            return connection, await _next_list(connection, address)
        except BaseException:
            connection.close()
            raise


async def _tells_all(address: AdbAddress) -> bool:
    """Old servers (29 is one) say nothing when a phone goes offline. Those that tell all have this younger feature."""
    with from_server(str(address)):
        connection = await Connection.open(address)
        try:
            await connection.request("host:host-features")
            return b"devicetracker_proto_format" in await connection.block()
        except RefusedError:
            return True
        finally:
            connection.close()


async def _look(
    connection: Connection, address: AdbAddress, devices: tuple[DeviceLine, ...]
) -> tuple[DeviceLine, ...] | None:
    """Ask for the list again and again, until it is another one or the server speaks by itself."""
    while connection.quiet:
        await asyncio.sleep(_LOOK)
        with suppress(DeadlinePassed):
            now = tuple(await list_devices(address))
            if now != devices:
                return now
    return None


async def _next_list(connection: Connection, address: AdbAddress) -> tuple[DeviceLine, ...]:
    with from_server(str(address)):
        return parse_devices_l((await connection.block()).decode(errors="replace"))
