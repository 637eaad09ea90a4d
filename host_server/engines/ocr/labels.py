"""Where one piece of text holds a label, a value, or both; and how well a label fits what is wanted."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

from host_server.engines.ocr.fields import BY_LABEL, PHRASES, Field
from host_server.engines.ocr.words import CJK, FILLERS, Word, content, has_cjk

__all__ = ["Pair", "after_phrase", "fits", "forms", "is_known_label", "pairs", "similarity", "tidy"]

_COLON: Final = re.compile(
    r"(?<!\d)\s*[:：∶︰](?!//)(?!(?<=\b[0-9A-Fa-f]{2}:)[0-9A-Fa-f]{2}\b)|(?<=\d)[:：∶︰](?!\d|//)|(?<=\d)\s+[:：∶︰]"
)
_BRACKETS: Final = re.compile(r"[(（\[【][^)）\]】]*[)）\]】]")
_EDGES: Final = " \t\r\n.:：∶︰·•|、,，;；>›»→=＝"
_GAPLESS: Final = re.compile(f"[{CJK}](?=[A-Za-z])|[A-Za-z](?=[{CJK}])")
_BUTTON_AT_END: Final = re.compile(
    r"\s+(?:copy|复制|edit|修改|查看|view|track|change)\s*[>›»]?$|\s*[>›»]+$", re.IGNORECASE
)
_SENTENCE_END: Final = re.compile(r"[.!?]\s+(?=[A-Z])|[。！？]")
_LONGEST_LABEL: Final = 60
_ENOUGH_ALIKE: Final = 0.84
_SHORTEST_ALIKE: Final = 4


@dataclass(frozen=True, slots=True)
class Pair:
    """A label, and the value that follows it in the same text, or nothing."""

    label: str
    value: str = ""
    colon: bool = False


def pairs(text: str) -> list[Pair]:
    """Split `Qty: 2  Unit price: ¥199` at its colons; a text without any is one label (or one value) by itself.

    A colon inside a time, between digits, in an address of the web or of a network card separates nothing.
    """
    colons = list(_COLON.finditer(text))
    if not colons:
        return [Pair(text)]
    found: list[Pair] = []
    label = text[: colons[0].start()]
    for number, colon in enumerate(colons):
        last = number + 1 == len(colons)
        rest = text[colon.end() :] if last else text[colon.end() : colons[number + 1].start()]
        cut = len(rest) if last else _next_label(rest)
        if cut == 0:  # nothing that could be a label stands before the next colon: it belongs to the value
            found.append(Pair(label.strip(), tidy(text[colon.end() :]), colon=True))
            break
        found.append(Pair(label.strip(), tidy(rest[:cut]), colon=True))
        label = rest[cut:]
    return found


def _next_label(between: str) -> int:
    """Where, in the text between two colons, the value ends and the second label begins; 0 when there is no label."""
    for start in range(len(between)):
        if start and not between[start - 1].isspace():
            continue
        if is_known_label(between[start:]) and between[:start].strip():
            return start
    chunks = list(re.finditer(r"\S+", between))
    if len(chunks) == 1 or not chunks:
        return 0
    digits = [index for index, chunk in enumerate(chunks[:-1]) if any(char.isdigit() for char in chunk.group())]
    first = digits[-1] + 1 if digits else len(chunks) - 1
    return chunks[first].start() if any(char.isalpha() for char in chunks[-1].group()) else 0


def tidy(text: str) -> str:
    """Cut off what surrounds a value: punctuation at its edges, a `Copy` button, an arrow."""
    text = text.strip(_EDGES)
    while (shorter := _BUTTON_AT_END.sub("", text)) != text:
        text = shorter
    text = text.strip(_EDGES)
    return text[1:].strip() if text[:1] in {"-", "–", "—", "#"} and text[1:2].isspace() else text


def fits(value: str, field: Field | None) -> bool:
    """Tell whether a text can be the value of a field at all."""
    if not any(char.isalnum() for char in value):
        return False
    if field is None or field.shape == "any":
        return True
    if field.shape == "words":
        return any(char.isalpha() for char in value)
    return any(char.isdigit() for char in value)


def is_known_label(text: str) -> bool:
    """Tell whether the whole text is the label of a known field, in one language or in both."""
    return any("".join(form) in BY_LABEL for form in forms(text))


def similarity(label_forms: Sequence[tuple[str, ...]], phrase: Sequence[str]) -> float:
    """How well a label on the page, in any of its forms, fits a wanted phrase: 1 the same, 0 not at all."""
    wanted = "".join(phrase)
    best = 0.0
    for form in label_forms:
        joined = "".join(form)
        if joined == wanted:
            return 1.0
        best = max(best, _contained(form, phrase), _alike(joined, wanted))
    return best


def forms(label: str, *, colon: bool = False) -> tuple[tuple[str, ...], ...]:
    """Give the label as it is, without what stands in brackets, and each language of `合计 Total` alone.

    None of a text too long to be a label. A colon proves that it is one:
    `Status 已发货` has two languages as well, but is a label and its value: without a colon both must be known labels.
    `MAC地址：` is one label: without a gap both must be known too.
    """
    if len(label) > _LONGEST_LABEL:
        return ()
    whole = content(label)
    bare = content(_BRACKETS.sub(" ", label))
    languages = [tuple(word for word in bare if has_cjk(word) is chinese) for chinese in (True, False)]
    found = [whole, bare]
    known = all("".join(part) in BY_LABEL for part in languages)
    if "".join(bare) not in BY_LABEL and (known or (colon and _GAPLESS.search(label) is None)):
        found += languages
    return tuple(form for form in dict.fromkeys(found) if form)


def _contained(form: tuple[str, ...], phrase: Sequence[str]) -> float:
    """A label that holds the phrase among other words fits by the part of it that the phrase is."""
    if PHRASES.get(form) is not None:
        return 0.0  # a known label of its own: `order number` is no longer `order`
    size = len(phrase)
    for start in range(len(form) - size + 1):
        if form[start : start + size] == tuple(phrase):
            return 0.9 * len("".join(phrase)) / len("".join(form))
    return 0.0


def _alike(joined: str, wanted: str) -> float:
    """OCR takes 0 for o and loses letters: nearly the same is good, if it is not some other known label."""
    if joined in BY_LABEL or min(len(joined), len(wanted)) < _SHORTEST_ALIKE:
        return 0.0
    if 2 * min(len(joined), len(wanted)) < _ENOUGH_ALIKE * (len(joined) + len(wanted)):
        return 0.0
    matcher = SequenceMatcher(None, joined, wanted, autojunk=False)
    if matcher.quick_ratio() < _ENOUGH_ALIKE:
        return 0.0
    ratio = matcher.ratio()
    return 0.9 * ratio if ratio >= _ENOUGH_ALIKE else 0.0


def after_phrase(text: str, found: Sequence[Word], field: Field, phrase: Sequence[str]) -> tuple[str, bool] | None:
    """Give what follows a phrase in a text and its words, as in `Order No 4711`; and whether the text begins with it.

    A longer known label at the same place hides the phrase: in `Order date 5 May` there is no value of `order`.
    """
    plain = [word.text for word in found]
    start = _position(plain, phrase)
    if start is None or _longer_label(plain, start, len(phrase), field):
        return None
    end = start + len(phrase)
    while (more := _other_label(plain, end, field)) or (end < len(plain) and plain[end] in FILLERS):
        end += more or 1
    rest = tidy(_SENTENCE_END.split(text[found[end - 1].end :], maxsplit=1)[0])
    return (rest, all(word in FILLERS for word in plain[:start])) if rest else None


def _position(plain: Sequence[str], phrase: Sequence[str]) -> int | None:
    size = len(phrase)
    starts = (start for start in range(len(plain) - size + 1) if tuple(plain[start : start + size]) == tuple(phrase))
    return next(starts, None)


def _longer_label(plain: Sequence[str], start: int, size: int, field: Field) -> bool:
    """Tell whether words around the phrase make it part of a longer label of another field."""
    for first in range(max(0, start - 2), start + 1):
        for last in range(start + size, min(len(plain), start + size + 3) + 1):
            if last - first > size and (other := PHRASES.get(tuple(plain[first:last]))) and other is not field:
                return True
    return False


def _other_label(plain: Sequence[str], at: int, field: Field) -> int:
    """Count the words of another label of the same field at this place: `订单号 Order No 4711`."""
    lengths = (len(label) for label in field.labels if tuple(plain[at : at + len(label)]) == label)
    return max(lengths, default=0)
