"""Mask secrets in log lines, by the name of a field and by the look of a value; show what would drive a terminal.

A stranger's request is refused, but its address is logged: an escape sequence in it must not act on the operator's
terminal.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
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
# C0 and C1 controls but newline and tab, which tracebacks need; what turns the direction of text; halves of characters.
_ACTING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_DEPTH = 6


def redact(value: Any, *, depth: int = _DEPTH) -> Any:
    """The same value with its secrets masked; strings, mappings and sequences are gone through."""
    if isinstance(value, str):
        return _ACTING.sub(_shown, _SECRET_VALUE.sub(_mask, value))
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
    return MASK if isinstance(key, str) and _names_a_secret(key) else redact(value, depth=depth - 1)


@lru_cache(maxsize=256)
def _names_a_secret(key: str) -> bool:
    return _SECRET_NAME.search(key) is not None


def _shown(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")


def _mask(match: re.Match[str]) -> str:
    return f"{match['keep']}_{MASK}" if match["keep"] else f"{match['word']}{MASK}"
