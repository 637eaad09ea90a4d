"""What a camera folder tells beside its captures."""

from dataclasses import dataclass

__all__ = ["FolderNotice", "Held", "Refused", "Trouble", "Unfinished", "Watching"]


@dataclass(frozen=True, slots=True)
class Watching:
    """The folders are watched from now on: by `inotifyd`, or only by `polling`, with the reason in `why`."""

    folders: tuple[str, ...]
    how: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """So many pictures in all are kept back: taken while nobody looked, or during a pause.

    Told whenever the number changes, with 0 at the end; `CameraFolder.catch_up` sends them.
    """

    count: int


@dataclass(frozen=True, slots=True)
class Refused:
    """A file will not become a capture; said once for each."""

    name: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something does not work now and is tried again."""

    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A picture ends in its middle; it is looked at again until it is whole, at most for so many seconds."""

    name: str
    seconds: float


FolderNotice = Watching | Held | Refused | Trouble | Unfinished
