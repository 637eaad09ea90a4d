"""A command running on the phone, over pipes or over a terminal of its own.

It ends for sure: SIGHUP to the shell, as adbd sends when the host leaves, and after a moment of grace SIGKILL to all.
"""

import asyncio
import contextlib
import fcntl
import os
import pty
import signal
import struct
import termios
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from virtual_phone.services.shell_wire import Kind

__all__ = ["Invocation", "PipeProcess", "Process", "PtyProcess"]

_CHUNK = 256 << 10
_GRACE = 0.5
_KILL_DEADLINE = 5.0


@dataclass(frozen=True, slots=True)
class Invocation:
    """What to run: the full argument list and, inside it, how many wrappers stand before the phone's shell."""

    argv: Sequence[str]
    env: dict[str, str]
    cwd: Path
    wrappers: int = 0


class Process(ABC):
    """A running command."""

    def __init__(self, process: asyncio.subprocess.Process, wrappers: int) -> None:
        self._process = process
        self._wrappers = wrappers

    @property
    @abstractmethod
    def outputs(self) -> Sequence[Kind]:
        """Which outputs there are."""

    @abstractmethod
    async def read(self, output: Kind) -> bytes:
        """The next bytes of an output, empty at its end."""

    @abstractmethod
    async def write(self, data: bytes) -> None:
        """Give the command input; input after its end is dropped."""

    @abstractmethod
    def close_stdin(self) -> None:
        """No more input; a terminal has no such thing."""

    @abstractmethod
    def resize(self, rows: int, columns: int) -> None:
        """The terminal has a new size; pipes have none."""

    async def wait(self) -> int:
        """How it ended, as the subprocess module says it."""
        return await self._process.wait()

    async def end(self) -> None:
        """Make sure it is over: a hang-up, a moment of grace, then SIGKILL."""
        try:
            if self._process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(_shell_pid(self._process.pid, self._wrappers), signal.SIGHUP)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_GRACE):
                        await self._process.wait()
        finally:  # also when the phone is switched off in the moment of grace
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            async with asyncio.timeout(_KILL_DEADLINE):
                await self._process.wait()


class PipeProcess(Process):
    """A command with pipes: what programs use."""

    def __init__(self, process: asyncio.subprocess.Process, wrappers: int) -> None:
        super().__init__(process, wrappers)
        self._readers = {Kind.STDOUT: process.stdout, Kind.STDERR: process.stderr}
        self._turns = {kind: asyncio.Lock() for kind in self._readers}  # whoever ends it drains what is still read

    @classmethod
    async def start(cls, what: Invocation, *, merge: bool) -> "PipeProcess":
        """Run it; `merge` sends stderr where stdout goes."""
        process = await asyncio.create_subprocess_exec(
            *what.argv,
            env=what.env,
            cwd=what.cwd,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT if merge else asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        return cls(process, what.wrappers)

    @property
    def outputs(self) -> Sequence[Kind]:
        """stdout, and stderr when it is apart."""
        return [kind for kind, reader in self._readers.items() if reader is not None]

    async def read(self, output: Kind) -> bytes:
        """From the pipe."""
        reader = self._readers[output]
        async with self._turns[output]:
            return await reader.read(_CHUNK) if reader is not None else b""

    async def write(self, data: bytes) -> None:
        """Into the pipe, as fast as the command reads."""
        if self._process.stdin is not None and not self._process.stdin.is_closing():
            self._process.stdin.write(data)
            with contextlib.suppress(ConnectionError):
                await self._process.stdin.drain()

    def close_stdin(self) -> None:
        """The command reads the end of its input."""
        if self._process.stdin is not None:
            self._process.stdin.close()

    def resize(self, rows: int, columns: int) -> None:
        """Nothing to do."""

    async def end(self) -> None:
        """Close its input and drop what it still says, then as always."""
        self.close_stdin()
        async with asyncio.TaskGroup() as group:  # waiting for a process waits for its pipes, which somebody must empty
            drains = [group.create_task(self._drain(output)) for output in self.outputs]
            await super().end()
            await asyncio.wait(drains, timeout=_GRACE)  # the killed ones close theirs: nothing is left open
            for drain in drains:
                drain.cancel()

    async def _drain(self, output: Kind) -> None:
        while await self.read(output):
            pass


class PtyProcess(Process):
    """A command with a terminal: what a person uses."""

    def __init__(self, process: asyncio.subprocess.Process, wrappers: int, master: int) -> None:
        super().__init__(process, wrappers)
        self._master = master

    @classmethod
    async def start(cls, what: Invocation) -> "PtyProcess":
        """Run it on a new terminal."""
        master, slave = pty.openpty()
        os.set_blocking(master, False)
        try:
            process = await asyncio.create_subprocess_exec(
                *what.argv, env=what.env, cwd=what.cwd, stdin=slave, stdout=slave, stderr=slave, process_group=0
            )
        except BaseException:
            os.close(master)
            raise
        finally:
            os.close(slave)
        return cls(process, what.wrappers, master)

    @property
    def outputs(self) -> Sequence[Kind]:
        """A terminal has one."""
        return [Kind.STDOUT]

    async def read(self, output: Kind) -> bytes:  # ruff: ignore[unused-method-argument]
        """From the terminal."""
        while True:
            try:
                return os.read(self._master, _CHUNK)
            except BlockingIOError:
                await _ready(self._master, write=False)
            except OSError:  # the last one with the terminal open has closed it
                return b""

    async def write(self, data: bytes) -> None:
        """As if typed."""
        while data:
            try:
                data = data[os.write(self._master, data) :]
            except BlockingIOError:
                await _ready(self._master, write=True)
            except OSError:
                return

    def close_stdin(self) -> None:
        """Nothing to do: whoever wants the end types Ctrl-D."""

    def resize(self, rows: int, columns: int) -> None:
        """Tell the terminal; the kernel tells the command."""
        with contextlib.suppress(OSError):
            fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))

    async def end(self) -> None:
        """Take the terminal away, then as always."""
        os.close(self._master)  # the kernel sends SIGHUP to whatever is in the foreground
        await super().end()


async def _ready(fd: int, *, write: bool) -> None:
    """Wait until a descriptor can be read or written."""
    loop = asyncio.get_running_loop()
    event = asyncio.Event()
    add, remove = (loop.add_writer, loop.remove_writer) if write else (loop.add_reader, loop.remove_reader)
    add(fd, event.set)
    try:
        await event.wait()
    finally:
        remove(fd)


def _shell_pid(pid: int, wrappers: int) -> int:
    """The phone's shell: below bubblewrap's or proot's own processes, where /proc tells; else the outermost."""
    for _ in range(wrappers):
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        except OSError:
            break
        if not children:
            break
        pid = int(children[0])
    return pid
