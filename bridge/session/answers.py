"""The answers that viewers may still read, from any point: one log each, the oldest dropped first."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridge.spool import Capture
from host_server.wire.log import AnswerLog

__all__ = ["MAX_ANSWERS", "MAX_BYTES", "Answer", "Answers"]

MAX_ANSWERS = 64
MAX_BYTES = 8 * 1024 * 1024


@dataclass(slots=True, eq=False)
class Answer:
    """An accepted question's answer. `question` is the `bridge:question` event that goes before it.

    It is empty for an answer that an earlier bridge announced: nobody but who saw that is shown the answer.
    """

    response_id: str
    question: Mapping[str, Any]
    sha256: str | None
    capture: Capture | None
    log: AnswerLog
    overflowed: bool = False

    @property
    def ended(self) -> bool:
        """Whether the terminal event is in the log."""
        return self.log.terminal is not None

    @property
    def response(self) -> Mapping[str, Any]:
        """The Response of the terminal event; empty while there is none."""
        return (self.log.terminal or {}).get("response") or {}

    @property
    def status(self) -> str:
        """How it ended, or `in_progress`."""
        return str(self.response.get("status", "incomplete")) if self.ended else "in_progress"

    @property
    def interrupted(self) -> bool:
        """Whether it ended through no fault of the question: asked again, it may well be answered."""
        error = self.response.get("error") or {}
        broke = self.status == "failed" and error.get("retryable") is True
        declined = self.response.get("retryable") is True  # a polite word, because too much was asked at once
        return broke or declined or (self.status == "cancelled" and self.response.get("cancelled_by") == "disconnect")

    @property
    def forgotten(self) -> bool:
        """Whether the host knows neither this answer nor its question any more, as after its restart."""
        return self.response.get("forgotten") is True

    @property
    def text(self) -> str:
        """The words of the ended answer."""
        return "".join(str(part.get("text", "")) for part in self._parts("message"))

    @property
    def thinking(self) -> str:
        """What the model thought before it said them; no part of the answer."""
        return "".join(str(part.get("text", "")) for part in self._parts("reasoning"))

    @property
    def annotations(self) -> list[Mapping[str, Any]]:
        """What the host found out about the ended answer's words, such as the places they name."""
        return [note for part in self._parts("message") for note in _dicts(part.get("annotations"))]

    @property
    def degraded(self) -> list[str]:
        """What the host left out because of load."""
        told = self.response.get("degraded")
        return [step for step in told if isinstance(step, str)] if isinstance(told, list) else []

    @property
    def usage(self) -> Mapping[str, Any] | None:
        """What the ended answer cost, in OpenAI's form."""
        told = self.response.get("usage")
        return told if isinstance(told, Mapping) else None

    def _parts(self, kind: str) -> list[Mapping[str, Any]]:
        items = (item for item in _dicts(self.response.get("output")) if item.get("type") == kind)
        return [part for item in items for part in _dicts(item.get("content"))]


class Answers:
    """By name, oldest first, within `MAX_ANSWERS` and `MAX_BYTES`; a running answer is never dropped."""

    def __init__(self) -> None:
        self._answers: dict[str, Answer] = {}

    def __contains__(self, response_id: object) -> bool:
        return response_id in self._answers

    @property
    def names(self) -> list[str]:
        """All that is kept and was announced, oldest first."""
        return [name for name, answer in self._answers.items() if answer.question]

    def get(self, response_id: str) -> Answer | None:
        """The answer of that name, if it is kept."""
        return self._answers.get(response_id)

    def drop(self, sha256: str) -> list[str]:
        """Keep nothing about this picture; gives the names of the answers."""
        gone = [name for name, answer in self._answers.items() if answer.sha256 == sha256]
        for name in gone:
            del self._answers[name]
        return gone

    def running(self) -> list[Answer]:
        """Answers that are being written."""
        return [answer for answer in self._answers.values() if not answer.ended]

    def add(self, answer: Answer) -> list[str]:
        """Keep one more; gives the names of those that had to go."""
        self._answers[answer.response_id] = answer
        size = sum(kept.log.size for kept in self._answers.values())
        gone: list[str] = []
        for name, kept in list(self._answers.items()):
            if len(self._answers) <= MAX_ANSWERS and size <= MAX_BYTES:
                break
            if kept.ended:
                size -= kept.log.size
                gone.append(name)
                del self._answers[name]
        return gone


def _dicts(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
