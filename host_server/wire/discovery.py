"""How clients of the same user find a running host: a state folder with `host.json` and `admin.token`.

Reading and writing small files, nothing else. A record is a hint, not a lock: whoever reads it asks `/health/live`
whether that host still answers.
"""

import json
import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

__all__ = [
    "ADMIN_TOKEN_FILE",
    "HOST_RECORD_FILE",
    "HostRecord",
    "UnsafeFileError",
    "private_folder",
    "read_host_record",
    "read_token_file",
    "remove_host_record",
    "state_dir",
    "write_host_record",
    "write_private_file",
]

ADMIN_TOKEN_FILE = "admin.token"  # ruff: ignore[hardcoded-password-string] a name, no secret
HOST_RECORD_FILE = "host.json"

_TOKEN_LIMIT = 4096
_RECORD_LIMIT = 64 * 1024


class UnsafeFileError(Exception):
    """A file or folder that other users could read or replace; it is not used."""


@dataclass(frozen=True, slots=True)
class HostRecord:
    """Where a host listens. `start_time` is Unix time."""

    url: str
    pid: int
    start_time: float
    version: str
    engines: tuple[str, ...]


def state_dir(environ: Mapping[str, str]) -> Path:
    """The folder of this user's state; not created."""
    if explicit := environ.get("BRIDGE_STATE_DIR"):
        return Path(explicit).expanduser()
    if base := environ.get("XDG_STATE_HOME"):
        return Path(base) / "lensbridge"
    return Path.home() / ".local" / "state" / "lensbridge"


def private_folder(path: Path) -> Path:
    """Create a folder that is ours alone, or check that it is. Raises `UnsafeFileError`."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    info = path.stat()
    if info.st_uid != os.getuid() or info.st_mode & 0o022:
        raise UnsafeFileError(f"{path} belongs to somebody else or may be written by others")
    return path


def write_private_file(path: Path, text: str) -> None:
    """Replace a file of ours in one step; readers see the old text or the new one. Mode 0600."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with suppress(FileNotFoundError):
        draft.unlink()
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError:  # the disk is full: what stood there before stays
        draft.unlink(missing_ok=True)
        raise


def read_token_file(path: Path) -> str:
    """The token in a file that only we can read. Raises `UnsafeFileError`, or OSError when it is not there."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, encoding="ascii", errors="replace") as file:
        info = os.fstat(file.fileno())
        if not stat.S_ISREG(info.st_mode) or info.st_uid != os.getuid() or info.st_mode & 0o077:
            raise UnsafeFileError(f"{path} must be a file of yours that nobody else can read (chmod 600)")
        token = file.read(_TOKEN_LIMIT).strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise UnsafeFileError(f"{path} holds no token")
    return token


def write_host_record(folder: Path, record: HostRecord) -> None:
    """Say where we listen."""
    write_private_file(folder / HOST_RECORD_FILE, json.dumps(asdict(record)) + "\n")


def read_host_record(folder: Path) -> HostRecord | None:
    """The host that said it listens, or None; damaged records count as none."""
    try:
        with (folder / HOST_RECORD_FILE).open(encoding="utf-8") as file:
            data = json.loads(file.read(_RECORD_LIMIT))
        return HostRecord(
            url=_text(data["url"]),
            pid=_integer(data["pid"]),
            start_time=float(data["start_time"]),
            version=_text(data["version"]),
            engines=tuple(_text(name) for name in data["engines"]),
        )
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None


def remove_host_record(folder: Path, *, pid: int) -> None:
    """Take our own record back; the record of another host stays."""
    record = read_host_record(folder)
    if record is not None and record.pid == pid:
        (folder / HOST_RECORD_FILE).unlink(missing_ok=True)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _integer(value: object) -> int:
    if type(value) is not int or value <= 0:
        raise TypeError
    return value
