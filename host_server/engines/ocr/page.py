"""Boxes of text, as an OCR model finds them, put into rows, columns and reading order. Pure geometry."""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ["Box", "Page", "Point", "Quad", "lay_out"]

Point = tuple[float, float]
Quad = tuple[Point, Point, Point, Point]
"""Corners in pixels, clockwise from the text's own top left."""

_SAME_ROW: Final = 0.5
"""Two boxes share a row when they overlap by this part of the lower one's height."""
_MOST_SLANT: Final = math.radians(30)
_COLUMN_BOXES: Final = 4
"""A column of running text has at least so many lines, …"""
_COLUMN_SIGNS: Final = 24
"""… half of them at least so long, in Latin letters (a Chinese one counts twice): labels and values are shorter."""


@dataclass(frozen=True, slots=True)
class Box:
    """One piece of text and the upright rectangle around it, in pixels of a page turned level."""

    text: str
    left: float
    top: float
    right: float
    bottom: float

    @property
    def height(self) -> float:
        """In pixels, never 0."""
        return max(self.bottom - self.top, 1e-6)


@dataclass(frozen=True, slots=True)
class Page:
    """The text of one picture. Rows run from top to bottom, the boxes of a row from left to right."""

    rows: tuple[tuple[Box, ...], ...]

    @property
    def text(self) -> str:
        """All text in reading order, one row a line, boxes of a row two spaces apart."""
        return "\n".join("  ".join(box.text for box in row) for row in self.rows)


def lay_out(found: Iterable[tuple[str, Quad]]) -> Page:
    """Put text and corners, in any order, into a page. A slant of the whole picture is taken out first."""
    pieces = [(text.strip(), quad) for text, quad in found if text.strip() and _is_finite(quad)]
    slant = _slant([quad for _, quad in pieces])
    boxes = [_level(text, quad, slant) for text, quad in pieces]
    return Page(tuple(tuple(row) for column in _columns(boxes) for row in _rows(column)))


def _is_finite(quad: Quad) -> bool:
    return all(math.isfinite(value) for point in quad for value in point)


def _slant(quads: Sequence[Quad]) -> float:
    """The angle of the text's base lines, by the long boxes: short ones are too rough."""
    angles: list[float] = []
    for top_left, top_right, _, bottom_left in quads:
        width, height = math.dist(top_left, top_right), math.dist(top_left, bottom_left)
        angle = math.atan2(top_right[1] - top_left[1], top_right[0] - top_left[0])
        if width > 3 * height and abs(angle) < _MOST_SLANT:
            angles.append(angle)
    return statistics.median(angles) if angles else 0.0


def _level(text: str, quad: Quad, slant: float) -> Box:
    cos, sin = math.cos(-slant), math.sin(-slant)
    across = [x * cos - y * sin for x, y in quad]
    down = [x * sin + y * cos for x, y in quad]
    # Of the two upper corners the middle, and of the two lower ones: a single corner may be far off.
    first, second, third, last = sorted(down)
    return Box(text, min(across), (first + second) / 2, max(across), (third + last) / 2)


def _columns(boxes: list[Box]) -> list[list[Box]]:
    """Split where running text stands in two columns; a form with labels and values stays whole."""
    for gutter in _gutters(boxes):
        sides = [[box for box in boxes if box.right <= gutter], [box for box in boxes if box.left >= gutter]]
        if all(_is_running_text(side) for side in sides):
            return [column for side in sides for column in _columns(side)]
    return [boxes]


def _gutters(boxes: list[Box]) -> list[float]:
    """Places where no box crosses a vertical line over the whole page."""
    gutters: list[float] = []
    reach = -math.inf
    for box in sorted(boxes, key=lambda box: box.left):
        if reach < box.left and reach > -math.inf:
            gutters.append((reach + box.left) / 2)
        reach = max(reach, box.right)
    return gutters


def _is_running_text(side: list[Box]) -> bool:
    lengths = [sum(1 if char.isascii() else 2 for char in box.text) for box in side]
    return len(side) >= _COLUMN_BOXES and statistics.median(lengths) >= _COLUMN_SIGNS


def _rows(boxes: list[Box]) -> list[list[Box]]:
    rows: list[list[Box]] = []
    for box in sorted(boxes, key=lambda box: (box.top + box.bottom, box.left, box.text)):
        if rows and _overlap(rows[-1], box) >= _SAME_ROW:
            rows[-1].append(box)
        else:
            rows.append([box])
    return [sorted(row, key=lambda box: (box.left, box.top, box.text)) for row in rows]


def _overlap(row: list[Box], box: Box) -> float:
    top = statistics.median(other.top for other in row)
    bottom = statistics.median(other.bottom for other in row)
    shared = min(bottom, box.bottom) - max(top, box.top)
    return shared / max(min(bottom - top, box.height), 1e-6)
