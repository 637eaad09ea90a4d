"""The parts of a PNG: the picture without its metadata, before any library has unpacked a word of it."""

import struct
import zlib
from collections.abc import Iterator
from itertools import islice
from typing import Final, NamedTuple

__all__ = ["MAX_CHUNKS", "exif_of", "strip"]

MAX_CHUNKS: Final = 50_000
"""Encoders cut a picture into chunks of 8 kB or more; a quarter of a million tiny ones only cost time."""

_SIGNATURE: Final = 8
_FRAME: Final = 12
_PIXELS: Final = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})


class _Chunk(NamedTuple):
    kind: bytes
    start: int
    end: int


def exif_of(data: bytes) -> bytes:
    """The first EXIF block; empty when there is none."""
    for chunk in islice(_chunks(data), MAX_CHUNKS):
        if chunk.kind == b"eXIf":
            return data[chunk.start + 8 : chunk.end - 4]
    return b""


def strip(data: bytes, exif: bytes) -> list[memoryview | bytes] | None:
    """The picture in parts, pixels untouched, with `exif` as its only metadata; None when it has too many chunks.

    Texts, profiles, further frames of an animation and whatever follows its end are left out.
    """
    view = memoryview(data)
    parts: list[memoryview | bytes] = [view[:_SIGNATURE]]
    for number, (kind, start, end) in enumerate(_chunks(data)):
        if number >= MAX_CHUNKS:
            return None
        if kind in _PIXELS:
            parts.append(view[start:end])
        if exif and kind == b"IHDR":
            parts.append(_chunk(b"eXIf", exif))
    return parts


def _chunks(data: bytes) -> Iterator[_Chunk]:
    start = _SIGNATURE
    while start + _FRAME <= len(data):
        length, kind = struct.unpack_from(">I4s", data, start)
        end = min(start + _FRAME + length, len(data))
        yield _Chunk(kind, start, end)
        if kind == b"IEND":
            return
        start = end


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
