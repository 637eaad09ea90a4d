"""The words for whoever watches from the terminal: one dict a happening, in the form of `--json` (design 7)."""

from collections.abc import Mapping
from typing import Any

from bridge.session.answers import Answer
from bridge.session.commands import Observe
from bridge.session.events import PhoneInfo
from bridge.session.line import Question
from bridge.spool import Capture

__all__ = ["Reporter", "timings"]


class Reporter:
    """Knows the phone, so that each line says which one it is about."""

    def __init__(self, phone: PhoneInfo) -> None:
        self._phone = phone

    def device(self, now: float, state: str, detail: str = "", hint: str = "") -> Observe:
        """The phone came, went, was paused."""
        return self._line("device", now, state=state, detail=detail, hint=hint)

    def capture(self, now: float, capture: Capture, state: str) -> Observe:
        """A picture got further."""
        return self._line(
            "capture",
            now,
            capture_id=capture.capture_id,
            sha256=capture.sha256,
            bytes=capture.size,
            source=capture.source,
            name=capture.name,
            state=state,
        )

    def question(self, now: float, question: Mapping[str, Any]) -> Observe:
        """A question was accepted."""
        return self._line("question", now, **{key: value for key, value in question.items() if key != "type"})

    def loading(self, now: float, answer: Answer) -> Observe:
        """A question waits for the model, which is being loaded."""
        return self._line("waiting", now, response_id=answer.response_id, reason="loading")

    def delta(self, now: float, answer: Answer, event: Mapping[str, Any]) -> Observe:
        """A piece of an answer."""
        return self._line("delta", now, response_id=answer.response_id, delta=event.get("delta", ""))

    def answer(self, now: float, question: Question, answer: Answer) -> Observe:
        """An answer ended; `status` says how."""
        response = answer.response
        fields: dict[str, Any] = {
            "response_id": answer.response_id,
            "capture_id": question.capture.capture_id if question.capture else None,
            "asked_by": question.asked_by,
            "question": question.text,
            "status": answer.status,
            "text": answer.text,
            "thinking": answer.thinking,
            "annotations": answer.annotations,
            "model": response.get("model"),
            "timings_ms": timings(now, question, response),
            "cached": (response.get("metrics") or {}).get("cache") == "hit",
            "usage": answer.usage,
            "degraded": answer.degraded,
        }
        if response.get("error"):
            fields["error"] = response["error"]
        return self._line("answer", now, **fields)

    def error(self, now: float, code: str, message: str, *, final: bool = False, **fields: Any) -> Observe:
        """Something went wrong, and what about. `final`: a question will get no answer."""
        return self._line("error", now, code=code, message=message, final=final, **fields)

    def _line(self, event: str, now: float, **fields: Any) -> Observe:
        head = {"event": event, "ts": now, "device_id": self._phone.device_id, "serial": self._phone.serial}
        return Observe(head | fields)


def timings(now: float, question: Question, response: Mapping[str, Any]) -> dict[str, float | None]:
    """How long each stage took, in milliseconds; a camera picture's clock starts when it is final on the phone."""
    metrics = response.get("metrics") or {}
    stages: dict[str, float | None] = {}
    if question.capture is not None and "pull" in question.capture.timings_ms:
        stages["pull"] = question.capture.timings_ms["pull"]
    first = question.first_token_at
    return stages | {
        "upload": round(question.upload_ms, 1),
        "queue": metrics.get("queue_time_ms"),
        "prepare": metrics.get("preprocess_ms"),
        "first_token": None if first is None else round(1000 * (first - question.since), 1),
        "total": round(1000 * (now - question.since), 1),
    }
