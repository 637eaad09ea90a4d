"""What a question wants: known fields, or the words of a label, in English or Chinese. Pure, never raises."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from host_server.engines.ocr.fields import FIELDS, PHRASES, Field
from host_server.engines.ocr.words import FILLERS, Language, has_cjk, language_of, words

__all__ = ["Wanted", "Wish", "understand"]

_LONGEST: Final = 2000
"""Characters of a question that are looked at."""
_MOST: Final = 6
"""Fields that one question may ask for."""

_TERSE: Final = re.compile(r"\b(?:only|just|nothing else|no explanation)\b|只|仅|直接(?:回答|给|输出)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One thing the question asks for."""

    words: tuple[str, ...]
    """The comparable words it is asked by."""
    field: Field | None = None
    qualifiers: tuple[str, ...] = ()
    """Words around the field's own: `birth` in `birth date`. Unless they are on the page, it is another field."""
    sure: bool = True
    """False when a turn of phrase (`how much`) only suggests the field."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the whole question asks for; nothing, when it asks about something else than a value on the page."""

    language: Language
    wanted: tuple[Wanted, ...] = ()
    terse: bool = False
    """True when it asks for the value and nothing else."""


def understand(question: str, system: str = "") -> Wish:
    """Read a question. Instructions in the system text count only for whether to be brief."""
    question = question[:_LONGEST]
    language = language_of(question)
    found = list(_chinese(question) if language == "zh" else _english(question))
    if not any(wanted.field for wanted in found):
        found += _suggested(question, language)
    terse = _TERSE.search(question) is not None or _TERSE.search(system[:_LONGEST]) is not None
    return Wish(language, tuple(dict.fromkeys(found))[:_MOST], terse)


# ------------------------------------------------------------------------------------------------ English


def _set(text: str) -> frozenset[str]:
    return frozenset(word.text for word in words(text))


_STOP: Final = FILLERS | _set(
    """
    what which who whom whose where when why how much many do does did can could would will should shall may
    please tell me read give show find get see say says said look extract return answer reply respond write
    written printed shown displayed listed it he she they i we you us them his her their there here be been
    being am were has have had not only just exactly exact value field text content contents information info
    and or also plus both as by to for with without about s t re ll ve if so then than want need know like let
    out up going current currently any some all each every one thing something anything following below above
    correct right nothing else word words briefly short brief sentence digits characters letter letters line
    lines in on from at inside within near under beside next
    """
)
_PLACE: Final = _set("in on from at inside within near under beside next")
_MEDIUM: Final = _set("picture photo photograph image screenshot screen page display document scan capture")
_CONTEXT: Final = _MEDIUM | _set("order receipt bill invoice ticket app package parcel label")
"""Words that say where something stands rather than which one is meant."""


_CLAUSE: Final = re.compile(r"[,;!?:()\n]|\.\s")
_VERBS: Final = _set("ordered arrives arriving departs issued expires")
_ASKED: Final = {label for label in PHRASES if not _VERBS.issuperset(label)}
"""What names a field in a question. A label such as `Ordered` does not: it may say when, or what."""


def _english(question: str) -> Iterator[Wanted]:
    plain = [word.text for clause in _CLAUSE.split(question) for word in (*words(clause), *words("and"))]
    wanted = [(_recognise(run), placed) for run, placed in _runs([word for word in plain if word != "s"])]
    first_hand = [item for item, placed in wanted if item and not placed]
    yield from first_hand or [item for item, _ in wanted if item]


def _runs(plain: list[str]) -> Iterator[tuple[tuple[str, ...], bool]]:
    """Cut the question at its empty words; beside each run whether `on`, `in`, `from` … introduced it."""
    run: list[str] = []
    placed = gap_places = False
    for word in [*_turn_of(plain), "the"]:
        if word not in _STOP:
            placed = placed if run else gap_places
            run.append(word)
            continue
        if run:
            yield tuple(run), placed
            run, gap_places = [], False
        gap_places = gap_places or word in _PLACE


def _turn_of(plain: list[str]) -> list[str]:
    """Read `the number of the order` as `the order number`."""
    for at, word in enumerate(plain):
        if word != "of":
            continue
        start = at
        while start and plain[start - 1] not in _STOP and plain[start - 1] != "of":
            start -= 1
        owner = at + 1
        while owner < len(plain) and plain[owner] in FILLERS:
            owner += 1
        end = owner
        while end < len(plain) and plain[end] not in _STOP and plain[end] != "of":
            end += 1
        if start < at and owner < end:
            return [*plain[:start], *plain[owner:end], *plain[start:at], *_turn_of(["the", *plain[end:]])]
    return [word for word in plain if word != "of"]


def _recognise(run: tuple[str, ...]) -> Wanted | None:
    bare = run
    while bare and bare[-1] in _MEDIUM:
        bare = bare[:-1]
    if all(word in _CONTEXT or (word == "phone" and bare != run) for word in bare):
        return None
    spans = [(start, end) for end in range(len(bare), 0, -1) for start in range(end) if bare[start:end] in _ASKED]
    if not spans:
        return Wanted(bare)
    start, end = max(spans, key=lambda span: span[1] - span[0])
    around = (*bare[:start], *bare[end:])
    return Wanted(bare, PHRASES[bare[start:end]], tuple(word for word in around if word not in _CONTEXT))


# ------------------------------------------------------------------------------------------------ Chinese

_MEDIUM_ZH: Final = "手机屏幕|手机截图|手机照片|手机页面|手机界面|手机上|手机里|这部手机|订单页面|订单截图|订单详情"
_STOP_ZH: Final = re.compile(
    r"请问|请|告诉我|帮我|帮忙|读出来?|读一?下|念|看一?下|看看|看|一下|是什么|什么|是多少|多少|是谁|谁|哪个|哪里|哪儿|哪一?天|哪|几"
    r"|为何|为|是|吗|呢|吧|啊|的|了|我|你|它|这个|这张|这份|这|那个|那张|那|该|图片|图像|图中|图里|图上|图|截图|照片|小票|屏幕|页面|画面"
    r"|上面|里面|上|里|中|显示|写着?|印着?|标着?|有没有|有|在|和|与|及|以及|还有|到底|究竟|回答|直接|给出|给|提取|识别|找出|找到?|查|输出"
    r"|只要|只|仅|订单|收据|一共|总共|需要|要|应该|怎么|如何|数值|内容|信息|文字|[\s\W_]+"
)


def _chinese(question: str) -> Iterator[Wanted]:
    """Find known labels wherever they stand, the longest first; what is left between empty words may be a label too."""
    text = _join([word.text for word in words(question)])
    done = 0
    unknown: list[str] = []
    owner = ""
    for match in _KNOWN_ZH.finditer(text):
        *chunks, qualifier = _STOP_ZH.split(text[done : match.start()])
        unknown += [chunk for chunk in chunks if chunk]
        done = match.end()
        asked = match.group().replace("的", "")
        field = _FIELD_ZH.get(asked)
        if field is None:
            continue
        if _OWNED.match(text, done):  # `收货人的电话` asks for the phone number, and says whose
            owner += qualifier + asked
            continue
        around = tuple(part for part in (owner, qualifier) if part)
        yield Wanted(_split("".join((*around, asked))), field, around)
        owner = ""
    unknown += [chunk for chunk in _STOP_ZH.split(text[done:]) if chunk]
    yield from (Wanted(_split(chunk)) for chunk in unknown)


def _join(plain: list[str]) -> str:
    """Run the words together, with a space only between two that are not Chinese."""
    out = ""
    for word in plain:
        out += f" {word}" if out and not has_cjk(word) and not has_cjk(out[-1]) else word
    return out


def _split(joined: str) -> tuple[str, ...]:
    return tuple(word.text for word in words(joined))


def _loose(phrase: str) -> str:
    """A pattern for the phrase with a 的 anywhere between its characters; Latin words only whole."""
    if phrase.isascii():
        return rf"(?<![a-z]){re.escape(phrase)}(?![a-z])"
    return "的?".join(re.escape(char) for char in phrase)


_FIELD_ZH: Final = {_join(list(label)): field for label, field in PHRASES.items() if label != ("order",)}
_LABELS_ZH: Final = "|".join(_loose(phrase) for phrase in sorted(_FIELD_ZH, key=len, reverse=True))
_KNOWN_ZH: Final = re.compile(f"{_MEDIUM_ZH}|{_LABELS_ZH}")
_OWNED: Final = re.compile(f"的?(?:{_LABELS_ZH})")


# ------------------------------------------------------------------------------------------------ turns of phrase

_NAMED: Final = {field.english: field for field in FIELDS}
_SUGGESTIONS: Final[dict[Language, tuple[tuple[str, str], ...]]] = {
    "en": (
        (r"how much|\bpa(?:y|id)\b.*\btotal|going to cost", "total"),
        (r"how many", "quantity"),
        (r"\bwho(?:m|se)?\b", "recipient"),
        (r"where(?: i|')s my (?:order|parcel|package)", "status"),
        (r"(?:has|is|was) (?:it|\w+ order) (?:been )?(?:shipped|delivered)", "status"),
        (r"deliver(?:ed)? to|ship(?:ped)? to", "recipient"),
        (r"\bwhen\b.*expire", "expiry date"),
        (r"\bwhen\b.*(?:deliver|arriv|get here|come)", "delivery date"),
        (r"\bwhen\b.*(?:order|bought|buy|purchas)", "order date"),
        (r"\bwhen\b|what day|what time", "date"),
        (r"\bwhere\b", "address"),
        (r"(?:went|is|goes) wrong|\bfail", "error message"),
        (r"how .*\b(?:pay|paid)\b", "payment method"),
        (r"(?:bought|ordered|purchased|buy)\b", "item"),
    ),
    "zh": (
        ("多少钱|花了?多少|付了?多少|一共|总共", "total"),
        ("几个|几件|多少[个件]", "quantity"),
        ("(?:什么时候|何时|几号|哪天|几点).*(?:到|送)", "delivery date"),
        ("(?:什么时候|何时|几号|哪天).*(?:下单|买)|(?:下单|买).*(?:什么时候|何时|几号|哪天)", "order date"),
        ("什么时候|何时|几号|哪一?天|几点", "date"),
        ("发货了吗|到哪儿?了|到了吗|寄出了?吗|发货没", "status"),
        ("谁", "recipient"),
        ("哪里|哪儿|什么地方", "address"),
        ("怎么了|什么问题|为什么|出错", "error message"),
        ("怎么(?:付|支付)|用什么付", "payment method"),
        ("买了?什么", "item"),
    ),
}


def _suggested(question: str, language: Language) -> Iterator[Wanted]:
    for pattern, name in _SUGGESTIONS[language]:
        if re.search(pattern, question, re.IGNORECASE):
            field = _NAMED[name]
            yield Wanted(field.labels[0], field, sure=False)
            return
