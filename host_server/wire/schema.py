"""A JSON schema that somebody asks an answer to fit: hostile until it is known to be small, closed and well formed.

The dialect is 2020-12 without what reaches outside the schema (`$id`, remote `$ref`) or cannot be checked within a
bounded time (`patternProperties`, `unevaluated…`). A keyword we do not know is refused by name instead of ignored: a
misspelt `requird` would make every answer fit. Both the host and the bridge's prompt files are held to this.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from graphlib import CycleError, TopologicalSorter
from itertools import chain, islice
from typing import Any, Final

__all__ = ["MAX_BYTES", "MAX_DEPTH", "MAX_PATTERN", "Fault", "schema_faults"]

MAX_BYTES: Final = 32 * 1024
MAX_DEPTH: Final = 32
MAX_PATTERN: Final = 256
_MAX_PATTERNS: Final = 32
_MAX_FAR_RANGES: Final = 12
_MAX_FAULTS: Final = 20
_MAX_PATH: Final = 200

_TYPES: Final = ("object", "array", "string", "integer", "number", "boolean", "null")
# A range in a class that ends beyond ASCII: `re` writes down each of its characters when it reads the pattern, which
# takes ten milliseconds where case does not count.
_FAR_RANGE: Final = re.compile(r"-(?:[^\x00-\x7f]|\\[uUN])")

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, and where: `properties.total.type`."""

    path: tuple[str | int, ...]
    message: str

    def __str__(self) -> str:
        where = ".".join(str(part) for part in self.path)[:_MAX_PATH]
        return f"{where}: {self.message}" if where else self.message


def schema_faults(schema: object) -> list[Fault]:
    """Everything that is wrong with a schema, at most twenty; nothing when an answer can be held to it."""
    if not isinstance(schema, dict):
        return [Fault((), "a schema is an object")]
    try:
        text = json.dumps(schema, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (ValueError, TypeError, RecursionError):
        return [Fault((), "it is nested too deeply, or holds something that JSON cannot say")]
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        return [Fault((), f"it is larger than {MAX_BYTES // 1024} KiB")]
    if _depth(schema) > MAX_DEPTH:
        return [Fault((), f"it is nested deeper than {MAX_DEPTH} levels")]
    return _Reading(schema).faults


def _depth(value: object) -> int:
    deepest, todo = 0, [(value, 1)]
    while todo:
        item, depth = todo.pop()
        inner = item.values() if isinstance(item, dict) else item if isinstance(item, list) else None
        if inner is not None:
            deepest = max(deepest, depth)
            todo += [(child, depth + 1) for child in inner]
    return deepest


class _Reading:
    """One pass over a schema: what is wrong, where subschemas are, and whether each `$ref` leads to one."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._schemas: dict[str, Mapping[str, Any]] = {}
        self._refs: list[tuple[tuple[str | int, ...], str, str]] = []
        self._patterns = 0
        self._far_ranges = 0
        told = chain(self._schema(schema, ()), self._broken_refs(), self._circles())
        self.faults = list(islice(told, _MAX_FAULTS))  # the rest is not even looked for

    def _schema(self, schema: object, path: tuple[str | int, ...]) -> Iterator[Fault]:
        if isinstance(schema, bool):
            return
        if not isinstance(schema, dict):
            yield Fault(path, "a schema is an object, true or false")
            return
        self._schemas[_pointer(path)] = schema
        for keyword, value in schema.items():
            yield from self._keyword(keyword, value, path)

    def _keyword(self, keyword: str, value: object, path: tuple[str | int, ...]) -> Iterator[Fault]:
        here = (*path, keyword)
        if keyword == "$ref":
            yield from self._ref(value, path)
        elif keyword == "pattern":
            yield from self._pattern(value, here)
        elif keyword in _ONE:
            yield from self._schema(value, here)
        elif keyword in _SEVERAL or keyword in _NAMED:
            yield from self._schemas_in(value, here, named=keyword in _NAMED)
        elif keyword not in _PLAIN:
            near = get_close_matches(keyword, (*_PLAIN, *_ONE, *_SEVERAL, *_NAMED), n=1)
            yield Fault(here, f"is not supported; did you mean `{near[0]}`?" if near else "is not supported")
        elif (wrong := _PLAIN[keyword](value)) is not None:
            yield Fault(here, wrong)

    def _schemas_in(self, value: object, here: tuple[str | int, ...], *, named: bool) -> Iterator[Fault]:
        inner: Iterable[tuple[str | int, object]]
        if named and isinstance(value, dict):
            inner = value.items()
        elif not named and isinstance(value, list) and value:
            inner = enumerate(value)
        else:
            yield Fault(here, "is an object of schemas" if named else "is a list of schemas, with at least one")
            return
        for name, schema in inner:
            yield from self._schema(schema, (*here, name))

    def _pattern(self, value: object, here: tuple[str | int, ...]) -> Iterator[Fault]:
        self._patterns += 1
        if self._patterns > _MAX_PATTERNS:  # each costs time to read, too
            if self._patterns == _MAX_PATTERNS + 1:
                yield Fault(here, f"there are more than {_MAX_PATTERNS} patterns")
            return
        self._far_ranges += len(_FAR_RANGE.findall(value)) if isinstance(value, str) else 0
        if self._far_ranges > _MAX_FAR_RANGES:
            yield Fault(here, f"there are more than {_MAX_FAR_RANGES} ranges of characters beyond ASCII")
        elif (wrong := _pattern(value)) is not None:
            yield Fault(here, wrong)

    def _ref(self, value: object, path: tuple[str | int, ...]) -> Iterator[Fault]:
        here = (*path, "$ref")
        if not isinstance(value, str):
            yield Fault(here, "is a text")
        elif value != "#" and not value.startswith("#/"):
            yield Fault(here, "may only point into the schema itself: `#/$defs/…`")
        else:
            self._refs.append((here, _pointer(path), value[1:]))

    def _broken_refs(self) -> Iterator[Fault]:
        for here, _, target in self._refs:
            if target not in self._schemas:
                yield Fault(here, "points to no schema")

    def _circles(self) -> Iterator[Fault]:
        """A `$ref` that leads back to itself before it takes a step into the value would be followed for ever."""
        leads = {source: target for _, source, target in self._refs}
        steps = {pointer: self._in_place(pointer, leads) for pointer in self._schemas}
        try:
            TopologicalSorter(steps).prepare()
        except CycleError as error:
            circle = set(error.args[1])
            here = next(here for here, source, _ in self._refs if source in circle)
            yield Fault(here, "leads back to itself")

    def _in_place(self, pointer: str, leads: Mapping[str, str]) -> list[str]:
        """The schemas that are applied to the very same value as this one."""
        schema = self._schemas[pointer]
        found = [leads[pointer]] if pointer in leads else []
        found += [f"{pointer}/{keyword}" for keyword in ("not", "if", "then", "else") if keyword in schema]
        for keyword in ("allOf", "anyOf", "oneOf"):
            inner = schema.get(keyword)
            found += [f"{pointer}/{keyword}/{place}" for place in range(len(inner) if isinstance(inner, list) else 0)]
        return found


def _pointer(path: tuple[str | int, ...]) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


# ------------------------------------------------------------------------------------------------ plain keywords


def _text(value: object) -> str | None:
    return None if isinstance(value, str) else "is a text"


def _flag(value: object) -> str | None:
    return None if isinstance(value, bool) else "is true or false"


def _count(value: object) -> str | None:
    return None if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else "is a whole number >= 0"


def _number(value: object) -> str | None:
    return None if isinstance(value, int | float) and not isinstance(value, bool) else "is a number"


def _step(value: object) -> str | None:
    positive = isinstance(value, int | float) and not isinstance(value, bool) and value > 0
    return None if positive else "is a number > 0"


def _anything(value: object) -> str | None:  # ruff: ignore[unused-function-argument] one of the table's rules
    return None


def _list(value: object) -> str | None:
    return None if isinstance(value, list) else "is a list"


def _choices(value: object) -> str | None:
    return None if isinstance(value, list) and value else "is a list with at least one value"


def _object(value: object) -> str | None:
    return None if isinstance(value, dict) else "is an object"


def _names(value: object) -> str | None:
    names = isinstance(value, list) and all(isinstance(name, str) for name in value) and len(set(value)) == len(value)
    return None if names else "is a list of different names"


def _type(value: object) -> str | None:
    names = value if isinstance(value, list) else [value]
    if names and all(isinstance(name, str) and name in _TYPES for name in names) and len(set(names)) == len(names):
        return None
    return f"is one of {', '.join(_TYPES)}, or a list of them"


def _pattern(value: object) -> str | None:
    if not isinstance(value, str):
        return "is a text"
    if len(value) > MAX_PATTERN:
        return f"is longer than {MAX_PATTERN} characters"
    try:
        re.compile(value)
    except (re.error, OverflowError, RecursionError):
        return "is no regular expression"
    return None


def _dialect(value: object) -> str | None:
    known = isinstance(value, str) and value.rstrip("#") == _DIALECT
    return None if known else f"may only be {_DIALECT}"


_ONE: Final = frozenset({"additionalProperties", "contains", "else", "if", "items", "not", "propertyNames", "then"})
_SEVERAL: Final = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_NAMED: Final = frozenset({"$defs", "definitions", "properties"})
_PLAIN: Final[Mapping[str, Callable[[object], str | None]]] = {
    "$comment": _text,
    "$schema": _dialect,
    "const": _anything,
    "default": _anything,
    "deprecated": _flag,
    "description": _text,
    "discriminator": _object,
    "enum": _choices,
    "examples": _list,
    "exclusiveMaximum": _number,
    "exclusiveMinimum": _number,
    "format": _text,
    "maxContains": _count,
    "maxItems": _count,
    "maxLength": _count,
    "maxProperties": _count,
    "maximum": _number,
    "minContains": _count,
    "minItems": _count,
    "minLength": _count,
    "minProperties": _count,
    "minimum": _number,
    "multipleOf": _step,
    "pattern": _pattern,
    "readOnly": _flag,
    "required": _names,
    "title": _text,
    "type": _type,
    "uniqueItems": _flag,
    "writeOnly": _flag,
}
