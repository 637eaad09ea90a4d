"""From a request to an answer that has begun: the question in its context, what is known already, or a polite word."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from host_server.core.conversation import Conversation, converse
from host_server.core.degrade import STOCK_TEXT
from host_server.observe.metrics import Metrics
from host_server.service.answer import Answer
from host_server.service.asked import Asked
from host_server.service.keeper import Keeper
from host_server.service.known import Known
from host_server.service.limits import Limits
from host_server.service.memory import Memory
from host_server.service.meter import Meter
from host_server.service.run import Run
from host_server.service.seats import Seat, Seats
from host_server.wire.errors import WireError
from host_server.wire.events import AnswerWriter
from host_server.wire.ids import new_item_id, new_response_id
from host_server.wire.items import input_items, weight
from host_server.wire.request import ResponseCreate
from host_server.wire.response import new_response

__all__ = ["Inquiry", "Reception"]


class Inquiry(NamedTuple):
    """A request and whose it is; `connection` names the socket it came on."""

    principal: str
    create: ResponseCreate
    connection: str | None


class Reception:
    """Opens answers. Nothing here waits: what has to be waited for lies before it, or in the `Run`."""

    def __init__(
        self,
        metrics: Metrics,
        seats: Seats,
        known: Known,
        memory: Memory,
        limits: Limits,
        *,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
    ) -> None:
        self._metrics = metrics
        self._seats = seats
        self._known = known
        self._memory = memory
        self._grace_s = limits.grace_s
        self._clock = clock
        self._wall_clock = wall_clock

    def converse(self, inquiry: Inquiry) -> Conversation:
        """The question in its context. Raises `WireError`."""
        name = inquiry.create.previous_response_id
        if name is None:
            return converse(inquiry.create, None)
        previous = self._known.get(name)
        if previous is None or previous.chain is None or not previous.visible(inquiry.principal, inquiry.connection):
            raise WireError(
                "previous_response_not_found",
                "That answer is not known here (any more); send the whole question.",
                param="previous_response_id",
            )
        return converse(inquiry.create, previous.chain)

    def accept(
        self,
        ticket: str,
        inquiry: Inquiry,
        conversation: Conversation,
        shown: tuple[str, ...],
        keeper: Keeper,
        seat: Seat,
        *,
        arrived: float,
    ) -> Run:
        """Let it begin: from here on it will have its terminal event, which the run writes.

        `shown` are the pictures of the question by sha256. What is known already needs no seat.
        """
        answer = self._open(ticket, inquiry, keeper, shown)
        asked = Asked.of(inquiry.create, conversation, shown or conversation.pictures, asker=inquiry.principal)
        place = self._memory.place(inquiry.principal, keeper.engine.info, inquiry.create, asked)
        answer.when_deleted = place.forget
        known = place.find()
        if known is not None:
            self._seats.leave(ticket)
        waits = known is None and seat.place > 0
        answer.emit(answer.writer.created(queued=waits))
        if waits:
            answer.emit(answer.writer.queued(position=seat.place))
        answer.wait_for_follower()
        self._known.add(answer)
        return Run(
            answer,
            asked,
            keeper,
            seat=seat,
            level=partial(self._seats.level, keeper.name),
            place=place,
            known=known,
            meter=Meter(self._clock, arrived),
            metrics=self._metrics,
            wall_clock=self._wall_clock,
        )

    def decline(self, inquiry: Inquiry, keeper: Keeper) -> Answer:
        """Too much waits: a polite word instead of a late answer. Raises `WireError` where words do not help."""
        create = inquiry.create
        retry_ms = self._seats.retry_after_ms(keeper.name, create.priority)
        if create.priority == "batch" or create.format.type != "text":
            raise WireError("queue_full", "Too many questions wait.", retry_after_ms=retry_ms)
        self.converse(inquiry)  # whether it makes sense at all
        answer = self._open(new_response_id(), inquiry, keeper, None)
        meter = Meter(self._clock, self._clock(), degraded=("stock_text",))
        writer, metrics = answer.writer, meter.metrics(cache="off")
        answer.emit([*writer.created(), *writer.started(), *writer.delta(STOCK_TEXT)])
        answer.emit(writer.declined(retry_after_ms=retry_ms, metrics=metrics, degraded=meter.degraded))
        self._known.add(answer)
        return answer

    def _open(self, answer_id: str, inquiry: Inquiry, keeper: Keeper, shown: tuple[str, ...] | None) -> Answer:
        """An answer without events; `shown` is None when its pictures were not looked at."""
        create = inquiry.create
        response = new_response(
            response_id=answer_id,
            created_at=int(self._wall_clock()),
            model=keeper.name,
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
            principal=inquiry.principal,
            connection=inquiry.connection,
            store=create.store is not False,
            grace_s=self._grace_s,
            items=() if shown is None else input_items(create, shown, answer_id=answer_id),
            weight=weight(create),
        )
