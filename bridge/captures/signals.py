"""What `SettleCore` is told (events) and what it wants done (commands)."""

from dataclasses import dataclass
from typing import Literal

from bridge.captures.ending import Ending
from bridge.spool import FileKey

__all__ = [
    "Accept",
    "Alarm",
    "CatchUp",
    "Command",
    "Committed",
    "Discard",
    "Event",
    "Hold",
    "List",
    "Listed",
    "Look",
    "Looked",
    "Opened",
    "Paused",
    "Pull",
    "PullFailed",
    "Pulled",
    "Reason",
    "Refuse",
    "Remember",
    "StillWriting",
    "Tick",
]

Reason = Literal["format", "too_large", "no_picture"]


# ------------------------------------------------------------------------------------------------ what happens
@dataclass(frozen=True, slots=True)
class Opened:
    """The first listing of a folder: what it holds, what is known of it, for how long nobody looked (None: never)."""

    folder: bytes
    files: tuple[FileKey, ...]
    done: frozenset[FileKey]
    held: frozenset[FileKey]
    away: float | None


@dataclass(frozen=True, slots=True)
class Listed:
    """A later listing of a folder: its regular files."""

    folder: bytes
    files: tuple[FileKey, ...]


@dataclass(frozen=True, slots=True)
class Alarm:
    """The phone says that a file was moved to this name, or written and closed."""

    path: bytes
    moved: bool


@dataclass(frozen=True, slots=True)
class Looked:
    """One file's state, None when it is not there (any more)."""

    path: bytes
    key: FileKey | None


@dataclass(frozen=True, slots=True)
class Pulled:
    """A file was copied; its bytes wait for `Accept`, `Refuse` or `Discard`."""

    key: FileKey
    ending: Ending


@dataclass(frozen=True, slots=True)
class PullFailed:
    """A file could not be copied or kept now."""

    path: bytes


@dataclass(frozen=True, slots=True)
class Committed:
    """An accepted file is safe in the spool."""

    key: FileKey


@dataclass(frozen=True, slots=True)
class CatchUp:
    """The user wants the held pictures sent."""


@dataclass(frozen=True, slots=True)
class Paused:
    """The user wants nothing sent from now on, or wants it sent again."""

    paused: bool


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passed: `SettleCore.due` is reached."""


Event = Opened | Listed | Alarm | Looked | Pulled | PullFailed | Committed | CatchUp | Paused | Tick


# ------------------------------------------------------------------------------------------------ what to do
@dataclass(frozen=True, slots=True)
class Look:
    """Stat this file, answer `Looked`."""

    path: bytes


@dataclass(frozen=True, slots=True)
class List:
    """List this folder, answer `Listed`."""

    folder: bytes


@dataclass(frozen=True, slots=True)
class Pull:
    """Copy this file, answer `Pulled` or `PullFailed`."""

    path: bytes


@dataclass(frozen=True, slots=True)
class Accept:
    """Commit the bytes just pulled, answer `Committed` or `PullFailed`. The file was first seen final at `final_at`."""

    key: FileKey
    final_at: float


@dataclass(frozen=True, slots=True)
class Discard:
    """Throw the bytes just pulled away."""

    path: bytes


@dataclass(frozen=True, slots=True)
class Refuse:
    """This version of this file is not sent; tell why, once, and throw away what was pulled of it."""

    key: FileKey
    reason: Reason


@dataclass(frozen=True, slots=True)
class Remember:
    """Note what the first listing showed: files that are `done` with or `held`."""

    folder: bytes
    done: tuple[FileKey, ...]
    held: tuple[FileKey, ...]
    there: tuple[FileKey, ...]


@dataclass(frozen=True, slots=True)
class Hold:
    """Note that these files wait for the user's word."""

    keys: tuple[FileKey, ...]


@dataclass(frozen=True, slots=True)
class StillWriting:
    """Tell, once, that this file ends in its middle and is waited for, so many seconds at most."""

    key: FileKey
    seconds: float


Command = Look | List | Pull | Accept | Discard | Refuse | Remember | Hold | StillWriting
