"""Service: takes questions, runs their answers, knows them for a while. The picture is in the package's docstring."""

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from host_server.core.answer_cache import AnswerCache
from host_server.observe.log import get_logger
from host_server.service.answer import Answer
from host_server.service.counted import Counted
from host_server.service.engines import EngineRoom
from host_server.service.keeper import Keeper
from host_server.service.known import Known
from host_server.service.limits import Limits
from host_server.service.memory import Memory
from host_server.service.pictures import Pictures
from host_server.service.reception import Inquiry, Reception
from host_server.service.run import Run
from host_server.service.seats import Seats
from host_server.wire.errors import WireError
from host_server.wire.ids import new_response_id
from host_server.wire.request import ResponseCreate

__all__ = ["Service"]

_SWEEP_S = 60.0
_TRANSPORT_FIELDS = {"event_id", "generate", "stream", "stream_id"}


class Service:
    """Use `running` for its life; then `ask`, `find`, `cancel`, `delete`."""

    def __init__(
        self,
        engines: EngineRoom,
        pictures: Pictures,
        *,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.engines = engines
        self.pictures = pictures
        self.limits = limits or Limits()
        self.draining = False
        self._clock = clock
        lanes = {engine.info.name: engine.info.lanes for engine in engines.engines}
        self._seats = Seats(lanes, self.limits, clock=clock, tell=self._tell_place)
        self._known = Known(self.limits)
        cache = AnswerCache(max_bytes=self.limits.cache_bytes, keep_s=self.limits.cache_s)
        self._memory = Memory(cache, clock=clock)
        self._reception = Reception(
            engines.metrics, self._seats, self._known, self._memory, self.limits, clock=clock, wall_clock=wall_clock
        )
        self._counted = Counted(engines, self._seats)
        self._tasks: asyncio.TaskGroup | None = None
        self._log = get_logger("host_server.service")

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Inside the block the engines are loaded and answers run; at its end all are ended and closed."""
        try:
            async with asyncio.TaskGroup() as group:
                self._tasks = group
                loading = group.create_task(self.engines.keep())
                sweeping = group.create_task(self._sweep())
                try:
                    yield
                finally:
                    loading.cancel()
                    sweeping.cancel()
                    self.abort()
        finally:
            self._tasks = None
            await self.engines.close()
            self.pictures.close()

    @property
    def busy(self) -> int:
        """Answers that have not ended."""
        return sum(not answer.ended for answer in self._known)

    @property
    def queue(self) -> dict[str, int]:
        """How many sit at an engine, how many wait."""
        return self._seats.queue

    def reasons(self) -> list[str]:
        """Why a question would be refused now, or would have to wait for the model; empty when the host is ready."""
        reasons = self.engines.reasons()
        if self.draining:
            reasons.append("draining")
        if self._seats.full:
            reasons.append("queue full")
        return reasons

    def exposition(self) -> bytes:
        """What Prometheus reads."""
        return self.engines.metrics.render()

    async def ask(
        self, principal: str, create: ResponseCreate, *, key: str | None = None, connection: str | None = None
    ) -> Answer:
        """Take a question; its answer has begun when this returns. Raises `WireError`.

        The same question with the same idempotency key gives the same answer. `connection` names the socket that asks:
        it alone sees an answer that is not to be stored.
        """
        try:
            return await self._ask(Inquiry(principal, create, connection), key)
        except WireError as error:
            self._counted.rejected(create, error.code)
            raise

    def find(self, principal: str, answer_id: str, *, connection: str | None = None) -> Answer:
        """A known answer of this principal. Raises `WireError`."""
        return self._known.find(principal, answer_id, connection=connection)

    def delete(self, principal: str, answer_id: str) -> None:
        """Forget an answer, stopping it first. Raises `WireError`."""
        answer = self.find(principal, answer_id)
        answer.cancel("client")
        answer.when_deleted()
        self._known.delete(answer)

    async def delete_picture(self, principal: str, sha256: str) -> bool:
        """Whether it was here; what was said about it is not said again. Raises `WireError` while one looks at it."""
        was_here = await self.pictures.delete(principal, sha256)
        self._memory.forget(principal, sha256)
        return was_here

    def drain(self) -> None:
        """Take no question any more; those that run may end."""
        self.draining = True

    def abort(self) -> None:
        """Take no question any more and end those that run, each with its terminal event."""
        self.draining = True
        for answer in self._known:
            answer.cancel("shutdown")

    async def _ask(self, inquiry: Inquiry, key: str | None) -> Answer:
        key = key or (inquiry.create.metadata or {}).get("idempotency_key")
        if key is None:
            return await self._take(inquiry)
        async with self._known.lock(inquiry.principal, key):
            digest = _digest(inquiry.create)
            known = self._known.by_key(inquiry.principal, key, digest)
            if known is not None:
                return known
            answer = await self._take(inquiry)
            self._known.remember_key(inquiry.principal, key, digest, answer)
            return answer

    async def _take(self, inquiry: Inquiry) -> Answer:
        self._open()
        create = inquiry.create
        keeper = self.engines.pick(create.model)
        if self._seats.declines(keeper.name):
            return self._decline(inquiry, keeper)
        arrived = self._clock()
        ticket = new_response_id()
        seat = self._seats.enter(ticket, engine=keeper.name, principal=inquiry.principal, priority=create.priority)
        try:
            conversation = self._reception.converse(inquiry)
            shown = await self.pictures.resolve(inquiry.principal, conversation.images, priority=create.priority)
            tasks = self._open()  # it may have ended meanwhile
            run = self._reception.accept(ticket, inquiry, conversation, shown, keeper, seat, arrived=arrived)
            tasks.create_task(self._run(run), name=ticket)
        except BaseException:
            self._seats.leave(ticket)
            raise
        about = create.metadata or {}
        self._log.info("accepted", response_id=ticket, capture_id=about.get("capture_id"), engine=keeper.name)
        return run.answer

    def _decline(self, inquiry: Inquiry, keeper: Keeper) -> Answer:
        answer = self._reception.decline(inquiry, keeper)
        self._counted.declined(keeper.name)
        self._known.ended(answer, now=self._clock())
        return answer

    async def _run(self, run: Run) -> None:
        answer = run.answer
        try:
            await run.to_the_end(self.pictures, self.limits)
        finally:
            self._seats.leave(answer.id, took_s=run.took_s)
            self._counted.ended(run)
            self._known.ended(answer, now=self._clock())

    def _open(self) -> asyncio.TaskGroup:
        if self.draining or self._tasks is None:
            raise WireError("server_draining", "The host is about to end.", retry_after_ms=5000)
        return self._tasks

    def _tell_place(self, ticket: str, place: int) -> None:
        answer = self._known.get(ticket)
        if answer is not None:
            answer.emit(answer.writer.queued(position=place))

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_S)
            self._known.expire(now=self._clock())


def _digest(create: ResponseCreate) -> str:
    body = create.model_dump(mode="json", exclude=_TRANSPORT_FIELDS)
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
