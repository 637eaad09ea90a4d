"""The engine's shell: one worker thread owns the model; the event loop waits for it and streams what it wrote."""

import asyncio
import logging
import threading
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from host_server.engines.base import (
    EngineClosedError,
    EngineError,
    EngineInfo,
    Piece,
    PreparedQuestion,
    UnknownEngineError,
)
from host_server.engines.ocr import rapid
from host_server.engines.ocr.fill import fill
from host_server.engines.ocr.page import Page, lay_out
from host_server.engines.ocr.reply import reply
from host_server.engines.pieces import pieces

__all__ = ["OcrEngine", "create"]

_MOST_TOKENS: Final = 4096
"""More words than any page that a phone can take a readable picture of."""

_log = logging.getLogger(__name__)


class OcrEngine:
    """Reads pictures; see the package. `load` makes the reader, in the worker thread, when it is first needed."""

    def __init__(self, load: Callable[[], rapid.Reader], *, model: str = "pp-ocrv6-small") -> None:
        self._load = load
        self._reader: rapid.Reader | None = None
        self._closed = threading.Event()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="ocr")
        self.info: Final = EngineInfo(
            name="ocr",
            model=model,
            owner="RapidOCR",
            takes_images=True,
            reads_only=True,
            description="Reads the text in a picture, Chinese and English, and finds the value you ask for; "
            "it understands nothing else of the picture.",
        )

    async def warm_up(self) -> None:
        """Load the models in the worker thread."""
        await self._in_worker(lambda _: "")

    async def answer(self, question: PreparedQuestion) -> AsyncGenerator[Piece, None]:
        """Read the pictures in the worker thread, then stream the answer."""
        gone = threading.Event()
        try:
            text = await self._in_worker(partial(_work, question, lambda: gone.is_set() or self._closed.is_set()))
            limit = min(question.max_output_tokens or _MOST_TOKENS, _MOST_TOKENS)
            for piece in pieces(text, limit, stop=question.stop):
                if self._closed.is_set():
                    raise EngineClosedError("The OCR engine was closed.")
                yield piece
                await asyncio.sleep(0)  # other answers stream too
        finally:
            gone.set()

    async def close(self) -> None:
        """End the worker: what waits fails at once, what is being read at the model's next step."""
        self._closed.set()
        await asyncio.to_thread(self._worker.shutdown)
        self._reader = None

    async def _in_worker(self, work: Callable[[rapid.Reader], str]) -> str:
        if self._closed.is_set():
            raise EngineClosedError("The OCR engine is closed.")
        return await asyncio.get_running_loop().run_in_executor(self._worker, self._guarded, work)

    def _guarded(self, work: Callable[[rapid.Reader], str]) -> str:
        """Run in the worker: load the reader if need be. What fails is logged here and told in our own words."""
        if self._closed.is_set():
            raise EngineClosedError("The OCR engine was closed.")
        try:
            if self._reader is None:
                self._reader = self._load()
        except Exception as error:
            _log.exception("loading the OCR models failed")
            raise EngineError("The OCR models cannot be loaded.", hint="pip install 'lensbridge[ocr]'") from error
        try:
            return work(self._reader)
        except rapid.Stopped:
            raise EngineClosedError("The OCR engine was closed.") from None
        except Exception as error:
            _log.exception("reading a picture failed")
            raise EngineError("The picture could not be read.") from error


def create(model: str | None) -> OcrEngine:
    """Make `ocr`, or `ocr=fine` for densely printed pages."""
    sides = {None: rapid.FAST_SIDE, "fine": rapid.FINE_SIDE}
    if model not in sides:
        raise UnknownEngineError(f"ocr has no model {model!r}.", hint="Write `ocr` or `ocr=fine`.")
    name = "pp-ocrv6-small" if model is None else f"pp-ocrv6-small-{model}"
    return OcrEngine(partial(rapid.load, sides[model]), model=name)


def _work(question: PreparedQuestion, stop: rapid.Stop, read: rapid.Reader) -> str:
    pages: list[Page] = []
    for picture in question.pictures:
        if stop():
            raise rapid.Stopped
        pages.append(lay_out(read(picture.jpeg, stop)))
    filled = fill(question.form, pages) if question.form and pages else None
    return reply(question.text, pages, question.system) if filled is None else filled
