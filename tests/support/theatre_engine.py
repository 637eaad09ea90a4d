"""An engine with a stage for each question: the test says what is said on which."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator

from host_server.engines.base import EngineError, EngineInfo, Piece, PreparedQuestion, PromptTooLongError

__all__ = ["TheatreEngine"]


class TheatreEngine:
    """The text of a question names its stage; what is said there before it is asked waits for it."""

    def __init__(self, *, lanes: int) -> None:
        self.info = EngineInfo(
            name="theatre",
            model="theatre-1",
            owner="tests",
            takes_images=False,
            reads_only=False,
            description="For tests.",
            lanes=lanes,
        )
        self._stages: defaultdict[str, asyncio.Queue[Piece | EngineError | None]] = defaultdict(asyncio.Queue)

    def say(self, stage: str, *texts: str) -> None:
        """The next pieces."""
        for text in texts:
            self._stages[stage].put_nowait(Piece(text))

    def finish(self, stage: str) -> None:
        """The end."""
        self._stages[stage].put_nowait(None)

    def fail(self, stage: str) -> None:
        """It breaks off, and would again: a question that may be asked again is another one."""
        self._stages[stage].put_nowait(PromptTooLongError("It broke.", hint="mend it"))

    async def warm_up(self) -> None:
        """Nothing to load."""

    async def answer(self, question: PreparedQuestion) -> AsyncGenerator[Piece, None]:
        """What is said on the stage of this question."""
        stage = self._stages[question.text]
        while (piece := await stage.get()) is not None:
            if isinstance(piece, EngineError):
                raise piece
            yield piece

    async def close(self) -> None:
        """Nothing to close."""
