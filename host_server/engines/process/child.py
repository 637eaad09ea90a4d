"""The child: serves one engine over its stdin and stdout until the host hangs up."""

import asyncio
import contextlib
import faulthandler
import logging
import os
import signal
import sys
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Any, Final

from host_server.engines.base import (
    Engine,
    EngineError,
    EngineOutOfMemoryError,
    PerishableEngine,
    SteppingEngine,
    WeighedEngine,
)
from host_server.engines.process import messages
from host_server.engines.process.frames import Frame, FrameReader, Json, encode

__all__ = ["run"]

_NICENESS: Final = 10
_READ: Final = 1 << 18
_CLOSE_S: Final = 1.5
_LONGEST_LOG: Final = 20_000
_LOST: Final = 70
_DEATH_OF_PARENT: Final = 1  # PR_SET_PDEATHSIG


def run(make: Callable[[], Engine]) -> None:
    """Serve the engine that `make` makes; returns when the host is gone."""
    os.setpriority(os.PRIO_PROCESS, 0, _NICENESS)  # before any thread exists, for they inherit it
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the host decides, and lets answers end first
    _die_with_the_host()
    faulthandler.enable()
    out = _Out(os.dup(1))
    os.dup2(2, 1)  # whatever a library prints must not come between the frames
    root = logging.getLogger()
    root.handlers[:] = [_LogFrames(out)]
    root.setLevel(logging.INFO)
    asyncio.run(_serve(make(), out))
    # A model's thread may still be in the middle of a picture, and nobody waits for it.
    logging.shutdown()
    os._exit(0)


class _Out:
    """The pipe to the host. Writing waits while it is full: nobody wants an answer faster than the host takes it."""

    def __init__(self, descriptor: int) -> None:
        self._file = os.fdopen(descriptor, "wb")
        self._lock = threading.Lock()

    def send(self, message: Json) -> None:
        """One frame, from any thread. Once the host is gone nothing is sent, and stdin says that it is gone."""
        with self._lock, contextlib.suppress(OSError):
            self._file.write(encode(message))
            self._file.flush()


class _LogFrames(logging.Handler):
    """Hands log records to the host, whose log masks secrets and has its own form."""

    def __init__(self, out: _Out) -> None:
        super().__init__(logging.INFO)
        self.setFormatter(logging.Formatter("%(name)s: %(message)s"))
        self._out = out

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record."""
        self._out.send({"type": "log", "level": record.levelname, "text": self.format(record)[:_LONGEST_LOG]})


async def _serve(engine: Engine, out: _Out) -> None:
    async with asyncio.TaskGroup() as group:
        child = _Child(engine, out, group)
        async for frame in _frames():
            child.take(frame)
        child.stop()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_CLOSE_S):
            await engine.close()


async def _frames() -> AsyncGenerator[Frame]:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    frames = FrameReader()
    while data := await reader.read(_READ):
        for frame in frames.feed(data):
            yield frame


class _Child:
    """Does what the frames say."""

    def __init__(self, engine: Engine, out: _Out, group: asyncio.TaskGroup) -> None:
        self._engine = engine
        self._out = out
        self._group = group
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._watching: asyncio.Task[None] | None = None

    def take(self, frame: Frame) -> None:
        """One message of the host."""
        message = frame.message
        match message["type"]:
            case "ask":
                self._begin(message["id"], partial(self._answer, message["id"], frame))
            case "warm":
                self._begin(message["id"], partial(self._warm_up, message.get("form")))
            case "cancel":
                if task := self._tasks.get(message["id"]):
                    task.cancel()
            case "ping":
                self._out.send(messages.pong(_memory(self._engine), _steps(self._engine)))

    def stop(self) -> None:
        """Nobody listens any more."""
        for task in [*self._tasks.values(), *([self._watching] if self._watching else [])]:
            task.cancel()

    def _begin(self, number: int, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        def ended(task: asyncio.Task[None]) -> None:
            del self._tasks[number]
            if task.cancelled():  # before it began: its own words were never reached
                self._out.send({"type": "done", "id": number})

        task = self._tasks[number] = self._group.create_task(self._to_its_end(number, work))
        task.add_done_callback(ended)

    async def _to_its_end(self, number: int, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        told: Json = {"type": "done", "id": number}
        try:
            await work()
        except asyncio.CancelledError:
            pass  # asked for; the host learns that it is over
        except EngineError as error:
            told = messages.failed(number, error)
        except MemoryError:
            told = messages.failed(number, EngineOutOfMemoryError("There was no memory for this answer."))
        except Exception:
            logging.getLogger(__name__).exception("an engine failed in its own way")
            told = messages.failed(number, EngineError("The model failed."))
        self._out.send(told)

    async def _warm_up(self, form: object) -> None:
        if form != messages.FORM:
            problem = "The software on this machine has changed since the host was started."
            raise EngineError(problem, hint="start the host again")
        await self._engine.warm_up()
        if isinstance(self._engine, PerishableEngine) and self._watching is None:
            self._watching = self._group.create_task(_die_when_lost(self._engine))

    async def _answer(self, number: int, frame: Frame) -> None:
        async with aclosing(self._engine.answer(messages.question_of(frame))) as pieces:
            async for piece in pieces:
                self._out.send(messages.piece(number, piece))


def _steps(engine: Engine) -> int:
    return engine.steps() if isinstance(engine, SteppingEngine) else 0


async def _die_when_lost(engine: PerishableEngine) -> None:
    """The host begins anew what has died, and knows how often."""
    await engine.lost()
    logging.getLogger(__name__).error("the engine is lost; its process ends")
    os._exit(_LOST)


def _memory(engine: Engine) -> dict[str, int]:
    memory: dict[str, int] = {}
    with contextlib.suppress(OSError, ValueError):  # only Linux tells it
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        memory["rss"] = pages * os.sysconf("SC_PAGE_SIZE")
    if isinstance(engine, WeighedEngine):
        memory["device"] = engine.device_bytes()
    return memory


def _die_with_the_host() -> None:
    """On Linux the kernel kills us with our parent, even while a library holds this process's every thread."""
    if sys.platform != "linux":
        return
    import ctypes

    parent = os.getppid()
    ctypes.CDLL(None).prctl(_DEATH_OF_PARENT, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)
