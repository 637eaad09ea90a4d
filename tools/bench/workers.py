"""Processes of their own for what is measured, so that nothing shares an event loop with the one that measures.

Both ends are here. A worker is a module of this folder that calls `serve_verbs`; the measuring side has it as a
`Worker`: `await worker.ask("press", phone=0)`. They speak one JSON object a line. On Linux `time.monotonic()` is one
clock for all processes, so a worker may say when something happened.
"""

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any, TextIO

__all__ = ["ROOT", "Worker", "cpu_s", "serve_verbs", "started"]

ROOT = Path(__file__).parents[2]
_LINE, _TALK = 1 << 24, 4000
_START_S, _ASK_S, _END_S = 60.0, 120.0, 15.0

Verb = Callable[..., Awaitable[dict[str, Any]]]


class Worker:
    """The process; `hello` is what it said when it was ready."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.hello: dict[str, Any] = {}
        self.process = process
        self._numbers = count()
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}

    async def ask(self, verb: str, **fields: Any) -> dict[str, Any]:
        """Let it do something, and wait for what it says. Several may be asked at once."""
        number = next(self._numbers)
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        assert self.process.stdin is not None  # ruff: ignore[assert]  # started with pipes
        self.process.stdin.write(json.dumps({"number": number, "verb": verb, "fields": fields}).encode() + b"\n")
        try:
            async with asyncio.timeout(_ASK_S):
                return await answer
        finally:
            del self._waiting[number]

    @property
    def cpu_s(self) -> float:
        """Processor time it has used."""
        return cpu_s(self.process.pid)

    async def read(self) -> None:
        """Hand out what it says until it ends."""
        while line := await self._line():
            answer = self._waiting.get(line["number"])
            if answer is not None and not answer.done():
                answer.set_result(line["answer"])
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(RuntimeError("the worker ended; its words are above"))

    async def say_hello(self) -> None:
        """Wait until it is ready."""
        async with asyncio.timeout(_START_S):
            line = await self._line()
        if line is None:
            raise RuntimeError("the worker did not start; its words are above")
        self.hello = line

    async def _line(self) -> dict[str, Any] | None:
        assert self.process.stdout is not None  # ruff: ignore[assert]  # started with pipes
        line = await self.process.stdout.readline()
        found: dict[str, Any] | None = json.loads(line) if line else None
        return found

    async def end(self) -> None:
        """Close its stdin, which is its sign to end; then be less polite."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            async with asyncio.timeout(_END_S):
                await self.process.wait()
        except TimeoutError:
            self.process.kill()
            await self.process.wait()


@asynccontextmanager
async def started(name: str, *words: str, env: Mapping[str, str] | None = None) -> AsyncGenerator[Worker]:
    """Run `python -m tools.bench.NAME` for the block; what it says on stderr is shown when the block fails."""
    with tempfile.TemporaryFile() as talk:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            f"tools.bench.{name}",
            *words,
            cwd=ROOT,
            env=dict(env or os.environ),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=talk,
            limit=_LINE,
        )
        try:
            async with _ready(Worker(process)) as worker:
                yield worker
        except BaseException:
            talk.seek(0)
            sys.stderr.write(talk.read()[-_TALK:].decode(errors="replace"))
            raise
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


@asynccontextmanager
async def _ready(worker: Worker) -> AsyncGenerator[Worker]:
    await worker.say_hello()
    async with asyncio.TaskGroup() as group:
        reading = group.create_task(worker.read())
        try:
            yield worker
        finally:
            await worker.end()
            reading.cancel()


async def serve_verbs(hello: Mapping[str, Any], **verbs: Verb) -> None:
    """The worker's side: say hello, then do what is asked, several things at once, until stdin ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # whatever else writes to stdout is talk
    reader = asyncio.StreamReader(limit=_LINE)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    print(json.dumps(hello), file=answers)
    async with asyncio.TaskGroup() as group:
        while line := await reader.readline():
            asked = json.loads(line)
            group.create_task(_do(verbs[asked["verb"]], asked, answers))


async def _do(verb: Verb, asked: Mapping[str, Any], answers: TextIO) -> None:
    print(json.dumps({"number": asked["number"], "answer": await verb(**asked["fields"])}), file=answers)


def cpu_s(pid: int) -> float:
    """Processor time that a process and its threads have used, by its own clock: /proc counts only hundredths."""
    return time.clock_gettime(~pid << 3 | 2)  # clock_getcpuclockid(3), which Python has for threads only
