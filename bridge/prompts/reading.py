"""YAML 1.2 as plain values, each with the line it stands on; hostile files end early.

The parser builds a graph, in which ten lines of aliases can stand for billions of values. It is walked here, counting:
nothing is built beyond the limits, and only what JSON can say is built at all.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["MAX_BYTES", "MAX_DEPTH", "MAX_VALUES", "Lines", "Path", "Problem", "Unreadable", "parse"]

MAX_BYTES: Final = 64 * 1024
MAX_DEPTH: Final = 40
MAX_VALUES: Final = 10_000

Path = tuple[str | int, ...]
Lines = dict[Path, int]

_MAX_OPEN: Final = 200
_BRACKET: Final = re.compile(r"[\[\]{}]")
_CORE: Final = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a file."""

    line: int
    path: str
    message: str

    def told(self, file: str) -> str:
        """`file:line: path: message`, as editors understand it."""
        return (
            f"{file}:{self.line}: {self.path}: {self.message}" if self.path else f"{file}:{self.line}: {self.message}"
        )


class Unreadable(Exception):
    """The file is no YAML that can be taken; nothing of it is used."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def parse(data: bytes) -> tuple[Any, Lines]:
    """The value of a file, and where each part of it begins. Raises `Unreadable`."""
    if len(data) > MAX_BYTES:
        raise _unreadable(1, f"the file is larger than {MAX_BYTES // 1024} KiB")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise _unreadable(line, "this is no UTF-8") from None
    if _open_brackets(text) > _MAX_OPEN:  # the parser takes seconds to find that out by itself
        raise _unreadable(1, "it is nested too deeply")
    walk = _Walk()
    root = _compose(text)
    value = None if root is None else walk.value(root, ())
    return value, walk.lines


def _open_brackets(text: str) -> int:
    """How many brackets are open at once at most, about: those in texts count too."""
    deepest = depth = 0
    for match in _BRACKET.finditer(text):
        depth = depth + 1 if match.group() in "[{" else max(0, depth - 1)
        deepest = max(deepest, depth)
    return deepest


def _compose(text: str) -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError
    from ruamel.yaml.reader import ReaderError

    try:
        return YAML(typ="safe", pure=True).compose(text)
    except ReaderError as error:
        line = text[: error.position].count("\n") + 1
        raise _unreadable(line, "a character that YAML does not allow") from None
    except RecursionError:
        raise _unreadable(1, "it is nested too deeply") from None
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        said = " ".join(part for name in ("context", "problem") if (part := getattr(error, name, None)))
        raise _unreadable(mark.line + 1 if mark else 1, said or "this is no YAML") from None


class _Walk:
    """Builds the values of a graph of nodes, counting."""

    def __init__(self) -> None:
        self.lines: Lines = {}
        self._count = 0

    def value(self, node: Any, path: Path) -> Any:
        line = node.start_mark.line + 1
        self.lines.setdefault(path, line)
        self._count += 1
        if self._count > MAX_VALUES:
            raise _unreadable(line, f"more than {MAX_VALUES} values (does an alias stand for too many?)", path)
        if len(path) > MAX_DEPTH:
            raise _unreadable(line, f"deeper than {MAX_DEPTH} levels (does an alias hold itself?)", path)
        if node.id == "mapping":
            return dict(self._pairs(node, path))
        if node.id == "sequence":
            _check_tag(node, path, "seq")
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        return _scalar(node, path)

    def _pairs(self, node: Any, path: Path) -> Iterator[tuple[str, Any]]:
        _check_tag(node, path, "map")
        seen: set[str] = set()
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.id != "scalar" or str(key.tag) == f"{_CORE}merge":
                raise _unreadable(line, "a name is a text (and YAML 1.2 has no `<<`)", path)
            name = str(key.value)
            here = (*path, name)
            if name in seen:
                raise _unreadable(line, "this name stands here twice", here)
            seen.add(name)
            self.lines.setdefault(here, line)
            yield name, self.value(value, here)


def _scalar(node: Any, path: Path) -> Any:
    kind = str(node.tag).removeprefix(_CORE)
    text = str(node.value)
    match kind:
        case "str" | "timestamp":  # a date is what was written, not a point in time
            return text
        case "null":
            return None
        case "bool":
            return text.lower() == "true" if text.lower() in {"true", "false"} else text
        case "int":
            return _whole(text)
        case "float":
            return _real(text)
        case _:
            raise _unreadable(
                node.start_mark.line + 1, f"a value of the kind {str(node.tag)[:80]!r} is not taken", path
            )


def _whole(text: str) -> int | str:
    for base in (0, 10):
        try:
            return int(text, base)
        except ValueError:
            continue
    return text


def _real(text: str) -> float | str:
    try:
        return float(text.replace(".inf", "inf").replace(".nan", "nan"))
    except ValueError:
        return text


def _check_tag(node: Any, path: Path, kind: str) -> None:
    if str(node.tag) != f"{_CORE}{kind}":
        raise _unreadable(node.start_mark.line + 1, f"a value of the kind {str(node.tag)[:80]!r} is not taken", path)


def _unreadable(line: int, message: str, path: Path = ()) -> Unreadable:
    return Unreadable(Problem(line, ".".join(map(str, path[:8])), message))
