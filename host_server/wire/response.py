"""Builders of the Response object and its parts: plain dicts, every key that OpenAI or Open Responses requires.

Nothing here reads a clock or makes up a name: ids and times come in as arguments.
"""

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["Json", "message_item", "metrics", "new_response", "text_part", "usage"]

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
        "reasoning": {"effort": None, "summary": None},
        "parallel_tool_calls": False,
        "tool_choice": "none",
        "tools": [],
        "truncation": "disabled",
        "completed_at": None,
        "background": False,
        "service_tier": "default",
        "user": None,
        "safety_identifier": None,
        "prompt_cache_key": None,
        "presence_penalty": 0,
        "frequency_penalty": 0,
        "top_logprobs": 0,
        "max_tool_calls": None,
    }


def text_part(text: str, annotations: Sequence[Json] = ()) -> Json:
    """A content part that holds text of the answer, and what is known about places in it."""
    return {"type": "output_text", "text": text, "annotations": list(annotations)}


def message_item(item_id: str, status: str, parts: Sequence[Json]) -> Json:
    """An output item: a message of the assistant."""
    return {"id": item_id, "type": "message", "role": "assistant", "status": status, "content": list(parts)}


def usage(*, input_tokens: int, output_tokens: int, cached_tokens: int = 0, image_tokens: int = 0) -> Json:
    """What the answer cost. Clients take both kinds of cached tokens and the reasoning ones for granted."""
    return {
        "input_tokens": input_tokens,
        "input_tokens_details": {
            "cached_tokens": cached_tokens,
            "cache_write_tokens": 0,
            "image_tokens": image_tokens,
        },
        "output_tokens": output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
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
) -> Json:
    """How long each stage took, in vLLM's words; the first token counts from the question's arrival.

    `cache` is `hit` for an answer that was known, `miss` for one that will be, `off` for one that is not kept.
    """
    steps = output_tokens - 1
    return {
        "queue_time_ms": round(queue_time_ms, 3),
        "preprocess_ms": round(preprocess_ms, 3),
        "time_to_first_token_ms": None if time_to_first_token_ms is None else round(time_to_first_token_ms, 3),
        "generation_time_ms": round(generation_time_ms, 3),
        "mean_itl_ms": round(generation_time_ms / steps, 3) if steps > 0 else None,
        "tokens_per_second": round(1000 * steps / generation_time_ms, 3)
        if steps > 0 and generation_time_ms > 0
        else None,
        "cache": cache,
    }
