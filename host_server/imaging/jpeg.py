"""The parts of a JPEG: how many passes its decoder makes over the picture, and the picture without its metadata.

With one scan the decoder works line by line and shrinks as it reads. With several (progressive, or one scan for each
colour) it keeps all coefficients of the whole picture in memory, up to 8 bytes a pixel, whatever size is asked for.
"""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final, NamedTuple

__all__ = ["MAX_SEGMENTS", "count_scans", "exif_of", "strip"]

MAX_SEGMENTS: Final = 10_000
"""A photo has about twenty; the largest extended metadata some hundreds."""

_START: Final = b"\xff\xd8"
_START_OF_SCAN: Final = 0xDA
_END_OF_IMAGE: Final = 0xD9
_ONE_PASS: Final = frozenset({0xC0, 0xC1})
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_APP0, _APP1, _APP14, _COMMENT = 0xE0, 0xE1, 0xEE, 0xFE
_METADATA: Final = frozenset({*range(0xE0, 0xF0), _COMMENT})
_EXIF: Final = b"Exif\0\0"
# What a decoder needs to know of them, and no more: a JFIF header may hold a small picture of its own.
_JFIF: Final = b"\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
_ADOBE: Final = b"\xff\xee\x00\x0eAdobe"
_ADOBE_REST: Final = 7
# Inside packed data FF is followed by 00 (a plain FF), a restart marker, or another FF that fills up.
_MARKER: Final = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]")


class _Segment(NamedTuple):
    """A marker with its parameters; the packed data of a scan follows behind its end."""

    marker: int
    start: int
    end: int


def count_scans(data: bytes, most: int) -> int:
    """Count the scans up to the end of the picture, at most `most`; a one-scan picture is not walked through.

    Any frame type other than sequential Huffman counts as two at least: its decoder keeps the whole picture.
    """
    components, several = 0, False
    scans = 0
    for segment in _segments(data):
        if segment.marker in _FRAMES:
            several = several or segment.marker not in _ONE_PASS
            components = max(components, int.from_bytes(data[segment.start + 9 : segment.start + 10], "big"))
        if segment.marker == _START_OF_SCAN:
            scans += 1
            several = several or int.from_bytes(data[segment.start + 4 : segment.start + 5], "big") < components
            if not several:
                return 1
            if scans >= most:
                break
    return max(scans, 2) if several else max(scans, 1)


def exif_of(data: bytes) -> bytes:
    """The first EXIF block; empty when there is none."""
    for segment in islice(_segments(data), MAX_SEGMENTS):
        if segment.marker == _START_OF_SCAN:
            break
        if segment.marker == _APP1 and data.startswith(_EXIF, segment.start + 4):
            return data[segment.start + 4 : segment.end]
    return b""


def strip(data: bytes, exif: bytes) -> list[memoryview | bytes] | None:
    """The picture in parts, pixels untouched, with `exif` as its only metadata; None when it has too many segments.

    Everything else that is not needed to decode it is left out: EXIF, GPS, comments, colour profiles, small pictures
    inside the picture, and whatever follows its end.
    """
    view = memoryview(data)
    block = b"" if not exif else b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
    head: list[memoryview | bytes] = []
    body: list[memoryview | bytes] = []
    packed: int | None = None
    for number, (marker, start, end) in enumerate(_segments(data)):
        if number >= MAX_SEGMENTS:
            return None
        if packed is not None:
            body.append(view[packed:start])
        packed = end if marker == _START_OF_SCAN else None
        if marker == _APP0 and data.startswith(_JFIF[4:9], start + 4) and not head:
            head.append(_JFIF)
        elif marker == _APP14 and data.startswith(_ADOBE[4:], start + 4):
            body += [_ADOBE, view[start + 9 : start + 9 + _ADOBE_REST]]
        elif marker not in _METADATA:
            body.append(view[start:end])
    if packed is not None:
        body.append(view[packed:])  # cut short: there is no end
    return [_START, *head, block, *body]


def _segments(data: bytes) -> Iterator[_Segment]:
    position = len(_START)
    while found := _MARKER.search(data, position):
        marker, start = data[found.start() + 1], found.end()
        if marker == _END_OF_IMAGE:
            yield _Segment(marker, found.start(), start)
            return
        position = start + max(int.from_bytes(data[start : start + 2], "big"), 2)
        yield _Segment(marker, found.start(), min(position, len(data)))
