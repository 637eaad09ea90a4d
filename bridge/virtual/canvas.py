"""A sheet to draw phone screens on: rounded cards, text, gradients and a few icons, smooth at the edges.

Everything is drawn at twice the size and then halved. The font is the one that Pillow brings along, so that a bare
machine draws the same screen as any other; it has one weight, and a thin outline makes it bold.
"""

from pathlib import Path
from typing import Final

__all__ = ["Canvas", "Colour"]

Colour = tuple[int, int, int]

_SCALE: Final = 2


class Canvas:
    """Coordinates and sizes are pixels of the finished picture; `x` runs right, `y` down."""

    def __init__(self, width: int, height: int, background: Colour) -> None:
        from PIL import Image, ImageDraw

        self.width = width
        self.height = height
        self._image = Image.new("RGB", (width * _SCALE, height * _SCALE), background)
        self._pen = ImageDraw.Draw(self._image)

    def text(
        self, x: float, y: float, text: str, size: int, colour: Colour, *, bold: bool = False, anchor: str = "lm"
    ) -> float:
        """Write one line, placed by Pillow's anchor (`lm`: left and middle); return its width."""
        from PIL import ImageFont

        font = ImageFont.load_default(size * _SCALE)
        stroke = max(1, size * _SCALE // 60) if bold else 0
        place = (x * _SCALE, y * _SCALE)
        self._pen.text(place, text, font=font, fill=colour, anchor=anchor, stroke_width=stroke, stroke_fill=colour)
        return float(self._pen.textlength(text, font=font)) / _SCALE

    def card(self, x: float, y: float, right: float, bottom: float, colour: Colour, *, radius: int = 36) -> None:
        """Fill a rectangle with round corners."""
        self._pen.rounded_rectangle(_scaled(x, y, right, bottom), radius * _SCALE, fill=colour)

    def frame(self, x: float, y: float, right: float, bottom: float, colour: Colour, *, radius: int = 36) -> None:
        """Draw the outline of a rectangle with round corners."""
        self._pen.rounded_rectangle(_scaled(x, y, right, bottom), radius * _SCALE, outline=colour, width=3 * _SCALE)

    def gradient(
        self, x: int, y: int, right: int, bottom: int, start: Colour, end: Colour, *, radius: int = 36
    ) -> None:
        """Fill a rectangle with round corners with a colour that changes from left to right."""
        from PIL import Image, ImageDraw

        size = ((right - x) * _SCALE, (bottom - y) * _SCALE)
        strip = Image.linear_gradient("L").rotate(90).resize(size)
        mask = Image.new("L", size)
        ImageDraw.Draw(mask).rounded_rectangle((0, 0, size[0] - 1, size[1] - 1), radius * _SCALE, fill=255)
        fill = Image.composite(Image.new("RGB", size, end), Image.new("RGB", size, start), strip)
        self._image.paste(fill, (x * _SCALE, y * _SCALE), mask)

    def dot(self, x: float, y: float, radius: float, colour: Colour) -> None:
        """Fill a circle around a point."""
        self._pen.ellipse(_scaled(x - radius, y - radius, x + radius, y + radius), fill=colour)

    def line(self, points: list[tuple[float, float]], colour: Colour, *, width: int = 3) -> None:
        """Draw a line through points."""
        scaled = [(x * _SCALE, y * _SCALE) for x, y in points]
        self._pen.line(scaled, fill=colour, width=width * _SCALE, joint="curve")

    def arc(
        self, x: float, y: float, radius: float, angles: tuple[int, int], colour: Colour, *, width: int = 6
    ) -> None:
        """Draw a part of a circle, between two angles in degrees, clockwise from three o'clock."""
        box = _scaled(x - radius, y - radius, x + radius, y + radius)
        self._pen.arc(box, *angles, fill=colour, width=width * _SCALE)

    def status_bar(self, clock: str, colour: Colour) -> None:
        """Draw what stands at the top of every phone: time, signal, Wi-Fi, battery."""
        self.text(64, 62, clock, 42, colour, bold=True)
        right = self.width
        for bar in range(4):
            self.card(right - 290 + bar * 16, 76 - 9 * bar, right - 280 + bar * 16, 80, colour, radius=3)
        for ring in range(3):
            self.arc(right - 182, 80, 10 + 14 * ring, (225, 315), colour, width=7)
        self.frame(right - 132, 44, right - 70, 80, colour, radius=10)
        self.card(right - 125, 51, right - 86, 73, colour, radius=4)
        self.card(right - 66, 55, right - 60, 69, colour, radius=3)

    def home_bar(self, colour: Colour) -> None:
        """Draw the gesture bar at the bottom."""
        middle = self.width / 2
        self.card(middle - 180, self.height - 34, middle + 180, self.height - 24, colour, radius=5)

    def save(self, path: Path) -> None:
        """Write a PNG."""
        from PIL import Image

        self._image.resize((self.width, self.height), Image.Resampling.BOX).save(path, "PNG")


def _scaled(*values: float) -> tuple[float, float, float, float]:
    x, y, right, bottom = (value * _SCALE for value in values)
    return x, y, right, bottom
