"""What is kept of a picture: its pixels, which way up it is, and nothing else."""

import io
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from host_server.imaging import ImagingError, clean, jpeg, png, prepare
from host_server.imaging.orientation import exif_with, orientation

SECRET = b"SECRET 48.2082 N 16.3738 E"


def encoded(kind: str, picture: Image.Image | None = None, **options: object) -> bytes:
    out = io.BytesIO()
    (picture or Image.linear_gradient("L").convert("RGB").crop((0, 0, 120, 60))).save(out, kind, **options)
    return out.getvalue()


def exif(turn: int | None = None) -> Image.Exif:
    block = Image.Exif()
    block[0x010F] = SECRET.decode()
    block[0x9286] = SECRET
    block.get_ifd(0x8825).update({1: "N", 2: (48.0, 12.0, 29.5), 29: SECRET.decode()})
    if turn is not None:
        block[0x0112] = turn
    return block


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def tags(data: bytes) -> dict[int, object]:
    with Image.open(io.BytesIO(data)) as picture:
        return dict(picture.getexif())


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("turn", [None, 1, 3, 6, 8])
def test_the_pixels_stay_and_only_the_orientation_is_told(kind: str, turn: int | None) -> None:
    data = encoded(kind, exif=exif(turn), icc_profile=b"\0" * 128 + SECRET, comment=SECRET)
    assert SECRET in data

    kept = clean(data)

    assert SECRET[:6] not in kept.data
    assert b"GPS" not in kept.data
    assert tags(kept.data) == ({0x0112: turn} if turn not in {None, 1} else {})
    with Image.open(io.BytesIO(kept.data)) as after, Image.open(io.BytesIO(data)) as before:
        assert after.tobytes() == before.tobytes()
    assert prepare(kept.data).jpeg == prepare(data).jpeg
    assert clean(kept.data).data == kept.data


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize(
    "options", [{}, {"progressive": True}, {"restart_marker_blocks": 1}, {"subsampling": 0}], ids=str
)
def test_every_kind_of_jpeg_keeps_its_pixels(mode: str, options: dict[str, object]) -> None:
    data = encoded("JPEG", Image.effect_noise((90, 70), 60).convert(mode), **options)
    with Image.open(io.BytesIO(clean(data).data)) as after, Image.open(io.BytesIO(data)) as before:
        assert after.tobytes() == before.tobytes()


def test_what_hides_in_and_behind_a_jpeg_is_gone() -> None:
    whole = encoded("JPEG")
    thumbnail = b"JFIF\0\x01\x02\0\0\x01\0\x01\x01\x01" + SECRET[:3]
    after_scan = whole[:-2] + segment(0xFE, SECRET) + whole[-2:]
    hidden = (
        whole[:2]
        + segment(0xE0, thumbnail)
        + segment(0xE0, b"JFXX\0" + SECRET)
        + b"\xff\xff\xff"
        + segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + SECRET)
        + SECRET
        + segment(0xEE, b"Adobe\0\x64\0\0\0\0\x01" + SECRET)
        + segment(0xEE, SECRET)
        + after_scan[20:]
        + b"PK\x03\x04"
        + SECRET
    )

    kept = clean(hidden).data

    assert b"SECRET" not in kept
    assert SECRET[:3] not in kept
    assert kept.endswith(b"\xff\xd9")
    assert prepare(kept).jpeg == prepare(hidden).jpeg


def test_what_hides_in_and_behind_a_png_is_gone() -> None:
    whole = encoded("PNG")
    texts = chunk(b"tEXt", b"a\0" + SECRET) + chunk(b"zTXt", b"a\0\0" + zlib.compress(SECRET)) + chunk(b"prVt", SECRET)
    hidden = whole[:33] + texts + whole[33:-12] + chunk(b"tIME", b"\0" * 7) + whole[-12:] + SECRET

    kept = clean(hidden).data

    assert kept == clean(whole).data
    assert b"SECRET" not in kept


def test_a_text_that_unpacks_to_gigabytes_is_never_unpacked() -> None:
    bomb = zlib.compress(bytes(20_000_000))
    whole = encoded("PNG")
    hidden = whole[:33] + chunk(b"iCCP", b"a\0\0" + bomb) + chunk(b"zTXt", b"a\0\0" + bomb) * 20 + whole[33:]

    assert clean(hidden).data == clean(whole).data


def test_the_first_of_several_orientations_counts() -> None:
    whole = encoded("JPEG")
    first, second = (segment(0xE1, exif_with(turn, prefix=True)) for turn in (6, 3))

    assert clean(whole[:2] + first + second + whole[2:]).turn == 6


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_is_upright(value: int) -> None:
    assert clean(encoded("JPEG", exif=exif(value))).turn == 1


@pytest.mark.parametrize("turn", range(2, 9))
def test_an_orientation_comes_out_as_it_went_in(turn: int) -> None:
    assert orientation(exif_with(turn, prefix=True)) == orientation(exif_with(turn, prefix=False)) == turn


@pytest.mark.filterwarnings("ignore")
@given(st.binary(max_size=120))
def test_any_block_has_an_orientation(block: bytes) -> None:
    assert orientation(block) in range(1, 9)


def test_endless_parts_are_refused() -> None:
    whole_jpeg, whole_png = encoded("JPEG"), encoded("PNG")
    many = whole_jpeg[:2] + segment(0xFE, b"") * (jpeg.MAX_SEGMENTS + 1) + whole_jpeg[2:]
    more = whole_png[:33] + chunk(b"tEXt", b"") * (png.MAX_CHUNKS + 1) + whole_png[33:]

    for data in (many, more):
        with pytest.raises(ImagingError) as caught:
            clean(data)
        assert caught.value.code == "image_decode"


@given(st.binary(max_size=300))
def test_whatever_follows_the_beginning_it_comes_to_an_end(data: bytes) -> None:
    for strip, start in ((jpeg.strip, b"\xff\xd8"), (png.strip, b"\x89PNG\r\n\x1a\n")):
        parts = strip(start + data, b"")
        assert parts is not None
        assert sum(len(part) for part in parts) <= len(start + data) + 20
    jpeg.exif_of(b"\xff\xd8" + data)
    png.exif_of(b"\x89PNG\r\n\x1a\n" + data)


@pytest.mark.parametrize(
    ("mode", "side", "fine"),
    [("RGB", 6300, True), ("RGB", 6400, False), ("RGBA", 4600, True), ("RGBA", 4800, False), ("P", 4800, False)],
)
def test_what_costs_more_memory_has_fewer_pixels(mode: str, side: int, *, fine: bool) -> None:
    colour = {"RGB": 2, "RGBA": 6, "P": 3}[mode]
    header = struct.pack(">IIBBBBB", side, side, 8, colour, 0, 0, 0)
    data = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"PLTE", bytes(6))
        + chunk(b"IDAT", b"")
        + chunk(b"IEND", b"")
    )
    if fine:
        assert clean(data).cost(2000) > side * side
        return
    with pytest.raises(ImagingError) as caught:
        clean(data)
    assert caught.value.code == "image_too_many_pixels"
