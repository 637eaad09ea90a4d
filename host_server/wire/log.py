"""AnswerLog: the events of one answer, numbered, kept from the first to the last for any reader at any cursor.

`sequence_number` is a cursor: `since(n)` gives what comes after n. Text that is pending is merged into one delta which
carries the *last* number it contains, so a slow reader gets fewer, larger events and nothing is ever dropped, while the
log keeps every piece: a reader may stop anywhere and resume there. A merged delta tells the pieces inside it
(`"merged": [[number, length], …]`), so that a log that is fed from another log keeps the same cursors.
"""

from bisect import bisect_right
from dataclasses import dataclass
from typing import Any

from host_server.wire.events import is_terminal
from host_server.wire.output import TEXT_DELTAS
from host_server.wire.response import Json

__all__ = ["DEFAULT_LIMIT", "AnswerLog", "LogError", "LogFullError"]

DEFAULT_LIMIT = 1024 * 1024

_OWN = frozenset({"delta", "sequence_number", "merged"})  # of one delta alone
_ENTRY_COST = 100  # what an entry costs besides its text, about


class LogError(ValueError):
    """An event that cannot follow the ones before it."""


class LogFullError(LogError):
    """The answer is longer than the log may grow; close it."""


@dataclass(frozen=True, slots=True)
class _Piece:
    head: Json  # the delta event without text and number, shared by its neighbours
    text: str


class AnswerLog:
    """Append events, read them from any cursor.

    `limit` bounds the text: deltas beyond it raise `LogFullError`, while the closing events, which repeat the text a
    few times, are always taken.
    """

    def __init__(self, *, limit: int = DEFAULT_LIMIT) -> None:
        self._limit = limit
        self._numbers: list[int] = []
        self._entries: list[Json | _Piece] = []
        self._size = 0
        self._terminal: Json | None = None

    @property
    def last(self) -> int:
        """The number of the last event; -1 before the first."""
        return self._numbers[-1] if self._numbers else -1

    @property
    def terminal(self) -> Json | None:
        """The event that ended the answer, if it has ended."""
        return self._terminal

    @property
    def size(self) -> int:
        """Bytes held, about."""
        return self._size

    def fits(self, text: str) -> bool:
        """Whether one more piece may be written."""
        return self._size + _cost(text) <= self._limit

    def append(self, event: Json) -> None:
        """Take the next event; a merged delta is taken apart again."""
        pieces = _pieces_of(event)
        numbers = [number for number, _ in pieces] or [_number_of(event)]
        if self._terminal is not None:
            raise LogError("an event after the terminal one")
        if numbers[0] <= self.last:
            raise LogError(f"event {numbers[0]} after {self.last}")
        if pieces:
            self._append_text(event, pieces)
            return
        self._numbers += numbers
        self._entries.append(event)
        if is_terminal(event):
            self._terminal = event

    def since(self, cursor: int = -1) -> list[Json]:
        """The events after `cursor`, neighbouring pieces of text merged; empty when there is nothing new."""
        events: list[Json] = []
        run: list[tuple[int, str]] = []
        head: Json | None = None
        for index in range(bisect_right(self._numbers, cursor), len(self._numbers)):
            entry = self._entries[index]
            if head is not None and (not isinstance(entry, _Piece) or entry.head is not head):
                events.append(_merge(head, run))
                head, run = None, []
            if isinstance(entry, _Piece):
                head = entry.head
                run.append((self._numbers[index], entry.text))
            else:
                events.append(entry)
        if head is not None:
            events.append(_merge(head, run))
        return events

    def is_read(self, cursor: int) -> bool:
        """Whether a reader at `cursor` has seen everything there will ever be."""
        return self._terminal is not None and cursor >= self.last

    def _append_text(self, event: Json, pieces: list[tuple[int, str]]) -> None:
        cost = sum(_cost(text) for _, text in pieces)
        if self._size + cost > self._limit:
            raise LogFullError(f"more than {self._limit} bytes of text")
        head = self._head(event)
        self._size += cost
        self._numbers += [number for number, _ in pieces]
        self._entries += [_Piece(head, text) for _, text in pieces]

    def _head(self, event: Json) -> Json:
        """The event without its text and numbers; the same object for neighbours that differ in nothing else."""
        before = self._entries[-1] if self._entries else None
        own = len(event) - len(_OWN & event.keys())
        # Compared where it stands: this is done for every token of every answer.
        if isinstance(before, _Piece) and len(before.head) == own and before.head.items() <= event.items():
            return before.head
        return {key: value for key, value in event.items() if key not in _OWN}


def _cost(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass")) + _ENTRY_COST


def _number_of(event: Json) -> int:
    number = event.get("sequence_number")
    if type(number) is not int or number < 0:
        raise LogError("an event without a sequence_number")
    return number


def _pieces_of(event: Json) -> list[tuple[int, str]]:
    """The pieces of a text delta; none for any other event, or one that carries log probabilities."""
    if event.get("type") not in TEXT_DELTAS or event.get("logprobs"):
        return []
    number, text, merged = _number_of(event), event.get("delta"), event.get("merged")
    if not isinstance(text, str):
        raise LogError("a delta without text")
    if merged is None:
        return [(number, text)]
    return _take_apart(number, text, merged)


def _take_apart(number: int, text: str, merged: Any) -> list[tuple[int, str]]:
    pieces: list[tuple[int, str]] = []
    start, last = 0, -1
    if not isinstance(merged, list) or not merged:
        raise LogError("`merged` is no list")
    for part in merged:
        if not isinstance(part, list) or [type(value) for value in part] != [int, int]:
            raise LogError("`merged` holds pairs of numbers")
        inner, length = part
        if inner <= last or length < 0:
            raise LogError("`merged` does not grow")
        pieces.append((inner, text[start : start + length]))
        start, last = start + length, inner
    if start != len(text) or last != number:
        raise LogError("`merged` does not cover its delta")
    return pieces


def _merge(head: Json, run: list[tuple[int, str]]) -> Json:
    number = run[-1][0]
    event = head | {"sequence_number": number, "delta": "".join(text for _, text in run)}
    if len(run) > 1:
        event["merged"] = [[inner, len(text)] for inner, text in run]
    return event
