"""Pictures that a picture library takes for what they are: plain areas of one colour."""

import io

from PIL import Image

__all__ = ["jpeg", "png"]


def jpeg(width: int = 64, height: int = 48, *, colour: str = "teal") -> bytes:
    """A JPEG; another colour or size is another file."""
    return _picture("JPEG", width, height, colour)


def png(width: int = 64, height: int = 48, *, colour: str = "teal") -> bytes:
    """A PNG."""
    return _picture("PNG", width, height, colour)


def _picture(kind: str, width: int, height: int, colour: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(out, kind)
    return out.getvalue()
