"""Pictures that a picture library takes for what they are."""

import io

from PIL import Image

__all__ = ["jpeg", "noise", "png"]


def jpeg(width: int = 64, height: int = 48, *, colour: str = "teal") -> bytes:
    """A JPEG; another colour or size is another file."""
    return _picture("JPEG", width, height, colour)


def png(width: int = 64, height: int = 48, *, colour: str = "teal") -> bytes:
    """A PNG."""
    return _picture("PNG", width, height, colour)


def noise(width: int, height: int) -> bytes:
    """A JPEG that does not pack well: about one byte a pixel."""
    out = io.BytesIO()
    Image.effect_noise((width, height), 90).save(out, "JPEG", quality=92)
    return out.getvalue()


def _picture(kind: str, width: int, height: int, colour: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(out, kind)
    return out.getvalue()
