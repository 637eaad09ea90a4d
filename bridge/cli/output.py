"""All that is printed: stdout is data, stderr is talk, and nothing from a phone can drive the terminal."""

import json
import os
import sys
import unicodedata
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from bridge.errors import BridgeError

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["Output", "Page", "clean", "counted", "in_bytes", "in_seconds"]

LABEL = 10
MS_UP_TO = 100

# Terminal control, direction overrides and the like; a newline or tab of an answer is text.
_KEPT = {"\n", "\t"}
_UNSAFE = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


class Page(Protocol):
    """Something that is shown as a whole: set for a terminal, or as plain lines."""

    def lines(self) -> Iterable[str]:
        """For a pipe; each line is one that `clean` would leave as it is."""

    def page(self) -> "RenderableType":
        """For a terminal."""


def clean(text: str) -> str:
    """`text` with everything a terminal would act on shown as an escape. Joiners inside emoji and scripts are kept."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if _harmless(c) else c.encode("unicode_escape").decode() for c in text)


def _inside(text: str, indent: int = 2) -> str:
    """Talk that may come from a phone: its further lines do not begin where ours do, so they pass for none of ours."""
    return clean(text).replace("\n", "\n" + " " * indent)


def _harmless(char: str) -> bool:
    return char in _KEPT or char == "\u200d" or unicodedata.category(char) not in _UNSAFE


def counted(count: int, noun: str) -> str:
    """`1 prompt`, `10 prompts`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def in_bytes(count: int) -> str:
    """A size for people: `29.3 kB`."""
    for unit, size in (("MB", 1_000_000), ("kB", 1_000)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"


def in_seconds(ms: float) -> str:
    """A time for people: `0.78 s`, and milliseconds where they matter."""
    return f"{ms:.0f} ms" if ms < MS_UP_TO else f"{ms / 1000:.2f} s"


class Output:
    """Where a command prints. `as_json` silences talk about progress and makes data one JSON object (a line each)."""

    def __init__(self, *, as_json: bool = False, out: TextIO | None = None, err: TextIO | None = None) -> None:
        self.as_json = as_json
        self._out = out or sys.stdout
        self._err = err or sys.stderr
        colour = self._err.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self._bold, self._dim, self._red, self._off = (
            ("\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[0m") if colour else ("",) * 4
        )
        self._mid_line = False

    # ---- data ----

    def data(self, text: str) -> None:
        """One line of what was asked for."""
        self._end_line()
        print(clean(text), file=self._out, flush=True)

    def json(self, value: Mapping[str, Any] | Sequence[Any]) -> None:
        """One JSON value on one line."""
        self._end_line()
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
        if not text.isprintable():  # JSON itself asks only for the first 32 to be escaped
            text = "".join(c if _harmless(c) else json.dumps(c)[1:-1] for c in text)
        print(text, file=self._out, flush=True)

    def stream(self, piece: str) -> None:
        """A piece of an answer, as it comes."""
        if piece:
            print(clean(piece), end="", file=self._out, flush=True)
            self._mid_line = not piece.endswith("\n")

    def end_stream(self) -> None:
        """The answer is over: whatever comes next starts on a line of its own."""
        self._end_line()

    def table(self, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Columns as wide as their widest cell, for eyes and for `awk`."""
        self._end_line()
        for line in _columns([heads, *rows]):
            print(line, file=self._out, flush=True)

    def show(self, page: Page) -> None:
        """A whole page: set for a terminal, a line each elsewhere."""
        self._end_line()
        if not self._out.isatty():
            for line in page.lines():
                print(line, file=self._out, flush=True)
            return
        from rich.console import Console

        Console(file=self._out, markup=False, highlight=False, emoji=False).print(page.page())

    # ---- talk ----

    @contextmanager
    def busy(self, text: str) -> Generator[None]:
        """Show that something is going on, where somebody looks and nothing else is printed meanwhile."""
        if self.as_json or not (self._err.isatty() and self._out.isatty()):
            yield
            return
        from rich.console import Console

        with Console(file=self._err).status(text):
            yield

    def say(self, text: str, *, detail: str = "") -> None:
        """One line of talk; silent with --json."""
        if self.as_json:
            return
        self._end_line()
        more = f"  {self._dim}{_inside(detail)}{self._off}" if detail else ""
        print(f"{_inside(text)}{more}", file=self._err, flush=True)

    def entry(self, label: str, text: str, *, detail: str = "") -> None:
        """One line of talk that belongs to others: what it is about stands in a column of its own."""
        if self.as_json:
            return
        self._end_line()
        more = f"  {self._dim}{_inside(detail, LABEL)}{self._off}" if detail else ""
        print(f"{self._dim}{label:<{LABEL}}{self._off}{_inside(text, LABEL)}{more}", file=self._err, flush=True)

    def heading(self, text: str, *, detail: str = "") -> None:
        """A line of talk that stands out."""
        if not self.as_json:
            self._end_line()
            more = f"  {self._dim}{_inside(detail)}{self._off}" if detail else ""
            print(f"{self._bold}{_inside(text)}{self._off}{more}", file=self._err, flush=True)

    def gap(self) -> None:
        """An empty line of talk, between one thing and the next."""
        if not self.as_json:
            self._end_line()
            print(file=self._err, flush=True)

    def error(self, error: BridgeError) -> None:
        """What went wrong and the next step; with --json also an object on stdout."""
        self._end_line()
        if self.as_json:
            self.json(
                {
                    "event": "error",
                    "message": error.message,
                    "hint": error.hint,
                    "exit_code": error.exit_code,
                    **error.fields,
                }
            )
            return
        print(f"{self._red}error:{self._off} {_inside(error.message)}", file=self._err)
        for line in _columns(_device_rows(error.fields.get("devices"))):
            print(f"  {line}", file=self._err)
        if error.hint:
            print(f"{self._bold}hint:{self._off} {_inside(error.hint)}", file=self._err, flush=True)

    def _end_line(self) -> None:
        if self._mid_line:
            self._mid_line = False
            print(file=self._out, flush=True)


def _device_rows(devices: object) -> list[list[str]]:
    """The phones an error shows beside its text: all of them, so that one sees why none was taken."""
    if not isinstance(devices, list):
        return []
    return [[str(device.get(key, "")) for key in ("serial", "state", "model")] for device in devices]


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    cells = [[clean(str(cell)).replace("\n", "\\n").replace("\t", "\\t") for cell in row] for row in rows]
    widths = [max(_width(row[i]) for row in cells if i < len(row)) for i in range(max(map(len, cells), default=0))]
    lines = ["  ".join(cell + " " * (widths[i] - _width(cell)) for i, cell in enumerate(row)) for row in cells]
    return [line.rstrip() for line in lines]


def _width(text: str) -> int:
    """Columns on a terminal: Chinese and emoji take two."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text if not unicodedata.combining(c))
