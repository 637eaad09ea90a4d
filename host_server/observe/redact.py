"""Mask secrets in log lines: by the name of a field, and by the look of a value."""

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["MASK", "redact"]

MASK = "[masked]"

_SECRET_NAME = re.compile(
    r"authorization|cookie|token|secret|password|passwd|api[_-]?key|sec-websocket-protocol", re.IGNORECASE
)
_SECRET_VALUE = re.compile(
    r"""
      (?P<keep> brk_[0-9a-f]{8} ) _ [A-Za-z0-9_-]+     # a key of ours: its public prefix stays
    | (?P<word> bearer [.\s:]+ | token = ) [A-Za-z0-9._~+/=-]{8,}
    """,
    re.VERBOSE | re.IGNORECASE,
)
_DEPTH = 6


def redact(value: Any, *, depth: int = _DEPTH) -> Any:
    """The same value with its secrets masked; strings, mappings and sequences are gone through."""
    if isinstance(value, str):
        return _SECRET_VALUE.sub(_mask, value)
    if isinstance(value, bytes):
        return redact(value.decode("utf-8", "replace"), depth=depth)
    if depth <= 0 and isinstance(value, (Mapping, list, tuple, set)):
        return MASK
    if isinstance(value, Mapping):
        return {key: _field(key, item, depth) for key, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [redact(item, depth=depth - 1) for item in value]
    return value


def _field(key: Any, value: Any, depth: int) -> Any:
    return MASK if isinstance(key, str) and _SECRET_NAME.search(key) else redact(value, depth=depth - 1)


def _mask(match: re.Match[str]) -> str:
    return f"{match['keep']}_{MASK}" if match["keep"] else f"{match['word']}{MASK}"
