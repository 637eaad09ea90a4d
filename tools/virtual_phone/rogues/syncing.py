"""A phone whose sync connections answer in other ways.

What is not about pictures is answered honestly, or a bridge would never come as far as the lie.
"""

import contextlib
import os
import stat
import time
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial

from virtual_phone.channel import Channel
from virtual_phone.files import Entry, PhoneFiles
from virtual_phone.services import sync_wire as wire
from virtual_phone.services.router import Parts
from virtual_phone.services.sync import SyncSession

__all__ = ["Dent", "Way", "invented", "syncing"]

Way = Callable[[SyncSession], Awaitable[None]]
Dent = Callable[[bytes, os.stat_result], bytes]
_PICTURES = (b".jpg", b".jpeg", b".png")
_CAMERA = b"/DCIM/Camera"


@dataclass(frozen=True, slots=True)
class _Ways:
    """What is done instead of the ordinary; None where that is done."""

    stat: Way | None = None
    listing: Callable[[SyncSession, Dent], Awaitable[None]] | None = None
    picture: Callable[[SyncSession, bytes], Awaitable[None]] | None = None
    push: Way | None = None
    size: Callable[[int], int] | None = None
    names: Sequence[bytes] = ()
    mode: int | None = None


def syncing(
    *,
    stat: Way | None = None,
    listing: Callable[[SyncSession, Dent], Awaitable[None]] | None = None,
    picture: Callable[[SyncSession, bytes], Awaitable[None]] | None = None,
    push: Way | None = None,
    size: Callable[[int], int] | None = None,
    names: Sequence[bytes] = (),
    mode: int | None = None,
) -> Callable[[Parts], AbstractContextManager[None]]:
    """Answer so; connections that are open already stay as they are.

    `picture` sends a picture's bytes, `size` is what pictures are said to have, `names` are listed in the camera folder
    as the newest pictures; with a `mode` they are there when looked at, as such files.
    """
    serving = partial(_Session, _Ways(stat, listing, picture, push, size, names, mode))

    @contextlib.contextmanager
    def enter(parts: Parts) -> Generator[None]:
        parts.manners.syncing.append(serving)
        try:
            yield
        finally:
            parts.manners.syncing.remove(serving)

    return enter


class _Session(SyncSession):
    def __init__(self, ways: _Ways, files: PhoneFiles, channel: Channel) -> None:
        super().__init__(files, channel)
        self._ways = ways

    async def stat(self, request_id: bytes, path: bytes) -> None:
        if self._ways.stat is None:
            await super().stat(request_id, path)
        else:
            await self._ways.stat(self)

    async def list(self, request_id: bytes, path: bytes) -> None:
        if self._ways.listing is None:
            await super().list(request_id, path)
        else:
            await self._ways.listing(self, wire.dent_v2 if request_id == b"LIS2" else wire.dent_v1)

    async def send_file(self, path: bytes) -> None:
        if self._ways.picture is None or not _is_picture(path):
            await super().send_file(path)
        else:
            await self._ways.picture(self, path)

    async def receive(self, path: bytes, mode: int, *, flags: int) -> bool:
        if self._ways.push is None:
            return await super().receive(path, mode, flags=flags)
        await self._ways.push(self)
        return False

    def look(self, request_id: bytes, path: bytes) -> tuple[os.stat_result | None, int]:
        if self._ways.mode is not None and path.rpartition(_CAMERA + b"/")[2] in self._ways.names:
            return invented(self._ways.mode), 0
        found, error = super().look(request_id, path)
        return self._resized(found) if _is_picture(path) else found, error

    def entries(self, path: bytes) -> Sequence[Entry]:
        found = [Entry(e.name, self._resized(e.stat) if _is_picture(e.name) else e.stat) for e in super().entries(path)]
        in_camera = path.rstrip(b"/").endswith(_CAMERA)
        return [*found, *(Entry(name, invented()) for name in self._ways.names)] if in_camera else found

    def _resized(self, found: os.stat_result | None) -> os.stat_result | None:
        if found is None or self._ways.size is None:
            return found
        fields = list(found)
        fields[stat.ST_SIZE] = self._ways.size(found.st_size)
        return os.stat_result(fields)


def invented(mode: int = stat.S_IFREG | 0o644) -> os.stat_result:
    """A file of five bytes, newer than any that is there."""
    now = int(time.time()) + 60
    return os.stat_result((mode, 1, 1, 1, 0, 0, 5, now, now, now))


def _is_picture(path: bytes) -> bool:
    return path.lower().endswith(_PICTURES)
