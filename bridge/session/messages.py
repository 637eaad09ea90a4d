"""What a viewer may say: hostile text in, one checked message out.

The page speaks the host's protocol, so the host's own models do the reading; this narrows it down to what a session
understands: one question, about one picture of this phone, or about none.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from host_server.wire.errors import WireError
from host_server.wire.ids import sha256_of_file_id
from host_server.wire.request import (
    InputImage,
    InputText,
    ResponseCancel,
    ResponseCreate,
    Resume,
    parse_message,
)

__all__ = [
    "MAX_QUESTION",
    "Ack",
    "Ask",
    "Cancel",
    "Hello",
    "Pause",
    "SendHeld",
    "ViewerMessage",
    "parse_viewer_message",
]

_ValueT = TypeVar("_ValueT", bool, int, str)

MAX_QUESTION = 8_000  # characters; a phone's question is a line or two


@dataclass(frozen=True, slots=True)
class Ask:
    """A question; `options` go to the host as they are."""

    text: str
    sha256: str | None = None
    previous_response_id: str | None = None
    event_id: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop this answer."""

    response_id: str
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class Hello:
    """How far this viewer has read, answer by answer."""

    resume: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Pause:
    """Stop, or go on, sending pictures of the camera folder."""

    paused: bool


@dataclass(frozen=True, slots=True)
class SendHeld:
    """Send the pictures that were held back, too."""


@dataclass(frozen=True, slots=True)
class Ack:
    """What was sent up to this event has been read: of an answer, or without one, of our own events."""

    sequence_number: int
    response_id: str | None = None


ViewerMessage: TypeAlias = Ask | Cancel | Hello | Pause | SendHeld | Ack


def parse_viewer_message(text: str) -> ViewerMessage:
    """Read one frame. Raises `WireError`, and nothing else, whatever the text."""
    own = _own(text)
    if own is not None:
        return own
    message = parse_message(text)
    if isinstance(message, ResponseCancel):
        return Cancel(message.response_id, message.event_id)
    if isinstance(message, Resume):
        return Hello({point.id: point.starting_after for point in message.points})
    if not isinstance(message, ResponseCreate):
        raise WireError("unknown_event", "Unknown event type.", param="type")
    try:
        return _ask(message)
    except WireError as error:
        error.event_id = message.event_id
        raise


def _own(text: str) -> Pause | SendHeld | Ack | None:
    """The messages that are between page and laptop alone."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return None
    match data:
        case {"type": "bridge:pause", **rest}:
            return Pause(_checked("paused", rest.get("paused"), bool))
        case {"type": "bridge:send_held"}:
            return SendHeld()
        case {"type": "bridge:ack", **rest}:
            answer = rest.get("response_id")
            number = _checked("sequence_number", rest.get("sequence_number"), int)
            return Ack(number, None if answer is None else _checked("response_id", answer, str))
        case _:
            return None


def _checked(name: str, value: object, kind: type[_ValueT]) -> _ValueT:
    if type(value) is not kind:
        raise WireError("invalid_request", f"`{name}` must be of type {kind.__name__}.", param=name)
    return value


def _ask(create: ResponseCreate) -> Ask:
    text, picture = _content(create)
    if not text.strip():
        raise WireError("invalid_request", "The question has no text.", param="input")
    if len(text) > MAX_QUESTION:
        raise WireError("prompt_too_long", f"A question may have {MAX_QUESTION} characters.", param="input")
    given = {
        "model": create.model,
        "instructions": create.instructions,
        "max_output_tokens": create.max_output_tokens,
        "temperature": create.temperature,
        "top_p": create.top_p,
        "text": None if create.format.type == "text" else {"format": create.format.echo()},
    }
    return Ask(
        text=text,
        sha256=picture,
        previous_response_id=create.previous_response_id,
        event_id=create.event_id,
        options={name: value for name, value in given.items() if value is not None},
    )


def _content(create: ResponseCreate) -> tuple[str, str | None]:
    if len(create.items) != 1 or create.items[0].role != "user":
        raise WireError("invalid_request", "Send one message of the user; earlier ones are remembered.", param="input")
    content = create.items[0].content
    if isinstance(content, str):
        return content, None
    texts = [part.text for part in content if isinstance(part, InputText)]
    pictures = [part for part in content if isinstance(part, InputImage)]
    if len(texts) + len(pictures) != len(content) or len(pictures) > 1:
        raise WireError("invalid_request", "A question is text and at most one picture.", param="input")
    return "\n".join(texts), _picture(pictures[0]) if pictures else None


def _picture(part: InputImage) -> str:
    sha256 = sha256_of_file_id(part.file_id) if part.file_id is not None else None
    if sha256 is None:
        raise WireError("invalid_request", "Name the picture by file_id cap_<sha256>.", param="input")
    return sha256
