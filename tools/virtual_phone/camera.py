"""The camera: photos come from a folder of the laptop and appear on the phone as MediaStore writes them.

First `.pending-<expiry>-<name>` with half the bytes, after a pause the rest, then the rename to the final name.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["CAMERA_FOLDER", "Camera", "NoPhotoError", "PhotoQueue"]

CAMERA_FOLDER = "DCIM/Camera"
_PICTURES = {".jpg": ".jpg", ".jpeg": ".jpg", ".png": ".png"}
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
    """Takes one picture at a time."""

    def __init__(
        self, photos: PhotoQueue, storage: Path, *, pause: float, clock: Callable[[], float] = time.time
    ) -> None:
        self.photos = photos
        self.pause = pause
        self._folder = storage / CAMERA_FOLDER
        self._clock = clock
        self._shutter = asyncio.Lock()
        self._count = 0

    async def shoot(self, photo: Path | None = None) -> str:
        """Take the next photo, or this one; returns its final name. Raises `NoPhotoError`."""
        async with self._shutter:
            source = photo if photo is not None else self.photos.take()
            picture = self._begin(source)
            await asyncio.sleep(self.pause)
            picture.finish()
            return picture.final.name

    def _begin(self, source: Path) -> "_Unfinished":
        data = source.read_bytes()
        self._folder.mkdir(parents=True, exist_ok=True)
        now = self._clock()
        name = self._name(now, _PICTURES.get(source.suffix.lower(), source.suffix.lower()))
        pending = self._folder / f".pending-{int(now) + _PENDING_FOR}-{name}"
        half = len(data) // 2
        pending.write_bytes(data[:half])
        return _Unfinished(pending, self._folder / name, data[half:])

    def names(self) -> list[str]:
        """The finished pictures, oldest first."""
        found = self._folder.iterdir() if self._folder.is_dir() else ()
        return sorted(path.name for path in found if not path.name.startswith("."))

    def _name(self, now: float, suffix: str) -> str:
        """A name that no earlier picture has."""
        stamp = time.strftime("%Y%m%d_%H%M%S", time.localtime(now))
        while True:
            self._count += 1
            name = f"IMG_{stamp}_{self._count % 1000:03}{suffix}"
            if not (self._folder / name).exists():
                return name


@dataclass(frozen=True, slots=True)
class _Unfinished:
    """A picture of which half is written, under a name that says so."""

    pending: Path
    final: Path
    rest: bytes

    def finish(self) -> None:
        with self.pending.open("ab") as file:
            file.write(self.rest)
        self.pending.replace(self.final)
