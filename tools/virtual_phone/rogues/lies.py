"""Phones that lie over sync: sizes that are none, files without an end, listings of what cannot be."""

import stat
import struct
from itertools import count

from virtual_phone.rogues.rogue import Rogue
from virtual_phone.rogues.syncing import Dent, invented, syncing
from virtual_phone.services import sync_wire as wire
from virtual_phone.services.sync import SyncSession

__all__ = ["ROGUES"]

_BIG_CHUNK = 300 << 20
_MB = bytes(1 << 20)
_MANY = 3_000
_NAMES_OUT = (b"../../escaped.jpg", b"/tmp/escaped.jpg", b"a/../../../../escaped.jpg", b"..", b"", b"a\x00b.jpg")
_RUDE = b"\x1b[2J\x1b]0;owned\x07\r\n$(id)`id`\x00\xff\xfe" * 2_000


async def _endless(session: SyncSession, _path: bytes) -> None:
    data = b"".join(wire.data(_MB[: wire.DATA_LIMIT]) for _ in range(8))
    while True:
        await session.channel.write(data)


async def _big_chunk(session: SyncSession, _path: bytes) -> None:
    await session.channel.write(struct.pack("<4sI", b"DATA", _BIG_CHUNK))
    for _ in range(_BIG_CHUNK // len(_MB)):
        await session.channel.write(_MB)
    await session.channel.write(wire.done())


async def _short(session: SyncSession, _path: bytes) -> None:
    await session.channel.write(wire.data(b"\xff\xd8\xff\xe0") + wire.done())


async def _wrong(session: SyncSession, _path: bytes) -> None:
    await session.channel.write(b"\xff" * 64)


async def _endless_refusal(session: SyncSession, _path: bytes) -> None:
    await session.channel.write(struct.pack("<4sI", b"FAIL", 0xFFFFFFFF))
    while True:
        await session.channel.write(_MB)


async def _rude_refusal(session: SyncSession, _path: bytes) -> None:
    await session.channel.write(struct.pack("<4sI", b"FAIL", len(_RUDE)) + _RUDE)


async def _owned(session: SyncSession, _path: bytes) -> None:
    await session.channel.write(wire.data(b"owned") + wire.done())


async def _endless_listing(session: SyncSession, dent: Dent) -> None:
    found = invented()
    for start in count(0, _MANY):
        await session.channel.write(b"".join(dent(b"%d.jpg" % n, found) for n in range(start, start + _MANY)))


async def _huge_name(session: SyncSession, dent: Dent) -> None:
    await session.channel.write(dent(b"", invented())[:-4] + struct.pack("<I", 1 << 30))
    while True:
        await session.channel.write(_MB)


ROGUES = {
    "endless_file": Rogue("a picture that never ends, whatever its size was said to be", syncing(picture=_endless)),
    "big_chunk": Rogue("a picture in one chunk of 300 MB; the protocol allows 64 KiB", syncing(picture=_big_chunk)),
    "short_file": Rogue("a picture that ends after four bytes", syncing(picture=_short)),
    "size_too_small": Rogue("pictures are said to have five bytes", syncing(size=lambda _size: 5)),
    "size_too_large": Rogue("pictures are said to be larger than they are", syncing(size=lambda size: size + 100_000)),
    "size_huge": Rogue("pictures are said to have 2^64-1 bytes", syncing(size=lambda _size: (1 << 64) - 1)),
    "wrong_answer": Rogue("bytes that are no answer, where a picture should begin", syncing(picture=_wrong)),
    "endless_refusal": Rogue("a picture is refused in words without end", syncing(picture=_endless_refusal)),
    "rude_refusal": Rogue("a picture is refused in words that control a terminal", syncing(picture=_rude_refusal)),
    "endless_listing": Rogue("a camera folder with ever more pictures in it", syncing(listing=_endless_listing)),
    "huge_name": Rogue("a name in the camera folder is said to have 1 GiB", syncing(listing=_huge_name)),
    "name_slashes": Rogue(
        "names in the camera folder that lead out of it",
        syncing(names=_NAMES_OUT, mode=stat.S_IFREG | 0o644, picture=_owned),
    ),
    "ghosts": Rogue("a picture is listed that is not there", syncing(names=[b"ghost.jpg"])),
    "link_as_file": Rogue(
        "a link is listed as a picture",
        syncing(names=[b"link.jpg"], mode=stat.S_IFLNK | 0o777, picture=_owned),
    ),
}
