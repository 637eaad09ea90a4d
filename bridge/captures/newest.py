"""The newest picture in the phone's camera folder, for whoever asks about it by hand."""

import stat
import time
from collections.abc import Sequence

from bridge.adb.transport import Transport
from bridge.captures.folder import DEFAULT_FOLDERS
from bridge.captures.naming import kind_of
from bridge.captures.taking import keep, take
from bridge.errors import UsageError
from bridge.spool import Capture, Spool, display_name

__all__ = ["newest_capture"]


async def newest_capture(
    transport: Transport, spool: Spool, device_id: str, *, folders: Sequence[str] = DEFAULT_FOLDERS
) -> Capture:
    """Take the newest picture there is, seen before or not, as a capture of its own."""
    pictures = [
        (entry.stat.mtime, folder.encode() + b"/" + entry.name)
        for folder in folders
        for entry in await transport.list(folder)
        if stat.S_ISREG(entry.stat.mode) and entry.stat.size and kind_of(entry.name) == "picture"
    ]
    if not pictures:
        raise UsageError(
            f"there is no picture in {', '.join(folders)}",
            hint="take one with the phone's camera, or name one: --picture FILE",
        )
    _, path = max(pictures)
    taken = await take(transport, spool, path)
    try:
        if taken.verdict.ending == "alien":
            name = display_name(path.rpartition(b"/")[2])
            raise UsageError(f"{name} is no JPEG or PNG, whatever its name says", hint="look at it on the phone")
        return keep(taken, spool, device_id, taken_at=time.time(), apart=True)
    finally:
        taken.discard()
