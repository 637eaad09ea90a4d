"""What comes back from a question."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, cast

from bridge.spool import Capture

__all__ = ["Answer", "Status", "Usage", "answer_of"]

Status: TypeAlias = Literal["completed", "incomplete"]


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens, as the model counts them."""

    input: int
    """The whole prompt, picture included."""
    output: int
    """Everything that was written, thinking included."""
    cached: int = 0
    """Of the prompt, those that were known from an earlier question."""
    reasoning: int = 0
    """Of the output, those that were thinking."""


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
        degraded: What the host had to leave out or make smaller because of load; empty when nothing.
        annotations: What the host found out about the text, such as boxes in the picture.
        thinking: What the model thought before it answered, where it tells; no part of `text`.
        usage: What it cost, in tokens; None where the host did not say.
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
    thinking: str = ""
    usage: Usage | None = None

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
        thinking=str(event.get("thinking") or ""),
        usage=_usage(event.get("usage")),
    )


def _usage(told: object) -> Usage | None:
    if not isinstance(told, Mapping):
        return None
    return Usage(
        input=_count(told, "input_tokens"),
        output=_count(told, "output_tokens"),
        cached=_count(told.get("input_tokens_details"), "cached_tokens"),
        reasoning=_count(told.get("output_tokens_details"), "reasoning_tokens"),
    )


def _count(told: object, name: str) -> int:
    value = told.get(name) if isinstance(told, Mapping) else None
    return value if type(value) is int else 0
