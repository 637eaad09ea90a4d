"""The events of one answer, in the only order clients accept.

```
created ► [queued …] ► in_progress ► item.added ► part.added ► delta … ► [annotation.added …]
                                                        terminal ◄ item.done ◄ part.done ◄ text.done ◄┘
```
`AnswerWriter` is a pure state machine: each call returns the events that follow, numbered from 0. Whatever ends the
answer, the open item is closed first, and exactly one terminal event carries the whole Response. There is no
"cancelled" event: a cancelled answer ends *incomplete* with the status `cancelled`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from host_server.wire.errors import WireError, response_error
from host_server.wire.response import Json, message_item, text_part

__all__ = ["TERMINAL_TYPES", "AnswerWriter", "OrderError", "is_terminal", "session_ready"]

TERMINAL_TYPES = frozenset({"response.completed", "response.incomplete", "response.failed"})

_State = Literal["new", "waiting", "running", "writing", "ended"]


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
        self._pieces: list[str] = []
        self._annotations: list[Json] = []

    @property
    def text(self) -> str:
        """What has been written so far."""
        return "".join(self._pieces)

    @property
    def ended(self) -> bool:
        """Whether the terminal event has been written; nothing may follow it."""
        return self._state == "ended"

    def response(self) -> Json:
        """The Response as it stands, with what has been written so far."""
        if self._state != "writing":
            return dict(self._response)
        return self._response | {"output": [message_item(self._item_id, "in_progress", [self._part()])]}

    def created(self, *, queued: bool = False) -> list[Json]:
        """Event 0. Call `started` when the engine begins; until then `queued` may tell the place in the queue."""
        self._expect("new")
        self._state = "waiting"
        self._response["status"] = "queued" if queued else "in_progress"
        return [self._event("response.created", response=dict(self._response))]

    def queued(self, *, position: int, eta_ms: int | None = None) -> list[Json]:
        """The place in the queue, 1 being the next; may repeat as it moves."""
        self._expect("waiting")
        self._response["status"] = "queued"
        return [self._event("response.queued", position=position, eta_ms=eta_ms, response=dict(self._response))]

    def started(self) -> list[Json]:
        """The engine has begun; once."""
        self._expect("waiting")
        self._state = "running"
        self._response["status"] = "in_progress"
        return [self._event("response.in_progress", response=dict(self._response))]

    def delta(self, text: str) -> list[Json]:
        """A piece of the answer; the first one opens the message. An empty piece writes nothing."""
        self._expect("running", "writing")
        if not text:
            return []
        events = self._open() if self._state == "running" else []
        self._pieces.append(text)
        return [*events, self._event("response.output_text.delta", **self._at(), delta=text, logprobs=[])]

    def annotate(self, annotations: Sequence[Json]) -> list[Json]:
        """What is known about the text now that it is whole; its positions count Unicode characters of it."""
        if not annotations:
            return []
        self._expect("writing")
        first = len(self._annotations)
        self._annotations += annotations
        kind = "response.output_text.annotation.added"
        return [
            self._event(kind, **self._at(), annotation_index=index, annotation=annotation)
            for index, annotation in enumerate(annotations, first)
        ]

    def completed(self, *, completed_at: int, usage: Json, metrics: Json, degraded: Sequence[str] = ()) -> list[Json]:
        """The engine came to its end."""
        self._expect("running", "writing")
        fields = {"completed_at": completed_at, "usage": usage, "metrics": metrics, "degraded": list(degraded)}
        return self._finish("completed", "response.completed", fields)

    def cut(
        self,
        reason: Literal["max_output_tokens", "content_filter"],
        *,
        usage: Json,
        metrics: Json,
        degraded: Sequence[str] = (),
    ) -> list[Json]:
        """The answer is shorter than it could be, for a reason that lies in the question."""
        self._expect("running", "writing")
        details = {"incomplete_details": {"reason": reason}}
        return self._finish(
            "incomplete",
            "response.incomplete",
            details | {"usage": usage, "metrics": metrics, "degraded": list(degraded)},
        )

    def cancelled(
        self, by: Literal["client", "disconnect", "deadline"], *, usage: Json | None = None, metrics: Json | None = None
    ) -> list[Json]:
        """Somebody wanted it to stop, waiting or running."""
        self._expect("waiting", "running", "writing")
        fields = {"incomplete_details": {"reason": None}, "cancelled_by": by, "usage": usage}
        return self._finish("cancelled", "response.incomplete", fields | _given("metrics", metrics))

    def failed(self, error: WireError, *, metrics: Json | None = None) -> list[Json]:
        """Something broke; what has been written stays."""
        self._expect("waiting", "running", "writing")
        return self._finish("failed", "response.failed", {"error": response_error(error)} | _given("metrics", metrics))

    def _expect(self, *states: _State) -> None:
        if self._state not in states:
            raise OrderError(f"an answer that is {self._state} cannot do this")

    def _open(self) -> list[Json]:
        self._state = "writing"
        item = message_item(self._item_id, "in_progress", [])
        return [
            self._event("response.output_item.added", output_index=0, item=item),
            self._event("response.content_part.added", **self._at(), part=text_part("")),
        ]

    def _close(self, status: str) -> list[Json]:
        if self._state != "writing":
            return []
        part = self._part()  # one for all: an answer of a megabyte is not kept five times
        item = message_item(self._item_id, status, [part])
        self._response["output"] = [item]
        return [
            self._event("response.output_text.done", **self._at(), text=part["text"], logprobs=[]),
            self._event("response.content_part.done", **self._at(), part=part),
            self._event("response.output_item.done", output_index=0, item=item),
        ]

    def _finish(self, status: str, event: str, fields: Json) -> list[Json]:
        events = self._close("completed" if status == "completed" else "incomplete")
        self._state = "ended"
        self._response |= fields | {"status": status}
        return [*events, self._event(event, response=dict(self._response))]

    def _part(self) -> Json:
        return text_part(self.text, self._annotations)

    def _at(self) -> Json:
        return {"item_id": self._item_id, "output_index": 0, "content_index": 0}

    def _event(self, event: str, **fields: Any) -> Json:
        number, self._next = self._next, self._next + 1
        return {"type": event, "sequence_number": number, "response_id": self._response["id"], **fields}


def _given(key: str, value: Json | None) -> Json:
    return {} if value is None else {key: value}
