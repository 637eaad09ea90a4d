"""The `bridge:` events that viewers are told, one function each; the outbox adds their numbers."""

from collections.abc import Mapping, Sequence
from typing import Any

from bridge.session.events import DeviceChanged, PhoneInfo
from bridge.session.line import Question
from bridge.spool import Capture
from host_server.wire.errors import WireError, error_event

__all__ = [
    "capture_event",
    "deleted_event",
    "device_event",
    "held_event",
    "host_event",
    "pause_event",
    "prompts_event",
    "question_event",
    "ready_event",
    "waiting_event",
]

Json = dict[str, Any]


def ready_event(
    phone: PhoneInfo,
    *,
    prompt: str,
    model: str | None,
    models: Sequence[str],
    watching: bool,
    held: int,
    host_up: bool,
    answers: Sequence[str],
) -> Json:
    """The first thing a viewer hears: where it is. `answers` may be asked for again with `bridge:hello`."""
    return {
        "type": "bridge:session.ready",
        "protocol": 1,
        "device": {"serial": phone.serial, "model": phone.model},
        "model": model or next(iter(models), None),
        "models": list(models),
        "prompt": prompt,
        "watching": watching,
        "held": held,
        "host": _host(host_up),
        "answers": list(answers),
    }


def device_event(phone: PhoneInfo, change: DeviceChanged) -> Json:
    """The phone came, went or needs a hand."""
    about = {"state": change.state, "detail": change.detail, "hint": change.hint}
    return {"type": "bridge:device", "serial": phone.serial, **about}


def host_event(models: Sequence[str], *, up: bool) -> Json:
    """The host came or went."""
    return {"type": "bridge:host", "state": _host(up), "models": list(models)}


def pause_event(*, paused: bool) -> Json:
    """The camera folder is asked about, or not any more."""
    return {"type": "bridge:pause", "paused": paused}


def held_event(count: int) -> Json:
    """So many pictures were taken while nobody looked, and wait for somebody's word."""
    return {"type": "bridge:held", "count": count}


def deleted_event(sha256: str, captures: Sequence[Capture]) -> Json:
    """A picture of this phone is gone, and what was answered about it."""
    return {"type": "bridge:deleted", "sha256": sha256, "captures": [capture.capture_id for capture in captures]}


def prompts_event(prompts: Sequence[Mapping[str, Any]]) -> Json:
    """The named questions: title, text and system text in both languages, options as `response.create` has them."""
    return {"type": "bridge:prompts", "prompts": list(prompts)}


def waiting_event(question: Question, position: int, *, host_up: bool) -> Json:
    """A viewer's question stands in line; 1 is the next."""
    return {
        "type": "bridge:waiting",
        "event_id": question.event_id,
        "position": position,
        "host": _host(host_up),
    }


def capture_event(capture: Capture, state: str, error: WireError | None = None) -> Json:
    """A picture got further, or not."""
    event: Json = {
        "type": "bridge:capture",
        "capture_id": capture.capture_id,
        "sha256": capture.sha256,
        "source": capture.source,
        "size": capture.size,
        "name": capture.name,
        "state": state,
    }
    return event if error is None else event | {"error": error_event(error)["error"]}


def question_event(question: Question, response_id: str, response: Mapping[str, Any]) -> Json:
    """The host accepted a question; its answer's events follow."""
    event: Json = {
        "type": "bridge:question",
        "response_id": response_id,
        "text": question.text,
        "capture_id": question.capture.capture_id if question.capture else None,
        "sha256": question.sha256,
        "asked_by": question.asked_by,
        "model": response.get("model"),
    }
    given = {"event_id": question.event_id, "retry_of": question.retry_of}
    return event | {key: value for key, value in given.items() if value is not None}


def _host(up: bool) -> str:  # ruff: ignore[boolean-type-hint-positional-argument]
    return "ready" if up else "away"
