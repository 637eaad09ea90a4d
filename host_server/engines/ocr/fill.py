"""JSON out of what was read: each property of a flat schema is a field to look for. Pure.

This engine reads and does not understand: a property is filled when the page has its label, by the property's name,
title or description, and the value fits as it is printed. What is not found is null where that is allowed, else left
out: the host holds the answer to the schema, and a lack is told rather than made up.
"""

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from host_server.core.fitting import misfit
from host_server.core.question import AnswerForm
from host_server.engines.ocr.ask import Wanted, understand
from host_server.engines.ocr.find import find
from host_server.engines.ocr.page import Page
from host_server.engines.ocr.slots import Labelled, read_labels

__all__ = ["fill"]

_MOST: Final = 64
"""Properties that are looked for."""
_CHECK_S: Final = 0.2
_WHOLE: Final = frozenset({"text", "fulltext", "alltext", "content"})
_LINES: Final = frozenset({"lines", "textlines"})
_NUMBER: Final = re.compile(r"(?<![\w.])-?(?:\d{1,3}(?:,\d{3})+|\d{1,15})(?:\.\d{1,9})?(?![\w.])")
_ISO_DATE: Final = re.compile(r"(\d{4})\s?[-/.年]\s?(\d{1,2})\s?[-/.月]\s?(\d{1,2})日?")


def fill(form: AnswerForm, pages: Sequence[Page]) -> str | None:
    """The JSON, as far as the pages have it; None for a form that is no flat object, which nobody can fill by reading.

    Without a schema the object has one property, the text.
    """
    text = "\n\n".join(page.text for page in pages)
    if form.schema is None:
        return json.dumps({"text": text}, ensure_ascii=False)
    properties = form.schema.get("properties")
    if not isinstance(properties, Mapping):
        return None
    known = [(page, read_labels(page)) for page in pages]
    found = {name: _value(name, wanted, known, text) for name, wanted in list(properties.items())[:_MOST]}
    return json.dumps({name: value[0] for name, value in found.items() if value}, ensure_ascii=False)


def _value(name: str, schema: object, known: Sequence[tuple[Page, Sequence[Labelled]]], text: str) -> tuple[Any] | None:
    """The value of one property in a box of its own, since null is one too; None when there is none."""
    if not isinstance(schema, Mapping) or "$ref" in json.dumps(schema):
        return None
    form = AnswerForm(schema=schema)
    for candidate in _candidates(name, schema, known, text):
        if misfit(json.dumps(candidate), form, clock=time.monotonic, within=_CHECK_S) is None:
            return (candidate,)
    return None


def _candidates(
    name: str, schema: Mapping[str, Any], known: Sequence[tuple[Page, Sequence[Labelled]]], text: str
) -> Iterator[Any]:
    """What the value may be, the likeliest first; whichever fits its schema is taken."""
    plain = re.sub(r"[\W_]+", "", name).lower()
    for said in _printed(name, schema, known):
        yield said
        if date := _ISO_DATE.fullmatch(said):
            yield f"{date[1]}-{int(date[2]):02}-{int(date[3]):02}"
        yield from (choice for choice in _choices(schema) if choice.lower() == said.lower())
        yield from _numbers(said)
    if plain in _WHOLE:
        yield text
    if plain in _LINES:
        yield [line for line in text.splitlines() if line]
    yield None


def _printed(name: str, schema: Mapping[str, Any], known: Sequence[tuple[Page, Sequence[Labelled]]]) -> Iterator[str]:
    for wanted in _wanted(name, schema):
        for page, labels in known:
            hit = find(page, labels, wanted)
            if hit is not None and hit.label:  # what is known by its form alone is a guess, and JSON cannot say so
                yield hit.value


def _wanted(name: str, schema: Mapping[str, Any]) -> Iterator[Wanted]:
    """The field by the property's own name; by its title and description only where these name one we know."""
    words = re.sub(r"[\W_]+", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)).strip()
    yield from understand(words).wanted[:1]
    for key in ("title", "description"):
        said = schema.get(key)
        if isinstance(said, str):
            yield from (wanted for wanted in understand(said).wanted[:1] if wanted.field and not wanted.qualifiers)


def _numbers(said: str) -> Iterator[int | float]:
    """The number in a text that has just one."""
    found = _NUMBER.findall(said)
    if len(found) == 1:
        digits = found[0].replace(",", "")
        yield float(digits) if "." in digits else int(digits)


def _choices(schema: Mapping[str, Any]) -> list[str]:
    choices = schema.get("enum")
    return [choice for choice in choices if isinstance(choice, str)] if isinstance(choices, list) else []
