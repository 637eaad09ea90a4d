"""Every way the host says no: one row a code, and the shapes an error takes on HTTP, WebSocket and in an answer.

`code` is ours and open. Before `response.created` it stands in the error body or the `error` event; afterwards an
answer can only fail, and `response.error.code` is a closed enum of OpenAI's, so ours moves to `error.reason` beside it.
"""

from typing import Any, Literal, NamedTuple

__all__ = ["CODES", "ErrorCode", "WireError", "error_body", "error_event", "response_error"]

_SERVER = "server_error"
_PROMPT = "invalid_prompt"
_RATE = "rate_limit_exceeded"


class ErrorCode(NamedTuple):
    """What a code means to a client."""

    type: Literal[
        "authentication_error",
        "invalid_request_error",
        "overloaded_error",
        "permission_error",
        "rate_limit_error",
        "server_error",
    ]
    status: int
    retryable: bool
    response_code: str  # in `response.failed`


CODES: dict[str, ErrorCode] = {
    # who is asking, and from where
    "invalid_token": ErrorCode("authentication_error", 401, False, _SERVER),
    "host_not_allowed": ErrorCode("permission_error", 403, False, _SERVER),
    "origin_not_allowed": ErrorCode("permission_error", 403, False, _SERVER),
    # too much, too fast
    "rate_limited": ErrorCode("rate_limit_error", 429, True, _RATE),
    "too_many_inflight": ErrorCode("rate_limit_error", 429, True, _RATE),
    "websocket_stream_limit_reached": ErrorCode("rate_limit_error", 429, True, _RATE),
    "queue_full": ErrorCode("overloaded_error", 503, True, _SERVER),
    "server_draining": ErrorCode("overloaded_error", 503, True, _SERVER),
    "deadline_exceeded_in_queue": ErrorCode("overloaded_error", 503, True, _SERVER),
    # the question
    "invalid_json": ErrorCode("invalid_request_error", 400, False, _PROMPT),
    "invalid_request": ErrorCode("invalid_request_error", 400, False, _PROMPT),
    "unknown_event": ErrorCode("invalid_request_error", 400, False, _PROMPT),
    "unsupported_parameter": ErrorCode("invalid_request_error", 400, False, _PROMPT),
    "prompt_too_long": ErrorCode("invalid_request_error", 400, False, _PROMPT),
    "previous_response_not_found": ErrorCode("invalid_request_error", 400, False, _PROMPT),
    "idempotency_key_reused": ErrorCode("invalid_request_error", 409, False, _PROMPT),
    "body_too_large": ErrorCode("invalid_request_error", 413, False, _PROMPT),
    "request_timeout": ErrorCode("invalid_request_error", 408, True, _PROMPT),
    "model_not_found": ErrorCode("invalid_request_error", 404, False, _PROMPT),
    "response_not_found": ErrorCode("invalid_request_error", 404, False, _PROMPT),
    "not_found": ErrorCode("invalid_request_error", 404, False, _PROMPT),
    "method_not_allowed": ErrorCode("invalid_request_error", 405, False, _PROMPT),
    # the picture
    "capture_not_found": ErrorCode("invalid_request_error", 404, False, "image_file_not_found"),
    "capture_in_use": ErrorCode("invalid_request_error", 409, True, _PROMPT),
    "hash_mismatch": ErrorCode("invalid_request_error", 400, True, "image_parse_error"),
    "image_format": ErrorCode("invalid_request_error", 400, False, "unsupported_image_media_type"),
    "image_too_large": ErrorCode("invalid_request_error", 413, False, "image_file_too_large"),
    "image_too_many_pixels": ErrorCode("invalid_request_error", 400, False, "image_too_large"),
    "image_decode": ErrorCode("invalid_request_error", 400, False, "image_parse_error"),
    "invalid_base64_image": ErrorCode("invalid_request_error", 400, False, "invalid_base64_image"),
    "url_not_allowed": ErrorCode("invalid_request_error", 400, False, "invalid_image_url"),
    # us
    "engine_restarted": ErrorCode("server_error", 503, True, _SERVER),
    "engine_oom": ErrorCode("server_error", 503, True, _SERVER),
    "engine_unavailable": ErrorCode("server_error", 503, True, _SERVER),
    "upstream_error": ErrorCode("server_error", 502, True, _SERVER),
    "upstream_refused": ErrorCode("server_error", 502, False, _SERVER),
    "output_invalid": ErrorCode("server_error", 502, False, _SERVER),
    "storage_full": ErrorCode("server_error", 507, False, _SERVER),
    "internal": ErrorCode("server_error", 500, False, _SERVER),
}


class WireError(Exception):
    """A refusal on its way to the client. Says nothing that a stranger may not read."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        param: str | None = None,
        retry_after_ms: int | None = None,
        event_id: str | None = None,
        stream_id: str | None = None,
        response_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.param = param
        self.retry_after_ms = retry_after_ms
        self.event_id = event_id
        self.stream_id = stream_id
        self.response_id = response_id

    @property
    def row(self) -> ErrorCode:
        """The row of the table this error stands for."""
        return CODES[self.code]


def error_body(error: WireError) -> dict[str, Any]:
    """The HTTP body of a refusal, in OpenAI's shape."""
    return {"error": _inner(error)}


def error_event(error: WireError) -> dict[str, Any]:
    """The WebSocket event of a refusal; SSE has none of its own, there a refusal is an HTTP status."""
    event: dict[str, Any] = {"type": "error", "status": error.row.status, "error": _inner(error)}
    for name in ("event_id", "stream_id", "response_id"):
        value = getattr(error, name)
        if value is not None:
            event[name] = value
    return event


def response_error(error: WireError) -> dict[str, Any]:
    """The `error` inside a failed Response: a code of the closed enum, our own beside it as `reason`."""
    row = error.row
    body: dict[str, Any] = {
        "code": row.response_code,
        "message": error.message,
        "reason": error.code,
        "retryable": row.retryable,
    }
    if error.retry_after_ms is not None:
        body["retry_after_ms"] = error.retry_after_ms
    return body


def _inner(error: WireError) -> dict[str, Any]:
    row = error.row
    return {
        "type": row.type,
        "code": error.code,
        "message": error.message,
        "param": error.param,
        "retryable": row.retryable,
        "retry_after_ms": error.retry_after_ms,
    }
