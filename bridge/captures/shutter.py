"""The phone's shutter, pressed from the laptop. `input` always says it worked, so a new picture is the only proof."""

import asyncio
from contextlib import aclosing, suppress
from typing import Final

from bridge.adb.transport import Transport
from bridge.captures.folder import CameraFolder
from bridge.captures.notices import FolderNotice, Refused, Watching
from bridge.errors import BridgeError, DeadlinePassed, DeviceUnusable, UsageError
from bridge.spool import Capture, Spool

__all__ = ["press_shutter", "shoot"]

_WAKE_UP: Final = "224"  # never POWER, which is a toggle
_CAMERA_KEY: Final = "27"
_CAMERA: Final = "android.media.action.STILL_IMAGE_CAMERA"
_NO_PICTURE_HINT: Final = (
    "unlock the phone and open its camera app; if that app ignores the camera key, press its shutter by hand"
)
_AGAIN_AFTER_S: Final = 4.0
"""A camera that was just opened loses what is pressed in its first second or two; then it is pressed again."""


async def press_shutter(transport: Transport) -> None:
    """Wake the phone, open its camera unless that is in front, and press the camera key."""
    await transport.shell(["input", "keyevent", _WAKE_UP])
    if not await _camera_in_front(transport):
        started = await transport.shell(["am", "start", "-W", "-a", _CAMERA])
        if started.exit_code or b"Error" in started.stdout + started.stderr:
            words = " ".join((started.stdout + started.stderr).decode(errors="replace").split())[:200]
            raise DeviceUnusable(f"the phone's camera app does not start: {words}", hint=_NO_PICTURE_HINT)
    await transport.shell(["input", "keyevent", _CAMERA_KEY])


async def shoot(transport: Transport, spool: Spool, device_id: str, *, deadline: float = 20.0) -> Capture:
    """Press the shutter and take the picture that comes, as a capture of its own.

    Raises `DeadlinePassed` when none does.
    """
    ready = asyncio.Event()
    refused: list[Refused] = []

    def note(notice: FolderNotice) -> None:
        if isinstance(notice, Watching):
            ready.set()
        elif isinstance(notice, Refused):
            refused.append(notice)

    folder = CameraFolder(transport, spool, device_id=device_id, apart=True, on_notice=note)
    try:
        async with asyncio.timeout(deadline):
            return await _press_until_taken(transport, folder, ready)
    except TimeoutError:
        if refused:
            raise UsageError(refused[-1].message, hint=refused[-1].hint) from None
        raise DeadlinePassed(
            f"the shutter was pressed, and no picture came within {deadline:.0f} s", hint=_NO_PICTURE_HINT
        ) from None


async def _press_until_taken(transport: Transport, folder: CameraFolder, ready: asyncio.Event) -> Capture:
    async def press() -> None:
        await ready.wait()
        while True:
            await press_shutter(transport)
            await asyncio.sleep(_AGAIN_AFTER_S)

    async with aclosing(folder.captures()) as captures:
        try:
            async with asyncio.TaskGroup() as group:
                pressing = group.create_task(press())
                capture = await anext(captures)
                pressing.cancel()
        except* BridgeError as errors:
            raise errors.exceptions[0] from None
    return capture


async def _camera_in_front(transport: Transport) -> bool:
    """Ask for the resumed activity: cameras have the word in their names, and one that has not is started again."""
    with suppress(DeviceUnusable):  # more text than is read
        told = await transport.shell(["dumpsys", "activity", "activities"], limit=1 << 22)
        lines = told.stdout.decode(errors="replace").splitlines()
        return any("ResumedActivity" in line and "camera" in line.lower() for line in lines)
    return False
