"""What can happen to a session: the whole vocabulary of the core's input."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from bridge.session.messages import Ask
from bridge.spool import Capture
from host_server.wire.errors import WireError

__all__ = [
    "AnswerFound",
    "AnswerOver",
    "AnswerSaid",
    "AskLost",
    "AskRefused",
    "CaptureTaken",
    "CatchUpDue",
    "DeviceChanged",
    "Event",
    "HostCame",
    "HostSaid",
    "HostWent",
    "PageBrought",
    "PauseSet",
    "PhoneInfo",
    "PictureDeleted",
    "PicturesHeld",
    "PromptsGiven",
    "RetryDue",
    "UploadLost",
    "UploadRefused",
    "Uploaded",
    "ViewerAsked",
    "ViewerCame",
    "ViewerCancelled",
    "ViewerErred",
    "ViewerGreeted",
    "ViewerKind",
    "ViewerLeft",
]

ViewerKind: TypeAlias = Literal["page", "terminal"]


@dataclass(frozen=True, slots=True)
class PhoneInfo:
    """Whose session this is. `device_id` is what the host hears, the serial stays on the laptop."""

    serial: str
    device_id: str
    model: str


@dataclass(frozen=True, slots=True)
class CaptureTaken:
    """A picture is in the spool and wants its question; without a prompt, the session's own."""

    capture: Capture
    prompt: str | None = None


@dataclass(frozen=True, slots=True)
class PageBrought:
    """The page took or chose a picture, and it is in the spool; the page will ask about it itself."""

    capture: Capture


@dataclass(frozen=True, slots=True)
class PictureDeleted:
    """The person at the phone does not want this picture anywhere any more; these were its captures."""

    sha256: str
    captures: tuple[Capture, ...]


@dataclass(frozen=True, slots=True)
class PicturesHeld:
    """So many pictures of the camera folder wait for the user's word before they are sent."""

    count: int


@dataclass(frozen=True, slots=True)
class Uploaded:
    """The host holds the picture."""

    sha256: str
    took_ms: float


@dataclass(frozen=True, slots=True)
class UploadRefused:
    """The host will not have the picture."""

    sha256: str
    error: WireError
    retryable: bool


@dataclass(frozen=True, slots=True)
class UploadLost:
    """The host went away before it had the picture."""

    sha256: str


@dataclass(frozen=True, slots=True)
class HostCame:
    """A host answers; it may be another one than before."""

    models: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HostWent:
    """No host answers for now."""


@dataclass(frozen=True, slots=True)
class HostSaid:
    """An event of the answer to a question."""

    question_id: str
    event: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AnswerFound:
    """The host has an answer of this phone that an earlier bridge asked for. `capture` is what it is about, if any."""

    response_id: str
    question_id: str
    capture: Capture | None


@dataclass(frozen=True, slots=True)
class AnswerSaid:
    """An event of an answer that was found."""

    response_id: str
    event: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AnswerOver:
    """Nothing more comes of an answer that was looked for, found or not; `host_went` before it could say."""

    response_id: str
    host_went: bool = False


@dataclass(frozen=True, slots=True)
class AskRefused:
    """The host refused the question before it became an answer."""

    question_id: str
    error: WireError
    retryable: bool


@dataclass(frozen=True, slots=True)
class AskLost:
    """The host went away before it accepted the question."""

    question_id: str


@dataclass(frozen=True, slots=True)
class RetryDue:
    """The pause that the host asked for is over."""

    question_id: str


@dataclass(frozen=True, slots=True)
class ViewerCame:
    """Somebody looks. `resume` tells how far it has read; None means it will say so itself, or nothing."""

    viewer: str
    kind: ViewerKind
    resume: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class ViewerGreeted:
    """A viewer told how far it has read."""

    viewer: str
    resume: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class CatchUpDue:
    """A viewer had its time to greet."""

    viewer: str


@dataclass(frozen=True, slots=True)
class ViewerAsked:
    """A viewer asks. `capture` is the picture it names, when the spool knows it."""

    viewer: str
    ask: Ask
    capture: Capture | None = None


@dataclass(frozen=True, slots=True)
class ViewerCancelled:
    """A viewer wants an answer to stop."""

    viewer: str
    response_id: str
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class ViewerErred:
    """A viewer said something that makes no sense."""

    viewer: str
    error: WireError


@dataclass(frozen=True, slots=True)
class ViewerLeft:
    """A viewer is gone; nothing may be sent to it any more."""

    viewer: str


@dataclass(frozen=True, slots=True)
class PauseSet:
    """Stop, or go on, asking about pictures of the camera folder."""

    paused: bool


@dataclass(frozen=True, slots=True)
class PromptsGiven:
    """The named questions that pages may offer, all of them."""

    prompts: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class DeviceChanged:
    """The phone came, went or needs a hand."""

    state: str
    detail: str = ""
    hint: str = ""


Event: TypeAlias = (
    CaptureTaken
    | PageBrought
    | PictureDeleted
    | PicturesHeld
    | Uploaded
    | UploadRefused
    | UploadLost
    | HostCame
    | HostWent
    | HostSaid
    | AnswerFound
    | AnswerSaid
    | AnswerOver
    | AskRefused
    | AskLost
    | RetryDue
    | ViewerCame
    | ViewerGreeted
    | CatchUpDue
    | ViewerAsked
    | ViewerCancelled
    | ViewerErred
    | ViewerLeft
    | PauseSet
    | PromptsGiven
    | DeviceChanged
)
