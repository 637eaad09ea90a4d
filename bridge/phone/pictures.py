"""Whatever somebody calls a picture, as a capture in the spool: a capture itself, a file, bytes, a PIL image."""

import io
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, Union

from bridge.captures.files import capture_file
from bridge.errors import UsageError
from bridge.spool import MAX_PICTURE_BYTES, Capture, Spool

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["Picture", "as_capture"]

Picture: TypeAlias = Union[Capture, str, "os.PathLike[str]", bytes, "Image"]
"""A capture, the path of a JPEG or PNG, its bytes, or a PIL image."""

PNG = b"\x89PNG"
JPEG_QUALITY = 95


def as_capture(picture: Picture, spool: Spool, device_id: str) -> Capture:
    """Take it into the spool, unless it is there. Waits for the disk. Raises `UsageError` for what is no picture."""
    if isinstance(picture, Capture):
        return picture
    if isinstance(picture, str | os.PathLike):
        return capture_file(Path(picture), spool, device_id)
    data = bytes(picture) if isinstance(picture, bytes | bytearray | memoryview) else _encoded(picture)
    with tempfile.TemporaryDirectory(prefix="lensbridge-") as folder:
        file = Path(folder) / ("picture.png" if data.startswith(PNG) else "picture.jpg")
        file.write_bytes(data)
        return capture_file(file, spool, device_id)


def _encoded(image: Any) -> bytes:
    """A PIL image as a file: without loss where that fits."""
    pil = sys.modules.get("PIL.Image")  # whoever has such an image has imported it
    if pil is None or not isinstance(image, pil.Image):
        raise UsageError(
            f"{type(image).__name__} is no picture",
            hint="give a Capture, a path, bytes of a JPEG or PNG, or a PIL image",
        )
    out = io.BytesIO()
    image.save(out, "PNG")
    if out.tell() > MAX_PICTURE_BYTES:
        out = io.BytesIO()
        image.convert("RGB").save(out, "JPEG", quality=JPEG_QUALITY)
    return out.getvalue()
