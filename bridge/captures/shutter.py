"""The phone's shutter, pressed from the laptop: by intent and by key, and a new picture is the only proof.

`input` always says that it worked, whatever the camera app made of it. So the folder is watched before the first press,
and while nothing comes, the other keys that cameras listen to are tried.
"""

import asyncio
import itertools
import re
from collections.abc import Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Final

from bridge.adb.transport import Transport
from bridge.captures.folder import DEFAULT_FOLDERS, CameraFolder
from bridge.captures.notices import FolderNotice, Refused, Unfinished, Watching
from bridge.errors import BridgeError, DeadlinePassed, DeviceUnusable, UsageError
from bridge.spool import Capture, Spool

__all__ = ["press_shutter", "shoot"]

_WAKE_UP: Final = "224"  # never POWER, which is a toggle
_CAMERA_KEY: Final = "27"
_KEYS: Final = (_CAMERA_KEY, _CAMERA_KEY, "25", "66")
"""Twice the camera key, then volume down, then enter: what camera apps take for their shutter."""
_CAMERA: Final = "android.media.action.STILL_IMAGE_CAMERA"
_LOCKED: Final = re.compile(r"KeyguardShowing=true|mShowingLockscreen=true|isStatusBarKeyguard=true|\bshowing=true")
_LOOKS: Final = 5
_LOOK_S: Final = 0.2
"""A lock screen that can be swiped away slides for a moment."""
_DUMP_LIMIT: Final = 1 << 22
_NO_PICTURE_HINT: Final = (
    "unlock the phone and open its camera app; if that app ignores the camera key, press its shutter by hand"
)
_AFTER_REFUSAL_S: Final = 1.5
"""A camera that writes two files for a photo may still bring the other one, which can be read."""
_AGAIN_AFTER_S: Final = 4.0
"""A camera that was just opened loses what is pressed in its first second or two; then it is pressed again."""


async def press_shutter(transport: Transport, *, key: str = _CAMERA_KEY) -> None:
    """Wake the phone, open its camera unless that is in front, and press the key.

    Raises `DeviceUnusable` for a phone that is locked, has no camera app, or lets nobody press its keys.
    """
    await _press(transport, _WAKE_UP)
    front = await _front(transport)
    if not front.camera:  # over the lock screen, too, a camera that is in front can be used
        if front.locked:
            await _unlock(transport)
        await _open_camera(transport)
    await _press(transport, key)


async def shoot(
    transport: Transport,
    spool: Spool,
    device_id: str,
    *,
    folders: Sequence[str] = DEFAULT_FOLDERS,
    deadline: float = 20.0,
    again_after: float = _AGAIN_AFTER_S,
) -> Capture:
    """Press the shutter and take the picture that comes, as a capture of its own.

    Raises `DeadlinePassed` when none does, and `UsageError` for one that cannot be read.
    """
    loop, ends = asyncio.get_running_loop(), asyncio.timeout(deadline)
    ready = asyncio.Event()
    told: list[Refused | Unfinished] = []

    def note(notice: FolderNotice) -> None:
        if isinstance(notice, Watching):
            ready.set()
        elif isinstance(notice, Refused | Unfinished):
            told.append(notice)
        if isinstance(notice, Refused):
            ends.reschedule(min(ends.when() or 0.0, loop.time() + _AFTER_REFUSAL_S))

    folder = CameraFolder(transport, spool, device_id=device_id, folders=folders, apart=True, on_notice=note)
    try:
        async with ends:
            return await _press_until_taken(transport, folder, ready, again_after)
    except TimeoutError:
        match told[-1:]:
            case [Refused() as refused]:
                raise UsageError(refused.message, hint=refused.hint) from None
            case [Unfinished(name=name)]:
                raise DeadlinePassed(
                    f"the phone did not finish writing {name} within {deadline:.0f} s",
                    hint="is its storage full? `bridge ask` takes the newest picture once it is there",
                ) from None
        raise DeadlinePassed(
            f"the shutter was pressed, and no picture came within {deadline:.0f} s", hint=_NO_PICTURE_HINT
        ) from None


async def _press_until_taken(
    transport: Transport, folder: CameraFolder, ready: asyncio.Event, again_after: float
) -> Capture:
    async def press() -> None:
        await ready.wait()
        for key in itertools.cycle(_KEYS):
            await press_shutter(transport, key=key)
            await asyncio.sleep(again_after)

    async with aclosing(folder.captures()) as captures:
        try:
            async with asyncio.TaskGroup() as group:
                pressing = group.create_task(press())
                capture = await anext(captures)
                pressing.cancel()
        except* BridgeError as errors:
            raise errors.exceptions[0] from None
    return capture


# ------------------------------------------------------------------------------------------------ the phone's side
@dataclass(frozen=True, slots=True)
class _Front:
    """What the phone shows: its camera, or its lock screen."""

    camera: bool
    locked: bool


async def _front(transport: Transport) -> _Front:
    """Ask for the resumed activity: cameras have the word in their names, and one that has not is started again."""
    text = await _dump(transport, "activity", "activities")
    camera = any("ResumedActivity" in line and "camera" in line.lower() for line in text.splitlines())
    if "KeyguardShowing=" not in text:  # Android 7 and older say it elsewhere
        text = await _dump(transport, "window", "policy")
    return _Front(camera, _LOCKED.search(text) is not None)


async def _dump(transport: Transport, *words: str) -> str:
    with suppress(DeviceUnusable):  # more text than is read
        told = await transport.shell(["dumpsys", *words], limit=_DUMP_LIMIT)
        return told.stdout.decode(errors="replace")
    return ""


async def _unlock(transport: Transport) -> None:
    """Swipe the lock screen away; one with a PIN, a pattern or a password stays, and that is for a person to open."""
    await transport.shell(["wm", "dismiss-keyguard"])
    for _ in range(_LOOKS):
        if not (await _front(transport)).locked:
            return
        await asyncio.sleep(_LOOK_S)
    raise DeviceUnusable(
        f"{transport.serial} is locked",
        hint="unlock the phone by hand; to keep it so: `adb shell svc power stayon usb`",
        serial=transport.serial,
        code="locked",
    )


async def _open_camera(transport: Transport) -> None:
    started = await transport.shell(["am", "start", "-W", "-a", _CAMERA])
    said = started.stdout + started.stderr
    if started.exit_code or b"Error" in said:
        raise DeviceUnusable(f"the phone's camera app does not start: {_words(said)}", hint=_NO_PICTURE_HINT)


async def _press(transport: Transport, key: str) -> None:
    pressed = await transport.shell(["input", "keyevent", key])
    said = pressed.stdout + pressed.stderr
    if b"INJECT_EVENTS" in said or b"SecurityException" in said:
        raise DeviceUnusable(
            f"{transport.serial} lets nobody press its keys: {_words(said)}",
            hint="switch on «USB debugging (Security settings)» in its developer options, or press the shutter by hand",
            serial=transport.serial,
        )


def _words(said: bytes) -> str:
    return " ".join(said.decode(errors="replace").split())[:200]
