"""Whole answers written by the product's own builders: one scenario name, one event list, always the same."""

from collections.abc import Sequence
from typing import Any

from host_server.core.boxes import find_boxes
from host_server.wire.errors import WireError
from host_server.wire.events import AnswerWriter
from host_server.wire.request import parse_create
from host_server.wire.response import metrics, new_response, usage

Json = dict[str, Any]

SHA256 = "ab12" * 16
_RECEIPT: Json = {
    "type": "object",
    "properties": {"total": {"type": "integer"}, "currency": {"type": "string"}},
    "required": ["total", "currency"],
    "additionalProperties": False,
}
FORMAT: Json = {"type": "json_schema", "name": "Receipt", "schema": _RECEIPT, "strict": True}
REQUESTS: dict[str, Json] = {
    "plain": {"type": "response.create", "model": "echo", "input": "What is the total?"},
    "image": {
        "type": "response.create",
        "stream_id": "phone-1",
        "event_id": "c1",
        "model": "echo",
        "input": [
            {
                "role": "user",
                "content": [
                    {"type": "input_image", "file_id": f"cap_{SHA256}", "detail": "auto"},
                    {"type": "input_text", "text": "What is the total?"},
                ],
            }
        ],
        "metadata": {"device_id": "dev_0123456789abcdef", "capture_id": "cap_0123456789abcdef0123456789abcdef"},
    },
    "queued": {"type": "response.create", "model": "echo", "input": "What is the total?"},
    "incomplete": {"type": "response.create", "model": "echo", "input": "Long, please.", "max_output_tokens": 2},
    "cancelled": {"type": "response.create", "model": "echo", "input": "Long, please."},
    "failed": {"type": "response.create", "model": "echo", "input": "What is the total?"},
    "again": {
        "type": "response.create",
        "model": "echo",
        "previous_response_id": "resp_0",
        "instructions": "Answer in Chinese.",
        "input": "And the date?",
    },
    "warmup": {"type": "response.create", "model": "echo", "generate": False, "input": "What is the total?"},
    "structured": {
        "type": "response.create",
        "model": "echo",
        "input": "What is the total?",
        "text": {"format": FORMAT},
    },
    "misfit": {"type": "response.create", "model": "echo", "input": "What is the total?", "text": {"format": FORMAT}},
    "boxes": {"type": "response.create", "model": "echo", "input": "Where is the total?"},
    "reasoning": {
        "type": "response.create",
        "model": "echo",
        "input": "What is the total?",
        "reasoning": {"effort": "high"},
        "temperature": 0.5,
        "top_p": 0.9,
        "seed": 7,
        "stop": ["\n\n", "END"],
    },
    "only_reasoning": {
        "type": "response.create",
        "model": "echo",
        "input": "What is the total?",
        "reasoning": {"effort": "low"},
        "max_output_tokens": 2,
    },
    "loading": {
        "type": "response.create",
        "model": "echo",
        "input": "What is the total?",
        "service_tier": "flex",
    },
    "degraded": {
        "type": "response.create",
        "model": "echo",
        "input": "What is the total?",
        "metadata": {"class": "batch"},
    },
    "declined": {"type": "response.create", "model": "echo", "input": "What is the total?"},
}
T0 = 1_790_000_000
WORDS = ("The ", "total ", "is ", "42.")
THOUGHTS = ("40 ", "plus 2")
_THINKING = frozenset({"reasoning", "only_reasoning"})
_SAID = {
    "declined": ("Too much is asked at once. ", "Please ask again in a moment."),
    "structured": ('{"total": ', "42, ", '"currency": ', '"USD"}'),
    "boxes": ("The total is at ", "[[52, 310, ", "401, 377]], ", "bottom right."),
}


_DEGRADED = {
    "image": ("smaller_picture",),
    "degraded": ("smaller_picture", "greedy_shorter"),
    "declined": ("stock_text",),
}


def writer_for(scenario: str) -> AnswerWriter:
    """The writer of that scenario's answer, before its first event."""
    request = REQUESTS[scenario]
    create = parse_create(request)
    response = new_response(
        response_id="resp_1",
        created_at=T0,
        model=request["model"],
        instructions=request.get("instructions"),
        metadata=request.get("metadata"),
        previous_response_id=request.get("previous_response_id"),
        max_output_tokens=request.get("max_output_tokens"),
        temperature=request.get("temperature", 0.0),
        top_p=request.get("top_p", 1.0),
        text_format=create.format.echo(),
        reasoning_effort=create.reasoning.effort if create.reasoning else None,
        service_tier="flex" if create.priority == "batch" else "default",
    )
    return AnswerWriter(response, item_id="msg_1")


def timings(tokens: int, *, cached: int = 0, degraded: Sequence[str] = ()) -> Json:
    """The same times in every scenario."""
    return metrics(
        queue_time_ms=1.0,
        preprocess_ms=12.5,
        time_to_first_token_ms=80.0,
        generation_time_ms=150.0,
        output_tokens=tokens,
        engine_wait_ms=2.0,
        prefill_ms=60.0,
        cached_tokens=cached,
        degraded=degraded,
    )


def answer(scenario: str) -> list[Json]:
    """Every event of that scenario's answer."""
    writer = writer_for(scenario)
    events = writer.created(queued=scenario in {"queued", "loading"})
    if scenario == "queued":
        events += writer.queued(position=3, eta_ms=1200)
    if scenario == "loading":
        events += writer.queued(position=0, reason="loading")
    events += writer.started()
    thoughts = THOUGHTS if scenario in _THINKING else ()
    for thought in thoughts:
        events += writer.reasoning(thought)
    words = {"incomplete": 2, "cancelled": 2, "failed": 1, "warmup": 0, "only_reasoning": 0, "declined": 2}.get(
        scenario, len(WORDS)
    )
    for word in _SAID.get(scenario, WORDS)[:words]:
        events += writer.delta(word)
    events += writer.annotate([box.annotation() for box in find_boxes(writer.text)])
    images = 800 if scenario in {"image", "again"} else 0
    cost = usage(
        input_tokens=20 + images,
        output_tokens=words + len(thoughts),
        image_tokens=images,
        cached_tokens=800 if scenario == "again" else 0,
        reasoning_tokens=len(thoughts),
    )
    return events + _end(writer, scenario, cost)


def _end(writer: AnswerWriter, scenario: str, cost: Json) -> list[Json]:
    degraded = _DEGRADED.get(scenario, ())
    cached = cost["input_tokens_details"]["cached_tokens"]
    times = timings(cost["output_tokens"], cached=cached, degraded=degraded)
    told: Any = {"metrics": times, "degraded": degraded}
    if scenario in {"incomplete", "only_reasoning"}:
        return writer.cut("max_output_tokens", usage=cost, **told)
    if scenario == "declined":
        return writer.declined(retry_after_ms=4000, **told)
    if scenario in {"cancelled", "degraded"}:
        return writer.cancelled("client", usage=cost, **told)
    if scenario == "failed":
        error = WireError("engine_restarted", "The model process was restarted. Ask again.", retry_after_ms=2000)
        return writer.failed(error, usage=cost, **told)
    if scenario == "misfit":
        reason = "The answer is no JSON: Expecting value: line 1 column 1 (char 0)."
        return writer.failed(WireError("output_invalid", reason), **told)
    return writer.completed(completed_at=T0 + 1, usage=cost, **told)
