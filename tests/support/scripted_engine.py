"""An engine that says what the test tells it, when the test tells it."""

import asyncio
from collections.abc import AsyncGenerator

from host_server.engines.base import EngineInfo, Piece, PreparedQuestion, Report

__all__ = ["ScriptedEngine"]


class ScriptedEngine:
    """Each answer takes its pieces from a queue: `say` one, `finish`, or `fail`. With `lanes=1` the others wait."""

    def __init__(self, name: str = "script", *, lanes: int = 1, repeats: bool = True) -> None:
        self.info = EngineInfo(
            name=name,
            model=f"{name}-1",
            owner="tests",
            takes_images=True,
            reads_only=False,
            description="For tests.",
            lanes=lanes,
            repeats=repeats,
        )
        self.questions: list[PreparedQuestion] = []
        self.stopped = 0
        self.closed = 0
        self.load_errors: list[Exception] = []
        self._says: asyncio.Queue[Piece | Exception | None] = asyncio.Queue()
        self._asked = asyncio.Event()
        self._stopped = asyncio.Event()

    def say(self, *texts: str, cut: bool = False) -> None:
        """The next pieces, `cut` being said of the last."""
        for text in texts:
            self._says.put_nowait(Piece(text, cut=cut and text is texts[-1]))

    def finish(self, *texts: str) -> None:
        """The last pieces of the answer."""
        self.say(*texts)
        self._says.put_nowait(None)

    def think(self, *texts: str) -> None:
        """The next thoughts."""
        for text in texts:
            self._says.put_nowait(Piece(text, thinking=True))

    def report(self, text: str, report: Report, *, cut: bool = False) -> None:
        """The last piece, with what the answer cost; `text` may be empty."""
        self._says.put_nowait(Piece(text, int(bool(text)), cut, report=report))
        self._says.put_nowait(None)

    def fail(self, error: Exception) -> None:
        """The answer breaks off."""
        self._says.put_nowait(error)

    async def asked(self, count: int = 1) -> None:
        """Wait until so many questions have reached the engine."""
        async with asyncio.timeout(5):
            while len(self.questions) < count:
                self._asked.clear()
                await self._asked.wait()

    async def has_stopped(self) -> None:
        """Wait until an answer has ended, however it did."""
        await self._stopped.wait()

    async def warm_up(self) -> None:
        if self.load_errors:
            raise self.load_errors.pop(0)

    async def answer(self, question: PreparedQuestion) -> AsyncGenerator[Piece, None]:
        self.questions.append(question)
        self._asked.set()
        try:
            while (piece := await self._says.get()) is not None:
                if isinstance(piece, Exception):
                    raise piece
                yield piece
        finally:
            self.stopped += 1
            self._stopped.set()

    async def close(self) -> None:
        self.closed += 1
