"""Where a command's picture comes from: `--source`, spelled once, and the way in that it means."""

import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.errors import UsageError

if TYPE_CHECKING:
    from bridge.adb.devices import DeviceLine
    from bridge.adb.transport import Transport
    from bridge.captures.ways import Way
    from bridge.config import Settings
    from bridge.spool import Spool

__all__ = [
    "LAPTOP",
    "Choice",
    "Display",
    "Phone",
    "PhoneSource",
    "Source",
    "Wanted",
    "opened_line",
    "opened_phone",
    "opened_spool",
    "wanted",
]

LAPTOP = "laptop"


class PhoneSource(StrEnum):
    """What a phone can give."""

    camera = "camera"
    screen = "screen"
    newest = "newest"


class Source(StrEnum):
    """What can be asked about."""

    camera = "camera"
    screen = "screen"
    newest = "newest"
    file = "file"


Display = Annotated[
    str | None,
    typer.Option(
        "--display", metavar="ID", help="With --source screen, on a phone with several: the long number of one."
    ),
]


@dataclass(frozen=True, slots=True)
class Choice:
    """How somebody named the phone."""

    serials: tuple[str, ...] = ()
    usb: bool = False
    tcp: bool = False


@dataclass(frozen=True, slots=True)
class Phone:
    """Whose picture it is. Without a transport it is the laptop itself."""

    serial: str
    device_id: str
    transport: "Transport | None"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which picture is meant."""

    source: str
    file: Path | None = None
    display: str | None = None

    def way(self, settings: "Settings", spool: "Spool", phone: "Phone") -> "Way":
        """The way to take it; all but a file need the phone."""
        from bridge.captures.ways import FileWay, NewestWay, ScreenWay, ShutterWay

        if self.file is not None:
            return FileWay(self.file, spool, phone.device_id)
        assert phone.transport is not None  # ruff: ignore[assert] - only a file needs no phone
        if self.source == Source.screen:
            return ScreenWay(phone.transport, spool, phone.device_id, self.display)
        cameras: Any = ShutterWay if self.source == Source.camera else NewestWay
        way: Way = cameras(phone.transport, spool, phone.device_id, settings.camera_folder)
        return way


def wanted(source: str, *, file: Path | None = None, display: str | None = None) -> Wanted:
    """Check that the options go together. Raises `UsageError`."""
    if (file is not None) != (source == Source.file):
        raise UsageError(
            "--source file and --picture FILE go together", hint="`bridge ask --picture FILE`, or another --source"
        )
    if display is not None and source != Source.screen:
        raise UsageError("--display is for --source screen", hint="leave out --display, or add --source screen")
    return Wanted(source, file, display)


@contextlib.asynccontextmanager
async def opened_spool(settings: "Settings") -> AsyncGenerator["Spool"]:
    """The spool of the state folder, for the block."""
    import asyncio

    from bridge.config import own_folder
    from bridge.spool import Spool

    own_folder(settings.state_dir)
    with await asyncio.to_thread(Spool, settings.state_dir / "spool") as spool:
        yield spool


@contextlib.asynccontextmanager
async def opened_phone(settings: "Settings", choice: Choice | None) -> AsyncGenerator[Phone]:
    """The phone that is meant, for the block; the laptop where there is no choice of one."""
    from bridge.adb.choose import one_device
    from bridge.spool import device_id

    if choice is None:
        yield Phone(LAPTOP, device_id(settings.state_dir, LAPTOP), None)
        return
    line = await one_device(choice.serials, usb=choice.usb, tcp=choice.tcp)
    async with opened_line(settings, line) as phone:
        yield phone


@contextlib.asynccontextmanager
async def opened_line(settings: "Settings", line: "DeviceLine") -> AsyncGenerator[Phone]:
    """The phone of a line of the device list, for the block."""
    import os

    from bridge.adb.open import open_transport
    from bridge.adb.server import server_address
    from bridge.spool import device_id

    transport = await open_transport(server_address(os.environ), line)
    try:
        yield Phone(line.serial, device_id(settings.state_dir, line.serial), transport)
    finally:
        await transport.close()
