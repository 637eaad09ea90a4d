"""Look at a picture's header and decide whether it may be decoded at all. Nothing is decoded here.

Its metadata is taken off first, with our own hands: no library ever unpacks a text, a profile or a position.
"""

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from host_server.imaging import jpeg, png
from host_server.imaging.errors import ImagingError
from host_server.imaging.orientation import ON_ITS_SIDE, exif_with, orientation
from host_server.imaging.sniff import MAX_BYTES, MediaType, sniff

if TYPE_CHECKING:
    from PIL import ImageFile

__all__ = ["MAX_JPEG_PIXELS", "MAX_WHOLE_PIXELS", "Checked", "PictureInfo", "check", "clean"]

MAX_WHOLE_PIXELS: Final = 40_000_000
"""A PNG, and a JPEG in several scans, is decoded whole before it can shrink."""
MAX_JPEG_PIXELS: Final = 220_000_000
"""Room for the 200-megapixel phones: JPEG's decoder shrinks by 2, 4 or 8 while it reads, so these never exist whole."""
MAX_DECODED: Final = 220 * 1024 * 1024
"""So many bytes may a picture take that is decoded whole."""
MAX_SCANS: Final = 64
"""A progressive JPEG has about ten scans. Each is a pass over all pixels: a small file with thousands takes hours."""

# Bytes a pixel at the worst moment of preparing it, measured: Pillow keeps four for all that has colours, and a copy
# for what must be converted before it can shrink.
_PLAIN: Final = {"1": 2.5, "L": 1.5, "RGB": 5.5}
_CONVERTED: Final = 10.5
_CONVERTED_TWICE: Final = 13.5
_ONE_SCAN: Final = 6.0


@dataclass(frozen=True, slots=True)
class PictureInfo:
    """What the header says about a picture that may be decoded."""

    media_type: MediaType
    width: int
    """Pixels as a person sees the picture: after its EXIF orientation."""
    height: int
    size: int
    """Bytes of the file."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A picture that may be decoded: what it is, and its bytes without metadata."""

    info: PictureInfo
    data: bytes
    turn: int
    """The EXIF orientation."""
    one_scan: bool
    """Its decoder shrinks while it reads."""
    bytes_a_pixel: float

    def open(self) -> "ImageFile.ImageFile":
        """The picture with its pixels still packed."""
        return _open(self.data, self.info.media_type)

    def cost(self, max_side: int) -> int:
        """About how much memory it takes to prepare it for this side, its file included."""
        pixels = self.info.width * self.info.height
        if self.one_scan:
            pixels = min(pixels, (2 * max_side) ** 2)
        return int(pixels * self.bytes_a_pixel) + 3 * len(self.data)


def check(data: bytes) -> PictureInfo:
    """Accept a picture by its header or raise `ImagingError`. Takes some milliseconds and no memory for pixels."""
    return clean(data).info


def clean(data: bytes) -> Checked:
    """Accept a picture and take off everything but its pixels and which way up it is. Raises `ImagingError`."""
    if len(data) > MAX_BYTES:
        raise ImagingError("image_too_large", f"The picture has {len(data)} bytes; the limit is {MAX_BYTES}.")
    media_type = sniff(data)
    if media_type is None:
        raise ImagingError("image_format", "The file is neither a JPEG nor a PNG picture.")
    stripped, turn = _strip(data, media_type)
    with _open(stripped, media_type) as picture:
        width, height = picture.size
        one_scan = media_type == "image/jpeg" and _count_scans(stripped) == 1
        each = _ONE_SCAN if one_scan else _bytes_a_pixel(picture)
    limit = MAX_JPEG_PIXELS if one_scan else min(MAX_WHOLE_PIXELS, int(MAX_DECODED / each))
    if width * height > limit:
        message = f"The picture has {width} x {height} pixels; the limit for this kind is {limit // 1_000_000} million."
        raise ImagingError("image_too_many_pixels", message)
    if turn in ON_ITS_SIDE:
        width, height = height, width
    info = PictureInfo(media_type=media_type, width=width, height=height, size=len(data))
    return Checked(info, stripped, turn, one_scan, each)


def _strip(data: bytes, media_type: MediaType) -> tuple[bytes, int]:
    if media_type == "image/jpeg":
        turn = orientation(jpeg.exif_of(data))
        parts = jpeg.strip(data, exif_with(turn, prefix=True))
    else:
        turn = orientation(png.exif_of(data))
        parts = png.strip(data, exif_with(turn, prefix=False))
    if parts is None:
        raise ImagingError("image_decode", "The file is cut into too many parts.")
    return b"".join(parts), turn


def _open(data: bytes, media_type: MediaType) -> "ImageFile.ImageFile":
    """Open a picture by the class of its format.

    The classes are called by name instead of `Image.open`: no other format's parser can be reached, a JPEG never
    becomes a multi-picture file, and Pillow's process-wide pixel limit, which refuses 200-megapixel photos, stays as
    it is.
    """
    from PIL.JpegImagePlugin import JpegImageFile
    from PIL.PngImagePlugin import PngImageFile

    kind = PngImageFile if media_type == "image/png" else JpegImageFile
    try:
        return kind(io.BytesIO(data))
    except Exception:  # ruff: ignore[blind-except] - none of a parser's texts may get out
        raise ImagingError("image_decode", "The picture's header is damaged.") from None


def _count_scans(data: bytes) -> int:
    scans = jpeg.count_scans(data, MAX_SCANS + 1)
    if scans > MAX_SCANS:
        raise ImagingError("image_decode", f"The JPEG has more than {MAX_SCANS} scans.")
    return scans


def _bytes_a_pixel(picture: "ImageFile.ImageFile") -> float:
    """What preparing it takes when it is decoded whole."""
    if picture.format == "JPEG":
        return _coefficients(picture)
    if "transparency" in picture.info:
        return _CONVERTED_TWICE if picture.mode == "RGB" else _CONVERTED
    return _PLAIN.get(picture.mode, _CONVERTED)


def _coefficients(picture: Any) -> float:
    """Two bytes for each sample of each component, colours being stored in fewer samples; and what it shrinks to."""
    sides: list[tuple[int, int]] = [(across, down) for _, across, down, _ in picture.layer]
    full = max(across for across, _ in sides) * max(down for _, down in sides)
    return 1.0 + sum(2.0 * across * down / max(1, full) for across, down in sides)
