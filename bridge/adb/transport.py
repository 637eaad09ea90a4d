"""One phone as the bridge sees it: ten verbs, each with an absolute deadline.

Everything above `bridge.adb` speaks to a `Transport`; nothing above it knows that adb exists. A transport is bound to
one `transport_id`: after a replug the old one raises `DeviceLost` and a new one is opened.
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

__all__ = ["DirEntry", "FileStat", "Pulled", "ReverseEntry", "ShellResult", "Transport"]


@dataclass(frozen=True, slots=True)
class ShellResult:
    """What a command on the phone left behind. `exit_code` is None where the daemon cannot tell (shell v1)."""

    stdout: bytes
    stderr: bytes
    exit_code: int | None


@dataclass(frozen=True, slots=True)
class FileStat:
    """lstat on the phone: `mode` as in st_mode, `size` in bytes, `mtime` in seconds of the phone's clock."""

    mode: int
    size: int
    mtime: int


@dataclass(frozen=True, slots=True)
class DirEntry:
    """One name in a folder on the phone. The name is hostile: bytes as sent, never used as a path on the laptop."""

    name: bytes
    stat: FileStat


@dataclass(frozen=True, slots=True)
class Pulled:
    """A file that arrived whole: `size` bytes, hex `sha256` of the stream, fsynced at the path asked for."""

    size: int
    sha256: str
    mtime: int


@dataclass(frozen=True, slots=True)
class ReverseEntry:
    """One line of `adb reverse --list`: where the phone listens, where the laptop is asked."""

    remote: str
    local: str


class Transport(Protocol):
    """One phone. `deadline` is seconds from now for the whole call; when it passes the call raises `DeadlinePassed`.

    Raises `DeviceLost` when the phone goes away, `DeviceUnusable` when its daemon cannot do what is asked.
    """

    @property
    def serial(self) -> str:
        """The adb serial."""

    @property
    def transport_id(self) -> int:
        """The adb server's number for this connection; a new one means the phone was replugged."""

    @property
    def features(self) -> frozenset[str]:
        """What the phone's daemon announced, for example `shell_v2`."""

    async def shell(self, argv: Sequence[str], *, deadline: float = 20.0, limit: int = 1 << 20) -> ShellResult:
        """Run one command, each argument quoted. At most `limit` bytes of output are kept; more is an error."""

    def lines(self, argv: Sequence[str], *, limit: int = 1 << 16) -> AsyncGenerator[bytes, None]:
        """Run a command that keeps talking and give its stdout line by line. Closing the generator ends the command."""

    async def stat(self, path: str | bytes, *, deadline: float = 10.0) -> FileStat | None:
        """Lstat of one path, None when there is nothing."""

    async def list(self, path: str | bytes, *, deadline: float = 20.0, limit: int = 100_000) -> list[DirEntry]:
        """All names in a folder but `.` and `..`; an empty list when it does not exist."""

    async def pull(self, path: str | bytes, into: Path, *, limit: int, deadline: float = 60.0) -> Pulled:
        """Copy one regular file of at most `limit` bytes, verified, into `into`, which must not exist yet."""

    async def push(self, data: bytes, path: str, *, mode: int = 0o644, deadline: float = 60.0) -> None:
        """Write `data` at `path`, replacing it. The daemon's own words are kept when it refuses."""

    async def reverse(self, remote: str, local: str, *, norebind: bool = False, deadline: float = 10.0) -> None:
        """Let the phone listen at `remote`, for example `tcp:localhost:8017`, and lead to the laptop's `local`."""

    async def reverse_list(self, *, deadline: float = 10.0) -> Sequence[ReverseEntry]:
        """All reverses of this phone, other tools' included."""

    async def reverse_remove(self, remote: str, *, deadline: float = 10.0) -> None:
        """Remove one reverse by its phone side; removing what is not there is fine."""

    async def close(self) -> None:
        """Give back kept connections. Safe to call twice."""
