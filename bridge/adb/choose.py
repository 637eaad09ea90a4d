"""Which phones a command means, in adb's own terms: `-s`, `-d`, `-e`, `ANDROID_SERIAL` or the only one."""

import asyncio
import os
from collections.abc import Sequence

from bridge.adb.devices import DeviceLine, list_devices, select
from bridge.adb.server import AdbAddress, ensure_server, server_address
from bridge.errors import DeadlinePassed, NoSuchDevice

__all__ = ["all_devices", "chosen_devices", "one_device", "started_server"]


async def started_server(deadline: float = 10.0) -> AdbAddress:
    """The adb server's address, with a server listening there. Raises `AdbUnreachable` (5)."""
    address = server_address(os.environ)
    await ensure_server(address, environ=os.environ, deadline=deadline)
    return address


async def all_devices(deadline: float) -> list[DeviceLine]:
    """Every line of the adb server, usable or not."""
    try:
        async with asyncio.timeout(deadline):
            address = await started_server(deadline)
            return list(await list_devices(address))
    except TimeoutError:
        raise DeadlinePassed(
            f"no answer within {deadline:g} s", hint="is the adb server stuck? see `adb devices -l`"
        ) from None


async def chosen_devices(
    serials: Sequence[str] = (),
    *,
    usb: bool = False,
    tcp: bool = False,
    everything: bool | None = None,
    deadline: float = 15.0,
) -> list[DeviceLine]:
    """The usable phones that are meant. Raises `NoSuchDevice` (3) or `DeviceUnusable` (4) with the table."""
    lines = await all_devices(deadline)
    if not (serials or usb or tcp or everything) and (named := os.environ.get("ANDROID_SERIAL")):
        serials = (named,)
    return list(select(lines, serials=tuple(serials), usb=usb, tcp=tcp, everything=everything))


async def one_device(serials: Sequence[str] = (), *, usb: bool = False, tcp: bool = False) -> DeviceLine:
    """The one usable phone that is meant. Raises as `chosen_devices` does, and for a pattern that means several."""
    lines = await chosen_devices(serials, usb=usb, tcp=tcp)
    if len(lines) > 1:
        names = ", ".join(line.serial for line in lines)
        raise NoSuchDevice(f"{len(lines)} devices are meant: {names}", hint="name one of them: -s SERIAL")
    return lines[0]
