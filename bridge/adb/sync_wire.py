"""The sync protocol's messages, pure: requests built, hostile answers parsed.

Version 2 (64-bit sizes, errno) is used where the phone announces `stat_v2` and `ls_v2`, version 1 elsewhere. Both are
asked for lstat: a link is never followed unseen.
"""

import errno
import os
import struct
from collections.abc import Sequence

from bridge.adb.faults import ChangedError, GarbledError, RefusedError
from bridge.adb.transport import DirEntry, FileStat
from bridge.errors import DeviceUnusable, UsageError

__all__ = [
    "HEAD",
    "MAX_CHUNK",
    "STAT_V1_SIZE",
    "STAT_V2_SIZE",
    "DataFrames",
    "Listing",
    "data_messages",
    "parse_stat_v1",
    "parse_stat_v2",
    "path_bytes",
    "request",
]

MAX_CHUNK = 64 << 10  # the protocol's own limit for one DATA message
MAX_PATH = 1024

HEAD = struct.Struct("<4sI")
_STAT_V1 = struct.Struct("<4s3I")
_STAT_V2_BODY = struct.Struct("<I2Q4IQ3q")  # error, dev, ino, mode, nlink, uid, gid, size, atime, mtime, ctime
_ENTRY_V1 = struct.Struct("<4s4I")
_ENTRY_V2 = struct.Struct("<4sI2Q4IQ3qI")
STAT_V1_SIZE = _STAT_V1.size
STAT_V2_SIZE = 4 + _STAT_V2_BODY.size
_NOTHING_THERE = {errno.ENOENT, errno.ENOTDIR}


def path_bytes(path: str | bytes) -> bytes:
    """A path as it goes to the phone."""
    raw = path if isinstance(path, bytes) else os.fsencode(path)
    if not raw or b"\0" in raw or len(raw) > MAX_PATH:
        raise UsageError(f"no path for a phone, which are 1 to {MAX_PATH} bytes without NUL: {path!r:.80}")
    return raw


def request(kind: bytes, path: bytes) -> bytes:
    """A request about one path."""
    return HEAD.pack(kind, len(path)) + path


def data_messages(data: memoryview) -> bytes:
    """`data` as DATA messages of at most 64 KiB."""
    chunks = (data[start : start + MAX_CHUNK] for start in range(0, len(data), MAX_CHUNK))
    return b"".join(part for chunk in chunks for part in (HEAD.pack(b"DATA", len(chunk)), chunk))


def parse_stat_v1(answer: bytes) -> FileStat | None:
    """`STAT`: all zero when there is nothing. Sizes have 32 bits."""
    kind, mode, size, mtime = _STAT_V1.unpack(answer)
    if kind != b"STAT":
        raise GarbledError(f"{kind!r} in place of STAT")
    return FileStat(mode, size, mtime) if mode else None


def parse_stat_v2(answer: bytes) -> FileStat | None:
    """`LST2`: carries errno, so that forbidden is not taken for missing."""
    if answer[:4] != b"LST2":
        raise GarbledError(f"{answer[:4]!r} in place of LST2")
    error, _, _, mode, _, _, _, size, _, mtime, _ = _STAT_V2_BODY.unpack(answer[4:])
    if error in _NOTHING_THERE:
        return None
    if error:
        raise RefusedError(os.strerror(error))
    return FileStat(mode, size, mtime)


class Listing:
    """The names of one folder, fed as they come; `entries` is complete once `done`."""

    def __init__(self, *, v2: bool, limit: int) -> None:
        self.entries: list[DirEntry] = []
        self.done = False
        self._v2, self._limit = v2, limit
        self._head = _ENTRY_V2 if v2 else _ENTRY_V1
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Take some bytes of the answer."""
        data = self._rest + data
        position = 0
        while not self.done and len(data) - position >= self._head.size:
            fields = self._head.unpack_from(data, position)
            size = self._name_size(fields)
            end = position + self._head.size + size
            if len(data) < end:
                break
            if not self.done:
                self._keep(data[end - size : end], fields)
            position = end
        self._rest = data[position:]

    def _name_size(self, fields: Sequence[int | bytes]) -> int:
        kind, size = fields[0], int(fields[-1])
        if kind == b"DONE":
            self.done = True
            return 0
        if kind != (b"DNT2" if self._v2 else b"DENT") or size > MAX_PATH:
            raise GarbledError(f"{kind!r} {size} in a folder's listing")
        return size

    def _keep(self, name: bytes, fields: Sequence[int | bytes]) -> None:
        """Leave out what no folder can hold: a name with a slash is an attack, not a file."""
        if self._v2:
            _, error, _, _, mode, _, _, _, size, _, mtime, _, _ = map(_number, fields)
        else:
            _, mode, size, mtime, _ = map(_number, fields)
            error = 0
        if error or name in {b"", b".", b".."} or b"/" in name or b"\0" in name:
            return
        self.entries.append(DirEntry(name, FileStat(mode, size, mtime)))
        if len(self.entries) > self._limit:
            raise DeviceUnusable(
                f"a folder on the phone holds more than {self._limit} names", hint="move old pictures elsewhere"
            )


def _number(field: int | bytes) -> int:
    return field if isinstance(field, int) else 0


class DataFrames:
    """The DATA messages of a file, parsed in place: nothing is copied but a cut header.

    `parse` gives the payloads inside `buffer[:end]` and how far it got; the caller moves the tail (under eight bytes)
    to the front of the next buffer.
    """

    def __init__(self, limit: int) -> None:
        self.total = 0
        self.done = False
        self._limit = limit
        self._left = 0
        self._refusal: bytearray | None = None

    def parse(self, buffer: memoryview, end: int) -> tuple[list[memoryview], int]:
        """Payload pieces and the number of bytes used. Raises RefusedError with the phone's words after FAIL."""
        pieces: list[memoryview] = []
        position = 0
        while not self.done:
            size = min(self._left, end - position)
            if size:
                self._take(buffer[position : position + size], pieces)
                position += size
                self._left -= size
            if self._left:
                break
            if self._refusal is not None:
                raise RefusedError(self._refusal.decode(errors="replace"))
            if end - position < HEAD.size:
                break
            self._read_head(*HEAD.unpack_from(buffer, position))
            position += HEAD.size
        return pieces, position

    def _take(self, piece: memoryview, pieces: list[memoryview]) -> None:
        if self._refusal is not None:
            self._refusal += piece
            return
        self.total += len(piece)
        if self.total > self._limit:
            raise ChangedError("the file grew while it was read")
        pieces.append(piece)

    def _read_head(self, kind: bytes, size: int) -> None:
        if kind == b"DONE":
            self.done = True
        elif kind in {b"DATA", b"FAIL"} and size <= MAX_CHUNK:
            self._left = size
            if kind == b"FAIL":
                self._refusal = bytearray()
        else:
            raise GarbledError(f"{kind!r} {size} in a file")
