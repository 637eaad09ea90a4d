"""Which answers are still known: running ones always, ended ones for a time, within a number and a size.

The oldest ended answer goes first. What is forgotten is reported, so that its owner can drop what belongs to it.
"""

from collections import OrderedDict
from typing import NamedTuple

__all__ = ["Shelf"]


class _Ended(NamedTuple):
    at: float
    size: int


class Shelf:
    """Names of answers only; the answers themselves are kept by the caller."""

    def __init__(self, *, keep_s: float, max_answers: int, max_bytes: int) -> None:
        self._keep_s = keep_s
        self._max_answers = max_answers
        self._max_bytes = max_bytes
        self._ended: OrderedDict[str, _Ended] = OrderedDict()
        self._bytes = 0

    def ended(self, answer: str, *, size: int, now: float) -> list[str]:
        """An answer has ended; the answers to forget because of it, maybe itself when it is larger than the shelf."""
        self._ended[answer] = _Ended(now, size)
        self._bytes += size
        return self.expire(now=now)

    def expire(self, *, now: float) -> list[str]:
        """The answers whose time is over."""
        gone: list[str] = []
        while self._ended and self._must_go(next(iter(self._ended.values())), now):
            answer, entry = self._ended.popitem(last=False)
            self._bytes -= entry.size
            gone.append(answer)
        return gone

    def remove(self, answer: str) -> None:
        """Somebody deleted it; one that is not here changes nothing."""
        entry = self._ended.pop(answer, None)
        if entry is not None:
            self._bytes -= entry.size

    def _must_go(self, oldest: _Ended, now: float) -> bool:
        over = len(self._ended) > self._max_answers or self._bytes > self._max_bytes
        return over or now - oldest.at >= self._keep_s
