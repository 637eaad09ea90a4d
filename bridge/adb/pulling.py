"""Where a pulled file goes: hashed, written, on the disk, and only then under its name.

Up to a megabyte is hashed in place. More is hashed by a second thread over a small ring of buffers, since hashlib, the
socket and the disk all leave the interpreter; write-back starts with each megabyte, so that the final fsync is short.
"""

import functools
import hashlib
import os
import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

__all__ = ["BUFFER", "Hashing", "PartFile"]

BUFFER = 1 << 20
_RING = 6
_STEP = 1 << 20  # start write-back each time so much was written
_WRITE = 2  # SYNC_FILE_RANGE_WRITE: start, do not wait
_PATIENCE = 60.0  # seconds the hash thread may take for one buffer; it cannot hang, so this only bounds a bug


class PartFile:
    """`NAME.part`, which becomes NAME with `keep`; anything else leaves nothing behind."""

    def __init__(self, path: Path) -> None:
        if path.exists():
            raise FileExistsError(f"{path} exists")
        self._path, self._part = path, path.with_name(path.name + ".part")
        self._fd = os.open(self._part, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        self._written = 0
        self._kicked = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            with suppress(FileNotFoundError):
                self._part.unlink()

    def write(self, pieces: Sequence[memoryview]) -> None:
        """Append the pieces."""
        for piece in pieces:
            left = piece
            while left:
                done = os.write(self._fd, left)
                self._written += done
                left = left[done:]
        if self._written - self._kicked >= _STEP:
            _start_writing(self._fd, self._kicked, self._written - self._kicked)
            self._kicked = self._written

    def sync(self) -> None:
        """Wait for the disk."""
        os.fsync(self._fd)

    def keep(self) -> None:
        """Give the file its name."""
        os.close(self._fd)
        self._fd = -1
        self._part.rename(self._path)


def _start_writing(fd: int, start: int, size: int) -> None:
    """Let the kernel begin with these bytes now; only Linux can. Unlike posix_fadvise it leaves them in memory."""
    call = _sync_file_range()
    if call is not None:
        call(fd, start, size, _WRITE)


@functools.cache
def _sync_file_range() -> Callable[[int, int, int, int], int] | None:
    import ctypes

    call = getattr(ctypes.CDLL(None), "sync_file_range", None)
    if call is not None:
        call.argtypes = [ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint]
    return call


class Hashing:
    """sha256 of the pieces, in this thread or, for a file larger than one buffer, in another.

    `swap` takes a buffer with its pieces and gives one that may be filled; in between the pieces must stay as they are.
    """

    def __init__(self, first: memoryview, size: int) -> None:
        self._sha = hashlib.sha256()
        self._work: queue.SimpleQueue[tuple[Sequence[memoryview], memoryview] | None] = queue.SimpleQueue()
        self._free: queue.SimpleQueue[memoryview] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        if size > len(first):
            for _ in range(_RING - 1):
                self._free.put(memoryview(bytearray(BUFFER)))
            self._thread = threading.Thread(target=self._run, name="adb-sha256", daemon=True)
            self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._work.put(None)
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while item := self._work.get():
            pieces, buffer = item
            for piece in pieces:
                self._sha.update(piece)
            self._free.put(buffer)

    def give(self, pieces: Sequence[memoryview], buffer: memoryview) -> None:
        """Hash the pieces, which lie in `buffer`."""
        if self._thread is None:
            for piece in pieces:
                self._sha.update(piece)
            self._free.put(buffer)
        else:
            self._work.put((pieces, buffer))

    def next_buffer(self) -> memoryview:
        """A buffer whose pieces are hashed."""
        return self._free.get(timeout=_PATIENCE)

    def hexdigest(self) -> str:
        """The hash of everything given."""
        self._work.put(None)
        if self._thread is not None:
            self._thread.join()
        return self._sha.hexdigest()
