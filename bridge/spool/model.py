"""What the spool keeps, as values: captures, their answers, and the names phones give to files, made safe to show."""

import hashlib
import secrets
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

__all__ = [
    "MAX_PICTURE_BYTES",
    "Answer",
    "Capture",
    "FileKey",
    "Forgotten",
    "Source",
    "answers_at_host",
    "capture_id",
    "display_name",
    "event_id",
]

Source = Literal["page", "camera", "screen", "file"]

MAX_PICTURE_BYTES: Final = 25_000_000
"""The host takes no larger picture, so none is pulled."""


_RAW_BYTES: Final = range(0xDC80, 0xDD00)  # what `surrogateescape` makes of a byte that is no UTF-8


class FileKey(NamedTuple):
    """One version of one file on a phone. The path is hostile bytes; time is the phone's clock in whole seconds."""

    path: bytes
    mtime: int
    size: int


@dataclass(frozen=True, slots=True)
class Capture:
    """A picture event: two equal photos are two captures that share one blob."""

    capture_id: str
    device_id: str
    sha256: str
    size: int
    source: Source
    name: str
    mtime: int
    media_type: str
    taken_at: float
    timings_ms: Mapping[str, float] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """The one final answer to one question about one capture."""

    capture_id: str
    question_key: str
    response_id: str
    status: str
    text: str
    answered_at: float


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What is gone with a picture of one phone: its captures, and the names of their answers.

    `elsewhere`: whether another phone's capture shows the same picture, which is kept then.
    """

    captures: tuple[Capture, ...]
    answers: tuple[str, ...]
    elsewhere: bool

    def at_host(self, sha256: str) -> tuple[str, ...]:
        """Where the host keeps what it has of this picture."""
        picture = () if self.elsewhere else (f"/v1/captures/{sha256}",)
        return (*answers_at_host(self.answers), *picture)


def answers_at_host(names: Iterable[str]) -> tuple[str, ...]:
    """Where the host keeps these answers."""
    return tuple(f"/v1/responses/{name}" for name in names)


def capture_id(device: str, key: FileKey) -> str:
    """Name the event that this version of this file appeared on this phone: the same today and after a crash."""
    parts = (device.encode(), key.path, str(key.mtime).encode(), str(key.size).encode())
    return _name(b"".join(len(part).to_bytes(4, "big") + part for part in parts))


def event_id() -> str:
    """Name an event that happens once whatever the picture: a tap on the page, a file given by hand."""
    return _name(secrets.token_bytes(32))


def display_name(raw: bytes) -> str:
    """Make a phone's file name safe for terminals, logs and pages, and reversible by eye.

    Control characters, bidirectional overrides, invisible and unassigned ones, bytes that are no UTF-8 and the
    backslash itself are written as escapes.
    """
    return "".join(_shown(char) for char in raw.decode("utf-8", "surrogateescape"))


def _name(material: bytes) -> str:
    return "cap_" + hashlib.sha256(material).hexdigest()[:32]


def _shown(char: str) -> str:
    code = ord(char)
    if char == "\\":
        return "\\\\"
    if code in _RAW_BYTES:
        return f"\\x{code - 0xDC00:02x}"
    if unicodedata.category(char)[0] == "C" or unicodedata.category(char) in {"Zl", "Zp"}:
        return char.encode("unicode_escape").decode("ascii")
    return char
