"""The newest picture in the phone's camera folder, for whoever asks about it by hand."""

import asyncio
import stat
import time
from collections.abc import Sequence
from typing import Final

from bridge.adb.transport import Transport
from bridge.captures.folder import DEFAULT_FOLDERS
from bridge.captures.naming import kind_of
from bridge.captures.taking import keep, take
from bridge.errors import UsageError
from bridge.spool import Capture, FileKey, Spool, display_name

__all__ = ["newest_capture", "newest_key", "take_newest"]

_SETTLING_S: Final = 10.0
_LOOK_S: Final = 0.3


async def newest_capture(
    transport: Transport, spool: Spool, device_id: str, *, folders: Sequence[str] = DEFAULT_FOLDERS
) -> Capture:
    """Take the newest picture there is, seen before or not, as a capture of its own."""
    return await take_newest(transport, spool, device_id, await newest_key(transport, folders))


async def newest_key(transport: Transport, folders: Sequence[str] = DEFAULT_FOLDERS) -> FileKey:
    """Find the newest picture, by the phone's own clock. Raises `UsageError` where there is none."""
    pictures = [
        FileKey(folder.encode("utf-8", "surrogateescape") + b"/" + entry.name, entry.stat.mtime, entry.stat.size)
        for folder in folders
        for entry in await transport.list(folder)
        if stat.S_ISREG(entry.stat.mode) and entry.stat.size and kind_of(entry.name) == "picture"
    ]
    if not pictures:
        raise UsageError(
            f"there is no picture in {', '.join(folders)}",
            hint="take one with the phone's camera, or name one: --picture FILE",
        )
    return max(pictures, key=lambda key: (key.mtime, key.path))


async def take_newest(transport: Transport, spool: Spool, device_id: str, key: FileKey) -> Capture:
    """Pull that picture; one that the phone is still writing is waited for."""
    taken = await take(transport, spool, key.path)
    try:
        deadline = time.monotonic() + _SETTLING_S
        while taken.verdict.ending == "cut" and time.monotonic() < deadline and await _grows(transport, taken.key):
            taken.discard()
            taken = await take(transport, spool, key.path)
        if taken.verdict.ending == "alien":
            name = display_name(key.path.rpartition(b"/")[2])
            raise UsageError(f"{name} is no JPEG or PNG, whatever its name says", hint="look at it on the phone")
        return keep(taken, spool, device_id, taken_at=time.time(), apart=True)
    finally:
        taken.discard()


async def _grows(transport: Transport, key: FileKey) -> bool:
    """Whether a file changes within a moment."""
    await asyncio.sleep(_LOOK_S)
    found = await transport.stat(key.path)
    return found is not None and (found.mtime, found.size) != (key.mtime, key.size)
