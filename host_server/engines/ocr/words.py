"""Text as words that can be compared: NFKC, case folded, with abbreviations brought to one form.

Each word remembers where it stands in the original text, so that what follows a label can be cut out unchanged.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["CJK", "FILLERS", "Language", "Word", "content", "has_cjk", "language_of", "squeeze", "words"]

Language = Literal["en", "zh"]


@dataclass(frozen=True, slots=True)
class Word:
    """One comparable word: a run of letters, of digits or of Chinese characters, or the sign `#`."""

    text: str
    start: int
    """Where it starts in the original text."""
    end: int


CJK: Final = "\u2e80-\u2fdf\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Chinese characters, as they stand in a regular expression's brackets."""
_CJK_RUN: Final = re.compile(f"[{CJK}]+")
_WORD: Final = re.compile(f"[{CJK}]+|\\d+|[^\\W\\d_{CJK}]+|#")

_SAME: Final = {
    "no": "number",
    "nr": "number",
    "num": "number",
    "#": "number",
    "numbers": "number",
    "qty": "quantity",
    "tel": "phone",
    "telephone": "phone",
    "mobile": "phone",
    "cell": "phone",
    "cellphone": "phone",
    "amt": "amount",
    "addr": "address",
    "pwd": "password",
    "passwd": "password",
    "passcode": "password",
    "wlan": "wifi",
    "est": "estimated",
    "ref": "reference",
    "txn": "transaction",
    "msg": "message",
    "err": "error",
}
_TOGETHER: Final = {
    ("wi", "fi"): "wifi",
    ("e", "mail"): "email",
    ("sub", "total"): "subtotal",
    ("zip", "code"): "postcode",
    ("postal", "code"): "postcode",
    ("post", "code"): "postcode",
    ("s", "n"): "sn",
}
FILLERS: Final = frozenset({"the", "a", "an", "my", "your", "our", "this", "that", "these", "its", "is", "was", "are"})
"""Words that belong neither to a label nor to what is asked."""


def words(text: str) -> tuple[Word, ...]:
    """Split `text` into comparable words: `Order No.` and `ORDER #` both become `order`, `number`."""
    folded, places = _fold(text)
    plain = [
        Word(match.group(), places[match.start()], places[match.end() - 1] + 1) for match in _WORD.finditer(folded)
    ]
    found: list[Word] = []
    for word in plain:
        before = found[-1] if found else None
        if before is not None and (joined := _TOGETHER.get((before.text, word.text))):
            found[-1] = Word(joined, before.start, word.end)
        else:
            found.append(Word(_SAME.get(word.text, word.text), word.start, word.end))
    return tuple(found)


def content(text: str) -> tuple[str, ...]:
    """Give the words of a label or a short phrase, without articles; `number of the order` becomes `order number`."""
    plain = [word.text for word in words(text)]
    if "of" in plain[1:-1]:
        at = plain.index("of", 1)
        plain = plain[at + 1 :] + plain[:at]
    return tuple(word for word in plain if word not in FILLERS)


def squeeze(text: str) -> str:
    """The text without anything but letters, digits and Chinese characters: OCR loses and invents spaces."""
    return "".join(char for char in _fold(text)[0] if char.isalnum())


def has_cjk(text: str) -> bool:
    """Tell whether there is a Chinese character in it."""
    return _CJK_RUN.search(text) is not None


def language_of(question: str) -> Language:
    """Tell the language to answer in: Chinese as soon as the question has Chinese in it."""
    return "zh" if has_cjk(question) else "en"


def _fold(text: str) -> tuple[str, list[int]]:
    """Normalise each character, and split `orderNo` where the case rises; beside it each character's old place."""
    out: list[str] = []
    places: list[int] = []
    for place, char in enumerate(text):
        if place and char.isupper() and text[place - 1].islower():
            out.append(" ")
            places.append(place)
        for folded in unicodedata.normalize("NFKC", char).casefold():
            out.append(folded)
            places.append(place)
    return "".join(out), places
