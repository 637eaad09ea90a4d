"""Service: takes questions, runs their answers, knows them for a while. The picture is in the package's docstring."""

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from weakref import WeakValueDictionary

from host_server.core.admission import Admission, AdmissionError, Moved
from host_server.core.answer_cache import AnswerCache
from host_server.core.conversation import Conversation, converse
from host_server.core.idempotency import KeyReusedError, Keys
from host_server.core.shelf import Shelf
from host_server.engines.base import Engine
from host_server.observe.log import get_logger
from host_server.service.answer import Answer
from host_server.service.engines import EngineRoom
from host_server.service.memory import Memory
from host_server.service.pictures import Pictures
from host_server.service.run import Run, Seat
from host_server.wire.errors import WireError
from host_server.wire.events import AnswerWriter
from host_server.wire.ids import new_item_id, new_response_id
from host_server.wire.items import input_items, weight
from host_server.wire.request import ResponseCreate
from host_server.wire.response import new_response

__all__ = ["Limits", "Service"]

_SWEEP_S = 60.0
_TRANSPORT_FIELDS = {"event_id", "generate", "stream", "stream_id"}


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of anything; each has a reason to be finite."""

    max_waiting: int = 64
    max_per_principal: int = 48
    grace_s: float = 30.0
    answer_s: float = 600.0
    keep_s: float = 24 * 3600.0
    keep_answers: int = 5000
    keep_bytes: int = 64 * 1024 * 1024
    cache_bytes: int = 0
    cache_s: float = 24 * 3600.0


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
        self._wall_clock = wall_clock
        seats = {engine.info.name: engine.info.lanes for engine in engines.engines}
        self._admission = Admission(
            seats, max_waiting=self.limits.max_waiting, max_per_principal=self.limits.max_per_principal
        )
        self._shelf = Shelf(
            keep_s=self.limits.keep_s, max_answers=self.limits.keep_answers, max_bytes=self.limits.keep_bytes
        )
        cache = AnswerCache(max_bytes=self.limits.cache_bytes, keep_s=self.limits.cache_s)
        self._memory = Memory(cache, clock=clock)
        self._keys = Keys()
        self._key_locks: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()
        self._answers: dict[str, Answer] = {}
        self._seats: dict[str, Seat] = {}
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
        return sum(not answer.ended for answer in self._answers.values())

    @property
    def queue(self) -> dict[str, int]:
        """How many sit at an engine, how many wait."""
        return {"running": self._admission.running, "waiting": self._admission.waiting}

    def reasons(self) -> list[str]:
        """Why a question would be refused now; empty when the host is ready."""
        reasons = [f"engine {name} is {state}" for name, state in self.engines.states.items() if state != "ready"]
        if self.draining:
            reasons.append("draining")
        if self._admission.full:
            reasons.append("queue full")
        return reasons

    async def ask(
        self, principal: str, create: ResponseCreate, *, key: str | None = None, connection: str | None = None
    ) -> Answer:
        """Take a question; its answer has begun when this returns. Raises `WireError`.

        The same question with the same idempotency key gives the same answer. `connection` names the socket that asks:
        it alone sees an answer that is not to be stored.
        """
        key = key or (create.metadata or {}).get("idempotency_key")
        if key is None:
            return await self._take(principal, create, connection)
        lock = self._key_locks.setdefault((principal, key), asyncio.Lock())
        async with lock:
            digest = _digest(create)
            try:
                known = self._keys.find(principal, key, digest)
            except KeyReusedError:
                message = "This idempotency key was used for another question."
                raise WireError("idempotency_key_reused", message, param="metadata.idempotency_key") from None
            if known is not None:
                return self._answers[known]
            answer = await self._take(principal, create, connection)
            self._keys.remember(principal, key, digest, answer.id)
            return answer

    def find(self, principal: str, answer_id: str, *, connection: str | None = None) -> Answer:
        """A known answer of this principal. Raises `WireError`."""
        answer = self._answers.get(answer_id)
        if answer is None or not answer.visible(principal, connection):
            raise WireError("response_not_found", "No such answer is known here (any more).", param="response_id")
        return answer

    def delete(self, principal: str, answer_id: str) -> None:
        """Forget an answer, stopping it first. Raises `WireError`."""
        answer = self.find(principal, answer_id)
        answer.cancel("client")
        answer.when_deleted()
        self._shelf.remove(answer_id)
        self._forget([answer_id])

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
        for answer in self._answers.values():
            answer.cancel("shutdown")

    async def _take(self, principal: str, create: ResponseCreate, connection: str | None) -> Answer:
        self._open()
        engine = self.engines.pick(create.model)
        ticket = new_response_id()
        arrived = self._clock()
        seat = self._enter(ticket, engine, principal, arrived)
        try:
            conversation = self._converse(principal, create, connection)
            shown = await self.pictures.resolve(principal, conversation.images)
            tasks = self._open()  # it may have ended meanwhile
            pictures = shown or conversation.pictures
            answer = self._new_answer(ticket, principal, create, engine, connection, shown)
            place = self._memory.place(principal, engine.info, create, conversation, pictures)
            answer.when_deleted = place.forget
            run = Run(
                answer,
                engine,
                create,
                conversation,
                pictures,
                seat=seat,
                place=place,
                ready=partial(self.engines.ready, engine.info.name),
                clock=self._clock,
                wall_clock=self._wall_clock,
                arrived=arrived,
            )
            answer.emit(answer.writer.created(queued=bool(seat.place)))
            if seat.place:
                answer.emit(answer.writer.queued(position=seat.place))
            answer.wait_for_follower()
            tasks.create_task(self._run(run), name=ticket)
        except BaseException:
            self._leave(ticket)
            raise
        self._answers[ticket] = answer
        about = create.metadata or {}
        self._log.info("accepted", response_id=ticket, capture_id=about.get("capture_id"), engine=engine.info.name)
        return answer

    def _open(self) -> asyncio.TaskGroup:
        if self.draining or self._tasks is None:
            raise WireError("server_draining", "The host is about to end.", retry_after_ms=5000)
        return self._tasks

    async def _run(self, run: Run) -> None:
        answer = run.answer
        try:
            await run.to_the_end(self.pictures, limit_s=self.limits.answer_s)
        finally:
            self._leave(answer.id)
            self._log.info("ended", response_id=answer.id, status=answer.response()["status"])
            if answer.id in self._answers:
                self._forget(self._shelf.ended(answer.id, size=answer.size, now=self._clock()))

    def _enter(self, ticket: str, engine: Engine, principal: str, now: float) -> Seat:
        try:
            place = self._admission.enter(ticket, engine=engine.info.name, principal=principal, now=now)
        except AdmissionError as error:
            message = (
                "Too many questions wait." if error.code == "queue_full" else "Too many questions of yours at once."
            )
            raise WireError(error.code, message, retry_after_ms=int(error.retry_after_s * 1000)) from None
        seat = self._seats[ticket] = Seat(place)
        seat.move(place)
        return seat

    def _leave(self, ticket: str) -> None:
        self._seats.pop(ticket, None)
        moved: Moved = self._admission.leave(ticket, now=self._clock())
        for other in moved.seated:
            self._seats[other].move(0)
        for other, place in moved.waiting.items():
            self._seats[other].move(place)
            answer = self._answers.get(other)
            if answer is not None:
                answer.emit(answer.writer.queued(position=place))

    def _converse(self, principal: str, create: ResponseCreate, connection: str | None) -> Conversation:
        if create.previous_response_id is None:
            return converse(create, None)
        previous = self._answers.get(create.previous_response_id)
        if previous is None or previous.chain is None or not previous.visible(principal, connection):
            raise WireError(
                "previous_response_not_found",
                "That answer is not known here (any more); send the whole question.",
                param="previous_response_id",
            )
        return converse(create, previous.chain)

    def _new_answer(
        self,
        answer_id: str,
        principal: str,
        create: ResponseCreate,
        engine: Engine,
        connection: str | None,
        shown: tuple[str, ...],
    ) -> Answer:
        response = new_response(
            response_id=answer_id,
            created_at=int(self._wall_clock()),
            model=engine.info.name,
            instructions=create.instructions,
            metadata=create.metadata,
            previous_response_id=create.previous_response_id,
            store=create.store is not False,
            max_output_tokens=create.max_output_tokens,
            temperature=create.temperature or 0.0,
            top_p=1.0 if create.top_p is None else create.top_p,
            text_format=create.format.echo(),
            reasoning_effort=create.reasoning.effort if create.reasoning else None,
            service_tier="flex" if create.priority == "batch" else "default",
        )
        return Answer(
            answer_id,
            AnswerWriter(response, item_id=new_item_id()),
            principal=principal,
            connection=connection,
            store=create.store is not False,
            grace_s=self.limits.grace_s,
            items=input_items(create, shown, answer_id=answer_id),
            weight=weight(create),
        )

    def _forget(self, answers: list[str]) -> None:
        for answer_id in answers:
            self._answers.pop(answer_id, None)
            self._keys.forget(answer_id)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_S)
            self._forget(self._shelf.expire(now=self._clock()))


def _digest(create: ResponseCreate) -> str:
    body = create.model_dump(mode="json", exclude=_TRANSPORT_FIELDS)
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
