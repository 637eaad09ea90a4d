"""The camera: photos come from a folder of the laptop and appear on the phone as MediaStore writes them.

First `.pending-<expiry>-<name>` with half the bytes, after a pause the rest, then the rename to the final name. It
writes through the phone's confined files: what runs on the phone may have put a symlink where the folder was.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from virtual_phone.files import PhoneFiles

__all__ = ["CAMERA_FOLDER", "Camera", "NoPhotoError", "PhotoQueue", "place", "store"]

CAMERA_FOLDER = "/sdcard/DCIM/Camera"
_PICTURES = {".jpg": ".jpg", ".jpeg": ".jpg", ".png": ".png"}
_MODE = 0o660
_PENDING_FOR = 7 * 24 * 3600


class NoPhotoError(Exception):
    """The folder of photos holds none."""


class PhotoQueue:
    """The photos of a folder, one after the other and round again; files added meanwhile are seen."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._last: str | None = None

    def take(self) -> Path:
        """The next photo. Raises `NoPhotoError`."""
        photo = self.peek()
        self._last = photo.name
        return photo

    def peek(self) -> Path:
        """The photo that `take` will give."""
        names = self.found()
        if not names:
            raise NoPhotoError(f"no .jpg or .png in {self.folder}")
        later = (name for name in names if self._last is not None and name > self._last)
        return self.folder / next(later, names[0])

    def found(self) -> list[str]:
        """The names of all photos there are now."""
        return sorted(p.name for p in self.folder.iterdir() if p.suffix.lower() in _PICTURES and p.is_file())


class Camera:
    """Takes one picture at a time. `naming` and `store` are how it does that; a rogue has others."""

    def __init__(
        self, photos: PhotoQueue, files: PhoneFiles, *, pause: float, clock: Callable[[], float] = time.time
    ) -> None:
        self.photos = photos
        self.pause = pause
        self.files = files
        self.naming: Callable[[str], bytes] = os.fsencode
        self.store: Callable[[Camera, bytes, bytes], Awaitable[None]] = store
        self._clock = clock
        self._shutter = asyncio.Lock()
        self._count = 0

    async def shoot(self, photo: Path | None = None) -> str:
        """Take the next photo, or this one; returns its final path. Raises `NoPhotoError`."""
        async with self._shutter:
            source = photo if photo is not None else self.photos.take()
            data = source.read_bytes()
            name = self.naming(self._name(self._clock(), _PICTURES.get(source.suffix.lower(), source.suffix.lower())))
            await self.store(self, name, data)
            return os.fsdecode(place(name))

    def pending(self, name: bytes) -> bytes:
        """The path of a picture that is not finished."""
        return place(b".pending-%d-%b" % (int(self._clock()) + _PENDING_FOR, name))

    async def write(self, path: bytes, *pieces: bytes) -> None:
        """Write a file piece by piece, with a pause between two."""
        fd = self.files.create(path, _MODE)
        try:
            for number, piece in enumerate(pieces):
                if number:
                    await asyncio.sleep(self.pause)
                self.files.write(fd, piece)
        finally:
            os.close(fd)

    def names(self) -> list[str]:
        """The finished pictures, oldest first."""
        try:
            found = self.files.list(os.fsencode(CAMERA_FOLDER))
        except OSError:
            return []
        return sorted(os.fsdecode(entry.name) for entry in found if not entry.name.startswith(b"."))

    def _name(self, now: float, suffix: str) -> str:
        """A name that no earlier picture has."""
        stamp = time.strftime("%Y%m%d_%H%M%S", time.localtime(now))
        taken = self.names()
        while True:
            self._count += 1
            name = f"IMG_{stamp}_{self._count % 1000:03}{suffix}"
            if name not in taken:
                return name


async def store(camera: Camera, name: bytes, data: bytes) -> None:
    """As MediaStore does."""
    pending, half = camera.pending(name), len(data) // 2
    await camera.write(pending, data[:half], data[half:])
    camera.files.rename(pending, place(name))


def place(name: bytes) -> bytes:
    """The path of a picture on the phone."""
    return os.fsencode(CAMERA_FOLDER) + b"/" + name
