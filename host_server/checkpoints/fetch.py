"""One file from a hub onto the disk: resumed where it broke off, never longer than announced, verified at its end."""

import hashlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final

from host_server.checkpoints.errors import CheckpointError, ChecksumError
from host_server.checkpoints.files import RemoteFile
from host_server.checkpoints.web import Body, Interrupted, Web

__all__ = ["PAUSE_S", "Stopped", "append", "fetch", "is_right"]

PAUSE_S: Final = 0.25
"""Before the second attempt; each further one waits twice as long."""

_PATIENCE: Final = 5
"""Times in a row that a hub may give (next to) nothing."""
_PROGRESS: Final = 256 * 1024
_LONGEST_PAUSE_S: Final = 8.0
_SLOWEST: Final = 64 * 1024
_WINDOW_S: Final = 60.0
_READ: Final = 1 << 20


class Stopped(Exception):
    """Another file failed, or Ctrl-C."""


def fetch(
    web: Web,
    file: RemoteFile,
    target: Path,
    *,
    advanced: Callable[[int], None],
    stop: threading.Event,
    pause_s: float = PAUSE_S,
) -> None:
    """Have `file` at `target`, whole and verified; what is there of it already is kept.

    `advanced` is told every change in how many of its bytes are here. Raises `CheckpointError`, `Stopped`, `OSError`.
    """
    partial = target.with_name(target.name + ".incomplete")
    for _ in range(2):
        _complete(web, file, partial, advanced, stop, pause_s)
        if is_right(file, partial, stop):
            partial.replace(target)
            return
        advanced(-file.size)
        partial.unlink()  # a part that was left here may have been wrong: once more from the beginning
    raise ChecksumError(f"{file.name} is not what the hub says it is.", hint="try again later, or another source")


def is_right(file: RemoteFile, path: Path, stop: threading.Event) -> bool:
    """Whether that is the file: by its checksum where one is known, else by its size. Raises `Stopped`."""
    size = path.stat().st_size
    if size != file.size:
        return False
    if file.checksum is None:
        return True
    digest = hashlib.sha256() if file.sha256 else hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    with path.open("rb") as content:
        while chunk := content.read(_READ):
            if stop.is_set():
                raise Stopped
            digest.update(chunk)
    return digest.hexdigest() == file.checksum


def _complete(
    web: Web,
    file: RemoteFile,
    partial: Path,
    advanced: Callable[[int], None],
    stop: threading.Event,
    pause_s: float,
) -> None:
    """Read on until `partial` is as long as the file."""
    failures = 0
    with partial.open("ab") as out:
        have = out.seek(0, os.SEEK_END)
        if have > file.size:
            have = out.truncate(0)
        advanced(have)
        while have < file.size:
            before = have
            try:
                with web.open(file.url, what=file.name, start=have) as body:
                    if body.start != have:
                        advanced(-have)
                        have = out.truncate(0)
                    have = append(body, file, out, have, advanced, stop)
            except Interrupted as error:
                have = out.seek(0, os.SEEK_END)
                failures = 0 if have - before >= _PROGRESS else failures + 1
                if failures > _PATIENCE:
                    raise CheckpointError(
                        f"{file.name} broke off again and again: {error}.",
                        hint="the same command goes on where it ended",
                    ) from None
                if stop.wait(min(pause_s * 2**failures, _LONGEST_PAUSE_S)):
                    raise Stopped from None
        os.fsync(out.fileno())


def append(
    body: Body,
    file: RemoteFile,
    out: IO[bytes],
    have: int,
    advanced: Callable[[int], None],
    stop: threading.Event,
    clock: Callable[[], float] = time.monotonic,
) -> int:
    """Write what comes; returns how much is here. A hub that drips is as good as one that is gone."""
    begun, at_begin = clock(), have
    for chunk in body.chunks:
        if stop.is_set():
            raise Stopped
        if have + len(chunk) > file.size:
            raise ChecksumError(f"{file.name} is longer than the hub says.", hint="try another source")
        out.write(chunk)
        have += len(chunk)
        advanced(len(chunk))
        if clock() - begun > _WINDOW_S:
            if have - at_begin < _SLOWEST:
                raise Interrupted("it hardly comes")
            begun, at_begin = clock(), have
    if have < file.size:
        raise Interrupted("it ended early")
    return have
