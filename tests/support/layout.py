"""Pages drawn with characters: what stands two spaces apart are two boxes, as an OCR model would find them."""

import re
import unicodedata

from host_server.engines.ocr.page import Page, Quad, lay_out

WIDTH = 12.0
LINE = 40.0
HEIGHT = 24.0


def boxes(drawing: str) -> list[tuple[str, Quad]]:
    """Each text with its corners; Chinese characters are two columns wide, as in a terminal."""
    found: list[tuple[str, Quad]] = []
    for row, line in enumerate(drawing.splitlines()):
        for match in re.finditer(r"\S+(?: \S+)*", line):
            left = WIDTH * _columns(line[: match.start()])
            right = WIDTH * _columns(line[: match.end()])
            top = LINE * row
            quad = ((left, top), (right, top), (right, top + HEIGHT), (left, top + HEIGHT))
            found.append((match.group(), quad))
    return found


def page(drawing: str) -> Page:
    return lay_out(boxes(drawing))


def _columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
