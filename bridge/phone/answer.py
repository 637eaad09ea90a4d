"""What comes back from a question."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, cast

from bridge.spool import Capture

__all__ = ["Answer", "Status", "answer_of"]

Status: TypeAlias = Literal["completed", "incomplete"]


@dataclass(frozen=True, slots=True)
class Answer:
    """A finished answer. `str(answer)` is its text.

    Attributes:
        text: The words of the answer.
        status: `completed`, or `incomplete` when it was cut at a limit such as `max_output_tokens`.
        question: What was asked.
        capture: The picture it is about, as it is kept on this laptop.
        model: The engine or model that answered.
        response_id: The answer's name at the host.
        timings_ms: How long each stage took, in milliseconds: `pull`, `upload`, `queue`, `prepare`, `first_token`,
            `total`. A stage that did not happen is missing or None.
        cached: Whether the host had answered this question about this picture before; its timings are no measure then.
        degraded: What the host had to leave out or make smaller; empty when nothing.
        annotations: What the host found out about the text, such as boxes in the picture.
    """

    text: str
    status: Status
    question: str
    capture: Capture
    model: str
    response_id: str
    timings_ms: Mapping[str, float | None] = field(hash=False)
    cached: bool = False
    degraded: tuple[Any, ...] = field(default=(), hash=False)
    annotations: tuple[Mapping[str, Any], ...] = field(default=(), hash=False)

    def __str__(self) -> str:
        return self.text


def answer_of(event: Mapping[str, Any], capture: Capture) -> Answer:
    """The session's `answer` event as a value."""
    return Answer(
        text=str(event["text"]),
        status=cast("Status", event["status"]),
        question=str(event["question"]),
        capture=capture,
        model=str(event.get("model") or ""),
        response_id=str(event["response_id"]),
        timings_ms=dict(event["timings_ms"]),
        cached=bool(event.get("cached")),
        degraded=tuple(event.get("degraded") or ()),
        annotations=tuple(event.get("annotations") or ()),
    )
