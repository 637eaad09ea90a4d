"""The order of questions on one socket: the same lane one after another, different lanes side by side.

A lane is a `stream_id`; questions without one share the unnamed lane. The events of a lane never interleave, because
its next question starts only when the one before has ended.
"""

from collections import deque
from typing import Generic, TypeVar

__all__ = ["LaneLimitError", "Lanes"]

_QuestionT = TypeVar("_QuestionT")


class LaneLimitError(Exception):
    """Too many questions at once on one socket."""


class Lanes(Generic[_QuestionT]):
    """The questions of one socket. `max_inflight` counts those that run and those that wait behind them."""

    def __init__(self, *, max_inflight: int) -> None:
        self._max_inflight = max_inflight
        self._waiting: dict[str | None, deque[_QuestionT]] = {}

    @property
    def inflight(self) -> int:
        """Running and waiting."""
        return len(self._waiting) + sum(len(queue) for queue in self._waiting.values())

    def submit(self, lane: str | None, question: _QuestionT) -> bool:
        """Whether this question starts now; `ended` gives it otherwise. Raises `LaneLimitError`."""
        if self.inflight >= self._max_inflight:
            raise LaneLimitError
        if lane in self._waiting:
            self._waiting[lane].append(question)
            return False
        self._waiting[lane] = deque()
        return True

    def ended(self, lane: str | None) -> _QuestionT | None:
        """The lane's running question has ended: the one to start now, if any."""
        queue = self._waiting[lane]
        if queue:
            return queue.popleft()
        del self._waiting[lane]
        return None
