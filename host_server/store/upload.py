"""A picture on its way into the store: in a draft beside its place, counted from its first byte."""

import hashlib
import os
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

__all__ = ["Blob", "HashMismatchError", "StorageFullError", "Upload"]

Blob = tuple[str, str]
"""Owner and sha256."""


class HashMismatchError(Exception):
    """The bytes are not what their name says."""


class StorageFullError(Exception):
    """No room: everything that is kept is in use, or the disk is full."""


class _Store(Protocol):
    def reserve(self, size: int) -> None: ...

    def release(self, size: int) -> None: ...

    def adopt(self, blob: Blob, draft: Path, size: int) -> None: ...


class Upload:
    """A picture on its way in: `write` until it is whole, then `finish`; leaving early leaves nothing behind."""

    def __init__(self, store: _Store, blob: Blob, drafts: Path) -> None:
        self._store = store
        self._blob = blob
        self._path = drafts / os.urandom(16).hex()
        self._hash = hashlib.sha256()
        self._size = 0
        self._file: FileIO | None = None

    def __enter__(self) -> Self:
        """Open the draft. Raises `StorageFullError`."""
        self._file = _new_file(self._path)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the draft and remove what was not finished."""
        if self._file is not None:
            self._file.close()
        self._path.unlink(missing_ok=True)
        self._store.release(self._size)

    def write(self, data: bytes) -> None:
        """Take the next bytes. Raises `StorageFullError`."""
        self._store.reserve(len(data))
        self._size += len(data)
        _write(self._opened(), data)
        self._hash.update(data)

    def content(self) -> bytes:
        """What has been received, once it is what its name says. Raises `HashMismatchError`."""
        self._opened()
        if self._hash.hexdigest() != self._blob[1]:
            raise HashMismatchError
        return self._path.read_bytes()

    def finish(self, content: bytes | None = None) -> None:
        """Keep it, or `content` in its place: the name says what was sent. Raises `StorageFullError`."""
        self._opened().close()
        if content is None:
            self._store.adopt(self._blob, self._path, self._size)
            return
        self._store.reserve(len(content))
        draft = self._path.with_suffix(".kept")
        try:
            with _new_file(draft) as file:
                _write(file, content)
            self._store.adopt(self._blob, draft, len(content))
        finally:
            draft.unlink(missing_ok=True)
            self._store.release(len(content))

    def _opened(self) -> FileIO:
        if self._file is None:
            raise ValueError("an upload is a context manager")
        return self._file


def _new_file(path: Path) -> FileIO:
    try:
        return FileIO(path, "xb")  # unbuffered: what does not fit is known at once, and never at closing
    except OSError:
        raise StorageFullError from None


def _write(file: FileIO, data: bytes) -> None:
    rest = memoryview(data)
    try:
        while rest:
            rest = rest[file.write(rest) :]
    except OSError:
        raise StorageFullError from None
