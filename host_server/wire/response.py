"""Builders of the Response object and its parts: plain dicts, every key that OpenAI or Open Responses requires.

Nothing here reads a clock or makes up a name: ids and times come in as arguments.
"""

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = [
    "Json",
    "message_item",
    "metrics",
    "new_response",
    "reasoning_item",
    "reasoning_part",
    "text_part",
    "usage",
]

Json = dict[str, Any]


def new_response(
    *,
    response_id: str,
    created_at: int,
    model: str,
    instructions: str | None = None,
    metadata: Mapping[str, str] | None = None,
    previous_response_id: str | None = None,
    store: bool = True,
    max_output_tokens: int | None = None,
    temperature: float = 0.0,
    top_p: float = 1.0,
    text_format: Mapping[str, Any] | None = None,
    reasoning_effort: str | None = None,
    service_tier: str = "default",
) -> Json:
    """A Response in its first state. The rest of its keys say that we do without them."""
    return {
        "id": response_id,
        "object": "response",
        "created_at": created_at,
        "status": "in_progress",
        "model": model,
        "output": [],
        "error": None,
        "incomplete_details": None,
        "usage": None,
        "instructions": instructions,
        "metadata": dict(metadata or {}),
        "previous_response_id": previous_response_id,
        "store": store,
        "max_output_tokens": max_output_tokens,
        "temperature": temperature,
        "top_p": top_p,
        "text": {"format": dict(text_format or {"type": "text"})},
        "reasoning": {"effort": reasoning_effort, "summary": None},
        "parallel_tool_calls": False,
        "tool_choice": "none",
        "tools": [],
        "truncation": "disabled",
        "completed_at": None,
        "background": False,
        "service_tier": service_tier,
        "user": None,
        "safety_identifier": None,
        "prompt_cache_key": None,
        "presence_penalty": 0,
        "frequency_penalty": 0,
        "top_logprobs": 0,
        "max_tool_calls": None,
    }


def text_part(text: str) -> Json:
    """A content part that holds text of the answer; what is known about places in it goes into `annotations`."""
    return {"type": "output_text", "text": text, "annotations": []}


def reasoning_part(text: str) -> Json:
    """A content part that holds what the model thought, in its own words."""
    return {"type": "reasoning_text", "text": text}


def message_item(item_id: str, status: str, parts: Sequence[Json]) -> Json:
    """An output item: a message of the assistant."""
    return {"id": item_id, "type": "message", "role": "assistant", "status": status, "content": list(parts)}


def reasoning_item(item_id: str, status: str, parts: Sequence[Json]) -> Json:
    """An output item: what the model thought. We tell its words and make no summary of them."""
    return {"id": item_id, "type": "reasoning", "status": status, "summary": [], "content": list(parts)}


def usage(
    *,
    input_tokens: int,
    output_tokens: int,
    cached_tokens: int = 0,
    image_tokens: int = 0,
    reasoning_tokens: int = 0,
) -> Json:
    """What the answer cost. Clients take both kinds of cached tokens and the reasoning ones for granted.

    `cached_tokens` and `image_tokens` are among `input_tokens`, `reasoning_tokens` are among `output_tokens`.
    """
    return {
        "input_tokens": input_tokens,
        "input_tokens_details": {
            "cached_tokens": cached_tokens,
            "cache_write_tokens": 0,
            "image_tokens": image_tokens,
        },
        "output_tokens": output_tokens,
        "output_tokens_details": {"reasoning_tokens": reasoning_tokens},
        "total_tokens": input_tokens + output_tokens,
    }


def metrics(
    *,
    queue_time_ms: float,
    preprocess_ms: float,
    time_to_first_token_ms: float | None,
    generation_time_ms: float,
    output_tokens: int,
    cache: str = "off",
    engine_wait_ms: float | None = None,
    prefill_ms: float | None = None,
    cached_tokens: int | None = None,
    degraded: Sequence[str] = (),
) -> Json:
    """How long each stage took, in vLLM's words; the first token counts from the question's arrival.

    `cache` is `hit` for an answer that was known, `miss` for one that will be, `off` for one that is not kept. An
    engine that measures itself tells how long the question waited inside it, how long the prompt took to its first
    token, and how many tokens of it were known from an earlier one. `degraded` names what was left out, as in the
    Response.
    """
    steps = output_tokens - 1
    return {
        "queue_time_ms": round(queue_time_ms, 3),
        "preprocess_ms": round(preprocess_ms, 3),
        "time_to_first_token_ms": _rounded(time_to_first_token_ms),
        "generation_time_ms": round(generation_time_ms, 3),
        "mean_itl_ms": round(generation_time_ms / steps, 3) if steps > 0 else None,
        "tokens_per_second": round(1000 * steps / generation_time_ms, 3)
        if steps > 0 and generation_time_ms > 0
        else None,
        "cache": cache,
        "engine_wait_ms": _rounded(engine_wait_ms),
        "prefill_ms": _rounded(prefill_ms),
        "cached_tokens": cached_tokens,
        "degraded": list(degraded),
    }


def _rounded(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 3)
