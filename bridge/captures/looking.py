"""What a picture looks like from afar: is it black, and is it still the same as before?

Both questions leave out the outermost sixteenth on each side: that is where a phone keeps its clock, its battery and
its buttons, which change by themselves and are there even when the app in front shows nothing.
"""

import warnings
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bridge.captures.png import MAX_PIXELS

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["Looks", "looks_of", "looks_of_file"]

_EDGE: Final = 16
_GRID: Final = (32, 64)
_LEVELS: Final = 8
_CELLS: Final = 3
"""So many of the grid's cells must differ by so many of 256 levels: a word does that, a blinking cursor does not."""
_STRIP: Final = 256
_DRAFT: Final = (512, 512)


@dataclass(frozen=True, slots=True)
class Looks:
    """One picture, seen from afar. `black`: nothing else is in it between its edges."""

    size: tuple[int, int]
    cells: bytes
    black: bool

    def same_as(self, other: "Looks") -> bool:
        """Tell whether a person would say that nothing changed."""
        if self.size != other.size:
            return False
        differing = sum(abs(a - b) >= _LEVELS for a, b in zip(self.cells, other.cells, strict=True))
        return differing < _CELLS


def looks_of(data: bytes) -> Looks | None:
    """Look at a picture from memory; None when it cannot be decoded."""
    return _decoded(BytesIO(data))


def looks_of_file(path: Path) -> Looks | None:
    """Look at a picture of a camera: a JPEG is decoded at an eighth of its size, a large PNG not at all."""
    return _decoded(path)


def _decoded(source: Path | BytesIO) -> Looks | None:
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # what is decoded is bounded below
            image = Image.open(source, formats=("PNG", "JPEG"))
        with image:
            image.draft("L", _DRAFT)
            if image.width * image.height > MAX_PIXELS:
                return None
            image.load()
            return _looks(image)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def _looks(image: "Image") -> Looks:
    from PIL import Image

    width, height = image.size
    left, top = width // _EDGE, height // _EDGE
    right, bottom = width - left, height - top
    small = image.convert("L").resize(_GRID, Image.Resampling.BOX, box=(left, top, right, bottom))
    strips = ((left, y, right, min(y + _STRIP, bottom)) for y in range(top, bottom, _STRIP))
    return Looks(image.size, small.tobytes(), not any(_lit(image.crop(strip)) for strip in strips))


def _lit(strip: "Image") -> bool:
    """Whether a colour is in it; how opaque it is says nothing."""
    return strip.convert("RGB").getbbox() is not None
