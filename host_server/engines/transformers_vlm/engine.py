"""The engine's face: asyncio in front; behind it one thread for prompts and one that owns the model.

```
 answer() ─► a place ahead ─► prompt thread: Mind.ask ─► model thread: Worker ─► box ─► Piece, Piece, Piece
```
Nothing of torch or transformers is imported before the model is needed: the host asks this module for `info` alone.
"""

import asyncio
import itertools
import logging
import time
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from host_server.engines.base import (
    EngineClosedError,
    EngineError,
    EngineInfo,
    EngineOutOfMemoryError,
    Piece,
    PreparedQuestion,
    UnknownEngineError,
)
from host_server.engines.options import EngineOptions
from host_server.engines.transformers_vlm.folder import name_of

if TYPE_CHECKING:
    from host_server.engines.transformers_vlm.floor import Ask
    from host_server.engines.transformers_vlm.mind import Mind
    from host_server.engines.transformers_vlm.residence import Residence

__all__ = ["TransformersEngine", "create"]

_MOST_INSIDE: Final = 256
"""Questions in the engine at once. The host's own limits are far below; this keeps a mistake from filling memory."""
_BATCH_AHEAD: Final = 2
"""Questions of class batch whose pictures lie ready before the model: a picture of 1024 pixels is 12 MB of numbers,
and with two the model never waits for one."""

_log = logging.getLogger(__name__)
_Box: TypeAlias = "asyncio.Queue[Piece | EngineError]"


class TransformersEngine:
    """Answers with any image-text-to-text model; see the package. `wake` makes the model, in the model's thread."""

    def __init__(
        self,
        info: EngineInfo,
        wake: Callable[[], "Mind"],
        *,
        most_inside: int = _MOST_INSIDE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.info: Final = info
        self._wake = wake
        self._most_inside = most_inside
        self._clock = clock
        self._numbers = itertools.count(1)
        self._boxes: dict[int, _Box] = {}
        self._ahead = {"interactive": asyncio.Semaphore(info.lanes), "batch": asyncio.Semaphore(_BATCH_AHEAD)}
        self._prompts = ThreadPoolExecutor(1, thread_name_prefix="prompt")
        self._residence: Residence | None = None
        self._closed = False

    async def warm_up(self) -> None:
        """Load the model, again when it was lost or could not be loaded. Raises `EngineError`."""
        if self._residence is not None and self._residence.over:
            self._residence = None
        await self._resident().mind()

    async def answer(self, question: PreparedQuestion) -> AsyncGenerator[Piece, None]:
        """Stream the answer; the last piece has the report. Raises `EngineError`."""
        arrived = self._clock()
        if len(self._boxes) >= self._most_inside:
            raise EngineError("Too many questions wait for the model.", hint="Ask again in a while.")
        number = next(self._numbers)
        box: _Box = asyncio.Queue()
        self._boxes[number] = box
        residence = self._resident()
        try:
            mind = await residence.mind()
            async with self._ahead[question.priority]:
                ask = await self._ready(mind, number, question)
                residence.ask(replace(ask, waited_s=self._clock() - arrived))
                piece = await _next(box)
            while True:
                yield piece
                if piece.report is not None:
                    return
                piece = await _next(box)
        finally:
            del self._boxes[number]
            residence.cancel(number)

    async def lost(self) -> None:
        """Wait until the model has failed in a way that only loading it anew can mend."""
        if self._residence is not None:
            await self._residence.lost.wait()

    def steps(self) -> int:
        """See `base.SteppingEngine`."""
        return 0 if self._residence is None else self._residence.steps

    def device_bytes(self) -> int:
        """Bytes of a card that the model's process holds."""
        return 0 if self._residence is None else self._residence.device_bytes

    async def close(self) -> None:
        """End the threads; whoever waits learns that the engine is closed."""
        self._closed = True
        for number in self._boxes:
            self._hear(number, EngineClosedError("The engine was closed."))
        self._prompts.shutdown(wait=False)
        residence, self._residence = self._residence, None
        if residence is not None:
            await residence.close()

    def _resident(self) -> "Residence":
        if self._closed:
            raise EngineClosedError(f"The engine {self.info.name} is closed.")
        if self._residence is None:
            from host_server.engines.transformers_vlm.residence import Residence

            self._residence = Residence(self._wake, self._hear)
        return self._residence

    async def _ready(self, mind: "Mind", number: int, question: PreparedQuestion) -> "Ask":
        """What the prompt thread makes of a question, while the model answers others."""
        self._resident()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._prompts, mind.ask, number, question)
        except EngineError:
            raise
        except MemoryError:
            raise EngineOutOfMemoryError("There is not enough memory to prepare this question.") from None
        except Exception as error:
            _log.exception("a question cannot be prepared")
            raise EngineError("The model cannot be asked this question.") from error

    def _hear(self, number: int, told: Piece | EngineError) -> None:
        if (box := self._boxes.get(number)) is not None:
            box.put_nowait(told)


async def _next(box: _Box) -> Piece:
    told = await box.get()
    if isinstance(told, EngineError):
        raise told
    return told


def create(model: str | None, options: EngineOptions) -> TransformersEngine:
    """Make `transformers_vlm=MODEL`, MODEL being a folder or an id of a hub. Raises `UnknownEngineError`."""
    if model is None:
        raise UnknownEngineError("transformers_vlm needs a model.", hint="Write `transformers_vlm=ID_OR_FOLDER`.")

    def wake() -> "Mind":
        from host_server.engines.transformers_vlm.mind import wake

        return wake(model, options)

    return TransformersEngine(_info(model, options), wake)


def _info(model: str, options: EngineOptions) -> EngineInfo:
    name = name_of(model, options)
    return EngineInfo(
        name="transformers_vlm",
        model=name,
        owner="local" if Path(model).expanduser().is_dir() else model.partition("/")[0],
        takes_images=True,
        reads_only=False,
        description=f"{name}: looks at pictures and answers in words.",
        max_side=options.max_side,
        lanes=options.max_batch,
    )
