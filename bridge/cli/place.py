"""Where `bridge capture` writes: a file or a folder of the user's, under names of ours.

What a phone calls itself and its files never becomes a path here.
"""

import contextlib
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Generator

    from bridge.spool import Capture

__all__ = ["Place", "misnamed", "place_for"]

SUFFIXES = {"image/png": ".png", "image/jpeg": ".jpg"}
KINDS = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg"}


@dataclass(frozen=True, slots=True)
class Place:
    """One file that is written over, or a folder that gets new ones."""

    path: Path
    is_folder: bool
    several: bool

    def write(self, blob: Path, capture: "Capture") -> Path:
        """Copy a picture of the spool there, whole or not at all; gives where it is."""
        with _told(self.path):
            if not self.is_folder:
                temp = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")
                try:
                    shutil.copyfile(blob, temp)
                    temp.replace(self.path)
                finally:
                    temp.unlink(missing_ok=True)
                return self.path
            return self._new_file(blob, capture)

    def _new_file(self, blob: Path, capture: "Capture") -> Path:
        """`screen-20260131-174512-0a1b2c3d.png`: source, time and the end of the device_id; never over another file."""
        stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(capture.taken_at))
        stem = f"{capture.source}-{stamp}-{capture.device_id[-8:]}"
        number = 1
        while True:
            path = self.path / f"{stem}{f'-{number}' if number > 1 else ''}{SUFFIXES.get(capture.media_type, '.jpg')}"
            try:
                with blob.open("rb") as picture, path.open("xb") as file:
                    shutil.copyfileobj(picture, file)
            except FileExistsError:
                number += 1
            except BaseException:
                path.unlink(missing_ok=True)
                raise
            else:
                return path


def place_for(out: str | None, *, several: bool) -> Place:
    """Settle it before any picture is taken. Raises `UsageError` where nothing could be written."""
    path = Path(out or ".")
    given_as_folder = (out or "").endswith("/") or path.is_dir()
    if several and not given_as_folder and (path.exists() or path.suffix.lower() in KINDS):
        raise UsageError(f"several phones, and {path} is one file", hint="give a folder: -o DIR/")
    is_folder = given_as_folder or several or out is None
    if not is_folder and not path.parent.is_dir():
        raise UsageError(f"there is no folder {path.parent}", hint="make it first, or give a folder: -o DIR/")
    if is_folder:
        with _told(path):
            path.mkdir(parents=True, exist_ok=True)
    return Place(path, is_folder, several)


def misnamed(path: Path, media_type: str) -> str:
    """What to say of a file whose name promises another kind of picture than the phone gave; the name is the user's."""
    promised = KINDS.get(path.suffix.lower(), media_type)
    return "" if promised == media_type else f"; a {media_type.removeprefix('image/').upper()} in spite of its name"


@contextlib.contextmanager
def _told(path: Path) -> "Generator[None]":
    try:
        yield
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}", hint="choose another place with -o") from error
