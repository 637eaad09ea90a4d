"""The run of one answer: prepare, wait for the seat, let the engine speak, close; whatever happens, close."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field

from host_server.core.answer_cache import CachedAnswer
from host_server.core.conversation import Conversation
from host_server.engines.base import Engine, EngineError, PreparedQuestion
from host_server.observe.log import get_logger
from host_server.service.answer import Answer
from host_server.service.memory import Place
from host_server.service.pictures import Pictures
from host_server.service.speech import Speech, answer_form
from host_server.wire.errors import CODES, WireError
from host_server.wire.request import ResponseCreate
from host_server.wire.response import Json, metrics, usage

__all__ = ["Run", "Seat"]

_LONGEST_TIMEOUT_MS = 3_600_000
_RETRY_MS = 2000
_MILLISECONDS = re.compile(r"[0-9]{1,9}", re.ASCII)


@dataclass(slots=True)
class Seat:
    """A place at the engine: `place` in the queue, 0 once it is `free`."""

    place: int
    free: asyncio.Event = field(default_factory=asyncio.Event)

    def move(self, place: int) -> None:
        """The queue has moved."""
        self.place = place
        if not place:
            self.free.set()


class Run:
    """Everything one answer needs while it runs.

    Its `seat` becomes free when the engine can take it; `ready` waits until the engine is loaded.
    """

    def __init__(
        self,
        answer: Answer,
        engine: Engine,
        create: ResponseCreate,
        conversation: Conversation,
        pictures: tuple[str, ...],
        *,
        seat: Seat,
        place: Place,
        ready: Callable[[], Awaitable[None]],
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
        arrived: float,
    ) -> None:
        self.answer = answer
        self._engine = engine
        self._create = create
        self._conversation = conversation
        self._pictures = pictures
        self._seat = seat
        self._place = place
        self._ready = ready
        self._clock = clock
        self._wall_clock = wall_clock
        self._arrived = arrived
        self._prepare_s = 0.0
        self._seated: float | None = None
        self._first: float | None = None
        self._last: float | None = None
        self._tokens = 0

    async def to_the_end(self, pictures: Pictures, *, limit_s: float) -> None:
        """Run until the terminal event is written. Never raises, and takes being cancelled as an order to close."""
        task = asyncio.current_task()
        if task is None or not self.answer.begin(task.cancel):
            self._end_cancelled()
            return
        try:
            async with asyncio.timeout(min(limit_s, self._timeout_s())):
                await self._answer(pictures)
        except TimeoutError:
            self._end_late()
        except asyncio.CancelledError:
            self._end_cancelled()
        except WireError as error:
            self._end_failed(error)
        except EngineError as error:
            wait = _RETRY_MS if CODES[error.code].retryable else None
            self._end_failed(WireError(error.code, error.message, retry_after_ms=wait))
        except Exception:  # ruff: ignore[blind-except] an engine is somebody else's code; the question still gets its end
            get_logger("host_server.service").exception("answer failed", response_id=self.answer.id)
            self._end_failed(WireError("internal", "Something went wrong inside the host."))

    async def _answer(self, pictures: Pictures) -> None:
        speech = Speech(self.answer, answer_form(self._create.format))
        known = self._place.find()
        cut = self._repeat(known, speech) if known else await self._ask(pictures, speech)
        await _others_first()
        if self._create.generate is not False:
            await speech.finish(cut=cut)
        self._end_spoken(cut=cut)

    def _repeat(self, known: CachedAnswer, speech: Speech) -> bool:
        """Say what the engine said the last time: no picture is opened, no seat waited for."""
        self._seated = self._first = self._last = self._clock()
        self._tokens = known.tokens
        self.answer.emit(self.answer.writer.started())
        cut = not speech.say(known.text)
        speech.pause()
        return cut

    async def _ask(self, pictures: Pictures, speech: Speech) -> bool:
        principal = self.answer.principal
        with pictures.held(principal, self._pictures):
            began = self._clock()
            max_side = self._engine.info.max_side
            prepared = [await pictures.prepare(principal, sha256, max_side=max_side) for sha256 in self._pictures]
            self._prepare_s = self._clock() - began
            question = PreparedQuestion(
                text=self._conversation.text,
                pictures=tuple(prepared),
                system=self._conversation.system,
                history=self._conversation.history,
                max_output_tokens=self._create.max_output_tokens,
                temperature=self._create.temperature,
                form=speech.form,
            )
            await self._seat.free.wait()
            await self._ready()
            self._seated = self._clock()
            self.answer.emit(self.answer.writer.started())
            return self._create.generate is not False and await self._speak(question, speech)

    async def _speak(self, question: PreparedQuestion, speech: Speech) -> bool:
        """Let the engine answer; whether the answer is shorter than it would be."""
        said: list[str] = []
        try:
            async with aclosing(self._engine.answer(question)) as pieces:
                async for piece in pieces:
                    self._last = self._clock()
                    self._first = self._first or self._last
                    self._tokens += piece.tokens
                    said.append(piece.text)
                    if not speech.say(piece.text) or piece.cut:
                        return True
            self._place.keep("".join(said), self._tokens)
            return False
        finally:
            speech.pause()

    def _end_spoken(self, *, cut: bool) -> None:
        writer = self.answer.writer
        if cut:
            events = writer.cut("max_output_tokens", usage=self._usage(), metrics=self._metrics())
        else:
            now = int(self._wall_clock())
            events = writer.completed(completed_at=now, usage=self._usage(), metrics=self._metrics())
        self._end(events)

    def _end_late(self) -> None:
        if self._seated is None:
            self._end_failed(
                WireError("deadline_exceeded_in_queue", "The question waited too long.", retry_after_ms=1000)
            )
            return
        self._end(self.answer.writer.cancelled("deadline", usage=self._usage(), metrics=self._metrics()))

    def _end_cancelled(self) -> None:
        by = self.answer.cancelled_by
        if by is None or by == "shutdown":
            self._end_failed(WireError("server_draining", "The host ended before the answer did.", retry_after_ms=5000))
            return
        self._end(self.answer.writer.cancelled(by, usage=self._usage(), metrics=self._metrics()))

    def _end_failed(self, error: WireError) -> None:
        self._end(self.answer.writer.failed(error, metrics=self._metrics()))

    def _end(self, events: list[Json]) -> None:
        self.answer.chain = self._conversation.then(self.answer.writer.text, self._pictures)
        self.answer.emit(events)

    def _timeout_s(self) -> float:
        text = (self._create.metadata or {}).get("timeout_ms", "")
        milliseconds = int(text) if _MILLISECONDS.fullmatch(text) else 0
        return min(milliseconds or _LONGEST_TIMEOUT_MS, _LONGEST_TIMEOUT_MS) / 1000

    def _usage(self) -> Json:
        # Four characters a token: an estimate, until engines count for themselves.
        conversation = self._conversation
        characters = len(conversation.text) + len(conversation.system)
        characters += sum(len(turn.text) for turn in conversation.history)
        return usage(input_tokens=-(-characters // 4), output_tokens=self._tokens)

    def _metrics(self) -> Json:
        waited = (self._seated if self._seated is not None else self._clock()) - self._arrived - self._prepare_s
        return metrics(
            queue_time_ms=1000 * max(0.0, waited),
            preprocess_ms=1000 * self._prepare_s,
            time_to_first_token_ms=None if self._first is None else 1000 * (self._first - self._arrived),
            generation_time_ms=1000 * (self._last - self._first) if self._first and self._last else 0.0,
            output_tokens=self._tokens,
            cache=self._place.cache,
        )


async def _others_first() -> None:
    """Let the last words leave before this answer is closed.

    A batching engine ends many answers in one step, and closing one costs as much as saying ten words: one turn of the
    loop for the readers to wake in, one for the words to be sent.
    """
    for _ in range(2):
        await asyncio.sleep(0)
