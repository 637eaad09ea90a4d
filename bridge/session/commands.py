"""What the core wants done: the whole vocabulary of its output. The runner does it at once, in order."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

__all__ = [
    "AskHost",
    "CancelAtHost",
    "Command",
    "Forget",
    "LoadPending",
    "Observe",
    "Record",
    "Recover",
    "RetryLater",
    "Show",
    "Tell",
    "Upload",
]


@dataclass(frozen=True, slots=True)
class Upload:
    """Bring the picture to the host; answer with `Uploaded`, `UploadRefused` or `UploadLost`."""

    sha256: str


@dataclass(frozen=True, slots=True)
class AskHost:
    """Send the question; answer with `HostSaid` for each event, or with `AskRefused` or `AskLost`."""

    question_id: str
    create: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CancelAtHost:
    """Stop the answer; its terminal event still comes the usual way."""

    response_id: str


@dataclass(frozen=True, slots=True)
class Recover:
    """Fetch an answer of an earlier bridge; answer with `AnswerFound`, `AnswerSaid` for each event, `AnswerOver`."""

    response_id: str


@dataclass(frozen=True, slots=True)
class RetryLater:
    """Answer with `RetryDue` after so many seconds."""

    question_id: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Tell:
    """Put one event of ours into a viewer's outbox."""

    viewer: str
    event: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Show:
    """An answer has news for a viewer, who reads on from where it is; the first time, from after `after`."""

    viewer: str
    response_id: str
    after: int = -1


@dataclass(frozen=True, slots=True)
class Forget:
    """These answers are deleted: no viewer is shown more of them."""

    response_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """Journal what became of a picture's question: it is final and never asked again."""

    capture_id: str
    question_key: str
    response_id: str
    status: str
    text: str


@dataclass(frozen=True, slots=True)
class LoadPending:
    """There is room again: hand in the captures of the spool that have no answer yet."""


@dataclass(frozen=True, slots=True)
class Observe:
    """Something for the terminal's JSON Lines."""

    event: Mapping[str, Any]


Command: TypeAlias = (
    Upload | AskHost | CancelAtHost | Recover | RetryLater | Tell | Show | Forget | Record | LoadPending | Observe
)
