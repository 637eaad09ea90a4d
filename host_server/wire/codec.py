"""JSON on the wire: compact out, strict in; no NaN either way."""

import json
from typing import Any

from host_server.wire.errors import WireError

__all__ = ["decode", "encode"]

# `json.dumps` would make a new encoder for each event.
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def encode(event: dict[str, Any]) -> str:
    """One event as one line."""
    return _ENCODER.encode(event)


def decode(data: str | bytes) -> Any:
    """What a client sent. Raises `WireError`."""
    try:
        return json.loads(data, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise WireError("invalid_json", "This is no JSON.") from None


def _no_constant(name: str) -> None:
    raise ValueError(name)
