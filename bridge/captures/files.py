"""A picture from the laptop as a capture: `bridge ask --picture FILE`."""

import hashlib
import os
import stat
import time
from pathlib import Path
from typing import BinaryIO, Final

from bridge.captures.ending import judge_file
from bridge.errors import UsageError
from bridge.spool import MAX_PICTURE_BYTES, Capture, Spool, display_name
from bridge.spool.blobs import full_disk_told

__all__ = ["capture_file", "file_version"]

_CHUNK: Final = 1 << 20
_HINT: Final = "give a JPEG or PNG file of at most 25 MB"


def capture_file(path: Path, spool: Spool, device_id: str) -> Capture:
    """Copy a JPEG or PNG into the spool, as a capture of its own that whoever gave it asks about."""
    temp = spool.incoming()
    started = time.monotonic()
    try:
        with _opened(path) as file, full_disk_told():
            mtime = int(os.fstat(file.fileno()).st_mtime)
            sha256, size = _copy(file, temp, path)
        verdict = judge_file(temp)
        if verdict.ending == "alien" or not size:
            raise UsageError(f"{path} is no JPEG or PNG", hint=_HINT)
        return spool.commit(
            temp,
            device_id=device_id,
            sha256=sha256,
            size=size,
            source="file",
            name=display_name(os.fsencode(path.name)),
            mtime=mtime,
            media_type=verdict.media_type,
            taken_at=time.time(),
            timings_ms={"pull": round((time.monotonic() - started) * 1000, 3)},
            owed=False,
        )
    finally:
        temp.unlink(missing_ok=True)


def file_version(path: Path) -> tuple[int, int, int]:
    """Name this version of a file: which one it is, when it was written, how long it is."""
    with _opened(path) as file:
        found = os.fstat(file.fileno())
    return found.st_ino, found.st_mtime_ns, found.st_size


def _opened(path: Path) -> BinaryIO:
    """Open a regular file; a pipe or device could keep us waiting, or never end."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{path} cannot be read: {reason}", hint=_HINT) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise UsageError(f"{path} is no regular file", hint=_HINT)
    return os.fdopen(descriptor, "rb")


def _copy(file: BinaryIO, temp: Path, path: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with temp.open("xb") as copy:
        while chunk := file.read(_CHUNK):
            size += len(chunk)
            if size > MAX_PICTURE_BYTES:
                raise UsageError(f"{path} has more than {MAX_PICTURE_BYTES:,} bytes", hint=_HINT)
            digest.update(chunk)
            copy.write(chunk)
        copy.flush()
        os.fsync(copy.fileno())
    return digest.hexdigest(), size
