"""Pictures good and bad through the checks and the preparation."""

import hashlib
import io
import struct
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from host_server.imaging import MAX_BYTES, ImagingError, check, jpeg, prepare, sniff

Pixels = tuple[int, int, int]

RED = (220, 30, 30)
BLUE = (30, 60, 220)


def encoded(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def half_and_half(width: int = 120, height: int = 60) -> Image.Image:
    """Red at the left, blue at the right."""
    picture = Image.new("RGB", (width, height), BLUE)
    picture.paste(RED, (0, 0, width // 2, height))
    return picture


def decoded(data: bytes, max_side: int = 2000) -> Image.Image:
    picture = Image.open(io.BytesIO(prepare(data, max_side=max_side).jpeg), formats=("JPEG",))
    picture.load()
    return picture


def near(seen: object, wanted: Pixels) -> bool:
    assert isinstance(seen, tuple)
    return all(abs(one - two) < 12 for one, two in zip(seen, wanted, strict=True))


def png(width: int, height: int, depth: int = 8, colour: int = 2) -> bytes:
    """A PNG header that promises so many pixels, with next to nothing behind it."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 100)), (b"IEND", b""))
    )
    return b"\x89PNG\r\n\x1a\n" + chunks


def jpeg_claiming(width: int, height: int, **options: object) -> bytes:
    """A JPEG whose header claims another size than it has."""
    data = bytearray(encoded(half_and_half(), "JPEG", **options))
    frame = next(place for place in range(len(data)) if data[place] == 0xFF and data[place + 1] in {0xC0, 0xC2})
    data[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def refusal(data: bytes, step: Callable[[bytes], object] = prepare) -> str:
    with pytest.raises(ImagingError) as caught:
        step(data)
    assert caught.value.message
    assert "PIL" not in caught.value.message
    assert caught.value.__cause__ is None
    return caught.value.code


def outcome(data: bytes) -> str:
    try:
        prepare(data)
    except ImagingError as error:
        return error.code
    return "fine"


class TestSniff:
    def test_it_knows_the_two_kinds_by_their_first_bytes(self) -> None:
        assert sniff(encoded(half_and_half())[:16]) == "image/png"
        assert sniff(encoded(half_and_half(), "JPEG")[:16]) == "image/jpeg"

    @pytest.mark.parametrize(
        "start", [b"", b"\xff", b"\xff\xd8\xff", b"\xff\xd8\xff\x00", b"GIF89a", b"<svg", b"\x89PNG\r\n\x1a\n"]
    )
    def test_anything_else_is_nothing(self, start: bytes) -> None:
        assert sniff(start) is None


class TestRefusals:
    def test_no_bytes_at_all(self) -> None:
        assert refusal(b"") == "image_format"
        assert refusal(b"", check) == "image_format"

    @pytest.mark.parametrize("kind", ["GIF", "BMP", "WEBP", "TIFF"])
    def test_another_format_under_whatever_name(self, kind: str) -> None:
        assert refusal(encoded(half_and_half(), kind), check) == "image_format"

    def test_a_polyglot_that_is_a_picture_only_further_on(self) -> None:
        assert refusal(b"%PDF-1.7\n" + encoded(half_and_half(), "JPEG"), check) == "image_format"

    def test_too_many_bytes_before_anything_else_is_looked_at(self) -> None:
        assert refusal(bytes(MAX_BYTES + 1), check) == "image_too_large"

    @pytest.mark.parametrize("depth_and_colour", [(1, 0), (8, 2), (16, 6)])
    def test_a_png_that_would_not_fit_into_memory(self, depth_and_colour: tuple[int, int]) -> None:
        assert refusal(png(20_000, 20_000, *depth_and_colour), check) == "image_too_many_pixels"
        assert refusal(png(6_325, 6_325, *depth_and_colour), check) == "image_too_many_pixels"

    def test_a_jpeg_larger_than_any_phone_takes(self) -> None:
        assert refusal(jpeg_claiming(16_000, 14_000), check) == "image_too_many_pixels"

    @pytest.mark.parametrize("options", [{"progressive": True}, {"progressive": True, "subsampling": 0}])
    def test_a_large_jpeg_whose_decoder_would_keep_all_of_it(self, options: dict[str, object]) -> None:
        assert check(jpeg_claiming(14_000, 12_000)).width == 14_000
        assert refusal(jpeg_claiming(14_000, 12_000, **options), check) == "image_too_many_pixels"

    def test_a_jpeg_of_endless_scans(self) -> None:
        data = encoded(half_and_half(), "JPEG", progressive=True)
        scan = data.rindex(b"\xff\xda")
        bomb = data[:scan] + data[scan:-2] * 100 + b"\xff\xd9"

        assert refusal(bomb, check) == "image_decode"

    @pytest.mark.parametrize("kind", ["JPEG", "PNG"])
    def test_a_picture_cut_short(self, kind: str) -> None:
        data = encoded(Image.effect_noise((400, 300), 60).convert("RGB"), kind)
        for part in (0.3, 0.6, 0.9):
            assert refusal(data[: int(len(data) * part)]) == "image_decode"

    @pytest.mark.parametrize("kind", ["JPEG", "PNG"])
    def test_a_header_and_nothing_more(self, kind: str) -> None:
        assert refusal(encoded(half_and_half(), kind)[:40]) == "image_decode"

    def test_a_png_of_no_width(self) -> None:
        assert refusal(png(0, 10)) == "image_decode"
        assert refusal(jpeg_claiming(0, 10)) == "image_decode"

    def test_a_side_below_one_pixel_is_the_callers_mistake(self) -> None:
        with pytest.raises(ValueError, match="max_side"):
            prepare(encoded(half_and_half()), max_side=0)

    @given(st.binary(max_size=200), st.sampled_from([b"", b"\xff\xd8\xff\xe0", png(4, 4)[:33], png(4, 4)[:60]]))
    @pytest.mark.filterwarnings("ignore")
    def test_garbage_ends_in_one_of_four_codes(self, garbage: bytes, head: bytes) -> None:
        assert outcome(head + garbage) in {"fine", "image_format", "image_decode", "image_too_many_pixels"}

    @given(st.integers(0, 700), st.integers(0, 255), st.sampled_from(["JPEG", "PNG"]))
    @pytest.mark.filterwarnings("ignore")
    def test_a_flipped_byte_does_no_more_than_damage_the_picture(self, place: int, value: int, kind: str) -> None:
        data = bytearray(encoded(half_and_half(), kind))
        data[place % len(data)] = value

        assert outcome(bytes(data)) in {"fine", "image_format", "image_decode", "image_too_many_pixels"}


class TestPreparation:
    def test_the_result_knows_both_sizes_and_names_the_upload(self) -> None:
        data = encoded(half_and_half(3000, 1500), "JPEG")

        prepared = prepare(data, max_side=1000)

        assert (prepared.width, prepared.height) == (1000, 500)
        assert (prepared.original_width, prepared.original_height) == (3000, 1500)
        assert prepared.sha256 == hashlib.sha256(data).hexdigest()
        assert prepared.original_bytes == len(data)
        assert prepared.original_media_type == "image/jpeg"
        assert decoded(data, 1000).size == (1000, 500)

    def test_a_small_picture_keeps_its_size(self) -> None:
        assert decoded(encoded(half_and_half(120, 60))).size == (120, 60)
        assert decoded(encoded(half_and_half(1, 1))).size == (1, 1)

    @pytest.mark.parametrize("size", [(5000, 3), (3, 5000), (20_000, 1)])
    @pytest.mark.parametrize("kind", ["JPEG", "PNG"])
    def test_a_ribbon_stays_a_picture(self, size: tuple[int, int], kind: str) -> None:
        prepared = prepare(encoded(half_and_half(*size), kind), max_side=1000)

        assert max(prepared.width, prepared.height) == 1000
        assert min(prepared.width, prepared.height) == 1

    @pytest.mark.parametrize("turn", range(1, 9))
    @pytest.mark.parametrize("kind", ["JPEG", "PNG"])
    def test_the_orientation_is_applied_and_dropped(self, turn: int, kind: str) -> None:
        upright = half_and_half(120, 60)
        upright.paste((30, 200, 60), (0, 0, 30, 20))
        undo = {
            2: Image.Transpose.FLIP_LEFT_RIGHT,
            3: Image.Transpose.ROTATE_180,
            4: Image.Transpose.FLIP_TOP_BOTTOM,
            5: Image.Transpose.TRANSPOSE,
            6: Image.Transpose.ROTATE_90,
            7: Image.Transpose.TRANSVERSE,
            8: Image.Transpose.ROTATE_270,
        }.get(turn)
        stored = upright if undo is None else upright.transpose(undo)
        exif = Image.Exif()
        exif[0x0112] = turn
        data = encoded(stored, kind, exif=exif)

        info = check(data)
        picture = decoded(data)

        assert (info.width, info.height) == (120, 60) == picture.size
        assert near(picture.getpixel((8, 6)), (30, 200, 60))
        assert near(picture.getpixel((8, 50)), RED)
        assert near(picture.getpixel((110, 30)), BLUE)
        assert picture.getexif() == {}

    @pytest.mark.filterwarnings("ignore")
    @pytest.mark.parametrize(
        "block",
        [
            b"Exif\0\0XX",
            b"Exif\0\0",
            b"Exif\0\0MM\0*\xff\xff\xff\xff",
            b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\x12\x01" * 40,
            b"\0" * 60,
        ],
    )
    def test_hostile_metadata_is_ignored(self, block: bytes) -> None:
        assert decoded(encoded(half_and_half(), "JPEG", exif=block)).size == (120, 60)

    @pytest.mark.parametrize("kind", ["JPEG", "PNG"])
    def test_nothing_but_pixels_is_left(self, kind: str) -> None:
        exif = Image.Exif()
        exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 8.0, 12.0)})
        exif[0x010F] = "SECRET-MAKER"
        profile = b"\0\0\2\0SECRET-PROFILE" + b"\0" * 120
        data = encoded(half_and_half(), kind, exif=exif, icc_profile=profile, comment=b"SECRET-COMMENT", dpi=(72, 72))
        data += b"SECRET-TRAILER <?php"
        assert data.count(b"SECRET") >= 2

        prepared = prepare(data).jpeg

        assert b"SECRET" not in prepared
        assert b"Exif" not in prepared
        assert sorted(decoded(data).info) == ["jfif", "jfif_density", "jfif_unit", "jfif_version"]

    def test_transparent_parts_become_white(self) -> None:
        clear = half_and_half().convert("RGBA")
        clear.putalpha(Image.new("L", clear.size, 0))
        clear.paste((*RED, 255), (0, 0, 60, 60))
        grey = Image.new("LA", (40, 40), (0, 0))

        assert near(decoded(encoded(clear)).getpixel((100, 30)), (255, 255, 255))
        assert near(decoded(encoded(clear)).getpixel((20, 30)), RED)
        assert near(decoded(encoded(grey)).getpixel((20, 20)), (255, 255, 255))

    def test_the_colour_of_transparent_pixels_does_not_bleed_in_when_shrinking(self) -> None:
        picture = Image.new("RGBA", (400, 400), (0, 255, 0, 0))
        picture.paste((*RED, 255), (0, 0, 200, 400))

        small = decoded(encoded(picture), 41)

        for x in range(41):
            pixel = small.getpixel((x, 20))
            assert isinstance(pixel, tuple)
            assert pixel[1] < pixel[0] + 12

    def test_palettes_two_colours_and_sixteen_bits_keep_their_greys(self) -> None:
        palette = half_and_half().quantize(8)
        see_through = palette.copy()
        see_through.info["transparency"] = see_through.getpixel((100, 30))
        deep = Image.new("I;16", (40, 40), 0x8040)
        bits = Image.new("1", (40, 40), 1)

        assert near(decoded(encoded(palette)).getpixel((20, 30)), RED)
        assert near(decoded(encoded(see_through)).getpixel((100, 30)), (255, 255, 255))
        assert near(decoded(encoded(deep)).getpixel((20, 20)), (128, 128, 128))
        assert near(decoded(encoded(bits)).getpixel((20, 20)), (255, 255, 255))
        assert near(decoded(encoded(Image.new("L", (40, 40), 77), "JPEG")).getpixel((20, 20)), (77, 77, 77))

    def test_print_colours_become_screen_colours(self) -> None:
        for size, side in (((40, 40), 2000), ((800, 800), 100)):
            picture = decoded(encoded(Image.new("CMYK", size, (0, 255, 255, 0)), "JPEG"), side)
            assert picture.mode == "RGB"
            assert near(picture.getpixel((20, 20)), (255, 0, 0))

    def test_of_an_animation_the_first_frame_is_taken(self) -> None:
        frames = [half_and_half(), Image.new("RGB", (120, 60), (0, 0, 0))]
        animated = encoded(frames[0], save_all=True, append_images=frames[1:])

        assert b"acTL" in animated
        assert near(decoded(animated).getpixel((20, 30)), RED)

    def test_a_picture_of_several_pictures_is_its_first(self) -> None:
        several = encoded(half_and_half(), "MPO", save_all=True, append_images=[Image.new("RGB", (120, 60))])

        assert check(several).media_type == "image/jpeg"
        assert near(decoded(several).getpixel((20, 30)), RED)

    def test_a_photo_of_200_megapixels_is_shrunk_while_it_is_read(self) -> None:
        data = encoded(Image.new("L", (16_320, 12_240), 90), "JPEG")

        prepared = prepare(data)

        assert (prepared.width, prepared.height) == (2000, 1500)
        assert (prepared.original_width, prepared.original_height) == (16_320, 12_240)

    def test_pillows_own_limit_is_left_as_it_is(self) -> None:
        before = Image.MAX_IMAGE_PIXELS
        prepare(encoded(half_and_half()))

        assert before == Image.MAX_IMAGE_PIXELS


class TestScans:
    def test_a_plain_jpeg_has_one(self) -> None:
        assert jpeg.count_scans(encoded(half_and_half(), "JPEG"), 99) == 1
        assert jpeg.count_scans(encoded(Image.new("L", (9, 9)), "JPEG"), 99) == 1

    def test_a_progressive_one_has_about_ten(self) -> None:
        assert 6 <= jpeg.count_scans(encoded(half_and_half(), "JPEG", progressive=True), 99) <= 12

    def test_counting_stops_at_the_limit_and_at_the_end_of_the_picture(self) -> None:
        data = encoded(half_and_half(), "JPEG", progressive=True)

        assert jpeg.count_scans(data, 3) == 3
        assert jpeg.count_scans(data + b"\xff\xda" * 50, 99) == jpeg.count_scans(data, 99)

    def test_marks_inside_a_segment_are_not_counted(self) -> None:
        comment = b"\xff\xfe\x00\x08\xff\xda\xff\xd9\xff\xda"
        data = encoded(half_and_half(), "JPEG", progressive=True)

        assert jpeg.count_scans(data[:2] + comment + data[2:], 99) == jpeg.count_scans(data, 99)

    def test_one_scan_for_each_colour_counts_as_several(self) -> None:
        frame = b"\xff\xc0\x00\x11\x08\x00\x10\x00\x10\x03" + b"\x01\x11\x00\x02\x11\x00\x03\x11\x00"
        scan = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00data"

        assert jpeg.count_scans(b"\xff\xd8" + frame + scan, 99) == 2

    @given(st.binary(max_size=300))
    def test_it_ends_on_anything(self, data: bytes) -> None:
        assert 1 <= jpeg.count_scans(data, 20) <= 20
