"""The engine `echo`: says the question back, word by word, and how large the pictures are.

For tests and benchmarks of everything around an engine. `echo` is as quick as the loop; `echo=30` says 30 words a
second on each of its lanes, by the clock and not by adding up delays.
"""

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

from host_server.engines.base import EngineClosedError, EngineInfo, Piece, PreparedQuestion, UnknownEngineError
from host_server.engines.pieces import pieces

__all__ = ["EchoEngine", "create"]

_LANES: Final = 256
_FASTEST: Final = 100_000.0


class EchoEngine:
    """Repeats; see the module. `rate` is in words a second, 0 for no delay at all."""

    def __init__(self, rate: float = 0.0) -> None:
        self._rate = rate
        self._closed = asyncio.Event()
        self.info: Final = EngineInfo(
            name="echo",
            model=f"echo-{rate:g}" if rate else "echo",
            owner="lensbridge",
            takes_images=True,
            reads_only=False,
            description="Says your question back; looks at nothing. For testing everything around an engine.",
            lanes=_LANES,
            repeats=False,  # saying it back costs nothing, and tests want each answer said
        )

    async def warm_up(self) -> None:
        """Nothing to load."""
        if self._closed.is_set():
            raise EngineClosedError("The echo engine is closed.")

    async def answer(self, question: PreparedQuestion) -> AsyncGenerator[Piece, None]:
        """Say the question back; the first word comes at once."""
        start = asyncio.get_running_loop().time()
        for number, piece in enumerate(pieces(_reply(question), question.max_output_tokens, stop=question.stop)):
            await self._wait_until(start + number / self._rate if self._rate else start)
            if self._closed.is_set():
                raise EngineClosedError("The echo engine was closed.")
            yield piece

    async def close(self) -> None:
        """Wake up and end whatever still speaks."""
        self._closed.set()

    async def _wait_until(self, when: float) -> None:
        if when <= asyncio.get_running_loop().time():
            await asyncio.sleep(0)
            return
        try:
            async with asyncio.timeout_at(when):
                await self._closed.wait()
        except TimeoutError:
            return


def create(model: str | None) -> EchoEngine:
    """Make `echo` or `echo=RATE`."""
    if model is None:
        return EchoEngine()
    try:
        rate = float(model)
    except ValueError:
        rate = -1.0
    if not 0 <= rate <= _FASTEST:
        raise UnknownEngineError(
            "echo takes a number of words a second.", hint="Write `echo` or, for example, `echo=30`."
        )
    return EchoEngine(rate)


def _reply(question: PreparedQuestion) -> str:
    seen = [f"[picture {picture.width}x{picture.height}]" for picture in question.pictures]
    return " ".join([question.text.strip() or "(an empty question)", *seen])
