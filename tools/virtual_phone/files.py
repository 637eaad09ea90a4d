"""The phone's file system, which nothing leaves.

Names come from the adb server and symlinks from whatever ran on the phone; both are hostile. So a path is walked name
by name over directory descriptors, symlinks are followed by hand with the phone's own root as `/`, and every open
refuses to follow one that appeared meanwhile.
"""

import contextlib
import errno
import os
import stat
from collections import deque
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Entry", "PhoneFiles"]

_MAX_LINKS = 40
_WRITABLE = (b"storage", b"data")
_FOLDER_MODE = 0o775


@dataclass(frozen=True, slots=True)
class Entry:
    """One name in a folder. The stat is None when the file went away meanwhile."""

    name: bytes
    stat: os.stat_result | None


@dataclass(frozen=True, slots=True)
class _Place:
    """A name in an open folder; `top` is the first part of its real path, for example `storage`."""

    folder: int
    name: bytes
    top: bytes

    def writable(self) -> None:
        if self.top not in _WRITABLE:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))


class PhoneFiles:
    """Files under `root`, named as on the phone. All methods raise OSError as the system calls would."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.free_space: int | None = None  # bytes that may still be written; None: no limit

    def lstat(self, path: bytes) -> os.stat_result:
        """Stat without following a symlink at the end."""
        with self._locate(path, follow=False) as place:
            return os.stat(place.name, dir_fd=place.folder, follow_symlinks=False)

    def stat(self, path: bytes) -> os.stat_result:
        """Stat of what the path leads to."""
        with self._locate(path) as place:
            return os.stat(place.name, dir_fd=place.folder, follow_symlinks=False)

    def list(self, path: bytes) -> list[Entry]:
        """What readdir tells, `.` and `..` included."""
        with self._locate(path) as place:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
            folder = os.open(place.name, flags, dir_fd=place.folder)
        try:
            with os.scandir(folder) as found:
                names = [b".", b"..", *(os.fsencode(entry.name) for entry in found)]
            # `..` of the root would be a folder of the laptop; as everywhere, the root is its own parent.
            return [Entry(name, _stat_in(b"." if name == b".." else name, folder)) for name in names]
        finally:
            os.close(folder)

    def open(self, path: bytes) -> int:
        """A descriptor for reading a regular file."""
        with self._locate(path) as place:
            # Non-blocking: a FIFO must not stop the phone; for regular files it means nothing.
            fd = os.open(place.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=place.folder)
        mode = os.fstat(fd).st_mode
        if not stat.S_ISREG(mode):
            os.close(fd)
            wrong = errno.EISDIR if stat.S_ISDIR(mode) else errno.EACCES
            raise OSError(wrong, os.strerror(wrong))
        return fd

    def create(self, path: bytes, mode: int) -> int:
        """A descriptor for writing a new file, replacing an old one; folders on the way are made."""
        with self._locate(path, follow=False, make=True) as place:
            place.writable()
            self._refuse_folder(path)
            _remove_old(place)
            fd = os.open(
                place.name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode & 0o777, dir_fd=place.folder
            )
            os.fchmod(fd, mode & 0o777)
            return fd

    def write(self, fd: int, data: bytes) -> None:
        """Write to a file from `create`, within the free space."""
        if self.free_space is not None:
            if self.free_space < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self.free_space -= len(data)
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]

    def symlink(self, target: bytes, path: bytes) -> None:
        """Make a symlink, replacing a file; where it leads is checked when it is followed."""
        with self._locate(path, follow=False, make=True) as place:
            place.writable()
            _remove_old(place)
            os.symlink(target, place.name, dir_fd=place.folder)

    def rename(self, old: bytes, new: bytes) -> None:
        """Give a file another name, replacing what has it."""
        with self._locate(old, follow=False) as source, self._locate(new, follow=False) as place:
            source.writable()
            place.writable()
            os.replace(source.name, place.name, src_dir_fd=source.folder, dst_dir_fd=place.folder)

    def remove(self, path: bytes) -> None:
        """Remove a file that could not be written whole."""
        with self._locate(path, follow=False) as place:
            place.writable()
            os.unlink(place.name, dir_fd=place.folder)

    def _refuse_folder(self, path: bytes) -> None:
        """A folder, or a symlink to one, is never replaced by a file."""
        with contextlib.suppress(FileNotFoundError):
            if stat.S_ISDIR(self.stat(path).st_mode):
                raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))

    @contextlib.contextmanager
    def _locate(self, path: bytes, *, follow: bool = True, make: bool = False) -> Generator[_Place]:
        walk = _Walk(os.open(self._root, os.O_RDONLY | os.O_DIRECTORY))
        try:
            yield walk.to(path, follow=follow, make=make)
        finally:
            walk.close()


class _Walk:
    """From the root down to one name, holding each folder on the way open."""

    def __init__(self, root: int) -> None:
        self._folders = [root]
        self._names: list[bytes] = []

    def close(self) -> None:
        for folder in self._folders:
            os.close(folder)

    def to(self, path: bytes, *, follow: bool, make: bool) -> _Place:
        parts = deque(_parts(path))
        links = 0
        while parts:
            part = parts.popleft()
            if part == b"..":
                self._up()
            elif part != b".":
                target = _link_target(part, self._folders[-1]) if parts or follow else None
                if target is not None:
                    links += 1
                    if links > _MAX_LINKS:
                        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
                    if target.startswith(b"/"):
                        self._to_root()
                    parts.extendleft(reversed(_parts(target)))
                elif parts:
                    self._down(part, make=make)
                else:
                    return _Place(self._folders[-1], part, self._names[0] if self._names else part)
        return _Place(self._folders[-1], b".", self._names[0] if self._names else b"")

    def _down(self, part: bytes, *, make: bool) -> None:
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
        try:
            folder = os.open(part, flags, dir_fd=self._folders[-1])
        except FileNotFoundError:
            if not make:
                raise
            _Place(self._folders[-1], part, self._names[0] if self._names else part).writable()
            os.mkdir(part, _FOLDER_MODE, dir_fd=self._folders[-1])
            folder = os.open(part, flags, dir_fd=self._folders[-1])
        self._folders.append(folder)
        self._names.append(part)

    def _up(self) -> None:
        if self._names:
            self._names.pop()
            os.close(self._folders.pop())

    def _to_root(self) -> None:
        while self._names:
            self._up()


def _parts(path: bytes) -> list[bytes]:
    """The names in a path; a trailing slash means the folder itself."""
    parts = [part for part in path.split(b"/") if part]
    return [*parts, b"."] if path.endswith(b"/") else parts


def _link_target(name: bytes, folder: int) -> bytes | None:
    try:
        return os.fsencode(os.readlink(name, dir_fd=folder))
    except OSError:
        return None


def _stat_in(name: bytes, folder: int) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return None


def _remove_old(place: _Place) -> None:
    """As adbd: a regular file or a symlink gives way, anything else stays and makes the open fail."""
    old = _stat_in(place.name, place.folder)
    if old is not None and (stat.S_ISREG(old.st_mode) or stat.S_ISLNK(old.st_mode)):
        os.unlink(place.name, dir_fd=place.folder)
