"""A `Transport` over a folder of this machine: its shell is a local one, its files are real, nothing is adb.

It passes the same conformance suite as the real transport, so that what is tested with it holds for a phone. Faults
have names: `lost()`, `hanging()`, and `on_pull`, which runs in front of each pull.
"""

import asyncio
import hashlib
import os
import shlex
import shutil
import signal
import stat
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from itertools import starmap
from pathlib import Path

from bridge.adb.transport import DirEntry, FileStat, Pulled, ReverseEntry, ShellResult
from bridge.errors import DeadlinePassed, DeviceLost, DeviceUnusable

PLACES = (b"/sdcard", b"/data/local/tmp")


class FolderTransport:
    """One phone that is a folder; `path` is where its shell looks for tools."""

    def __init__(self, root: Path, *, serial: str = "FOLDER01", path: str | None = None) -> None:
        self.root = root
        self.serial = serial
        self.transport_id = 1
        self.features = frozenset({"shell_v2", "stat_v2", "ls_v2"})
        self.path = path or os.environ.get("PATH", "/usr/bin:/bin")
        self.on_pull: Callable[[bytes], Awaitable[None]] | None = None
        self.pulls: list[bytes] = []
        self.listings = 0
        self.processes: list[asyncio.subprocess.Process] = []
        self._reverses: dict[str, str] = {}
        self._lost = asyncio.Event()
        self._hanging = False
        for place in PLACES:
            self.local(place).mkdir(parents=True, exist_ok=True)

    def local(self, path: str | bytes) -> Path:
        """Say where a path of the phone lies on this machine; one outside its places is nowhere."""
        raw = path if isinstance(path, bytes) else path.encode("utf-8", "surrogateescape")
        inside = any(raw == place or raw.startswith(place + b"/") for place in PLACES)
        return Path(os.fsdecode(os.fsencode(self.root) + raw)) if inside else self.root / "nowhere"

    def lost(self) -> None:
        """Unplug it for good."""
        self._lost.set()

    @contextmanager
    def hanging(self) -> Generator[None, None, None]:
        """Answer nothing inside."""
        self._hanging = True
        try:
            yield
        finally:
            self._hanging = False

    # -------------------------------------------------------------------------------- shell
    async def shell(self, argv: Sequence[str], *, deadline: float = 20.0, limit: int = 1 << 20) -> ShellResult:
        await self._there(deadline)
        process = await self._start(argv, stderr=asyncio.subprocess.PIPE)
        try:
            async with asyncio.timeout(deadline):
                stdout, stderr = await process.communicate()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise DeadlinePassed(f"{argv[0]} took too long", hint="") from None
        if len(stdout) + len(stderr) > limit:
            raise DeviceUnusable(f"more than {limit} bytes", hint="")
        return ShellResult(stdout, stderr, process.returncode)

    async def lines(self, argv: Sequence[str], *, limit: int = 1 << 16) -> AsyncGenerator[bytes, None]:
        await self._there(10.0)
        process = await self._start(argv, stderr=asyncio.subprocess.DEVNULL, line_limit=limit)
        assert process.stdout is not None
        try:
            while line := await self._line(process.stdout, limit):
                yield line.removesuffix(b"\n")
            code = await process.wait()
            if code:
                raise DeviceUnusable(f"{argv[0]} ended with {code}", hint="", exit_code=code)
        finally:
            await _hang_up(process)

    async def _line(self, stream: asyncio.StreamReader, limit: int) -> bytes:
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(stream.readline())
            losing = group.create_task(self._lost.wait())
            await asyncio.wait({reading, losing}, return_when=asyncio.FIRST_COMPLETED)
            reading.cancel()
            losing.cancel()
        if losing.done() and not losing.cancelled():
            raise DeviceLost("unplugged")
        try:
            return reading.result()
        except ValueError:
            raise DeviceUnusable(f"a line of more than {limit} bytes", hint="") from None

    async def _start(
        self, argv: Sequence[str], *, stderr: int, line_limit: int = 1 << 16
    ) -> asyncio.subprocess.Process:
        places = [place.decode() for place in PLACES]
        words = [str(self.local(word)) if word.startswith(tuple(places)) else word for word in argv]
        shell = shutil.which("mksh") or "/bin/sh"
        process = await asyncio.create_subprocess_exec(
            shell,
            "-c",
            " ".join(shlex.quote(word) if word != "exec" else word for word in words),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
            limit=line_limit,
            env={"PATH": self.path, "EXTERNAL_STORAGE": str(self.local(PLACES[0]))},
        )
        self.processes.append(process)
        return process

    # -------------------------------------------------------------------------------- files
    async def stat(self, path: str | bytes, *, deadline: float = 10.0) -> FileStat | None:
        await self._there(deadline)
        try:
            return _stat(self.local(path))
        except OSError:
            return None

    async def list(self, path: str | bytes, *, deadline: float = 20.0, limit: int = 100_000) -> list[DirEntry]:
        await self._there(deadline)
        self.listings += 1
        try:
            names = [os.fsencode(entry.name) for entry in self.local(path).iterdir()]
        except OSError:
            return []
        if len(names) > limit:
            raise DeviceUnusable(f"more than {limit} names", hint="")
        entries = []
        for name in names:
            try:
                entries.append(DirEntry(name, _stat(self.local(path) / os.fsdecode(name))))
            except FileNotFoundError:
                continue
        return entries

    async def pull(self, path: str | bytes, into: Path, *, limit: int, deadline: float = 60.0) -> Pulled:
        await self._there(deadline)
        raw = path if isinstance(path, bytes) else path.encode()
        self.pulls.append(raw)
        if self.on_pull is not None:
            await self.on_pull(raw)
        found = await self.stat(path)
        if found is None or not stat.S_ISREG(found.mode):
            raise DeviceUnusable("no such file", hint="")
        if found.size > limit:
            raise DeviceUnusable(f"more than {limit} bytes", hint="")
        data = _copy(self.local(path), into)
        return Pulled(len(data), hashlib.sha256(data).hexdigest(), found.mtime)

    async def push(self, data: bytes, path: str, *, mode: int = 0o644, deadline: float = 60.0) -> None:
        await self._there(deadline)
        try:
            self.local(path).parent.mkdir(parents=True, exist_ok=True)
            self.local(path).write_bytes(data)
            self.local(path).chmod(mode)
        except OSError as error:
            raise DeviceUnusable(f"push refused: {error.strerror}", hint="") from error

    # -------------------------------------------------------------------------------- reverse
    async def reverse(self, remote: str, local: str, *, norebind: bool = False, deadline: float = 10.0) -> None:
        await self._there(deadline)
        if norebind and remote in self._reverses:
            raise DeviceUnusable("cannot rebind existing socket", hint="")
        self._reverses[remote] = local

    async def reverse_list(self, *, deadline: float = 10.0) -> Sequence[ReverseEntry]:
        await self._there(deadline)
        return list(starmap(ReverseEntry, self._reverses.items()))

    async def reverse_remove(self, remote: str, *, deadline: float = 10.0) -> None:
        await self._there(deadline)
        self._reverses.pop(remote, None)

    async def close(self) -> None:
        for process in self.processes:
            await _hang_up(process)

    async def _there(self, deadline: float) -> None:
        if self._lost.is_set():
            raise DeviceLost(f"{self.serial} is gone", hint="replug it")
        if self._hanging:
            await asyncio.sleep(deadline)
            raise DeadlinePassed(f"{self.serial} does not answer", hint="replug it")


def _stat(path: Path) -> FileStat:
    found = path.lstat()
    return FileStat(found.st_mode, found.st_size, int(found.st_mtime))


def _copy(source: Path, into: Path) -> bytes:
    data = source.read_bytes()
    with into.open("xb") as copy:
        copy.write(data)
    return data


async def _hang_up(process: asyncio.subprocess.Process) -> None:
    """End a command as adbd does when its stream is closed: HUP to the shell that it started, and to nothing else."""
    if process.returncode is None:
        process.send_signal(signal.SIGHUP)
    assert process.stdout is not None
    await process.stdout.read()
    await process.wait()
