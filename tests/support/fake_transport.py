"""A `Transport` over a folder of this machine: its shell is a local one, its files are real, nothing is adb.

It passes the same conformance suite as the real transport, so that what is tested with it holds for a phone. Faults
have names: `unplug()`, `hanging()`, and `on_pull`, which runs in front of each pull.
"""

import asyncio
import hashlib
import os
import shlex
import shutil
import signal
import stat
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator, Sequence
from contextlib import contextmanager, suppress
from itertools import starmap
from pathlib import Path
from typing import Any, TypeVar, cast

from bridge.adb.transport import DirEntry, FileStat, Pulled, ReverseEntry, ShellResult
from bridge.errors import DeadlinePassed, DeviceLost, DeviceUnusable

T = TypeVar("T")
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

    async def unplug(self) -> None:
        """Take it away for good, and wait until whoever waits for it has been told."""
        self._lost.set()
        await asyncio.sleep(0)

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
        async def run() -> ShellResult:
            process = await self._start(argv, stderr=asyncio.subprocess.PIPE)
            try:
                async with asyncio.TaskGroup() as group:
                    outputs = [
                        group.create_task(_read(process, pipe, limit)) for pipe in (process.stdout, process.stderr)
                    ]
                stdout, stderr = (output.result() for output in outputs)
                return ShellResult(stdout, stderr, await process.wait())
            finally:
                await _hang_up(process)

        result = await self._while_there(run(), deadline)
        if len(result.stdout) + len(result.stderr) > limit:
            raise DeviceUnusable(f"more than {limit} bytes", hint="")
        return result

    async def lines(self, argv: Sequence[str], *, limit: int = 1 << 16) -> AsyncGenerator[bytes, None]:
        process = await self._while_there(self._start(argv, stderr=asyncio.subprocess.DEVNULL, line_limit=limit), 10.0)
        assert process.stdout is not None
        try:
            while line := await self._while_there(process.stdout.readline(), None):
                yield line.removesuffix(b"\n")
            code = await process.wait()
            if code:
                raise DeviceUnusable(f"{argv[0]} ended with {code}", hint="", exit_code=code)
        finally:
            await _hang_up(process)

    async def _start(
        self, argv: Sequence[str], *, stderr: int, line_limit: int = 1 << 16
    ) -> asyncio.subprocess.Process:
        places = tuple(place.decode() for place in PLACES)
        words = [str(self.local(word)) if word.startswith(places) else word for word in argv]
        starting = asyncio.ensure_future(  # ruff: ignore[banned-api] - awaited below in every case
            self._run(words, stderr, line_limit)
        )
        try:
            process = await asyncio.shield(starting)
        except asyncio.CancelledError:  # a process that is half started when its starter is cancelled leaks its pipes
            await _hang_up(await starting)
            raise
        self.processes.append(process)
        return process

    async def _run(self, words: list[str], stderr: int, line_limit: int) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            shutil.which("mksh") or "/bin/sh",
            "-c",
            shlex.join(words),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
            limit=line_limit,
            env={"PATH": self.path, "EXTERNAL_STORAGE": str(self.local(PLACES[0]))},
        )

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
        if norebind and _listener(remote) in self._reverses:
            raise DeviceUnusable("cannot rebind existing socket", hint="")
        self._reverses[_listener(remote)] = local

    async def reverse_list(self, *, deadline: float = 10.0) -> Sequence[ReverseEntry]:
        await self._there(deadline)
        return list(starmap(ReverseEntry, self._reverses.items()))

    async def reverse_remove(self, remote: str, *, deadline: float = 10.0) -> None:
        await self._there(deadline)
        self._reverses.pop(_listener(remote), None)

    async def close(self) -> None:
        self._lost.set()
        for process in self.processes:
            await _hang_up(process)

    async def _there(self, deadline: float) -> None:
        await self._while_there(asyncio.sleep(0), deadline)

    async def _while_there(self, work: Coroutine[Any, Any, T], deadline: float | None) -> T:
        """Do it unless the phone is gone, goes meanwhile, or hangs."""
        if self._hanging:
            work.close()
            await asyncio.sleep(deadline or 0)
            raise DeadlinePassed(f"{self.serial} does not answer", hint="replug it")
        async with asyncio.TaskGroup() as group:
            losing, doing = group.create_task(self._lost.wait()), group.create_task(_caught(work))
            await asyncio.wait({losing, doing}, timeout=deadline, return_when=asyncio.FIRST_COMPLETED)
            lost = self._lost.is_set()
            losing.cancel()
            doing.cancel()
        if lost:
            raise DeviceLost(f"{self.serial} is gone", hint="replug it")
        if doing.cancelled():
            raise DeadlinePassed(f"{self.serial} took too long", hint="try again")
        result, error = doing.result()
        if error is not None:
            raise error
        return cast("T", result)


async def _caught(work: Coroutine[Any, Any, T]) -> tuple[T | None, Exception | None]:
    """Keep the error from the task group, which would wrap it."""
    try:
        return await work, None
    except ValueError as error:  # a line longer than its limit
        return None, DeviceUnusable(str(error), hint="")
    except Exception as error:  # ruff: ignore[blind-except] - raised again by the caller
        return None, error


async def _read(process: asyncio.subprocess.Process, pipe: asyncio.StreamReader | None, limit: int) -> bytes:
    """Read to the end; what prints too much is ended."""
    assert pipe is not None
    data = bytearray()
    while piece := await pipe.read(1 << 16):
        data += piece[: limit + 1]
        if len(data) > limit:
            with suppress(ProcessLookupError):  # killed a moment ago, and what it had said is still being read
                os.killpg(process.pid, signal.SIGKILL)
    return bytes(data)


def _listener(remote: str) -> str:
    """Name it as adbd does in its list."""
    return remote.replace("tcp:localhost:", "tcp:")


def _stat(path: Path) -> FileStat:
    found = path.lstat()
    return FileStat(found.st_mode, found.st_size, int(found.st_mtime))


def _copy(source: Path, into: Path) -> bytes:
    data = source.read_bytes()
    with into.open("xb") as copy:
        copy.write(data)
    return data


async def _hang_up(process: asyncio.subprocess.Process) -> None:
    """End a command as the virtual phone's daemon does when its stream is closed: HUP to all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGHUP)
    try:
        async with asyncio.timeout(5.0):
            await process.communicate()
    except TimeoutError:
        os.killpg(process.pid, signal.SIGKILL)
        raise AssertionError("a command outlived the stream it was started by") from None
