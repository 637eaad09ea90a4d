"""Turn a checked picture into what an engine sees: upright, RGB, small, and without anything but its pixels."""

import hashlib
import io
from typing import TYPE_CHECKING, Final

from host_server.core.question import PreparedPicture
from host_server.imaging.errors import ImagingError
from host_server.imaging.inspect import Checked, clean
from host_server.imaging.sniff import MediaType

if TYPE_CHECKING:
    from PIL import Image, ImageFile

__all__ = ["DEFAULT_MAX_SIDE", "prepare", "prepare_checked"]

DEFAULT_MAX_SIDE: Final = 2000
"""Longest side of a prepared picture in pixels.

Small print decides: a phone's screen is 2200 to 3200 pixels high, and at 2000 its smallest labels keep about 20 pixels,
which OCR still reads; at 1568 Chinese labels begin to blur. And 2000 lies just under half of what 12, 16 and 50
megapixel cameras deliver (4000 to 8160), so that the JPEG decoder does most of the shrinking for nothing.
"""

_QUALITY: Final = 90
_WHITE: Final = (255, 255, 255)


def prepare(data: bytes, *, max_side: int = DEFAULT_MAX_SIDE) -> PreparedPicture:
    """Check and convert a picture, its longest side at most `max_side` pixels; smaller ones keep their size.

    Transparency is laid over white; of an animation the first frame is taken. Raises `ImagingError`. Uses one core for
    10 to 300 ms and at most a few hundred MB; how many run at once is the caller's business.
    """
    return prepare_checked(clean(data), sha256=hashlib.sha256(data).hexdigest(), max_side=max_side)


def prepare_checked(checked: Checked, *, sha256: str, max_side: int) -> PreparedPicture:
    """As `prepare`, for a picture that is checked already and known by this name."""
    if max_side < 1:
        raise ValueError("max_side must be positive")
    info = checked.info
    with checked.open() as picture:
        flat = _upright(_decode(picture, max_side), checked.turn)
    return PreparedPicture(
        sha256=sha256,
        width=flat.width,
        height=flat.height,
        jpeg=_encode(flat, info.media_type),
        original_width=info.width,
        original_height=info.height,
        original_bytes=info.size,
        original_media_type=info.media_type,
    )


def _decode(picture: "ImageFile.ImageFile", max_side: int) -> "Image.Image":
    """Decode as small as the format allows, then shrink to `max_side`, still in the picture's own orientation."""
    from PIL import Image

    longest = max(picture.size)
    try:
        if longest > max_side:
            width, height = (max(1, side * max_side // longest) for side in picture.size)
            picture.draft("RGB", (width, height))
        picture.load()
        plain = _resizable(picture)
        plain.thumbnail((max_side, max_side), Image.Resampling.BICUBIC, reducing_gap=2.0)
        return _over_white(plain)
    except Exception:  # ruff: ignore[blind-except] - damaged pixels end in many kinds of exception
        raise ImagingError("image_decode", "The picture is damaged or cut short.") from None


def _resizable(picture: "Image.Image") -> "Image.Image":
    """Bring the modes that cannot be resized smoothly (palette, two colours, 16 bit) to one that can."""
    if picture.mode.startswith("I"):  # Pillow's own conversion of 16-bit grey clips all but the darkest greys to white
        return picture.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if picture.mode == "P" or "transparency" in picture.info:
        return picture.convert("RGBA")
    return picture.convert("L") if picture.mode == "1" else picture


def _over_white(picture: "Image.Image") -> "Image.Image":
    from PIL import Image

    if picture.mode not in {"RGBA", "LA"}:
        return picture.convert("RGB")
    sheet = Image.new("RGB", picture.size, _WHITE)
    sheet.paste(picture.convert("RGB"), mask=picture.getchannel("A"))
    return sheet


def _upright(picture: "Image.Image", turned: int) -> "Image.Image":
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    turn = turns.get(turned)
    return picture if turn is None else picture.transpose(turn)


def _encode(picture: "Image.Image", media_type: MediaType) -> bytes:
    """Write a JPEG of the pixels alone. Screenshots keep full colour resolution: coloured small print needs it."""
    picture.info.clear()  # else Pillow writes the comment and the colour profile of the original again
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=_QUALITY, subsampling=0 if media_type == "image/png" else 2)
    return out.getvalue()
