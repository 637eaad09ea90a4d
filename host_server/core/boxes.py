"""Places in a picture that an answer names: `[[x1, y1, x2, y2]]` in thousandths of its width and height. Pure.

Three spellings are boxes: four numbers between the marks of the GLM family, a list of such fours in double brackets,
and JSON whose key says it (`"bbox_2d": [52, 310, 401, 377]`, with its `"label"` beside it). Anything else is text, also
numbers that are no box: outside 0 … 1000, or with their corners the wrong way round. Nothing is turned or guessed.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["MAX_BOXES", "SCALE", "Box", "find_boxes"]

MAX_BOXES: Final = 64
SCALE: Final = 1000
_LAST: Final = SCALE - 1
_WINDOW: Final = 400
"""Characters before and after a box in which its label may stand."""
_MAX_LABEL: Final = 200

_GAP: Final = r"\s{0,16}"
_QUAD: Final = rf"\[{_GAP}\d{{1,4}}(?:{_GAP},{_GAP}\d{{1,4}}){{3}}{_GAP}\]"
_KEY: Final = rf'"(?:bbox_2d|box_2d|bbox|box)"{_GAP}:{_GAP}'
_FIND: Final = re.compile(
    rf"(?P<key>{_KEY})(?P<one>{_QUAD})|\[{_GAP}(?P<list>{_QUAD}(?:{_GAP},{_GAP}{_QUAD}){{0,63}}){_GAP}\]|(?P<bare>{_QUAD})",
    re.ASCII,
)
_EACH: Final = re.compile(_QUAD, re.ASCII)
_NUMBER: Final = re.compile(r"\d{1,4}", re.ASCII)
_LABEL: Final = re.compile(rf'"(?:label|name|text|title)"{_GAP}:{_GAP}("(?:[^"\\]|\\.){{0,{_MAX_LABEL}}}")')


@dataclass(frozen=True, slots=True)
class Box:
    """A place, left, top, right and bottom from 0 to 999, and where in the text it is named."""

    corners: tuple[int, int, int, int]
    start: int
    end: int
    label: str | None = None

    def annotation(self) -> dict[str, Any]:
        """As the wire tells it."""
        return {
            "type": "bridge:box",
            "box": list(self.corners),
            "label": self.label,
            "start_index": self.start,
            "end_index": self.end,
        }


def find_boxes(text: str, spans: Sequence[tuple[int, int]] = ()) -> list[Box]:
    """The boxes of an answer, in order, at most `MAX_BOXES`; `spans` are the places that stood between marks."""
    found: list[Box] = []
    for box in _all(text, spans):
        found.append(box)
        if len(found) == MAX_BOXES:
            break
    return found


def _all(text: str, spans: Sequence[tuple[int, int]]) -> Iterator[Box]:
    for match in _FIND.finditer(text):
        if match["bare"] is not None and not any(a <= match.start() and match.end() <= b for a, b in spans):
            continue
        group = next(name for name in ("one", "list", "bare") if match[name] is not None)
        label = _label(text, match.start(), match.end()) if group == "one" else None
        for quad in _EACH.finditer(text, match.start(group), match.end(group)):
            corners = _corners(quad.group())
            if corners is not None:
                yield Box(corners, quad.start(), quad.end(), label)


def _corners(quad: str) -> tuple[int, int, int, int] | None:
    left, top, right, bottom = (int(number) for number in _NUMBER.findall(quad))
    if max(right, bottom) > SCALE or left >= right or top >= bottom:
        return None
    # Some models write the far edge as 1000: the last thousandth is 999.
    right, bottom = min(right, _LAST), min(bottom, _LAST)
    return (left, top, right, bottom) if left < right and top < bottom else None


def _label(text: str, start: int, end: int) -> str | None:
    """The label in the same flat JSON object as the box."""
    first = text.rfind("{", max(0, start - _WINDOW), start)
    last = text.find("}", end, end + _WINDOW)
    if first < 0 or last < 0:
        return None
    found = _LABEL.search(text, first, start) or _LABEL.search(text, end, last)
    if found is None:
        return None
    try:
        label = json.loads(found[1])
    except ValueError:
        return None
    return label if _sayable(label) else None


def _sayable(label: str) -> bool:
    """Half a character beyond 16 bits cannot travel."""
    try:
        label.encode()
    except UnicodeEncodeError:
        return False
    return True
