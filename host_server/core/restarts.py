"""How soon a worker that died is started again: at once, then with pauses; after three deaths in a row it rests. Pure.

A worker that a certain picture kills would otherwise take the machine with it for ever, and everybody who asks would
wait for an answer that never comes. While it rests, questions are refused; then one more start is tried.
"""

from typing import Final, NamedTuple

__all__ = ["Pause", "Restarts"]

_DELAYS: Final = (0.0, 1.0)
_RESTS: Final = (30.0, 60.0, 300.0)
_STABLE_S: Final = 60.0


class Pause(NamedTuple):
    """Wait so long before the next start; `resting` when nobody should wait for it."""

    seconds: float
    resting: bool


class Restarts:
    """Counts deaths in a row; one that lived for `stable_s` begins a new row."""

    def __init__(
        self,
        *,
        delays: tuple[float, ...] = _DELAYS,
        rests: tuple[float, ...] = _RESTS,
        stable_s: float = _STABLE_S,
    ) -> None:
        self._delays = delays
        self._rests = rests
        self._stable_s = stable_s
        self._deaths = 0

    def died(self, *, lived_s: float) -> Pause:
        """It died after so long a life."""
        if lived_s >= self._stable_s:
            self._deaths = 0
        self._deaths += 1
        extra = self._deaths - len(self._delays)
        if extra <= 0:
            return Pause(self._delays[self._deaths - 1], resting=False)
        return Pause(self._rests[min(extra, len(self._rests)) - 1], resting=True)
