"""The pictures themselves: one file for each content, named by its hash, and temps that nobody mistakes for one."""

import errno
import os
import re
import secrets
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bridge.spool.quota import SpoolFull

__all__ = ["Blobs", "disk_full", "full_disk_told"]

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_STALE_S: Final = 3600.0
"""A temp this old belongs to nobody; a blob this young may still wait for its row in another process."""


class Blobs:
    """Two folders of one file system, so that a rename moves a finished picture in one step."""

    def __init__(self, root: Path) -> None:
        self._incoming = root / "incoming"
        self._blobs = root / "blobs"
        with full_disk_told():
            for folder in (root, self._incoming, self._blobs):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def incoming(self) -> Path:
        """Name a file that does not exist yet, for a picture to be pulled into."""
        return self._incoming / f"{os.getpid()}.{secrets.token_hex(8)}"

    def path(self, sha256: str) -> Path:
        """Say where the picture with this hash lies, if it is kept."""
        if not _SHA256.fullmatch(sha256):
            raise ValueError("a picture is named by 64 hex digits")
        return self._blobs / sha256

    def adopt(self, temp: Path, sha256: str) -> None:
        """Give a finished temp its final name, durably. The same picture twice replaces itself."""
        with full_disk_told():
            temp.chmod(0o600)
            temp.replace(self.path(sha256))
            folder = os.open(self._blobs, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def remove(self, sha256: str) -> None:
        """Remove one picture; its being gone is fine."""
        self.path(sha256).unlink(missing_ok=True)

    def sweep_incoming(self) -> None:
        """Remove what a dead process left half pulled; it is pulled anew."""
        for temp in self._incoming.iterdir():
            owner = temp.name.partition(".")[0]
            if not (owner.isdecimal() and _alive(int(owner))) or _age(temp) > _STALE_S:
                temp.unlink(missing_ok=True)

    def strays(self) -> list[str]:
        """List the blobs old enough to be judged: one without a row was left by a crash, or by a deletion cut short."""
        return [blob.name for blob in self._blobs.iterdir() if _SHA256.fullmatch(blob.name) and _age(blob) > _STALE_S]


@contextmanager
def full_disk_told() -> Generator[None, None, None]:
    """Turn the system's `no space left` into what the person at the terminal can do."""
    try:
        yield
    except OSError as error:
        if (full := disk_full(error)) is not None:
            raise full from error
        raise


def disk_full(error: OSError) -> SpoolFull | None:
    """Give the system's `no space left` in words; None for any other error."""
    if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
        return None
    where = f"the disk with {error.filename}" if error.filename else "the disk"
    return SpoolFull(f"{where} is full", hint="free some space; pictures stay on the phone until then")


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
