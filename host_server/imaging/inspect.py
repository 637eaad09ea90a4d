"""Look at a picture's header and decide whether it may be decoded at all. Nothing is decoded here."""

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from host_server.imaging import jpeg
from host_server.imaging.errors import ImagingError
from host_server.imaging.sniff import MAX_BYTES, MediaType, sniff

if TYPE_CHECKING:
    from PIL import ImageFile

__all__ = ["MAX_JPEG_PIXELS", "MAX_WHOLE_PIXELS", "ON_ITS_SIDE", "PictureInfo", "check", "open_checked", "orientation"]

MAX_WHOLE_PIXELS: Final = 40_000_000
"""A PNG, and a JPEG in several scans, is decoded whole before it can shrink: 40 megapixels are 160 to 240 MB."""
MAX_JPEG_PIXELS: Final = 220_000_000
"""Room for the 200-megapixel phones: JPEG's decoder shrinks by 2, 4 or 8 while it reads, so these never exist whole."""
MAX_SCANS: Final = 64
"""A progressive JPEG has about ten scans. Each is a pass over all pixels: a small file with thousands takes hours."""

_ORIENTATION_TAG: Final = 0x0112
ON_ITS_SIDE: Final = frozenset({5, 6, 7, 8})
"""EXIF orientations that swap width and height."""


@dataclass(frozen=True, slots=True)
class PictureInfo:
    """What the header says about a picture that may be decoded."""

    media_type: MediaType
    width: int
    """Pixels as a person sees the picture: after its EXIF orientation."""
    height: int
    size: int
    """Bytes of the file."""


def check(data: bytes) -> PictureInfo:
    """Accept a picture by its header or raise `ImagingError`. Takes about a millisecond and no memory for pixels."""
    media_type, picture = open_checked(data)
    with picture:
        width, height = picture.size
        if orientation(picture) in ON_ITS_SIDE:
            width, height = height, width
    return PictureInfo(media_type=media_type, width=width, height=height, size=len(data))


def open_checked(data: bytes) -> "tuple[MediaType, ImageFile.ImageFile]":
    """Open a picture whose size, type and pixels are within the limits; its pixels are still packed.

    The file classes are called by name instead of `Image.open`: no other format's parser can be reached, a JPEG never
    becomes a multi-picture file, and Pillow's process-wide pixel limit, which refuses 200-megapixel photos, stays as
    it is.
    """
    if len(data) > MAX_BYTES:
        raise ImagingError("image_too_large", f"The picture has {len(data)} bytes; the limit is {MAX_BYTES}.")
    media_type = sniff(data)
    if media_type is None:
        raise ImagingError("image_format", "The file is neither a JPEG nor a PNG picture.")
    picture = _open(data, media_type)
    try:
        _check_pixels(data, media_type, picture.size)
    except ImagingError:
        picture.close()
        raise
    return media_type, picture


def orientation(picture: "ImageFile.ImageFile") -> int:
    """Read the EXIF orientation (1 to 8) from the header; 1 when there is none or it makes no sense."""
    from PIL import Image

    block = picture.info.get("exif")
    if not isinstance(block, bytes):
        return 1
    exif = Image.Exif()
    try:
        exif.load(block)
        value = exif.get(_ORIENTATION_TAG)
    except Exception:  # ruff: ignore[blind-except] - whatever is wrong with the metadata, the picture is still a picture
        return 1
    return value if isinstance(value, int) and value in range(1, 9) else 1


def _open(data: bytes, media_type: MediaType) -> "ImageFile.ImageFile":
    from PIL.JpegImagePlugin import JpegImageFile
    from PIL.PngImagePlugin import PngImageFile

    kind = PngImageFile if media_type == "image/png" else JpegImageFile
    try:
        return kind(io.BytesIO(data))
    except Exception:  # ruff: ignore[blind-except] - none of a parser's texts may get out
        raise ImagingError("image_decode", "The picture's header is damaged.") from None


def _check_pixels(data: bytes, media_type: MediaType, size: tuple[int, int]) -> None:
    width, height = size
    limit = MAX_WHOLE_PIXELS
    if media_type == "image/jpeg":
        scans = jpeg.count_scans(data, MAX_SCANS + 1)
        if scans > MAX_SCANS:
            raise ImagingError("image_decode", f"The JPEG has more than {MAX_SCANS} scans.")
        limit = MAX_JPEG_PIXELS if scans == 1 else MAX_WHOLE_PIXELS
    if width * height > limit:
        message = f"The picture has {width} x {height} pixels; the limit for this kind is {limit // 1_000_000} million."
        raise ImagingError("image_too_many_pixels", message)
