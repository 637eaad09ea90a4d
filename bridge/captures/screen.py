"""The phone's screen as a capture: `screencap -p`, and never anything that only looks like a picture.

```
  screencap -p ──► exit code? ──► a whole PNG in it? ──► decodes? ──► not black? ──► spool
                     └── words        └── cut, damaged     └── damaged   └── another display, else an error
```
A failed screenshot is an error. The screens of apps that forbid screenshots come out black, and so does the inner
display of a closed fold: such a picture is not sent to a model, which would make something up about it.
"""

import asyncio
import hashlib
import os
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from shlex import quote
from typing import Final

from bridge.adb.deadlines import within
from bridge.adb.transport import ShellResult, Transport
from bridge.captures.looking import Looks, looks_of
from bridge.captures.png import Png, PngError, find_png
from bridge.errors import DeviceUnusable, UsageError
from bridge.spool import MAX_PICTURE_BYTES, Capture, Spool
from bridge.spool.blobs import full_disk_told

__all__ = ["Screenshot", "keep_screenshot", "screen_capture", "take_screenshot"]

_DEADLINE_S: Final = 20.0
_WORDS: Final = 8192
_DISPLAY: Final = re.compile(r"[0-9]{1,20}")
_LISTED: Final = re.compile(rb"^Display ([0-9]{1,20}) ", re.MULTILINE)
_MAX_DISPLAYS: Final = 4
_ASLEEP: Final = re.compile(rb"mWakefulness=(?:Asleep|Dozing)")
_FAILED_HINT: Final = "wake and unlock the phone; `adb exec-out screencap -p` shows what the phone itself says"
_BLACK_HINT: Final = (
    "the app in front forbids screenshots (banks, passwords, private tabs), or the phone is locked: open another one, "
    "or photograph the screen"
)


@dataclass(frozen=True, slots=True)
class Screenshot:
    """A whole picture of the screen that shows something; nothing of it is on the disk yet."""

    png: Png
    looks: Looks
    took_ms: float


async def screen_capture(
    transport: Transport, spool: Spool, device_id: str, *, display: str | None = None, deadline: float = _DEADLINE_S
) -> Capture:
    """Take the screen as a capture of its own.

    `display` is one of the long numbers of `dumpsys SurfaceFlinger --display-id`; not given, the first display that
    shows something. Raises `DeviceUnusable` when there is no picture, or only a black one.
    """
    shot = await take_screenshot(transport, display=display, deadline=deadline)
    return await asyncio.to_thread(keep_screenshot, shot, spool, device_id)


async def take_screenshot(
    transport: Transport, *, display: str | None = None, deadline: float = _DEADLINE_S
) -> Screenshot:
    """Take a picture of the screen and check that it is one."""
    if display is not None and not _DISPLAY.fullmatch(display):
        raise UsageError(
            f"{display!r} is no display", hint="`adb shell dumpsys SurfaceFlinger --display-id` lists their numbers"
        )
    started = time.monotonic()
    async with within(deadline, "the screenshot", serial=transport.serial):
        png, looks = await _shown(transport, display)
        if looks.black and display is None:
            png, looks = await _another_display(transport, png, looks)
        if looks.black:
            raise await _black(transport)
    return Screenshot(png, looks, round((time.monotonic() - started) * 1000, 3))


def keep_screenshot(shot: Screenshot, spool: Spool, device_id: str) -> Capture:
    """Commit it. Waits for the disk."""
    temp, now = spool.incoming(), time.time()
    try:
        with full_disk_told(), temp.open("xb") as file:
            file.write(shot.png.data)
            file.flush()
            os.fsync(file.fileno())
        return spool.commit(
            temp,
            device_id=device_id,
            sha256=hashlib.sha256(shot.png.data).hexdigest(),
            size=len(shot.png.data),
            source="screen",
            name="screen.png",
            mtime=int(now),
            media_type="image/png",
            taken_at=now,
            timings_ms={"pull": shot.took_ms},
            owed=False,
        )
    finally:
        temp.unlink(missing_ok=True)


async def _shown(transport: Transport, display: str | None) -> tuple[Png, Looks]:
    """One screenshot, whole and decodable."""
    result = await _screencap(transport, display)
    try:
        return await asyncio.to_thread(_seen, result)
    except PngError as error:
        raise await _failed(transport, result, str(error), display) from None


def _seen(result: ShellResult) -> tuple[Png, Looks]:
    """The picture in what `screencap` left behind. Raises `PngError`."""
    if result.exit_code:
        raise PngError("was not made")
    png = find_png(result.stdout)
    looks = looks_of(png.data)
    if looks is None:
        raise PngError("is damaged")
    return png, looks


async def _screencap(transport: Transport, display: str | None) -> ShellResult:
    command = ["screencap", "-p", *(["-d", display] if display else [])]
    try:
        return await transport.shell(command, limit=MAX_PICTURE_BYTES)
    except DeviceUnusable as error:
        raise DeviceUnusable(error.message, hint=_FAILED_HINT, **error.fields) from error


async def _another_display(transport: Transport, png: Png, looks: Looks) -> tuple[Png, Looks]:
    """Look at the other displays of a fold, and take the first one that shows something."""
    for display in (await _displays(transport))[:_MAX_DISPLAYS]:
        with suppress(DeviceUnusable):  # that one is off
            other, other_looks = await _shown(transport, display)
            if not other_looks.black:
                return other, other_looks
    return png, looks


async def _displays(transport: Transport) -> list[str]:
    """The long numbers of the displays; empty where there is one, or the phone does not say."""
    with suppress(DeviceUnusable):
        told = await transport.shell(["dumpsys", "SurfaceFlinger", "--display-id"], limit=_WORDS)
        found = [number.decode() for number in _LISTED.findall(told.stdout)]
        return found if len(found) > 1 else []
    return []


async def _failed(transport: Transport, result: ShellResult, what: str, display: str | None) -> DeviceUnusable:
    """What to say about a screenshot that is none, with the phone's own words where it printed words."""
    text = result.stderr + (b"" if b"\x89PNG" in result.stdout else result.stdout[:_WORDS])
    words = " ".join(text.decode(errors="replace").split())[:200]
    hint = _FAILED_HINT
    if display is not None and (displays := await _displays(transport)):
        hint = f"its displays are {', '.join(displays)}; leave --display out for the one in use"
    message = f"{transport.serial}: the screenshot {what}" + (f": {words}" if words else "")
    return DeviceUnusable(message, hint=hint, serial=transport.serial, code="no_screenshot")


async def _black(transport: Transport) -> DeviceUnusable:
    """What to say about a screen that shows nothing."""
    serial, fields = transport.serial, {"serial": transport.serial, "code": "black_screen"}
    with suppress(DeviceUnusable):
        power = await transport.shell(["dumpsys", "power"], limit=1 << 20)
        if _ASLEEP.search(power.stdout):
            hint = f"wake it: its power button, or `adb -s {quote(serial)} shell input keyevent WAKEUP`"
            return DeviceUnusable(f"{serial}: the screen is off", hint=hint, **fields)
    return DeviceUnusable(f"{serial}: the screenshot is black, so it is not used", hint=_BLACK_HINT, **fields)
