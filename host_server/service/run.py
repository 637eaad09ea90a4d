"""The run of one answer: prepare, wait for the seat, let the engine speak, close; whatever happens, close."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import replace

from host_server.core.answer_cache import CachedAnswer
from host_server.core.degrade import STEPS, Step, shorter, smaller
from host_server.core.question import PreparedPicture, PreparedQuestion, Priority
from host_server.engines.base import Engine, EngineError
from host_server.observe.log import get_logger
from host_server.observe.metrics import Metrics
from host_server.service.answer import Answer
from host_server.service.asked import Asked
from host_server.service.keeper import Keeper
from host_server.service.limits import Limits
from host_server.service.memory import Place
from host_server.service.meter import Meter
from host_server.service.pictures import Pictures
from host_server.service.seats import Seat
from host_server.service.speech import Speech
from host_server.wire.errors import CODES, WireError
from host_server.wire.response import Json

__all__ = ["Run"]

_RETRY_MS = 2000


class Run:
    """Everything one answer needs while it runs.

    Its `seat` becomes free when the engine can take it; `level` says on which step of the ladder the engine stands. An
    answer that is `known` is said again without either.
    """

    def __init__(
        self,
        answer: Answer,
        asked: Asked,
        keeper: Keeper,
        *,
        seat: Seat,
        level: Callable[[], int],
        place: Place,
        known: CachedAnswer | None,
        meter: Meter,
        metrics: Metrics,
        wall_clock: Callable[[], float],
    ) -> None:
        self.answer = answer
        self.meter = meter
        self._asked = asked
        self._keeper = keeper
        self._seat = seat
        self._level = level
        self._place = place
        self._known = known
        self._metrics = metrics
        self._wall_clock = wall_clock
        self._deadline = asyncio.timeout(None)

    @property
    def engine(self) -> str:
        """The name of its engine."""
        return self._keeper.name

    @property
    def priority(self) -> Priority:
        """Its class."""
        return self._asked.question.priority

    @property
    def took_s(self) -> float | None:
        """How long the engine worked for it, if it said all it had to say."""
        spoken = self.answer.response()["status"] in {"completed", "incomplete"} and self.meter.tokens > 0
        return self.meter.engine_s if spoken and self._known is None else None

    async def to_the_end(self, pictures: Pictures, limits: Limits) -> None:
        """Run until the terminal event is written. Never raises, and takes being cancelled as an order to close."""
        task = asyncio.current_task()
        if task is None or not self.answer.begin(task.cancel):
            self._end_cancelled()
            return
        longest = limits.queue_limit_s(self.priority)
        try:
            async with asyncio.timeout(min(longest, self._asked.timeout_s)) as self._deadline:
                await self._answer(pictures, limits)
        except TimeoutError:
            self._end_late()
        except asyncio.CancelledError:
            self._end_cancelled()
        except WireError as error:
            self._end_failed(error)
        except EngineError as error:
            wait = int(1000 * error.retry_after_s) if error.retry_after_s is not None else _RETRY_MS
            retry_ms = wait if CODES[error.code].retryable else None
            self._end_failed(WireError(error.code, error.message, retry_after_ms=retry_ms))
        except Exception:  # ruff: ignore[blind-except] an engine is somebody else's code; the question still gets its end
            get_logger("host_server.service").exception("answer failed", response_id=self.answer.id)
            self._end_failed(WireError("internal", "Something went wrong inside the host."))

    async def _answer(self, pictures: Pictures, limits: Limits) -> None:
        speech = Speech(self.answer, self._asked.question.form)
        cut = self._repeat(self._known, speech) if self._known else await self._ask(pictures, limits, speech)
        await _others_first()
        if not self._asked.silent:
            await speech.finish(cut=cut)
        self._end_spoken(cut=cut)

    def _repeat(self, known: CachedAnswer, speech: Speech) -> bool:
        """Say what the engine said the last time: no picture is opened, no seat waited for."""
        self.meter.repeats(known)
        self._metrics.repeated(self.engine)
        self.answer.emit(self.answer.writer.started())
        cut = not (speech.think(known.thought) and speech.say(known.text))
        speech.pause()
        return cut

    async def _ask(self, pictures: Pictures, limits: Limits, speech: Speech) -> bool:
        with pictures.held(self.answer.principal, self._asked.pictures):
            await self._seat.near.wait()
            question = await self._prepared(pictures)
            await self._seat.free.wait()
            if self._keeper.state != "ready":
                self.answer.emit(self.answer.writer.queued(position=0, reason="loading"))
            async with self._keeper.at_work() as engine:
                self._sit_down(limits)
                return not self._asked.silent and await self._speak(engine, question, speech)

    async def _prepared(self, pictures: Pictures) -> PreparedQuestion:
        """The question as the engine gets it, made smaller and shorter if too much is asked."""
        began = self.meter.clock()
        question = self._asked.question
        steps = STEPS[: self._level()] if self.priority == "interactive" else ()
        whole = max_side = self._keeper.engine.info.max_side
        if "smaller_picture" in steps:
            max_side = smaller(whole)
        prepared = [
            await pictures.prepare(self.answer.principal, sha256, max_side=max_side, priority=question.priority)
            for sha256 in self._asked.pictures
        ]
        if prepared:
            self.meter.prepare_s = self.meter.clock() - began
            self._metrics.prepared(self.engine, self.meter.prepare_s)
        if max_side < whole and any(_lost_something(picture, max_side) for picture in prepared):
            self._degrade("smaller_picture")
        question = replace(question, pictures=tuple(prepared))
        if "greedy_shorter" in steps:
            self._degrade("greedy_shorter")
            return shorter(question)
        return question

    def _degrade(self, step: Step) -> None:
        self.meter.degraded += (step,)
        self._metrics.degraded(self.engine, step)

    def _sit_down(self, limits: Limits) -> None:
        """The engine begins: from now on it is its time that counts."""
        now = self.meter.seated = self.meter.clock()
        left_s = self._asked.timeout_s - (now - self.meter.arrived)
        self._deadline.reschedule(asyncio.get_running_loop().time() + min(limits.answer_s, left_s))
        self.answer.emit(self.answer.writer.started())

    async def _speak(self, engine: Engine, question: PreparedQuestion, speech: Speech) -> bool:
        """Let the engine answer; whether the answer is shorter than it would be."""
        thought: list[str] = []
        said: list[str] = []
        try:
            async with aclosing(engine.answer(question)) as pieces:
                async for piece in pieces:
                    gap_s = self.meter.said(piece)
                    if gap_s is not None:
                        self._metrics.token(self.engine, gap_s)
                    (thought if piece.thinking else said).append(piece.text)
                    went = speech.think(piece.text) if piece.thinking else speech.say(piece.text)
                    if not went or piece.cut:
                        return True
            if not self.meter.degraded:
                usage = self.meter.usage(self._asked.conversation)
                self._place.keep(CachedAnswer("".join(said), self.meter.tokens, "".join(thought), usage))
            return False
        finally:
            speech.pause()

    # ---- ends
    def _end_spoken(self, *, cut: bool) -> None:
        writer = self.answer.writer
        if cut:
            events = writer.cut("max_output_tokens", **self._told())
        else:
            events = writer.completed(completed_at=int(self._wall_clock()), **self._told())
        self._end(events)

    def _end_late(self) -> None:
        if self.meter.seated is None:
            self._end_failed(
                WireError("deadline_exceeded_in_queue", "The question waited too long.", retry_after_ms=1000)
            )
            return
        self._end(self.answer.writer.cancelled("deadline", **self._told()))

    def _end_cancelled(self) -> None:
        by = self.answer.cancelled_by
        if by is None or by == "shutdown":
            self._end_failed(WireError("server_draining", "The host ended before the answer did.", retry_after_ms=5000))
            return
        self._end(self.answer.writer.cancelled(by, **self._told()))

    def _end_failed(self, error: WireError) -> None:
        self._end(self.answer.writer.failed(error, **self._told()))

    def _told(self) -> Json:
        """What every end tells."""
        meter = self.meter
        return {
            "usage": None if meter.seated is None else meter.usage(self._asked.conversation),
            "metrics": meter.metrics(cache=self._place.cache),
            "degraded": meter.degraded,
        }

    def _end(self, events: list[Json]) -> None:
        self.answer.chain = self._asked.conversation.then(self.answer.writer.text, self._asked.pictures)
        self.answer.emit(events)


def _lost_something(picture: PreparedPicture, max_side: int) -> bool:
    return max(picture.original_width, picture.original_height) > max_side


async def _others_first() -> None:
    """Let the last words leave before this answer is closed.

    A batching engine ends many answers in one step, and closing one costs as much as saying ten words: one turn of the
    loop for the readers to wake in, one for the words to be sent.
    """
    for _ in range(2):
        await asyncio.sleep(0)
