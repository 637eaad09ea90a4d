"""The events of one answer, in the only order clients accept.

```
created ► [queued …] ► in_progress ► [what it thought:  item.added ► … ► item.done] ► [message:  item.added ► …
                                                                                  terminal ◄ item.done ◄ … ◄┘
```
`AnswerWriter` is a pure state machine: each call returns the events that follow, numbered from 0. Whatever ends the
answer, the open item is closed first, and exactly one terminal event carries the whole Response. There is no
"cancelled" event: a cancelled answer ends *incomplete* with the status `cancelled`.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import starmap
from typing import Any, Literal

from host_server.wire.errors import WireError, response_error
from host_server.wire.output import Body, Item, Status
from host_server.wire.response import Json

__all__ = ["TERMINAL_TYPES", "AnswerWriter", "OrderError", "QueueReason", "is_terminal", "session_ready"]

TERMINAL_TYPES = frozenset({"response.completed", "response.incomplete", "response.failed"})

QueueReason = Literal["busy", "loading"]
"""Others come first, or the model is being loaded."""

_State = Literal["new", "waiting", "running", "thinking", "writing", "ended"]


class OrderError(RuntimeError):
    """The writer was asked for an event that cannot come now: a fault in the caller."""


def is_terminal(event: Mapping[str, Any]) -> bool:
    """Whether this event is the last one of its answer."""
    return event.get("type") in TERMINAL_TYPES


def session_ready(
    *,
    session_id: str,
    sequence_number: int,
    models: Sequence[str],
    max_image_bytes: int,
    max_message_bytes: int,
    max_inflight: int,
    resume_grace_s: float,
) -> Json:
    """The first event on a socket that speaks `bridge.v1`."""
    return {
        "type": "bridge:session.ready",
        "sequence_number": sequence_number,
        "protocol": 1,
        "session_id": session_id,
        "models": list(models),
        "limits": {
            "max_image_bytes": max_image_bytes,
            "max_message_bytes": max_message_bytes,
            "max_inflight": max_inflight,
        },
        "resume_grace_s": resume_grace_s,
    }


class AnswerWriter:
    """Writes one answer. Give it the Response in its first state and the name its message will have."""

    def __init__(self, response: Json, *, item_id: str) -> None:
        self._response = response
        self._item_id = item_id
        self._state: _State = "new"
        self._next = 0
        self._thought: Item | None = None
        self._message: Item | None = None
        self._closed: list[Json] = []

    @property
    def text(self) -> str:
        """What has been written of the answer so far."""
        return self._message.text if self._message else ""

    @property
    def thought(self) -> str:
        """What the model has thought so far; not part of the answer."""
        return self._thought.text if self._thought else ""

    @property
    def ended(self) -> bool:
        """Whether the terminal event has been written; nothing may follow it."""
        return self._state == "ended"

    def response(self) -> Json:
        """The Response as it stands, with what has been written so far."""
        current = self._current
        if current is None:
            return dict(self._response)
        return self._response | {"output": [*self._closed, current.so_far()]}

    def created(self, *, queued: bool = False) -> list[Json]:
        """Event 0. Call `started` when the engine begins; until then `queued` may tell the place in the queue."""
        self._expect("new")
        self._state = "waiting"
        self._response["status"] = "queued" if queued else "in_progress"
        return self._told("response.created")

    def queued(self, *, position: int, eta_ms: int | None = None, reason: QueueReason = "busy") -> list[Json]:
        """The place in the queue, 1 being the next and 0 the engine's own seat; may repeat as it moves."""
        self._expect("waiting")
        self._response["status"] = "queued"
        return self._told("response.queued", position=position, eta_ms=eta_ms, reason=reason)

    def started(self) -> list[Json]:
        """The engine has begun; once."""
        self._expect("waiting")
        self._state = "running"
        self._response["status"] = "in_progress"
        return self._told("response.in_progress")

    def reasoning(self, text: str) -> list[Json]:
        """A piece of what the model thinks; the first one opens an item of its own, before the message.

        What it thinks once it has begun to answer is left out: an item that was closed stays closed.
        """
        self._expect("running", "thinking", "writing")
        if not text or self._state == "writing":
            return []
        opening: list[Body] = []
        if self._thought is None:
            self._state = "thinking"
            self._thought = Item.thought(f"rs_{self._item_id.removeprefix('msg_')}", 0)
            opening = self._thought.opened()
        return self._numbered([*opening, self._thought.delta(text)])

    def delta(self, text: str) -> list[Json]:
        """A piece of the answer; the first one opens the message. An empty piece writes nothing."""
        self._expect("running", "thinking", "writing")
        if not text:
            return []
        opening: list[Body] = []
        if self._message is None:
            opening = self._close("completed")
            self._state = "writing"
            self._message = Item.message(self._item_id, len(self._closed))
            opening += self._message.opened()
        return self._numbered([*opening, self._message.delta(text)])

    def annotate(self, annotations: Sequence[Json]) -> list[Json]:
        """What is known about the text now that it is whole; its positions count Unicode characters of it."""
        if not annotations:
            return []
        self._expect("writing")
        return self._numbered(self._message.annotate(annotations) if self._message else [])

    def completed(self, *, completed_at: int, usage: Json, metrics: Json, degraded: Sequence[str] = ()) -> list[Json]:
        """The engine came to its end."""
        self._expect("running", "thinking", "writing")
        fields = {"completed_at": completed_at, "usage": usage, "metrics": metrics}
        return self._finish("completed", "response.completed", fields, degraded)

    def cut(
        self,
        reason: Literal["max_output_tokens", "content_filter"],
        *,
        usage: Json,
        metrics: Json,
        degraded: Sequence[str] = (),
    ) -> list[Json]:
        """The answer is shorter than it could be, for a reason that lies in the question."""
        self._expect("running", "thinking", "writing")
        fields = {"incomplete_details": {"reason": reason}, "usage": usage, "metrics": metrics}
        return self._finish("incomplete", "response.incomplete", fields, degraded)

    def declined(self, *, retry_after_ms: int, metrics: Json, degraded: Sequence[str]) -> list[Json]:
        """A polite word stands for the answer, because too much is asked; asking again may bring it."""
        self._expect("running", "writing")
        again = {"retryable": True, "retry_after_ms": retry_after_ms}
        fields = {"incomplete_details": {"reason": None}, "metrics": metrics} | again
        return self._finish("incomplete", "response.incomplete", fields, degraded)

    def cancelled(
        self,
        by: Literal["client", "disconnect", "deadline"],
        *,
        usage: Json | None = None,
        metrics: Json | None = None,
        degraded: Sequence[str] = (),
    ) -> list[Json]:
        """Somebody wanted it to stop, waiting or running."""
        self._expect("waiting", "running", "thinking", "writing")
        fields = {"incomplete_details": {"reason": None}, "cancelled_by": by, "usage": usage}
        return self._finish("cancelled", "response.incomplete", fields | _given("metrics", metrics), degraded)

    def failed(
        self, error: WireError, *, usage: Json | None = None, metrics: Json | None = None, degraded: Sequence[str] = ()
    ) -> list[Json]:
        """Something broke; what has been written stays."""
        self._expect("waiting", "running", "thinking", "writing")
        fields = {"error": response_error(error), "usage": usage} | _given("metrics", metrics)
        return self._finish("failed", "response.failed", fields, degraded)

    def _expect(self, *states: _State) -> None:
        if self._state not in states:
            raise OrderError(f"an answer that is {self._state} cannot do this")

    @property
    def _current(self) -> Item | None:
        """The item that is open."""
        return {"thinking": self._thought, "writing": self._message}.get(self._state)

    def _close(self, status: Status) -> list[Body]:
        current = self._current
        if current is None:
            return []
        item, bodies = current.closed(status)
        self._closed.append(item)
        return bodies

    def _finish(self, status: str, event: str, fields: Json, degraded: Sequence[str]) -> list[Json]:
        events = self._numbered(self._close("completed" if status == "completed" else "incomplete"))
        self._state = "ended"
        self._response |= fields | {"status": status, "output": self._closed, "degraded": list(degraded)}
        return [*events, *self._told(event)]

    def _numbered(self, bodies: Iterable[Body]) -> list[Json]:
        return list(starmap(self._event, bodies))

    def _told(self, event: str, **beside: Any) -> list[Json]:
        return [self._event(event, {**beside, "response": dict(self._response)})]

    def _event(self, event: str, fields: Json) -> Json:
        number, self._next = self._next, self._next + 1
        return {"type": event, "sequence_number": number, "response_id": self._response["id"], **fields}


def _given(key: str, value: Json | None) -> Json:
    return {} if value is None else {key: value}
