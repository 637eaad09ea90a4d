"""Is a picture whole? Judged on real pictures from Pillow, cut and lengthened everywhere."""

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from bridge.captures.ending import judge, judge_file


def picture(form: str, *, thumbnail: bytes = b"", progressive: bool = False) -> bytes:
    out = io.BytesIO()
    exif = b"Exif\0\0" + thumbnail if thumbnail else b""
    options = {"exif": exif, "progressive": progressive} if form == "JPEG" else {}
    Image.linear_gradient("L").save(out, form, **options)
    return out.getvalue()


JPEG = picture("JPEG")
PNG = picture("PNG")
WITH_THUMBNAIL = picture("JPEG", thumbnail=JPEG[:5000] + b"\xff\xd9")
PICTURES = [JPEG, PNG, WITH_THUMBNAIL, picture("JPEG", progressive=True)]


@pytest.mark.parametrize("data", PICTURES)
def test_a_picture_is_whole(data: bytes) -> None:
    assert judge(data).ending == "whole"


def test_the_type_is_told_by_the_first_bytes() -> None:
    assert judge(JPEG).media_type == "image/jpeg"
    assert judge(PNG).media_type == "image/png"


@given(st.sampled_from(PICTURES), st.integers(1, 5000))
def test_a_picture_cut_anywhere_is_cut(data: bytes, cut: int) -> None:
    assert judge(data[: max(0, len(data) - cut)]).ending == "cut"


@given(st.sampled_from(PICTURES), st.binary(min_size=1).filter(lambda more: not more.endswith(b"\xff\xd9")))
def test_a_picture_with_something_behind_it_has_a_trailer(data: bytes, more: bytes) -> None:
    assert judge(data + more).ending == "trailer"


def test_a_thumbnails_end_inside_the_header_is_not_the_pictures_end() -> None:
    end = WITH_THUMBNAIL.index(b"\xff\xd9") + 2
    assert judge(WITH_THUMBNAIL[:end]).ending == "cut"
    assert judge(WITH_THUMBNAIL[: end + 200]).ending == "cut"


def test_a_second_picture_in_the_same_file_ends_it_too() -> None:
    assert judge(JPEG + JPEG).ending == "whole"


@pytest.mark.parametrize(
    ("data", "ending"),
    [
        (b"", "cut"),
        (b"\xff\xd8", "cut"),
        (b"\x89PNG", "cut"),
        (b"\xff\xd8\xff", "cut"),
        (b"\xff\xd8\xff\xd9", "whole"),
        (b"\xff\xd8\xff\xd0\xff\x01\xff\xff\xff\xd9", "whole"),  # marks that stand alone, and a fill byte
        (b"\xff\xd8\xff\xe0\x00\x02junk\xff\xd9", "cut"),  # what follows a segment is no marker
        (b"RIFF1234WEBP", "alien"),
        (b"hello", "alien"),
        (b"\0\0\0\x18ftypheic", "alien"),
    ],
)
def test_beginnings_and_strangers(data: bytes, ending: str) -> None:
    assert judge(data).ending == ending


@given(st.binary(max_size=64), st.sampled_from([b"", JPEG[:2], JPEG[:3], PNG[:8]]))
def test_any_bytes_get_a_verdict(data: bytes, head: bytes) -> None:
    assert judge(head + data).ending in {"whole", "trailer", "cut", "alien"}


@pytest.mark.parametrize("data", [b"", *PICTURES])
def test_a_file_is_judged_as_its_bytes_are(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x").write_bytes(data)
    assert judge_file(tmp_path / "x") == judge(data)
