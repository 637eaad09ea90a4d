"""Which files in a camera folder are pictures, going by their names alone."""

from typing import Final, Literal

__all__ = ["Kind", "folder_of", "kind_of"]

Kind = Literal["picture", "unreadable", "other"]

_PICTURES: Final = (b".jpg", b".jpeg", b".png")
_UNREADABLE: Final = (b".heic", b".heif", b".dng", b".webp")


def kind_of(path: bytes) -> Kind:
    """Tell a picture, a picture the host cannot read, and everything else; hidden and unfinished files are other."""
    name = path.rpartition(b"/")[2]
    if name.startswith(b"."):  # .pending-<expiry>-NAME and .trashed-… among them
        return "other"
    lower = name.lower()
    if lower.endswith(_PICTURES):
        return "picture"
    return "unreadable" if lower.endswith(_UNREADABLE) else "other"


def folder_of(path: bytes) -> bytes:
    """Give the folder that a file lies in."""
    return path.rpartition(b"/")[0]
