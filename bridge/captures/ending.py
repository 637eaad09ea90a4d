"""Is a picture file whole? Judged by its bytes alone, since a phone may still be writing it. Pure.

A JPEG is whole when it ends with the end-of-image marker of its last picture. Many phones put more behind it (a motion
photo's film, Samsung's trailer). An end-of-image *inside* the Exif thumbnail does not count: the segments are walked.
"""

import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

__all__ = ["Ending", "Verdict", "judge", "judge_file"]

Ending = Literal["whole", "trailer", "cut", "alien"]
"""whole: ends as its format ends. trailer: complete, and more behind it. cut: no end. alien: not JPEG or PNG."""

_JPEG_START: Final = b"\xff\xd8\xff"
_JPEG_END: Final = b"\xff\xd9"
_SCAN_OR_END: Final = frozenset({0xDA, 0xD9})
_STAND_ALONE: Final = frozenset({0x01, *range(0xD0, 0xD9)})
_PNG_START: Final = b"\x89PNG\r\n\x1a\n"
_PNG_END: Final = b"\x00\x00\x00\x00IEND\xaeB`\x82"


@dataclass(frozen=True, slots=True)
class Verdict:
    """How the file ends, and what it is."""

    ending: Ending
    media_type: str


def judge(data: bytes | mmap.mmap) -> Verdict:
    """Judge the whole content of one file."""
    if data[:3] == _JPEG_START:
        return Verdict(_jpeg_ending(data), "image/jpeg")
    if data[:8] == _PNG_START:
        return Verdict(_png_ending(data), "image/png")
    start = data[:8]
    begun = _JPEG_START.startswith(start) or _PNG_START.startswith(start)
    return Verdict("cut" if begun else "alien", "application/octet-stream")


def judge_file(path: Path) -> Verdict:
    """Judge a file on the laptop without reading more of it than needed."""
    with path.open("rb") as file:
        if not path.stat().st_size:
            return judge(b"")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return judge(data)


def _jpeg_ending(data: bytes | mmap.mmap) -> Ending:
    scan = _first_scan(data)
    if scan is None:
        return "cut"
    if data.rfind(_JPEG_END, max(scan, len(data) - 2)) >= 0:
        return "whole"
    return "trailer" if data.find(_JPEG_END, scan) >= 0 else "cut"


def _first_scan(data: bytes | mmap.mmap) -> int | None:
    """Walk the segments in front of the picture; give where its first scan starts, None when the file ends before."""
    at = 2
    while at + 2 <= len(data):
        if data[at] != 0xFF:  # ruff: ignore[magic-value-comparison] - every marker starts with it
            return None
        marker = data[at + 1]
        if marker in _SCAN_OR_END:
            return at
        if marker == 0xFF:  # ruff: ignore[magic-value-comparison] - a fill byte
            at += 1
        elif marker in _STAND_ALONE:
            at += 2
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None


def _png_ending(data: bytes | mmap.mmap) -> Ending:
    end = data.rfind(_PNG_END)
    if end < 0:
        return "cut"
    return "whole" if end + len(_PNG_END) == len(data) else "trailer"
