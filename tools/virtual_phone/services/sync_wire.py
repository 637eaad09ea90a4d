"""The messages of the sync service, as bytes.

Pure. Every message begins with a four-letter id and a number. Version 1 has 32-bit sizes and no errors; version 2 has
both. Which numbers stand where is fixed by file_sync_protocol.h.
"""

import os
import struct
from dataclasses import dataclass
from typing import ClassVar

__all__ = [
    "DATA_LIMIT",
    "DRY_RUN",
    "OKAY",
    "PATH_LIMIT",
    "Request",
    "data",
    "dent_v1",
    "dent_v2",
    "done",
    "end_of_list",
    "fail",
    "parse_send_v1",
    "parse_setup",
    "stat_v1",
    "stat_v2",
]

PATH_LIMIT = 1024
DATA_LIMIT = 64 << 10
DRY_RUN = 0x80000000
OKAY = b"OKAY" + bytes(4)

_U32 = 0xFFFFFFFF
_HEAD = struct.Struct("<4sI")
_STAT_V1 = struct.Struct("<4s3I")
_DENT_V1 = struct.Struct("<4s4I")
_STAT_V2 = struct.Struct("<IQQ4IQqqq")  # after the id: error, dev, ino, mode, nlink, uid, gid, size, times
_SETUP = struct.Struct("<4sII")
_SETUP_SIZES = {b"SND2": 12, b"RCV2": 8}
_DEFAULT_MODE = 0o644


@dataclass(frozen=True, slots=True)
class Request:
    """The head of a message: its id, and a length or a time."""

    id: bytes
    number: int

    SIZE: ClassVar[int] = _HEAD.size

    @classmethod
    def parse(cls, raw: bytes) -> "Request":
        """From exactly `SIZE` bytes."""
        return cls(*_HEAD.unpack(raw))

    @property
    def setup_size(self) -> int:
        """How many bytes of a second message follow the path."""
        return _SETUP_SIZES.get(self.id, 0)


def parse_send_v1(spec: bytes) -> tuple[bytes, int]:
    """`path,mode` of SEND; a mode that is no number becomes the default."""
    path, comma, mode = spec.rpartition(b",")
    if not comma:
        return spec, _DEFAULT_MODE
    return path, int(mode) if mode.isdigit() else _DEFAULT_MODE


def parse_setup(request_id: bytes, raw: bytes) -> tuple[int, int]:
    """Mode and flags of the second message of SND2, flags of RCV2. Raises ValueError when the id does not match."""
    if request_id == b"RCV2":
        found, flags = _HEAD.unpack(raw)
        mode = 0
    else:
        found, mode, flags = _SETUP.unpack(raw)
    if found != request_id:
        raise ValueError(f"{request_id!r} followed by {found!r}")
    return mode, flags


def fail(reason: str) -> bytes:
    """The service could not do it, and why."""
    text = reason.encode()
    return _HEAD.pack(b"FAIL", len(text)) + text


def data(chunk: bytes) -> bytes:
    """At most `DATA_LIMIT` bytes of a file."""
    return _HEAD.pack(b"DATA", len(chunk)) + chunk


def done() -> bytes:
    """The end of a file."""
    return _HEAD.pack(b"DONE", 0)


def stat_v1(found: os.stat_result | None) -> bytes:
    """The answer to STAT; all zero when there is nothing."""
    if found is None:
        return _STAT_V1.pack(b"STAT", 0, 0, 0)
    return _STAT_V1.pack(b"STAT", found.st_mode, found.st_size & _U32, int(found.st_mtime) & _U32)


def stat_v2(request_id: bytes, found: os.stat_result | None, error: int = 0) -> bytes:
    """The answer to STA2 and LST2."""
    return request_id + _fields_v2(found, error)


def dent_v1(name: bytes, found: os.stat_result) -> bytes:
    """One name of a LIST."""
    head = _DENT_V1.pack(b"DENT", found.st_mode, found.st_size & _U32, int(found.st_mtime) & _U32, len(name))
    return head + name


def dent_v2(name: bytes, found: os.stat_result | None, error: int = 0) -> bytes:
    """One name of a LIS2."""
    return b"DNT2" + _fields_v2(found, error) + struct.pack("<I", len(name)) + name


def end_of_list(request_id: bytes) -> bytes:
    """DONE, as long as an entry without a name."""
    size = _DENT_V1.size if request_id == b"LIST" else len(b"DNT2") + _STAT_V2.size + 4
    return b"DONE".ljust(size, b"\x00")


def _fields_v2(found: os.stat_result | None, error: int) -> bytes:
    if found is None:
        return _STAT_V2.pack(error, *(0,) * 10)
    return _STAT_V2.pack(
        error,
        found.st_dev,
        found.st_ino,
        found.st_mode,
        found.st_nlink,
        found.st_uid & _U32,
        found.st_gid & _U32,
        found.st_size,
        int(found.st_atime),
        int(found.st_mtime),
        int(found.st_ctime),
    )
