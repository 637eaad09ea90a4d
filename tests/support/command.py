"""The real `bridge` command as a process: started, awaited with a deadline, its output taken apart."""

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["BRIDGE", "Done", "bridge", "refused", "running"]

BRIDGE = str(Path(sys.executable).parent / "bridge")
DEADLINE_S = 60.0


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def hint(self) -> str:
        """The next step it gave: a line of stderr, or with `--json` a field of its last object."""
        said = (line.removeprefix("hint: ") for line in self.err.splitlines() if line.startswith("hint: "))
        return next(said, "") or self._last_hint()

    def _last_hint(self) -> str:
        try:
            return str(self.lines[-1].get("hint", ""))
        except (ValueError, IndexError):
            return ""

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Its JSON Lines."""
        return [json.loads(line) for line in self.out.splitlines()]


async def bridge(*words: str, env: Mapping[str, str], cwd: Path | None = None, deadline: float = DEADLINE_S) -> Done:
    """Run one command to its end."""
    process = await _start(words, env, cwd)
    try:
        async with asyncio.timeout(deadline):
            out, err = await process.communicate()
    except TimeoutError:
        process.kill()
        out, err = await process.communicate()
        raise AssertionError(f"bridge {words} did not end: {out!r} {err!r}") from None
    return Done(process.returncode or 0, out.decode(), err.decode())


def refused(done: Done, code: int, *words: str) -> None:
    """It failed as documented: the code, what happened, and a next step."""
    assert done.code == code, done
    assert "error: " in done.err
    assert all(word in done.err for word in words), done.err
    assert done.hint
    assert "Traceback" not in done.err


class Running:
    """A command that stays up; its stdout is read as JSON Lines."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.events: list[dict[str, Any]] = []

    async def until(self, *, event: str, deadline: float = DEADLINE_S, **fields: Any) -> dict[str, Any]:
        """The next event of this kind with these fields."""
        assert self.process.stdout is not None
        async with asyncio.timeout(deadline):
            while line := await self.process.stdout.readline():
                found: dict[str, Any] = json.loads(line)
                self.events.append(found)
                if found["event"] == event and all(found.get(name) == value for name, value in fields.items()):
                    return found
        raise AssertionError(f"it ended without {event} {fields}: {self.events[-3:]}")

    async def end(self, number: signal.Signals = signal.SIGINT, deadline: float = 15.0) -> Done:
        """Signal it and wait for its end."""
        self.process.send_signal(number)
        async with asyncio.timeout(deadline):
            out, err = await self.process.communicate()
        return Done(self.process.returncode or 0, out.decode(), err.decode())


@contextlib.asynccontextmanager
async def running(*words: str, env: Mapping[str, str]) -> AsyncGenerator[Running]:
    """Keep a command up for the block."""
    process = await _start(words, env, None)
    try:
        yield Running(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def _start(words: tuple[str, ...], env: Mapping[str, str], cwd: Path | None) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        BRIDGE,
        *words,
        env=dict(env),
        cwd=cwd,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=1 << 22,
    )
