"""A log line for eyes: one line of an ordinary terminal, the long names cut to what tells them apart. Pure."""

from collections.abc import Mapping, MutableMapping
from datetime import datetime
from typing import Any

__all__ = ["terminal_line"]

_NAME = 13  # of a request or an answer: its prefix and eight digits
_LEVELS = {"debug", "info"}  # everyday: not worth a word
_NAMES = ("request_id", "response_id", "capture_id")
_ODD = frozenset({"event", "level", "logger", "timestamp", "exception", "stack"})


def terminal_line(_logger: object, _method: str, event: MutableMapping[str, Any]) -> str:
    """Structlog's last step: local time, what happened, what about."""
    level = str(event.get("level", "info"))
    words = [_time(event.get("timestamp")), *([] if level in _LEVELS else [level])]
    words += _request(event) if event.get("event") == "request" else _other(event)
    traces = [str(event[key]) for key in ("exception", "stack") if event.get(key)]
    return "\n".join([" ".join(words), *traces])


def _request(event: Mapping[str, Any]) -> list[str]:
    """As everybody's access log has it; a refused one without whose it was."""
    words = [_shown(event.get(key, "-")) for key in ("method", "path", "status")]
    words.append(f"{event.get('duration_ms', '-')} ms")
    left = {key: value for key, value in event.items() if key not in {"method", "path", "status", "duration_ms"}}
    principal = left.pop("principal", None)
    return [*words, *([_shown(principal)] if principal else []), *_fields(left)]


def _other(event: Mapping[str, Any]) -> list[str]:
    return [str(event.get("event", "")), *_fields(event)]


def _fields(event: Mapping[str, Any]) -> list[str]:
    names = [_shown(event[key])[:_NAME] for key in _NAMES if event.get(key)]
    rest = [f"{key}={_shown(value)}" for key, value in event.items() if key not in _ODD.union(_NAMES)]
    return [*rest, *names]


def _time(stamp: object) -> str:
    try:
        return datetime.fromisoformat(str(stamp)).astimezone().strftime("%H:%M:%S")
    except ValueError:
        return str(stamp)


def _shown(value: object) -> str:
    """A value that stays one word on one line."""
    text = str(value)
    return text if text.isprintable() and " " not in text and text else repr(text)
