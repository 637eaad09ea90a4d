"""Chat completions of the same answers as `answers` writes: what was asked, the chunks, and the whole."""

from typing import Any

from host_server.wire.chat import parse_chat
from host_server.wire.completion import Chunks, completion, failure
from host_server.wire.errors import error_body
from tests.support.answers import FORMAT, answer

__all__ = ["CHATS", "chunks", "whole"]

Json = dict[str, Any]

_PICTURE = "data:image/png;base64,iVBORw0KGgo="
_QUESTION: list[Json] = [{"role": "user", "content": "What is the total?"}]

CHATS: dict[str, Json] = {
    "plain": {"model": "echo", "messages": _QUESTION, "stream": True},
    "image": {
        "model": "echo",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {
                "role": "user",
                "content": [
                    {"type": "image_url", "image_url": {"url": _PICTURE, "detail": "high"}},
                    {"type": "text", "text": "What is the total?"},
                ],
            },
        ],
        "stream": True,
        "stream_options": {"include_usage": True},
    },
    "again": {
        "model": "echo",
        "messages": [
            {"role": "developer", "content": [{"type": "text", "text": "Answer in Chinese."}]},
            *_QUESTION,
            {"role": "assistant", "content": "42."},
            {"role": "user", "content": "And the date?"},
        ],
        "stream": True,
        "stream_options": {"include_usage": True},
    },
    "reasoning": {
        "model": "echo",
        "messages": _QUESTION,
        "reasoning_effort": "high",
        "temperature": 0.5,
        "top_p": 0.9,
        "seed": 7,
        "stop": ["\n\n", "END"],
        "stream": True,
        "stream_options": {"include_usage": True},
    },
    "incomplete": {"model": "echo", "messages": _QUESTION, "max_completion_tokens": 2, "stream": True},
    "cancelled": {"model": "echo", "messages": _QUESTION, "metadata": {"timeout_ms": "50"}, "stream": True},
    "declined": {"model": "echo", "messages": _QUESTION, "stream": True, "stream_options": {"include_usage": True}},
    "failed": {"model": "echo", "messages": _QUESTION, "stream": True},
    "structured": {
        "model": "echo",
        "messages": _QUESTION,
        "response_format": {
            "type": "json_schema",
            "json_schema": {key: value for key, value in FORMAT.items() if key != "type"},
        },
        "stream": True,
    },
}


def chunks(scenario: str) -> list[Json]:
    """What a client that asked for a stream is sent."""
    made = Chunks(include_usage=parse_chat(CHATS[scenario]).include_usage)
    return [chunk for event in answer(scenario) for chunk in made.of(event)]


def whole(scenario: str) -> Json:
    """What a client that did not is sent: the completion, or the refusal."""
    response = answer(scenario)[-1]["response"]
    error = failure(response)
    return completion(response) if error is None else error_body(error)
