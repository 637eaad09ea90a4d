"""The one thread that owns the model. Orders come in through an inbox, news go out in batches.

```
 event loop ── ask, cancel, end ─► inbox ─► thread: wake, then (drain the inbox, one step of the floor) ── tell ─►
```
`tell` is called in the thread, with everything one step brought; whoever made the worker hands it on to its event loop.
The inbox is emptied before each step, so a cancelled answer costs at most the step that is being made.
"""

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from host_server.engines.base import EngineError
from host_server.engines.transformers_vlm.floor import Ask, Floor, News
from host_server.engines.transformers_vlm.mind import Mind

__all__ = ["Broken", "Built", "Told", "Unbuilt", "Worker"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Built:
    """The model is there."""

    mind: Mind


@dataclass(frozen=True, slots=True)
class Unbuilt:
    """There is no model, and the thread has ended."""

    error: EngineError


@dataclass(frozen=True, slots=True)
class Broken:
    """The model is gone: those who were being answered have been told, and the thread has ended."""


Told: TypeAlias = Sequence[News] | Built | Unbuilt | Broken


@dataclass(frozen=True, slots=True)
class _Cancel:
    number: int


class Worker:
    """One model's thread, from waking it to its end. It is a daemon: nobody has to wait for a long load."""

    def __init__(self, wake: Callable[[], Mind], tell: Callable[[Told], None]) -> None:
        self._wake: Final = wake
        self._tell: Final = tell
        self._inbox: queue.SimpleQueue[Ask | _Cancel | None] = queue.SimpleQueue()
        self.steps = 0
        """How many it has made; one that is slow is not hung."""
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="model", daemon=True)
        self._thread.start()

    def ask(self, ask: Ask) -> None:
        """Let the model answer this."""
        self._inbox.put(ask)

    def cancel(self, number: int) -> None:
        """Nobody waits for this answer any more; one that is over or was never asked for is no matter."""
        self._inbox.put(_Cancel(number))

    def end(self) -> None:
        """Stop before the next step and free the model."""
        self._ending.set()
        self._inbox.put(None)

    def join(self, seconds: float) -> None:
        """Wait for the thread's end, but no longer than this. Blocks."""
        self._thread.join(seconds)

    def _run(self) -> None:
        try:
            mind = self._wake()
        except EngineError as error:
            self._tell(Unbuilt(error))
            return
        except Exception:  # ruff: ignore[blind-except] weights, hubs and cards fail in their own ways
            _log.exception("the model cannot be loaded")
            self._tell(Unbuilt(EngineError("The model cannot be loaded.", hint="The host's log says why.")))
            return
        self._tell(Built(mind))
        try:
            self._work(mind.floor)
        except Exception:  # ruff: ignore[blind-except] whatever it was, the model's state is not to be trusted any more
            _log.exception("the model failed")
            self._tell(mind.floor.fail())
            self._tell(Broken())
        finally:
            mind.floor.close()

    def _work(self, floor: Floor) -> None:
        while True:
            news = self._drain(floor)
            if self._ending.is_set():
                return
            if news := [*news, *floor.step()]:
                self._tell(news)
            self.steps += 1

    def _drain(self, floor: Floor) -> list[News]:
        """Take what has come; wait for it when there is nothing else to do."""
        news: list[News] = []
        wait = floor.idle
        while True:
            try:
                order = self._inbox.get(block=wait)
            except queue.Empty:
                return news
            wait = False
            if isinstance(order, Ask):
                news += floor.ask(order)
            elif order is not None:
                floor.cancel(order.number)
