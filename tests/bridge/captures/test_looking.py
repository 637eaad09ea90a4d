"""What a picture looks like from afar: black or not, the same or not."""

import io
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from bridge.captures.looking import Looks, looks_of, looks_of_file
from bridge.captures.png import MAX_PIXELS

SIZE = (540, 1200)
Box = tuple[int, int, int, int]


def screen(
    *boxes: Box, ground: str = "white", ink: str = "black", mode: str = "RGB", size: tuple[int, int] = SIZE
) -> bytes:
    image = Image.new(mode, size, ground)
    draw = ImageDraw.Draw(image)
    for box in boxes:
        draw.rectangle(box, fill=ink)
    return encoded(image)


def encoded(image: Image.Image, kind: str = "PNG", **options: int) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def looks(data: bytes) -> Looks:
    found = looks_of(data)
    assert found is not None
    return found


# ------------------------------------------------------------------------------------------------ black
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "1"])
def test_a_black_screen_is_black_however_it_is_stored(mode: str) -> None:
    ground = 0 if mode in {"L", "P", "1"} else "black"
    assert looks(encoded(Image.new(mode, SIZE, ground))).black


def test_how_opaque_a_black_screen_is_does_not_matter() -> None:
    assert looks(encoded(Image.new("RGBA", SIZE, (0, 0, 0, 0)))).black


def test_the_bars_of_the_phone_make_a_black_screen_no_brighter() -> None:
    clock, buttons = (20, 10, 120, 40), (100, 1150, 400, 1190)
    assert looks(screen(clock, buttons, ground="black", ink="white")).black


@pytest.mark.parametrize("at", [(270, 600), (60, 100), (480, 1100)])
def test_one_dot_that_is_not_black_makes_it_a_picture(at: tuple[int, int]) -> None:
    image = Image.new("RGB", SIZE, "black")
    image.putpixel(at, (0, 0, 1))
    assert not looks(encoded(image)).black


# ------------------------------------------------------------------------------------------------ the same
def test_a_screen_is_the_same_as_itself() -> None:
    assert looks(screen((100, 300, 300, 340))).same_as(looks(screen((100, 300, 300, 340))))


def test_a_clock_that_goes_on_is_no_change() -> None:
    assert looks(screen((20, 10, 60, 40))).same_as(looks(screen((30, 10, 70, 40))))


def test_a_cursor_that_blinks_is_no_change() -> None:
    assert looks(screen((200, 700, 203, 725))).same_as(looks(screen()))


def test_a_word_more_is_a_change() -> None:
    assert not looks(screen((100, 300, 180, 320))).same_as(looks(screen()))


def test_a_screen_turned_round_is_a_change() -> None:
    assert not looks(screen()).same_as(looks(screen(size=SIZE[::-1])))


# ------------------------------------------------------------------------------------------------ files and limits
@pytest.mark.parametrize("data", [b"", b"no picture", screen()[:200], b"\xff\xd8\xff" + bytes(50)])
def test_what_cannot_be_decoded_has_no_looks(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(data)
    assert looks_of(data) is None
    assert looks_of_file(tmp_path / "x") is None


def test_a_photo_of_many_pixels_is_looked_at_in_small(tmp_path: Path) -> None:
    photo = tmp_path / "a.jpg"
    photo.write_bytes(encoded(Image.new("RGB", (5000, 3000), "teal"), "JPEG", quality=20))
    found = looks_of_file(photo)
    assert found is not None
    assert found.size[0] < 5000 / 3
    assert found.same_as(found)


def test_a_png_of_too_many_pixels_is_not_decoded() -> None:
    assert looks_of(encoded(Image.new("1", (4000, MAX_PIXELS // 4000 + 1)))) is None
