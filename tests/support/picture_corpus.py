"""Pictures that a phone, a fool or an enemy may send, each with how the host must take it.

`CORPUS` maps a name to a function that makes the bytes and what becomes of them: the code of the refusal, or "fine".
Everything that must not be kept says `SECRET`, in its own encoding.
"""

import io
import struct
import zlib
from collections.abc import Callable, Mapping
from functools import cache
from typing import Final, NamedTuple

from PIL import Image

__all__ = ["CORPUS", "HEAVY", "SECRET", "Sample", "photo_of_200_megapixels"]

SECRET: Final = b"SECRET-48.2082N-16.3738E"
_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_LONGEST: Final = 25 * 1024 * 1024


class Sample(NamedTuple):
    """A picture to be made, and the end it must come to."""

    make: Callable[[], bytes]
    ends: str


def _encoded(picture: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def _scene(mode: str = "RGB") -> Image.Image:
    return Image.effect_noise((320, 240), 60).convert(mode)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _png(width: int, height: int, colour: int, *, depth: int = 8, extra: bytes = b"") -> bytes:
    """A whole PNG of so many pixels, which packs to next to nothing."""
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    row = b"\0" + b"\x55" * ((width * channels * depth + 7) // 8)
    pack = zlib.compressobj(1)
    body = b"".join([*(pack.compress(row * 50) for _ in range(height // 50)), pack.flush()])
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return _SIGNATURE + _chunk(b"IHDR", header) + extra + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def _claiming(width: int, height: int) -> bytes:
    data = bytearray(_encoded(_scene()))
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    return bytes(data)


@cache
def photo_of_200_megapixels() -> bytes:
    """16320 x 12240 as a phone writes it: one row of blocks, encoded and repeated, for nobody has 800 MB to spare."""
    width, height = 16320, 12240
    strip = _encoded(
        Image.radial_gradient("L").resize((width, 32)).convert("RGB"), subsampling=2, restart_marker_rows=1
    )
    start = strip.index(b"\xff\xda") + 14
    row = strip[start : strip.index(b"\xff\xd0", start)]
    head = bytearray(strip[:start])
    frame = head.index(b"\xff\xc0")
    head[frame + 5 : frame + 7] = struct.pack(">H", height)
    rows = height // 16
    return (
        bytes(head) + b"".join(row + bytes([0xFF, 0xD0 + number % 8]) for number in range(rows - 1)) + row + b"\xff\xd9"
    )


def _exif(turn: int | None = None) -> Image.Exif:
    exif = Image.Exif()
    exif[0x010F] = SECRET.decode()
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 12.0, 29.5), 3: "E", 4: (16.0, 22.0, 25.6), 29: SECRET.decode()})
    if turn is not None:
        exif[0x0112] = turn
    return exif


def _with_segment(marker: int, body: bytes, data: bytes = b"") -> bytes:
    data = data or _encoded(_scene())
    return data[:2] + bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body + data[2:]


def _with_chunks(*chunks: bytes) -> bytes:
    data = _encoded(_scene(), "PNG")
    return data[:33] + b"".join(chunks) + data[33:]


def _scan_bomb() -> bytes:
    data = _encoded(_scene(), progressive=True)
    scan = data.rindex(b"\xff\xda")
    return data[:scan] + data[scan:-2] * 500 + b"\xff\xd9"


def _wrong_sum() -> bytes:
    data = bytearray(_encoded(_scene(), "PNG"))
    data[data.index(b"IDAT") + 20] ^= 0xFF
    return bytes(data)


def _several(kind: str) -> bytes:
    return _encoded(_scene(), kind, save_all=True, append_images=[Image.new("RGB", (320, 240))])


_PALETTE: Final = _chunk(b"PLTE", bytes(768))
_BOMB: Final = zlib.compress(bytes(30_000_000))

CORPUS: Final[Mapping[str, Sample]] = {
    # no picture of ours
    "zero bytes": Sample(lambda: b"", "image_format"),
    "a page of text": Sample(lambda: b"<!doctype html><script>alert(1)</script>" * 9, "image_format"),
    "an svg": Sample(lambda: b'<svg xmlns="http://www.w3.org/2000/svg"/>', "image_format"),
    "a gif": Sample(lambda: _encoded(_scene("L"), "GIF"), "image_format"),
    "a webp": Sample(lambda: _encoded(_scene(), "WEBP"), "image_format"),
    "a tiff": Sample(lambda: _encoded(_scene(), "TIFF"), "image_format"),
    "a heic": Sample(lambda: b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200), "image_format"),
    "a pdf that is a jpeg further on": Sample(lambda: b"%PDF-1.7\n" + _encoded(_scene()), "image_format"),
    "more bytes than allowed": Sample(lambda: _encoded(_scene()) + bytes(_LONGEST), "image_too_large"),
    # damaged
    "the head of a jpeg": Sample(lambda: _encoded(_scene())[:100], "image_decode"),
    "half a jpeg": Sample(lambda: _encoded(_scene())[:9000], "image_decode"),
    "half a png": Sample(lambda: _encoded(_scene(), "PNG")[:9000], "image_decode"),
    "a png with a wrong sum": Sample(_wrong_sum, "image_decode"),
    "a jpeg that claims more than it has": Sample(lambda: _claiming(16320, 12240), "fine"),
    # bombs
    "a png of 400 megapixels": Sample(lambda: _png(20_000, 20_000, 0, depth=1), "image_too_many_pixels"),
    "a png of 169 megapixels": Sample(lambda: _png(13_000, 13_000, 0), "image_too_many_pixels"),
    "a jpeg that claims 4 gigapixels": Sample(lambda: _claiming(65_500, 65_500), "image_too_many_pixels"),
    "a jpeg of five thousand scans": Sample(_scan_bomb, "image_decode"),
    "a jpeg of a million segments": Sample(lambda: _with_segment(0xFE, b"\xff\xfe\0\2" * 16_000), "fine"),
    "a jpeg of too many segments": Sample(
        lambda: _encoded(_scene())[:2] + b"\xff\xfe\0\2" * 1_000_000 + _encoded(_scene())[2:], "image_decode"
    ),
    "a png of too many chunks": Sample(lambda: _with_chunks(_chunk(b"tEXt", b"a\0b") * 200_000), "image_decode"),
    "a png with bombs in its texts": Sample(
        lambda: _with_chunks(
            _chunk(b"iCCP", b"p\0\0" + _BOMB),
            *[_chunk(b"zTXt", b"t\0\0" + _BOMB)] * 20,
            _chunk(b"iTXt", b"t\0\1\0\0\0" + _BOMB),
        ),
        "fine",
    ),
    # large and right
    "a photo of 200 megapixels": Sample(photo_of_200_megapixels, "fine"),
    "a png of 40 megapixels": Sample(lambda: _png(6300, 6300, 2), "fine"),
    "a see-through png of 21 megapixels": Sample(lambda: _png(4600, 4600, 6), "fine"),
    "a see-through palette of 16 megapixels": Sample(
        lambda: _png(4000, 4000, 3, extra=_PALETTE + _chunk(b"tRNS", bytes(256))), "fine"
    ),
    "one see-through colour, 16 megapixels": Sample(
        lambda: _png(4000, 4000, 2, extra=_chunk(b"tRNS", b"\0\x55" * 3)), "fine"
    ),
    "16 bits of grey, 20 megapixels": Sample(lambda: _png(4500, 4500, 0, depth=16), "fine"),
    "16 bits a colour, see-through": Sample(lambda: _png(1200, 900, 6, depth=16), "fine"),
    "a ribbon": Sample(lambda: _encoded(Image.new("RGB", (65_000, 1))), "fine"),
    "one pixel": Sample(lambda: _encoded(Image.new("1", (1, 1)), "PNG"), "fine"),
    # odd and right
    "print colours": Sample(lambda: _encoded(_scene("CMYK")), "fine"),
    "print colours in many scans": Sample(lambda: _encoded(_scene("CMYK"), progressive=True), "fine"),
    "an animation": Sample(lambda: _several("PNG"), "fine"),
    "several pictures in one": Sample(lambda: _several("MPO"), "fine"),
    "a jpeg that is a zip too": Sample(lambda: _encoded(_scene()) + b"PK\x03\x04" + SECRET, "fine"),
    "a jpeg that is a script too": Sample(lambda: _with_segment(0xFE, b"*/=1;<?php " + SECRET), "fine"),
    # where it was taken, and by whom
    "a jpeg that knows where": Sample(
        lambda: _encoded(_scene(), exif=_exif(6), comment=SECRET, icc_profile=bytes(128) + SECRET), "fine"
    ),
    "a png that knows where": Sample(
        lambda: _encoded(_scene(), "PNG", exif=_exif(8), icc_profile=bytes(128) + SECRET), "fine"
    ),
    "a jpeg that tells it in words": Sample(
        lambda: _with_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<exif:GPSLatitude>" + SECRET), "fine"
    ),
    "a png that tells it in words": Sample(
        lambda: _with_chunks(_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + SECRET)), "fine"
    ),
    "an orientation that does not exist": Sample(lambda: _encoded(_scene(), exif=_exif(9)), "fine"),
    "two orientations": Sample(
        lambda: _with_segment(0xE1, _exif(3).tobytes(), _encoded(_scene(), exif=_exif(6))), "fine"
    ),
}

HEAVY: Final = tuple(name for name, sample in CORPUS.items() if "megapixels" in name and sample.ends == "fine")
