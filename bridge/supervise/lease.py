"""One `connect` or `run` per phone: a lock file that dies with its owner.

`flock` is held by the process, so a crash or `kill -9` frees the phone at once; what the file says (pid, purpose,
where the front listens) is only believed while the lock is held.
"""

import fcntl
import json
import os
import re
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from shlex import quote
from typing import Self

from bridge.errors import DeviceUnusable

__all__ = ["Lease", "LeaseInfo", "holder", "holders"]

LONGEST_RECORD = 4096


@dataclass(frozen=True, slots=True)
class LeaseInfo:
    """Who holds the phone, and how the same user's other commands reach the holder."""

    serial: str
    pid: int
    purpose: str
    front_url: str = ""
    control_token: str = ""


class Lease:
    """Holds one phone. Use as a context manager; raises `DeviceUnusable` (4) naming the owner when somebody has it."""

    def __init__(self, state_dir: Path, serial: str, purpose: str) -> None:
        self._path = _path(state_dir, serial)
        self._info = LeaseInfo(serial, os.getpid(), purpose)
        self._fd = -1
        self.taken_over = False
        """Whether the owner before us ended without giving the phone back: it crashed or was killed."""

    def __enter__(self) -> Self:
        """Take the lock or say who has it."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = _read(fd)
            os.close(fd)
            raise _leased(self._info.serial, owner) from None
        self._fd = fd
        self.taken_over = os.fstat(fd).st_size > 0
        self._write()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Give the phone back; the empty file stays, removing it would race with the next owner.

        One who failed to go on after a crash leaves that to the next: the file then keeps telling of the crash.
        """
        if self._fd >= 0:
            failed = kind is not None and issubclass(kind, Exception)
            if not (failed and self.taken_over):
                os.ftruncate(self._fd, 0)
            os.close(self._fd)
            self._fd = -1

    def announce(self, front_url: str, control_token: str) -> None:
        """Tell the same user's other commands where the front is."""
        self._info = replace(self._info, front_url=front_url, control_token=control_token)
        self._write()

    def _write(self) -> None:
        data = json.dumps(asdict(self._info)).encode()
        os.pwrite(self._fd, data, 0)
        os.ftruncate(self._fd, len(data))


def holder(state_dir: Path, serial: str) -> LeaseInfo | None:
    """Who holds this phone now, if anybody."""
    return _holder(_path(state_dir, serial))


def holders(state_dir: Path) -> list[LeaseInfo]:
    """All phones that are held now."""
    found = (_holder(path) for path in sorted((state_dir / "leases").glob("*.lock")))
    return [info for info in found if info is not None]


def _holder(path: Path) -> LeaseInfo | None:
    try:
        fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(fd)
    finally:
        os.close(fd)
    return None


def _read(fd: int) -> LeaseInfo | None:
    try:
        info = LeaseInfo(**json.loads(os.pread(fd, LONGEST_RECORD, 0)))
    except (ValueError, TypeError, RecursionError):  # half written: the owner is just starting
        return None
    # A signal is sent to this pid, and 0 or -1 would mean more processes than one.
    texts = (info.serial, info.purpose, info.front_url, info.control_token)
    return info if type(info.pid) is int and info.pid > 1 and all(isinstance(text, str) for text in texts) else None


def _leased(serial: str, owner: LeaseInfo | None) -> DeviceUnusable:
    if owner is None:
        return DeviceUnusable(
            f"{serial} is in use by another bridge that is just starting", hint="try again in a moment"
        )
    return DeviceUnusable(
        f"{serial} is in use by `bridge {owner.purpose}`, process {owner.pid}",
        hint=f"stop it with `bridge disconnect {quote(serial)}`; `bridge ask -s {quote(serial)}` works beside it",
        serial=serial,
        owner_pid=owner.pid,
        purpose=owner.purpose,
    )


def _path(state_dir: Path, serial: str) -> Path:
    """A file name for any serial: readable where it can be, and never two serials in one file."""
    readable = re.sub(r"[^A-Za-z0-9._-]", "_", serial)[:60]
    return state_dir / "leases" / f"{readable}-{sha256(serial.encode()).hexdigest()[:8]}.lock"
