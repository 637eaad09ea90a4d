"""The questions of one phone that wait for their turn, and how a question is put to the host."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from bridge.session.answers import Answer
from bridge.spool import Capture
from host_server.wire.ids import capture_file_id

__all__ = ["MAX_WAITING", "AskedBy", "Line", "Question", "response_create"]

MAX_WAITING = 256

AskedBy: TypeAlias = Literal["camera", "page", "terminal"]


@dataclass(slots=True, eq=False)
class Question:
    """One question on its way: waiting, asked, or asked again. Ends with an answer or an error, once."""

    question_id: str
    text: str
    asked_by: AskedBy
    since: float  # what `first_token` and `total` count from
    sha256: str | None = None
    capture: Capture | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    viewer: str | None = None
    event_id: str | None = None
    chain: str | None = None  # the earlier answer to build on, while it is worth trying
    answer: Answer | None = None  # once the host accepted it
    retry_of: str | None = None  # the answer that was interrupted
    version: int = 0  # a question that changes, or is asked again, needs another idempotency key
    tries: int = 0
    interruptions: int = 0
    sent_again: bool = False  # the picture, because the host had lost it
    resting: bool = False
    cancelled: bool = False
    given_up: bool = False
    upload_ms: float = 0.0
    first_token_at: float | None = None

    @property
    def own(self) -> Capture | None:
        """The picture whose own question this is; None for a question that a viewer asks about one."""
        return self.capture if self.viewer is None else None

    @property
    def automatic(self) -> bool:
        """Whether nobody waits with the phone in hand."""
        return self.asked_by == "camera"


class Line:
    """First come, first served, but people before the camera's backlog. Holds `MAX_WAITING` questions."""

    def __init__(self) -> None:
        self._questions: list[Question] = []

    def __len__(self) -> int:
        return len(self._questions)

    def __iter__(self) -> Iterator[Question]:
        return iter(tuple(self._questions))

    @property
    def full(self) -> bool:
        """Whether nobody else may join."""
        return len(self._questions) >= MAX_WAITING

    @property
    def head(self) -> Question | None:
        """Who is next."""
        return self._questions[0] if self._questions else None

    def join(self, question: Question) -> None:
        """Take a place."""
        place = len(self._questions)
        if not question.automatic:
            place = next((n for n, other in enumerate(self._questions) if other.automatic), place)
        self._questions.insert(place, question)

    def place(self, question: Question) -> int | None:
        """How many are before this one, if it is here."""
        return self._questions.index(question) if question in self._questions else None

    def join_first(self, question: Question) -> None:
        """Come back to the front, after an attempt that failed."""
        self._questions.insert(0, question)

    def leave(self, question: Question) -> None:
        """Go, being asked or given up."""
        self._questions.remove(question)


def response_create(question: Question, *, device_id: str, model: str | None) -> dict[str, Any]:
    """The question as the host reads it. A question in a chain leaves its picture out: the host has seen it."""
    content: list[dict[str, Any]] = [{"type": "input_text", "text": question.text}]
    if question.sha256 is not None and question.chain is None:
        content.insert(0, {"type": "input_image", "file_id": capture_file_id(question.sha256), "detail": "auto"})
    metadata = {"device_id": device_id, "idempotency_key": f"{question.question_id}.{question.version}"}
    if question.capture is not None:
        metadata["capture_id"] = question.capture.capture_id
    create: dict[str, Any] = {"type": "response.create", "input": [{"role": "user", "content": content}]}
    if model is not None:
        create["model"] = model
    if question.chain is not None:
        create["previous_response_id"] = question.chain
    return create | dict(question.options) | {"metadata": metadata}
