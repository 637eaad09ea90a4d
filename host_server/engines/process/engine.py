"""ProcessEngine: an engine like any other, whose work is done in a child process."""

import asyncio
import logging
import sys
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Final

from host_server.engines.base import (
    EngineClosedError,
    EngineError,
    EngineInfo,
    EngineRestartedError,
    Piece,
    PreparedQuestion,
)
from host_server.engines.options import EngineOptions
from host_server.engines.process.link import Limits, Link

__all__ = ["ProcessEngine", "child_command"]

_log = logging.getLogger(__name__)


def child_command(spec: str, options: EngineOptions) -> list[str]:
    """The command whose process serves the engine that `spec` and `options` name."""
    return [sys.executable, "-P", "-m", "host_server.engines", spec, options.to_json()]


class ProcessEngine:
    """Starts its child at the first need. Once that has died, `warm_up` starts the next one, and nothing else does."""

    def __init__(
        self,
        info: EngineInfo,
        command: Sequence[str],
        *,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.info: Final = info
        self._command = tuple(command)
        self._limits = limits or Limits()
        self._clock = clock
        self._link: Link | None = None
        self._starting = asyncio.Lock()
        self._closed = False

    @property
    def pid(self) -> int | None:
        """The child's, while there is one."""
        return None if self._link is None or self._link.gone.is_set() else self._link.pid

    @property
    def memory(self) -> Mapping[str, int]:
        """What the child says it holds, by kind."""
        return {} if self._link is None else self._link.memory

    async def warm_up(self) -> None:
        """Start the child if there is none, and let it load. Raises `EngineError`."""
        link = await self._started(again=True)
        try:
            async with asyncio.timeout(self._limits.load_s):
                await link.warm_up().get()
        except TimeoutError:
            link.kill()
            raise EngineError("The model does not finish loading.") from None

    async def answer(self, question: PreparedQuestion) -> AsyncGenerator[Piece, None]:
        """Let the child answer. Raises `EngineRestartedError` when it dies meanwhile."""
        link = await self._started(again=False)
        number, reply = link.ask(question)
        try:
            while (piece := await reply.get()) is not None:
                yield piece
                await asyncio.sleep(0)  # what has piled up must not keep the loop
        finally:
            link.leave(number)

    async def lost(self) -> None:
        """Wait until there is a child that has died; returns at once when there is none."""
        if self._link is not None:
            await self._link.gone.wait()

    async def unload(self) -> None:
        """End the child; whoever waits for it is to ask again."""
        await self._end(EngineRestartedError("The model's process has to begin anew. Ask again."))

    async def close(self) -> None:
        """End the child; whoever waits for it learns that the engine is closed."""
        self._closed = True
        await self._end(EngineClosedError("The engine was closed."))

    async def _end(self, told: EngineError) -> None:
        async with self._starting:
            link, self._link = self._link, None
        if link is None:
            return
        link.fail_all(told)
        link.hang_up()
        try:
            async with asyncio.timeout(self._limits.close_s):
                await link.gone.wait()
        except TimeoutError:
            link.kill()
            await self._until_dead(link)

    async def _until_dead(self, link: Link) -> None:
        """A process that hangs in a driver outlives even this; it holds its memory, and nobody waits for it."""
        try:
            async with asyncio.timeout(self._limits.close_s):
                await link.gone.wait()
        except TimeoutError:
            _log.error("the engine's process %d cannot be killed", link.pid)

    async def _started(self, *, again: bool) -> Link:
        async with self._starting:
            if self._closed:
                raise EngineClosedError(f"The engine {self.info.name} is closed.")
            if self._link is not None and not self._link.gone.is_set():
                return self._link
            if self._link is not None and not again:
                raise EngineRestartedError("The model's process has just ended. Ask again.")
            self._link = await self._start()
            return self._link

    async def _start(self) -> Link:
        loop = asyncio.get_running_loop()
        try:
            # A session of its own: Ctrl-C is for the host, which lets the running answers end first.
            _, link = await loop.subprocess_exec(
                lambda: Link(self._limits, clock=self._clock), *self._command, stderr=None, start_new_session=True
            )
        except OSError as error:
            raise EngineError(f"The model's process cannot be started: {error.strerror}.") from None
        _log.info("the process of the engine %s is %d", self.info.name, link.pid)
        return link
