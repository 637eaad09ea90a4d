"""How a replica is: one that failed rests, longer each time, and is then tried by one question before all. Pure."""

from typing import Final

__all__ = ["Health"]

_RESTS_S: Final = (1.0, 2.0, 5.0, 15.0, 30.0)


class Health:
    """Tell it what happened and when, in seconds of any steady clock."""

    def __init__(self, rests_s: tuple[float, ...] = _RESTS_S) -> None:
        self._rests_s = rests_s
        self._failures = 0
        self._rests_until = 0.0

    def rests(self, now: float) -> bool:
        """Whether questions should rather go elsewhere."""
        return self._failures > 0 and now < self._rests_until

    def begin(self, now: float) -> None:
        """A question goes to it. When it had failed, the others wait elsewhere for how this one fares."""
        if self._failures:
            self._rests_until = max(self._rests_until, now + self._rest_s)

    def works(self) -> None:
        """It answered."""
        self._failures = 0

    def failed(self, now: float, *, for_s: float | None = None) -> None:
        """It did not answer, or said that it will not for so long."""
        self._failures += 1
        self._rests_until = now + max(self._rest_s, for_s or 0.0)

    @property
    def _rest_s(self) -> float:
        return self._rests_s[min(self._failures, len(self._rests_s)) - 1]
