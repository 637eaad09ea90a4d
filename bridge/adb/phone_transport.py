"""`Transport` over adb: each verb handed to the part that does it, inside its deadline."""

from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

from bridge.adb import shell, tunnels
from bridge.adb.channel import ShellChannel
from bridge.adb.deadlines import within
from bridge.adb.files import PhoneFiles
from bridge.adb.plain_shell import PlainShell
from bridge.adb.smartsocket import PhoneAddress
from bridge.adb.transport import DirEntry, FileStat, Pulled, ReverseEntry, ShellResult
from bridge.errors import DeviceLost

__all__ = ["AdbTransport"]


class AdbTransport:
    """One phone behind an adb server. Made by `open_transport`."""

    def __init__(self, phone: PhoneAddress, features: frozenset[str]) -> None:
        self._address = phone
        self._closed = False
        self._features = features
        self._plain = None if "shell_v2" in features else PlainShell(phone)
        self._channel = ShellChannel(phone)
        self._files = PhoneFiles(phone, features)

    @property
    def _phone(self) -> PhoneAddress:
        if self._closed:
            raise DeviceLost(f"{self._address.serial}: this connection was closed", hint="open the phone again")
        return self._address

    @property
    def serial(self) -> str:
        """The adb serial."""
        return self._address.serial

    @property
    def transport_id(self) -> int:
        """The server's number for this connection."""
        return self._address.transport_id

    @property
    def features(self) -> frozenset[str]:
        """What server and phone agreed on."""
        return self._features

    async def shell(self, argv: Sequence[str], *, deadline: float = 20.0, limit: int = 1 << 20) -> ShellResult:
        """Run one command: on the kept shell, or on a stream of its own while that one is busy."""
        async with within(deadline, f"`{' '.join(argv)[:80]}`", serial=self.serial):
            phone = self._phone
            if self._plain is None and not self._channel.busy:
                return await self._channel.run(argv, limit=limit)
            return await shell.run(phone, argv, plain=self._plain, limit=limit)

    def lines(self, argv: Sequence[str], *, limit: int = 1 << 16) -> AsyncGenerator[bytes, None]:
        """Follow a command that keeps talking."""
        return shell.follow(self._phone, argv, plain=self._plain, limit=limit)

    async def stat(self, path: str | bytes, *, deadline: float = 10.0) -> FileStat | None:
        """Lstat of one path."""
        return await self._files.stat(path, deadline=deadline)

    async def list(self, path: str | bytes, *, deadline: float = 20.0, limit: int = 100_000) -> list[DirEntry]:
        """All names in a folder."""
        return await self._files.list(path, deadline=deadline, limit=limit)

    async def pull(self, path: str | bytes, into: Path, *, limit: int, deadline: float = 60.0) -> Pulled:
        """Copy one regular file here, verified."""
        return await self._files.pull(path, into, limit=limit, deadline=deadline)

    async def push(self, data: bytes, path: str, *, mode: int = 0o644, deadline: float = 60.0) -> None:
        """Write a file on the phone."""
        await self._files.push(data, path, mode=mode, deadline=deadline)

    async def reverse(self, remote: str, local: str, *, norebind: bool = False, deadline: float = 10.0) -> None:
        """Let the phone listen."""
        async with within(deadline, f"adb reverse {remote}", serial=self.serial):
            await tunnels.add_reverse(self._phone, remote, local, norebind=norebind)

    async def reverse_list(self, *, deadline: float = 10.0) -> Sequence[ReverseEntry]:
        """All reverses of this phone."""
        async with within(deadline, "adb reverse --list", serial=self.serial):
            return await tunnels.list_reverses(self._phone)

    async def reverse_remove(self, remote: str, *, deadline: float = 10.0) -> None:
        """Remove one reverse."""
        async with within(deadline, f"adb reverse --remove {remote}", serial=self.serial):
            await tunnels.remove_reverse(self._phone, remote)

    async def close(self) -> None:
        """Give back kept connections."""
        self._closed = True
        self._channel.close()
        await self._files.close()
