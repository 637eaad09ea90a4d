"""When a worker is let go though nothing is wrong with it: nobody needs it, or it has grown too much. Pure.

A library that loses a little memory with every answer takes the machine with it after a week; a model that nobody has
asked for an hour keeps a graphics card from somebody else.
"""

from collections.abc import Mapping
from typing import Literal

__all__ = ["Reason", "Upkeep"]

Reason = Literal["idle", "grown"]


class Upkeep:
    """One life of a worker, from the moment it is ready. Times in seconds, memory in bytes; `None` is no limit.

    It is not ended for its growth before `shortest_life_s`: a limit too low must not make it begin again and again.
    """

    def __init__(self, *, idle_s: float | None, growth: int | None, now: float, shortest_life_s: float) -> None:
        self._idle_s = idle_s
        self._growth = growth
        self._began = self._used = now
        self._shortest_life_s = shortest_life_s
        self._first: dict[str, int] = {}

    def look(self, *, busy: bool, memory: Mapping[str, int], now: float) -> Reason | None:
        """Why it should end now, if it should. `memory` is what it holds, by kind; each kind is judged by itself."""
        if busy:
            self._used = now
        grown = [size - self._first.setdefault(kind, size) for kind, size in memory.items()]
        old_enough = now - self._began >= self._shortest_life_s
        if self._growth is not None and old_enough and max(grown, default=0) > self._growth:
            return "grown"
        if self._idle_s is not None and now - self._used >= self._idle_s:
            return "idle"
        return None
