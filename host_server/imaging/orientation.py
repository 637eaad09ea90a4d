"""Which way up a picture is: the one fact in its metadata that is needed, read and written apart from all others."""

import struct
from typing import Final

__all__ = ["ON_ITS_SIDE", "exif_with", "orientation"]

_TAG: Final = 0x0112
_SHORT: Final = 3
_PREFIX: Final = b"Exif\0\0"
ON_ITS_SIDE: Final = frozenset({5, 6, 7, 8})
"""EXIF orientations that swap width and height."""


def orientation(block: bytes) -> int:
    """The orientation (1 to 8) in an EXIF block; 1 when there is none or it makes no sense."""
    from PIL import Image

    exif = Image.Exif()
    try:
        exif.load(block)
        value = exif.get(_TAG)
    except Exception:  # ruff: ignore[blind-except] - whatever is wrong with the metadata, the picture is still a picture
        return 1
    return value if isinstance(value, int) and value in range(1, 9) else 1


def exif_with(turn: int, *, prefix: bool) -> bytes:
    """An EXIF block that says this and nothing else; empty for a picture that is upright."""
    if turn == 1:
        return b""
    tiff = struct.pack(">2sHIHHHIHHI", b"MM", 42, 8, 1, _TAG, _SHORT, 1, turn, 0, 0)
    return _PREFIX + tiff if prefix else tiff
