"""BlobStore: uploaded pictures in a folder, `<owner>/<sha256>`, oldest out first when the quota is reached.

A blob is written beside its place and renamed into it, so a name always holds the whole picture. Blobs that are *held*
(a running answer looks at them) are never evicted. Blocking file work; callers run it in a thread.
"""

import hashlib
import os
import re
import shutil
import threading
from collections import Counter, OrderedDict
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

__all__ = ["Blob", "BlobStore", "HashMismatchError", "StorageFullError", "Upload"]

Blob = tuple[str, str]
"""Owner and sha256."""

_OWNER = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_DRAFTS = ".drafts"


class HashMismatchError(Exception):
    """The bytes are not what their name says."""


class StorageFullError(Exception):
    """No room: everything that is kept is in use, or the disk is full."""


class BlobStore:
    """Pictures of all owners under `root`."""

    def __init__(self, root: Path, *, quota: int) -> None:
        self._root = root
        self._quota = quota
        self._lock = threading.Lock()
        self._sizes: OrderedDict[Blob, int] = OrderedDict()  # least recently used first
        self._held: Counter[Blob] = Counter()
        self._total = 0
        self._load()

    @property
    def total(self) -> int:
        """Bytes kept."""
        return self._total

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
            raise KeyError(blob) from None

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

    def upload(self, blob: Blob) -> "Upload":
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

    def adopt(self, blob: Blob, draft: Path, size: int) -> None:
        """Move a finished draft to its place, making room first. `Upload` calls this."""
        with self._lock:
            if blob in self._sizes:
                self._sizes.move_to_end(blob)
                draft.unlink()
                return
            self._make_room(size)
            path = self._path(blob)
            path.parent.mkdir(mode=0o700, exist_ok=True)
            draft.replace(path)
            self._sizes[blob] = size
            self._total += size

    def _make_room(self, size: int) -> None:
        for blob in list(self._sizes):
            if self._total + size <= self._quota:
                return
            if not self._held[blob]:
                self._drop(blob)
        if self._total + size > self._quota:
            raise StorageFullError

    def _drop(self, blob: Blob) -> None:
        self._total -= self._sizes.pop(blob)
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
            self._sizes[blob] = size
            self._total += size


class Upload:
    """A picture on its way in: `write` until it is whole, then `finish`; leaving early leaves nothing behind."""

    def __init__(self, store: BlobStore, blob: Blob, drafts: Path) -> None:
        self._store = store
        self._blob = blob
        self._drafts = drafts
        self._hash = hashlib.sha256()
        self._size = 0
        self._path: Path | None = None
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        """Open the draft."""
        self._path = self._drafts / os.urandom(16).hex()
        self._file = self._path.open("xb")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the draft and remove what was not finished."""
        if self._file is not None:
            self._file.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def write(self, data: bytes) -> None:
        """Take the next bytes. Raises `StorageFullError`."""
        if self._file is None:
            raise ValueError("an upload is a context manager")
        try:
            self._file.write(data)
        except OSError:
            raise StorageFullError from None
        self._hash.update(data)
        self._size += len(data)

    def content(self) -> bytes:
        """What has been received, once it is what its name says. Raises `HashMismatchError`."""
        if self._file is None or self._path is None:
            raise ValueError("an upload is a context manager")
        try:
            self._file.flush()
        except OSError:
            raise StorageFullError from None
        if self._hash.hexdigest() != self._blob[1]:
            raise HashMismatchError
        return self._path.read_bytes()

    def finish(self) -> None:
        """Keep it. Raises `StorageFullError`."""
        if self._file is None or self._path is None:
            raise ValueError("an upload is a context manager")
        self._file.close()
        self._store.adopt(self._blob, self._path, self._size)
        self._path = None


def _check(blob: Blob) -> None:
    owner, sha256 = blob
    if not _OWNER.fullmatch(owner) or not _SHA256.fullmatch(sha256):
        raise ValueError(f"not the name of a blob: {blob}")
