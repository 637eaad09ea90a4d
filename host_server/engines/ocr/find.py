"""The value that belongs to a label on a page: in its own box, to the right of it, or below it. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from host_server.engines.ocr.ask import Wanted
from host_server.engines.ocr.fields import Field
from host_server.engines.ocr.labels import fits, is_known_label, pairs, tidy
from host_server.engines.ocr.page import Box, Page
from host_server.engines.ocr.slots import Labelled, Slot, slots
from host_server.engines.ocr.words import content, squeeze

__all__ = ["Found", "find"]

_JOINED: Final = 1.2
"""Boxes of one row closer than this many heights belong to one value."""
_BELOW: Final = 2.2
"""A value stands at most so many heights of its label below it."""
_TABLE: Final = 3
"""A row of so many cells is a table's rather than a label and its value."""
_BUTTONS: Final = frozenset({"copy", "复制", "edit", "修改", "view", "查看", "change", "track", "详情", "details"})


@dataclass(frozen=True, slots=True)
class Found:
    """A value and where it came from."""

    value: str
    """Text of the page, unchanged; parts from several boxes with a space between them."""
    label: str
    """The label as it stands on the page; empty when the value was known by its form alone."""
    others: tuple[str, ...] = ()
    """Values of labels that fit as well, further down."""


def find(page: Page, labels: Sequence[Labelled], wanted: Wanted) -> Found | None:
    """Find the value of what is wanted, or `None`. Never the value of another row, never the whole page.

    `labels` are the page's own, from `read_labels`: several things may be wanted of one page.
    """
    field = wanted.field if _is_plain(page, wanted) else None
    hits: list[tuple[float, int, int, str, str]] = []
    for slot in slots(labels, wanted.words, field):
        value = _value(page, slot, field)
        if value:
            hits.append((-slot.fit, slot.row, slot.column, value, slot.label))
    if hits:
        hits.sort()
        best = hits[0]
        same = dict.fromkeys(hit[3] for hit in hits if hit[0] == best[0] and hit[3] != best[3])
        return Found(best[3], best[4], tuple(same))
    return _by_pattern(page, field) if field else None


def _is_plain(page: Page, wanted: Wanted) -> bool:
    """Tell whether the field itself is wanted: `Alice's phone number` on a page that names Alice, no `expiry date`."""
    if not wanted.qualifiers:
        return True
    on_page = squeeze(page.text)
    return all(squeeze(word) in on_page for word in wanted.qualifiers)


# ------------------------------------------------------------------------------------------------ values


def _value(page: Page, slot: Slot, field: Field | None) -> str | None:
    if slot.inline:
        return _lengthened(page, slot, field) if fits(slot.inline, field) else None
    beside = _beside(page, slot, field)
    if beside is None or (not slot.colon and _is_heading(page, slot)):
        return _below(page, slot, field) or beside or None
    return beside or None


def _lengthened(page: Page, slot: Slot, field: Field | None) -> str:
    """A value in the label's own box, and what follows it closely; a long one may go on in the next row."""
    row = page.rows[slot.row]
    if not row[slot.column].text.rstrip().endswith(slot.inline[-1:]):
        return slot.inline
    parts = [slot.inline, *(tidy(box.text) for box in _close(row, slot.column))]
    return " ".join(parts + _continued(page, slot.row, row[slot.column], field))


def _beside(page: Page, slot: Slot, field: Field | None) -> str | None:
    """The value to the right in the same row; empty when what stands there cannot be it, `None` when nothing does."""
    row = page.rows[slot.row]
    cells: list[int] = []
    for column in range(slot.column + 1, len(row)):
        if _is_button(row[column]):
            continue
        if _is_label(row[column]):
            break
        cells.append(column)
    if not cells:
        return None
    if field is not None and field.shape == "money":
        cells = [column for column in cells if fits(row[column].text, field)][-1:] or cells
    first = cells[0]
    parts = [tidy(row[first].text), *(tidy(box.text) for box in _close(row, first))]
    value = " ".join(part for part in parts if part)
    if not fits(value, field):
        return ""
    return " ".join([value, *_continued(page, slot.row, row[first], field)])


def _close(row: tuple[Box, ...], column: int) -> Iterator[Box]:
    """The boxes that follow so closely that they are the same value, which OCR has cut."""
    for before, box in zip(row[column:], row[column + 1 :], strict=False):
        if _is_button(box):
            continue
        if box.left - before.right > _JOINED * min(box.height, before.height) or _is_label(box):
            return
        yield box


def _below(page: Page, slot: Slot, field: Field | None) -> str | None:
    label = page.rows[slot.row][slot.column]
    for row in page.rows[slot.row + 1 :]:
        box = next((box for box in row if _is_under(label, box)), None)
        if box is None:
            if all(other.top - label.bottom > _BELOW * label.height for other in row):
                return None
            continue
        count = sum(not _is_button(other) for other in row)
        crowded = count > sum(not _is_button(other) for other in page.rows[slot.row])
        value = tidy(box.text)
        if crowded or _is_label(box) or not fits(value, field):
            return None
        return " ".join([value, *_continued(page, page.rows.index(row), box, field)])
    return None


def _is_under(label: Box, box: Box) -> bool:
    gap = box.top - label.bottom
    if not -0.3 * label.height <= gap <= _BELOW * label.height:
        return False
    reach = label.height
    middle = abs((box.left + box.right) - (label.left + label.right)) / 2
    return abs(box.left - label.left) < reach or middle < reach or abs(box.right - label.right) < reach / 2


def _is_heading(page: Page, slot: Slot) -> bool:
    """Tell a table's head from a list of labels and values.

    Below each cell of a head stands a cell, some of them with digits. Three columns are hardly a list; two are a head
    when the row below stands closer than the next one, or is the last.
    """
    row = page.rows[slot.row]
    if slot.row + 1 >= len(page.rows) or any(char.isdigit() for box in row for char in box.text):
        return False
    under = page.rows[slot.row + 1]
    if not all(any(_is_under(head, box) for box in under) for head in row):
        return False
    if not any(char.isdigit() for box in under for char in box.text):
        return False
    if len(row) >= _TABLE or slot.row + 2 >= len(page.rows):
        return not any(_is_label(box) for box in under)
    gap = min(box.top for box in under) - max(box.bottom for box in row)
    next_gap = min(box.top for box in page.rows[slot.row + 2]) - max(box.bottom for box in under)
    return gap < 0.8 * next_gap


def _continued(page: Page, row: int, start: Box, field: Field | None) -> list[str]:
    """Further lines of a long value: alone in their row, aligned with the value, close below a line that is full."""
    lines: list[str] = []
    above = start
    full = 0.75 * max(box.right for boxes in page.rows for box in boxes)
    for boxes in page.rows[row + 1 :] if field is not None and field.long else ():
        box = boxes[0]
        aligned = abs(box.left - above.left) < above.height / 2 and above.right >= full
        if len(boxes) > 1 or not aligned or box.top - above.bottom > 0.8 * above.height or _is_label(box):
            break
        lines.append(box.text)
        above = box
    return lines


def _is_button(box: Box) -> bool:
    text = "".join(content(box.text))
    return text in _BUTTONS or not any(char.isalnum() for char in box.text)


def _is_label(box: Box) -> bool:
    first = pairs(box.text)[0]
    if first.colon:
        return sum(char.isalpha() for char in first.label) > 1 and not any(char.isdigit() for char in first.label)
    return is_known_label(box.text)


def _by_pattern(page: Page, field: Field) -> Found | None:
    """A field without a label, when exactly one text on the page has its form."""
    if field.pattern is None:
        return None
    seen = {match.group().strip() for row in page.rows for box in row for match in field.pattern.finditer(box.text)}
    return Found(seen.pop(), "") if len(seen) == 1 else None
