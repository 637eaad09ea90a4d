"""A PNG is found in what a phone printed, and only a whole one."""

import struct
import zlib

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bridge.captures.png import MAX_PIXELS, PngError, find_png
from tests.support.real_pictures import png

PNG = png(12, 7)
WARNING = b"[Warning] Multiple displays were found, but no display id was specified!\n"


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def header(width: int, height: int) -> bytes:
    return chunk(b"IHDR", struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0))


def test_a_picture_alone_is_itself_and_tells_its_size() -> None:
    found = find_png(PNG)
    assert (found.data, found.width, found.height) == (PNG, 12, 7)


@given(before=st.binary(max_size=200), behind=st.binary(max_size=200))
def test_what_stands_before_and_behind_the_picture_is_left_out(before: bytes, behind: bytes) -> None:
    assume(PNG[:8] not in before)
    assert find_png(before + WARNING + PNG + behind).data == PNG


@given(end=st.integers(8, len(PNG) - 1))
def test_a_picture_cut_anywhere_is_none(end: int) -> None:
    with pytest.raises(PngError, match="ends in its middle"):
        find_png(WARNING + PNG[:end])


@given(at=st.integers(0, len(PNG) - 1), flip=st.integers(1, 255))
def test_a_picture_with_one_wrong_byte_is_none(at: int, flip: int) -> None:
    wrong = bytearray(PNG)
    wrong[at] ^= flip
    with pytest.raises(PngError):
        find_png(bytes(wrong))


@given(st.binary(max_size=300))
def test_no_bytes_do_worse_than_being_refused(data: bytes) -> None:
    with pytest.raises(PngError):
        find_png(PNG[:8] + data)


@pytest.mark.parametrize(
    ("printed", "words"),
    [
        (b"", "is empty"),
        (b"Capturing failed.\n", "is no PNG"),
        (bytes(9000) + PNG, "is no PNG"),
        (PNG[:8] + chunk(b"IDAT") + chunk(b"IEND"), "is damaged"),
        (PNG[:8] + chunk(b"IHDR", bytes(4)) + chunk(b"IEND"), "is damaged"),
        (PNG[:8] + header(0, 5) + chunk(b"IEND"), "0 x 5 pixels"),
        (PNG[:8] + header(MAX_PIXELS // 1000 + 1, 1000) + chunk(b"IEND"), "pixels"),
        (PNG[:8] + header(4_000_000_000, 4_000_000_000) + chunk(b"IEND"), "pixels"),
        (PNG[:8] + header(1, 1) + chunk(b"IDAT") * 20_000 + chunk(b"IEND"), "too many parts"),
    ],
)
def test_what_is_no_picture_is_said_in_words(printed: bytes, words: str) -> None:
    with pytest.raises(PngError, match=words):
        find_png(printed)
