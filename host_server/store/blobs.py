"""BlobStore: uploaded pictures in a folder, `<owner>/<sha256>`, within a quota and with room left on the disk.

A blob is written beside its place and renamed into it, so a name always holds the whole picture. What is being received
counts from its first byte: many slow uploads cannot fill the disk together. When there is no more room, whoever keeps
most gives its least recently used blob, so nobody can push out the pictures of others by sending many. Blobs that are
*held* (a running answer looks at them) are never evicted. Whatever becomes of the files from outside, what cannot be
read any more is not said to be here. Blocking file work; callers run it in a thread.
"""

import os
import re
import shutil
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from host_server.store.upload import Blob, HashMismatchError, StorageFullError, Upload

__all__ = ["Blob", "BlobStore", "HashMismatchError", "StorageFullError", "Upload"]

_OWNER = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_DRAFTS = ".drafts"
_SPARE = 100 * 1024 * 1024
"""What is left free on the disk for everybody else's sake."""


class BlobStore:
    """Pictures of all owners under `root`."""

    def __init__(
        self, root: Path, *, quota: int, spare: int = _SPARE, free: Callable[[Path], int] | None = None
    ) -> None:
        self._root = root
        self._quota = quota
        self._spare = spare
        self._free = free or _free_bytes
        self._lock = threading.Lock()
        self._sizes: OrderedDict[Blob, int] = OrderedDict()  # least recently used first
        self._held: Counter[Blob] = Counter()
        self._totals: Counter[str] = Counter()  # of each owner
        self._arriving = 0
        self._load()

    @property
    def total(self) -> int:
        """Bytes kept."""
        return self._totals.total()

    @property
    def arriving(self) -> int:
        """Bytes of what is being received."""
        return self._arriving

    def size(self, blob: Blob) -> int | None:
        """How large it is, or None when it is not here."""
        return self._sizes.get(blob)

    def read(self, blob: Blob) -> bytes:
        """The picture. Raises KeyError when it is not here (any more)."""
        with self._lock:
            if blob not in self._sizes:
                raise KeyError(blob)
            self._sizes.move_to_end(blob)
        try:
            return self._path(blob).read_bytes()
        except OSError:
            self.discard(blob)
            raise KeyError(blob) from None

    def discard(self, blob: Blob) -> None:
        """It is damaged, or gone from the disk: forget it even if it is held, so that it may be brought again."""
        with self._lock:
            if blob in self._sizes:
                self._drop(blob)

    @contextmanager
    def held(self, blobs: set[Blob]) -> Generator[None]:
        """Keep these from being evicted or deleted inside the block. Raises KeyError when one is not here."""
        with self._lock:
            for blob in blobs:
                if blob not in self._sizes:
                    raise KeyError(blob)
                self._sizes.move_to_end(blob)
            self._held.update(blobs)
        try:
            yield
        finally:
            with self._lock:
                self._held.subtract(blobs)
                self._held += Counter()

    def is_held(self, blob: Blob) -> bool:
        """Whether a running answer looks at it."""
        return self._held[blob] > 0

    def upload(self, blob: Blob) -> Upload:
        """Begin to receive a picture; see `Upload`."""
        _check(blob)
        return Upload(self, blob, self._root / _DRAFTS)

    def delete(self, blob: Blob) -> bool:
        """Whether it was here and is gone now; a held one stays (ask `is_held`)."""
        with self._lock:
            if blob not in self._sizes or self._held[blob]:
                return False
            self._drop(blob)
        return True

    def reserve(self, size: int) -> None:
        """Count these bytes of an upload, making room for them first. Raises `StorageFullError`."""
        with self._lock:
            self._make_room(size)
            self._arriving += size

    def release(self, size: int) -> None:
        """An upload is over, whatever became of it."""
        with self._lock:
            self._arriving -= size

    def adopt(self, blob: Blob, draft: Path, size: int) -> None:
        """Move a finished draft, whose bytes are reserved, to its place. Raises `StorageFullError`."""
        with self._lock:
            if blob in self._sizes:
                self._sizes.move_to_end(blob)
                return
            path = self._path(blob)
            try:
                path.parent.mkdir(mode=0o700, exist_ok=True)
                draft.replace(path)
            except OSError:
                raise StorageFullError from None
            self._count(blob, size)

    def _make_room(self, size: int) -> None:
        while self.total + self._arriving + size > self._quota or self._free(self._root) - size < self._spare:
            blob = self._next_to_go()
            if blob is None:
                raise StorageFullError
            self._drop(blob)

    def _next_to_go(self) -> Blob | None:
        for owner, _ in self._totals.most_common():
            for blob in self._sizes:
                if blob[0] == owner and not self._held[blob]:
                    return blob
        return None

    def _count(self, blob: Blob, size: int) -> None:
        self._sizes[blob] = size
        self._totals[blob[0]] += size

    def _drop(self, blob: Blob) -> None:
        self._totals[blob[0]] -= self._sizes.pop(blob)
        self._path(blob).unlink(missing_ok=True)

    def _path(self, blob: Blob) -> Path:
        owner, sha256 = blob
        return self._root / owner / sha256

    def _load(self) -> None:
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.rmtree(self._root / _DRAFTS, ignore_errors=True)
        (self._root / _DRAFTS).mkdir(mode=0o700)
        found: list[tuple[float, Blob, int]] = []
        for path in self._root.glob("*/*"):
            blob = (path.parent.name, path.name)
            if _OWNER.fullmatch(blob[0]) and _SHA256.fullmatch(blob[1]) and path.is_file():
                info = path.stat()
                found.append((info.st_mtime, blob, info.st_size))
        for _, blob, size in sorted(found):
            self._count(blob, size)


def _free_bytes(folder: Path) -> int:
    info = os.statvfs(folder)
    return info.f_bavail * info.f_frsize


def _check(blob: Blob) -> None:
    owner, sha256 = blob
    if not _OWNER.fullmatch(owner) or not _SHA256.fullmatch(sha256):
        raise ValueError(f"not the name of a blob: {blob}")
