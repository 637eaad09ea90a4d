"""A PNG found in what a phone printed, and checked to be whole: every chunk, from its signature to its end. Pure.

`screencap` prints its warnings in front of the picture on phones with several displays, and a shell without separate
outputs puts them behind it too; so the picture is cut out by its own marks, never by where it should stand.
"""

import zlib
from dataclasses import dataclass
from typing import Final

__all__ = ["MAX_PIXELS", "Png", "PngError", "find_png"]

MAX_PIXELS: Final = 12_000_000
"""More than any phone or tablet shows; decoded, such a picture takes 48 MB."""

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_PREFACE: Final = 8192
"""A phone's warnings are a few hundred bytes; what begins later is no answer to our question."""
_MAX_CHUNKS: Final = 20_000
_HEADER_SIZE: Final = 13
_FRAME: Final = 12  # length, kind and checksum around the data of each chunk


class PngError(Exception):
    """There is no whole PNG; the text says what there is, as the end of a sentence about the picture."""


@dataclass(frozen=True, slots=True)
class Png:
    """A whole PNG: its bytes and its size in pixels."""

    data: bytes
    width: int
    height: int


def find_png(printed: bytes) -> Png:
    """Cut the picture out of what was printed. Raises `PngError`."""
    start = printed.find(_SIGNATURE, 0, _PREFACE)
    if start < 0:
        raise PngError("is no PNG" if printed else "is empty")
    view = memoryview(printed)
    at, size = start + len(_SIGNATURE), None
    for _ in range(_MAX_CHUNKS):
        kind, data, at = _chunk(view, at)
        if size is None:
            size = _size(kind, data)
        if kind == b"IEND":
            return Png(printed[start:at], *size)
    raise PngError("has too many parts")


def _chunk(view: memoryview, at: int) -> tuple[bytes, memoryview, int]:
    """Read one chunk: its kind, its data, and where the next one begins."""
    length = int.from_bytes(view[at : at + 4], "big")
    end = at + _FRAME + length
    if end > len(view):
        raise PngError("ends in its middle")
    if zlib.crc32(view[at + 4 : end - 4]) != int.from_bytes(view[end - 4 : end], "big"):
        raise PngError("is damaged")
    return bytes(view[at + 4 : at + 8]), view[at + 8 : end - 4], end


def _size(kind: bytes, data: memoryview) -> tuple[int, int]:
    """Width and height, from the first chunk."""
    if kind != b"IHDR" or len(data) != _HEADER_SIZE:
        raise PngError("is damaged")
    width, height = int.from_bytes(data[:4], "big"), int.from_bytes(data[4:8], "big")
    if not 0 < width * height <= MAX_PIXELS:
        raise PngError(f"has {width} x {height} pixels")
    return width, height
