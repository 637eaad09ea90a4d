"""Whole answers written by the product's own builders: one scenario name, one event list, always the same."""

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
_FORMAT: Json = {"type": "json_schema", "name": "Receipt", "schema": _RECEIPT, "strict": True}
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
        "text": {"format": _FORMAT},
    },
    "misfit": {"type": "response.create", "model": "echo", "input": "What is the total?", "text": {"format": _FORMAT}},
    "boxes": {"type": "response.create", "model": "echo", "input": "Where is the total?"},
}
T0 = 1_790_000_000
WORDS = ("The ", "total ", "is ", "42.")
_SAID = {
    "structured": ('{"total": ', "42, ", '"currency": ', '"USD"}'),
    "boxes": ("The total is at ", "[[52, 310, ", "401, 377]], ", "bottom right."),
}


def writer_for(scenario: str) -> AnswerWriter:
    """The writer of that scenario's answer, before its first event."""
    request = REQUESTS[scenario]
    response = new_response(
        response_id="resp_1",
        created_at=T0,
        model=request["model"],
        instructions=request.get("instructions"),
        metadata=request.get("metadata"),
        previous_response_id=request.get("previous_response_id"),
        max_output_tokens=request.get("max_output_tokens"),
        text_format=parse_create(request).format.echo(),
    )
    return AnswerWriter(response, item_id="msg_1")


def timings(tokens: int) -> Json:
    """The same times in every scenario."""
    return metrics(
        queue_time_ms=1.0,
        preprocess_ms=12.5,
        time_to_first_token_ms=80.0,
        generation_time_ms=150.0,
        output_tokens=tokens,
    )


def answer(scenario: str) -> list[Json]:
    """Every event of that scenario's answer."""
    writer = writer_for(scenario)
    events = writer.created(queued=scenario == "queued")
    if scenario == "queued":
        events += writer.queued(position=3, eta_ms=1200)
    events += writer.started()
    words = {"incomplete": 2, "cancelled": 2, "failed": 1, "warmup": 0}.get(scenario, len(WORDS))
    for word in _SAID.get(scenario, WORDS)[:words]:
        events += writer.delta(word)
    events += writer.annotate([box.annotation() for box in find_boxes(writer.text)])
    images = 800 if scenario in {"image", "again"} else 0
    cost = usage(input_tokens=20 + images, output_tokens=words, image_tokens=images)
    return events + _end(writer, scenario, cost, timings(words))


def _end(writer: AnswerWriter, scenario: str, cost: Json, times: Json) -> list[Json]:
    if scenario == "incomplete":
        return writer.cut("max_output_tokens", usage=cost, metrics=times)
    if scenario == "cancelled":
        return writer.cancelled("client", usage=cost, metrics=times)
    if scenario == "failed":
        error = WireError("engine_restarted", "The model process was restarted. Ask again.", retry_after_ms=2000)
        return writer.failed(error, metrics=times)
    if scenario == "misfit":
        reason = "The answer is no JSON: Expecting value: line 1 column 1 (char 0)."
        return writer.failed(WireError("output_invalid", reason), metrics=times)
    degraded = ("image_downscaled",) if scenario == "image" else ()
    return writer.completed(completed_at=T0 + 1, usage=cost, metrics=times, degraded=degraded)
