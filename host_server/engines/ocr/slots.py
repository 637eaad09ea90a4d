"""The labels on a page, and which of them fit what is wanted. They are read once, whatever is asked of the page."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from host_server.engines.ocr.fields import Field
from host_server.engines.ocr.labels import Pair, after_phrase, fits, forms, is_known_label, pairs, similarity, tidy
from host_server.engines.ocr.page import Page
from host_server.engines.ocr.words import Word, words

__all__ = ["Labelled", "Slot", "read_labels", "slots"]

_GOOD_ENOUGH: Final = 0.6
_OWN: Final = 0.99
"""A label that the question itself names goes before one that its field goes by, …"""
_STEP: Final = 0.002
"""… and an exact name of the field before a vaguer one."""
_INSIDE: Final = 0.9
_LOOSE: Final = 0.75
"""Without a colon the value's form shows that it is one; where it cannot, or in a sentence, the fit is loose."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A piece of text that may be a label, where it stands, and its words in all forms that are compared."""

    row: int
    column: int
    pair: Pair
    forms: tuple[tuple[str, ...], ...]
    words: tuple[Word, ...]
    """Of a text without a colon, which may hold label and value side by side; else empty."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A label that fits: where it is, how well (0 to 1), and the value that stands in the same box."""

    row: int
    column: int
    label: str
    fit: float
    inline: str = ""
    colon: bool = False


def read_labels(page: Page) -> tuple[Labelled, ...]:
    """Prepare all texts of a page for comparing, in reading order."""
    return tuple(
        _labelled(row, column, pair)
        for row, boxes in enumerate(page.rows)
        for column, box in enumerate(boxes)
        for pair in pairs(box.text)
    )


def slots(labels: Sequence[Labelled], phrase: tuple[str, ...], field: Field | None) -> Iterator[Slot]:
    """Find the labels that fit the words of the question or, when they name a field, that field."""
    for label in labels:
        fit = _fit(label.forms, phrase, field)
        if fit >= _GOOD_ENOUGH:
            yield Slot(label.row, label.column, label.pair.label, fit, label.pair.value, label.pair.colon)
        elif field is not None and label.words:
            yield from _side_by_side(label, field)


def _labelled(row: int, column: int, pair: Pair) -> Labelled:
    known = forms(pair.label, colon=pair.colon)
    plain = () if pair.colon or is_known_label(pair.label) else words(pair.label)
    return Labelled(row, column, pair, known, plain)


def _fit(known_forms: tuple[tuple[str, ...], ...], phrase: tuple[str, ...], field: Field | None) -> float:
    best = similarity(known_forms, phrase)
    for place, label in enumerate(field.labels if field else ()):
        best = max(best, similarity(known_forms, label) * (_OWN - _STEP * place))
    return best


def _side_by_side(label: Labelled, field: Field) -> Iterator[Slot]:
    """Label and value in one box with nothing between them but a space, or in the middle of a sentence."""
    text = label.pair.label
    sure = field.shape in {"digits", "money"}
    for place, phrase in enumerate(field.labels):
        found = after_phrase(text, label.words, field, phrase)
        if found is None or is_known_label(found[0]):
            continue
        rest, at_start = found
        if not at_start:
            rest = next((word for word in rest.split() if sure and any(char.isdigit() for char in word)), "")
        if rest and fits(rest, field):
            fit = (_INSIDE if sure and at_start else _LOOSE) - _STEP * place
            yield Slot(label.row, label.column, text[: text.find(rest)].strip(), fit, tidy(rest))
            return
