"""Tell a JPEG or PNG from its first bytes, without any library: good enough to turn an upload away while it arrives."""

from typing import Final, Literal

__all__ = ["MAX_BYTES", "SNIFF_BYTES", "MediaType", "sniff"]

MediaType = Literal["image/jpeg", "image/png"]

MAX_BYTES: Final = 25 * 1024 * 1024
"""The largest file that is looked at. The largest phone photos (200 megapixels) are below 25 MB in most modes."""

SNIFF_BYTES: Final = 16
"""How many first bytes `sniff` needs."""

_PNG: Final = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
_JPEG: Final = b"\xff\xd8\xff"
_JPEG_SECOND_MARKER: Final = frozenset({0xC0, 0xC1, 0xC2, 0xC4, 0xDB, 0xDD, 0xFE, *range(0xE0, 0xF0)})


def sniff(first_bytes: bytes) -> MediaType | None:
    """Name the media type that the first `SNIFF_BYTES` bytes promise, or `None` when it is neither JPEG nor PNG."""
    if first_bytes.startswith(_PNG):
        return "image/png"
    if first_bytes.startswith(_JPEG) and first_bytes[3:4] and first_bytes[3] in _JPEG_SECOND_MARKER:
        return "image/jpeg"
    return None
