"""One loaded model as the event loop sees it: being woken, there, or over."""

import asyncio
from collections.abc import Callable
from typing import Final

from host_server.engines.base import EngineClosedError, EngineError, EngineRestartedError, Piece
from host_server.engines.transformers_vlm.floor import Ask
from host_server.engines.transformers_vlm.mind import Mind
from host_server.engines.transformers_vlm.worker import Broken, Built, Told, Unbuilt, Worker

__all__ = ["Residence"]

_CLOSE_S: Final = 5.0


class Residence:
    """Starts waking the model at once. `hear` gets each answer's pieces, in the event loop this was made in."""

    def __init__(self, wake: Callable[[], Mind], hear: Callable[[int, Piece | EngineError], None]) -> None:
        self.lost = asyncio.Event()
        """The model was there, has failed, and will not answer again."""
        self._hear = hear
        self._settled = asyncio.Event()
        self._mind: Mind | None = None
        self._error: EngineError | None = None
        loop = asyncio.get_running_loop()

        def tell(told: Told) -> None:
            try:
                loop.call_soon_threadsafe(self._told, told)
            except RuntimeError:  # the loop is closed: nobody is there
                self._worker.end()

        self._worker = Worker(wake, tell)

    @property
    def over(self) -> bool:
        """Whether there is no model and none will come."""
        return self._error is not None

    @property
    def device_bytes(self) -> int:
        """See `base.WeighedEngine`."""
        return 0 if self._mind is None else self._mind.device_bytes

    @property
    def steps(self) -> int:
        """See `base.SteppingEngine`."""
        return self._worker.steps

    async def mind(self) -> Mind:
        """Wait until the model is there. Raises the `EngineError` that keeps it from that, or has ended it."""
        await self._settled.wait()
        if self._mind is None:
            error = self._error or EngineError("The model is not there.")
            raise type(error)(error.message, hint=error.hint)  # each who waits gets a traceback of its own
        return self._mind

    def ask(self, ask: Ask) -> None:
        """Let the model answer this."""
        self._worker.ask(ask)

    def cancel(self, number: int) -> None:
        """Nobody waits for this answer any more."""
        self._worker.cancel(number)

    async def close(self) -> None:
        """End the thread; one that is still loading, or in a long step, is left to itself after a while."""
        self._end(EngineClosedError("The engine was closed."))
        self._worker.end()
        await asyncio.to_thread(self._worker.join, _CLOSE_S)

    def _told(self, told: Told) -> None:
        match told:
            case Built():
                if not self.over:
                    self._mind = told.mind
                    self._settled.set()
            case Unbuilt():
                self._end(told.error)
            case Broken():
                self._end(EngineRestartedError("The model has failed and is loaded anew. Ask again."))
                self.lost.set()
            case _:
                for number, said in told:
                    self._hear(number, said)

    def _end(self, error: EngineError) -> None:
        self._error = error
        self._mind = None
        self._settled.set()
