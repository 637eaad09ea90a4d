"""The ways to take one picture, each in two steps: look what is there now, and keep it as a capture if it is wanted.

```
              look()                                    keep()            same_as(earlier)
  ScreenWay   screencap, checked                        commit            looks alike: a clock or a cursor is no change
  ShutterWay  press, wait for the new file, commit it   it is kept        looks alike
  NewestWay   list the camera folders                   pull, commit      the same file, unchanged
  FileWay     stat the file                             copy, commit      the same file, unchanged
```
Between the two steps whoever repeats a way can see that nothing changed, before anything is written to the disk or,
for all but the shutter, a picture has come over the cable.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

from bridge.adb.transport import Transport
from bridge.captures.files import capture_file, file_version
from bridge.captures.folder import DEFAULT_FOLDERS
from bridge.captures.looking import Looks, looks_of_file
from bridge.captures.newest import newest_key, take_newest
from bridge.captures.screen import Screenshot, keep_screenshot, take_screenshot
from bridge.captures.shutter import shoot
from bridge.spool import Capture, FileKey, Spool

__all__ = ["FileWay", "NewestWay", "ScreenWay", "Seen", "ShutterWay", "Way"]


class Seen(Protocol):
    """What one look found."""

    def same_as(self, earlier: Self) -> bool:
        """Tell whether nothing changed since an earlier look of the same way."""

    async def keep(self) -> Capture:
        """Make it a capture, safe in the spool."""

    async def drop(self) -> None:
        """Leave nothing of it behind."""


class Way(Protocol):
    """One way to take a picture, again and again."""

    async def look(self) -> Seen:
        """See what is there now, within a deadline. Raises `BridgeError` where there is nothing."""


# ------------------------------------------------------------------------------------------------ the screen
@dataclass(frozen=True, slots=True)
class ScreenWay:
    """What the phone shows now."""

    transport: Transport
    spool: Spool
    device_id: str
    display: str | None = None

    async def look(self) -> "SeenScreen":
        """Take a screenshot."""
        return SeenScreen(self, await take_screenshot(self.transport, display=self.display))


@dataclass(frozen=True, slots=True)
class SeenScreen:
    """A screenshot in memory."""

    way: ScreenWay
    shot: Screenshot

    def same_as(self, earlier: Self) -> bool:
        """Compare the pictures from afar."""
        return self.shot.looks.same_as(earlier.shot.looks)

    async def keep(self) -> Capture:
        """Commit it."""
        return await asyncio.to_thread(keep_screenshot, self.shot, self.way.spool, self.way.device_id)

    async def drop(self) -> None:
        """Nothing is on the disk."""


# ------------------------------------------------------------------------------------------------ the shutter
@dataclass(frozen=True, slots=True)
class ShutterWay:
    """A fresh photo of the phone's camera."""

    transport: Transport
    spool: Spool
    device_id: str
    folders: Sequence[str] = DEFAULT_FOLDERS

    async def look(self) -> "SeenPhoto":
        """Press the shutter and wait for the photo; to see it is to have it."""
        capture = await shoot(self.transport, self.spool, self.device_id, folders=self.folders)
        looks = await asyncio.to_thread(looks_of_file, self.spool.blob_path(capture.sha256))
        return SeenPhoto(self.spool, capture, looks)


@dataclass(frozen=True, slots=True)
class SeenPhoto:
    """A photo that is a capture already."""

    spool: Spool
    capture: Capture
    looks: Looks | None

    def same_as(self, earlier: Self) -> bool:
        """Compare the pictures from afar; one that cannot be decoded is for the host to judge."""
        return self.looks is not None and earlier.looks is not None and self.looks.same_as(earlier.looks)

    async def keep(self) -> Capture:
        """Give it."""
        return self.capture

    async def drop(self) -> None:
        """Forget it; it stays on the phone."""
        await asyncio.to_thread(self.spool.delete, self.capture.capture_id)


# ------------------------------------------------------------------------------------------------ the newest
@dataclass(frozen=True, slots=True)
class NewestWay:
    """The newest picture in the phone's camera folders."""

    transport: Transport
    spool: Spool
    device_id: str
    folders: Sequence[str] = DEFAULT_FOLDERS

    async def look(self) -> "SeenNewest":
        """List the folders."""
        return SeenNewest(self, await newest_key(self.transport, self.folders))


@dataclass(frozen=True, slots=True)
class SeenNewest:
    """The name of the newest picture."""

    way: NewestWay
    key: FileKey

    def same_as(self, earlier: Self) -> bool:
        """Compare name, time and size."""
        return self.key == earlier.key

    async def keep(self) -> Capture:
        """Pull it."""
        return await take_newest(self.way.transport, self.way.spool, self.way.device_id, self.key)

    async def drop(self) -> None:
        """Nothing was taken."""


# ------------------------------------------------------------------------------------------------ a file
@dataclass(frozen=True, slots=True)
class FileWay:
    """A picture of the laptop; needs no phone."""

    path: Path
    spool: Spool
    device_id: str

    async def look(self) -> "SeenFile":
        """Look the file up."""
        return SeenFile(self, await asyncio.to_thread(file_version, self.path))


@dataclass(frozen=True, slots=True)
class SeenFile:
    """A file that is there."""

    way: FileWay
    version: tuple[int, int, int]

    def same_as(self, earlier: Self) -> bool:
        """Compare time and size, and whether it is the same file."""
        return self.version == earlier.version

    async def keep(self) -> Capture:
        """Copy it."""
        return await asyncio.to_thread(capture_file, self.way.path, self.way.spool, self.way.device_id)

    async def drop(self) -> None:
        """Nothing was taken."""
