"""An answer as chat completions tell it: the Response at its end, or its events as chunks while they come.

```
response.created ► role    reasoning_text.delta ► reasoning_content    output_text.delta ► content
                                        terminal ► finish_reason [► usage]   or, once it has begun, an error
```
Pure translation: what an answer is and when it ends has been decided before. What is ours in a Response, `metrics` and
the like, comes along as further fields; places in the picture do not, the strict types of this API have none.
"""

from host_server.wire.errors import WireError, error_body
from host_server.wire.response import Json, usage

__all__ = ["Chunks", "completion", "failure"]

_ENDS = frozenset({"response.completed", "response.incomplete"})
_EXTRAS = ("metrics", "degraded", "cancelled_by", "retryable", "retry_after_ms")


def completion(response: Json) -> Json:
    """The whole answer, out of a Response that has ended and not failed."""
    message = {"role": "assistant", "content": _text(response, "message"), "refusal": None}
    if thought := _text(response, "reasoning"):
        message |= _thinking(thought)
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish_reason(response)}
    return _head(response, "chat.completion") | {"choices": [choice], "usage": _usage(response)} | _extras(response)


def failure(response: Json) -> WireError | None:
    """What a failed Response says, as the refusal that it would have been before it was accepted."""
    error = response["error"]
    if error is None:
        return None
    return WireError(error["reason"], error["message"], retry_after_ms=error.get("retry_after_ms"))


class Chunks:
    """Turns the events of one answer into chunks."""

    def __init__(self, *, include_usage: bool) -> None:
        self._include_usage = include_usage
        self._head: Json = {}

    def of(self, event: Json) -> list[Json]:
        """What a client is sent for this event; nothing for most."""
        kind = event["type"]
        if kind == "response.output_text.delta":
            return [self._chunk({"content": event["delta"]})]
        if kind == "response.reasoning_text.delta":
            return [self._chunk(_thinking(event["delta"]))]
        if kind == "response.created":
            self._head = _head(event["response"], "chat.completion.chunk")
            return [self._chunk({"role": "assistant", "content": ""})]
        if kind in _ENDS:
            return self._end(event["response"])
        if error := failure(event["response"]) if kind == "response.failed" else None:
            return [error_body(error)]
        return []

    def _end(self, response: Json) -> list[Json]:
        last = self._chunk({}, _finish_reason(response)) | _extras(response)
        if not self._include_usage:
            return [last]
        return [last, self._head | {"choices": [], "usage": _usage(response)}]

    def _chunk(self, delta: Json, finish_reason: str | None = None) -> Json:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        cost = {"usage": None} if self._include_usage else {}
        return {**self._head, "choices": [choice], **cost}


def _head(response: Json, kind: str) -> Json:
    return {
        "id": response["id"].replace("resp_", "chatcmpl-", 1),
        "object": kind,
        "created": response["created_at"],
        "model": response["model"],
        "service_tier": response["service_tier"],
    }


def _thinking(text: str) -> Json:
    return {"reasoning_content": text, "reasoning": text}  # as DeepSeek calls it, and as OpenRouter does


def _text(response: Json, kind: str) -> str:
    parts = [part for item in response["output"] if item["type"] == kind for part in item["content"]]
    return "".join(part["text"] for part in parts)


def _finish_reason(response: Json) -> str:
    """One that was stopped by a deadline is cut, too: there is no word for it here, and `cancelled_by` says so."""
    if response["status"] == "completed":
        return "stop"
    return "content_filter" if response["incomplete_details"]["reason"] == "content_filter" else "length"


def _usage(response: Json) -> Json:
    cost = response["usage"] or usage(input_tokens=0, output_tokens=0)  # the engine was never asked
    return {
        "prompt_tokens": cost["input_tokens"],
        "completion_tokens": cost["output_tokens"],
        "total_tokens": cost["total_tokens"],
        "prompt_tokens_details": cost["input_tokens_details"],
        "completion_tokens_details": cost["output_tokens_details"],
    }


def _extras(response: Json) -> Json:
    return {name: response[name] for name in _EXTRAS if name in response}
