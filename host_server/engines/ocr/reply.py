"""The words of an answer, in the language of the question. The value comes first, alone in its line."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from host_server.engines.ocr.ask import Wanted, Wish, understand
from host_server.engines.ocr.find import Found, find
from host_server.engines.ocr.page import Page
from host_server.engines.ocr.slots import read_labels
from host_server.engines.ocr.words import Language

__all__ = ["reply"]


@dataclass(frozen=True, slots=True)
class _Words:
    """All sentences of one language."""

    beside: str
    by_form: str
    also: str
    missing: str
    missing_line: str
    only_reads: str
    text: str
    no_text: str
    no_picture: str
    picture: str
    between: str
    colon: str


_WORDS: Final[dict[Language, _Words]] = {
    "en": _Words(
        beside="That stands by “{label}”. I only read text.",
        by_form="Nothing there is labelled {name}; this is the only text that looks like one. I only read text.",
        also="Also: {others}.",
        missing="I find no {name} here. I only read text, and what I read is:",
        missing_line="not found",
        only_reads="I can only read text, I do not understand pictures. What I read is:",
        text="{text}",
        no_text="I find no text in this picture, and text is all that I can read.",
        no_picture="There is no picture with this question. I can only read the text in pictures.",
        picture="Picture {number}:",
        between="; ",
        colon=": ",
    ),
    "zh": _Words(
        beside="取自“{label}”一栏。我只识别文字。",
        by_form="图中没有标明“{name}”，只有这一处文字像是。我只识别文字。",
        also="另有：{others}。",
        missing="没有找到“{name}”。我只识别文字，读到的是：",
        missing_line="没有找到",
        only_reads="我只识别文字，看不懂图像。读到的文字是：",
        text="{text}",
        no_text="图中没有找到文字，而我只识别文字。",
        no_picture="这个问题没有附图片。我只识别图片中的文字。",
        picture="第 {number} 张图片：",
        between="；",
        colon="：",
    ),
}


def reply(question: str, pages: Sequence[Page], system: str = "") -> str:
    """Answer a question about the pages that were read. Never empty."""
    wish = understand(question, system)
    say = _WORDS[wish.language]
    if not pages:
        return say.no_picture
    if len(pages) == 1:
        return _about(pages[0], wish)
    parts = [f"{say.picture.format(number=number)}\n{_about(page, wish)}" for number, page in enumerate(pages, 1)]
    return "\n\n".join(parts)


def _about(page: Page, wish: Wish) -> str:
    say = _WORDS[wish.language]
    if not page.rows:
        return say.no_text
    labels = read_labels(page)
    found = [(wanted, find(page, labels, wanted)) for wanted in wish.wanted]
    hits = [(wanted, hit) for wanted, hit in found if hit is not None]
    missing = [wanted for wanted, hit in found if hit is None and wanted.field and wanted.sure]
    if not hits:
        first = say.missing.format(name=_name(missing[0], wish.language)) if missing else say.only_reads
        return f"{first}\n{page.text}"
    if len(hits) == 1 and not missing:
        return _one(*hits[0], wish)
    return _several(hits, missing, wish)


def _one(wanted: Wanted, hit: Found, wish: Wish) -> str:
    if wish.terse:
        return hit.value
    say = _WORDS[wish.language]
    note = say.beside.format(label=hit.label) if hit.label else say.by_form.format(name=_name(wanted, wish.language))
    also = [say.also.format(others=say.between.join(hit.others))] if hit.others else []
    return f"{hit.value}\n\n{' '.join([*also, note])}"


def _several(hits: Sequence[tuple[Wanted, Found]], missing: Sequence[Wanted], wish: Wish) -> str:
    say = _WORDS[wish.language]
    lines = [f"{_name(wanted, wish.language)}{say.colon}{hit.value}" for wanted, hit in hits]
    lines += [f"{_name(wanted, wish.language)}{say.colon}{say.missing_line}" for wanted in missing]
    return "\n".join(lines)


def _name(wanted: Wanted, language: Language) -> str:
    """Name what is wanted: the field, unless further words make it a special one."""
    if wanted.field is None or wanted.qualifiers:
        return " ".join(wanted.words)
    return wanted.field.english if language == "en" else wanted.field.chinese
