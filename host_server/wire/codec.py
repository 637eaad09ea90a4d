"""JSON on the wire: compact out, strict in; no NaN and no half of a character either way."""

import json
import re
from contextlib import suppress
from typing import Any, Final

from pydantic_core import to_json

from host_server.wire.errors import WireError
from host_server.wire.output import TEXT_DELTAS

__all__ = ["MAX_VALUES", "decode", "encode"]

# `json.dumps` would make a new encoder for each event.
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))

# Each value takes up to seventy bytes where its text takes three. A frame of a socket is too small to hold so many.
MAX_VALUES: Final = 1_000_000

# Half of a character beyond 16 bits, written as an escape: alone it is no text, and UTF-8 cannot say it.
_HALF = re.compile(r"\\u[dD][89a-fA-F]", re.ASCII)


def encode(event: dict[str, Any]) -> str:
    """One event as one line."""
    # What is sent for every token goes the quick way, a quarter of the time. It would let NaN through, but these have
    # none but whole numbers.
    if event.get("type") in TEXT_DELTAS and not event.get("logprobs"):
        with suppress(ValueError):  # half of a character: whoever sends it says so
            return to_json(event).decode()
    return _ENCODER.encode(event)


def decode(data: str | bytes) -> Any:
    """What a client sent. Raises `WireError`."""
    try:
        text = data if isinstance(data, str) else data.decode("utf-8-sig")
        if len(text) > MAX_VALUES and sum(map(text.count, "[{,")) > MAX_VALUES:
            raise WireError("body_too_large", f"At most {MAX_VALUES} values in one piece of JSON.")
        value = json.loads(text, parse_constant=_no_constant)
        if _HALF.search(text):  # seldom, and what came in by an escape must be able to go out again
            _ENCODER.encode(value).encode()
    except (ValueError, RecursionError):
        raise WireError("invalid_json", "This is no JSON.") from None
    return value


def _no_constant(name: str) -> None:
    raise ValueError(name)
