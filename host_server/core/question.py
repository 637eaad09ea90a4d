"""What an engine is asked: a question with its pictures already checked, shrunk and stripped of metadata.

These values stand below both `imaging`, which makes the pictures, and `engines`, which look at them, so that neither
of the two needs the other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["AnswerForm", "PreparedPicture", "PreparedQuestion", "Priority", "Turn"]

Priority = Literal["interactive", "batch"]


@dataclass(frozen=True, slots=True)
class PreparedPicture:
    """One picture, upright, RGB, without metadata, its longest side at most what the engine asked for."""

    sha256: str
    """Hex digest of the file as it was uploaded: names the blob."""
    width: int
    """Pixels of `jpeg`, after turning upright."""
    height: int
    jpeg: bytes
    """Baseline JPEG made by us: three 8-bit channels (RGB once decoded), no EXIF, no GPS, no ICC, no trailing bytes."""
    original_width: int
    """Pixels of the uploaded picture as a person sees it, that is after its EXIF orientation."""
    original_height: int
    original_bytes: int
    """Size of the file it was prepared from: as it is kept, without metadata."""
    original_media_type: str
    """`image/jpeg` or `image/png`."""


@dataclass(frozen=True, slots=True)
class Turn:
    """An earlier message of the same chain, text only."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class AnswerForm:
    """The answer shall be JSON: an object, or what fits the schema. The host checks it, whatever the engine says."""

    name: str = ""
    schema: Mapping[str, Any] | None = None
    """Known to be small and well formed, see `wire.schema`."""
    description: str = ""


@dataclass(frozen=True, slots=True)
class PreparedQuestion:
    """All that an engine learns about a question. Nothing in it came through unchecked."""

    text: str
    pictures: tuple[PreparedPicture, ...] = ()
    """What the question is about, oldest first: its own pictures or, in a follow-up without any, those of its chain."""
    system: str = ""
    history: tuple[Turn, ...] = ()
    """Earlier turns, oldest first; the question itself is not among them."""
    max_output_tokens: int | None = None
    """At most so many tokens of answer (>= 1); `None`: the engine's own limit."""
    temperature: float | None = None
    """0 is greedy; `None`: the engine's own default."""
    top_p: float | None = None
    """Only the likeliest tokens that together have this probability are drawn from; `None`: all of them."""
    seed: int | None = None
    """The same seed draws the same answer again; `None`: another one each time."""
    stop: tuple[str, ...] = ()
    """Texts that end the answer; they are not part of it."""
    thinking: bool | None = None
    """Whether a model that can think aloud first shall do so; `None`: as the engine was told at its start."""
    priority: Priority = "interactive"
    """Somebody waits for it, or it may wait for those."""
    form: AnswerForm | None = None
    """What the answer shall be; `None`: text."""
    asker: str = ""
    """Whose question it is, for caches alone: a quick or cheap answer must not tell one client what another asked."""
