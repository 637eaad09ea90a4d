"""When a worker must be taken for hung: it does not answer a ping, or what it works on does not get on. Pure."""

from typing import Literal

__all__ = ["Hang", "Watchdog"]

Hang = Literal["silent", "stalled"]


class Watchdog:
    """Tell it what happens; ask `look` now and then.

    Silence counts from the ping that was not answered, not from the last word heard: a host that was itself suspended
    has asked nothing meanwhile.
    """

    def __init__(self, *, silent_s: float, stall_s: float) -> None:
        self._silent_s = silent_s
        self._stall_s = stall_s
        self._pinged: float | None = None
        self._moved: float | None = None

    def pinged(self, now: float) -> None:
        """A ping was sent."""
        if self._pinged is None:
            self._pinged = now

    def heard(self) -> None:
        """It said something."""
        self._pinged = None

    def moved(self, now: float) -> None:
        """Work was given to it while it had none, or a work of its got on."""
        self._moved = now

    def rests(self) -> None:
        """It has nothing to do."""
        self._moved = None

    def look(self, now: float) -> Hang | None:
        """How it hangs, if it does."""
        if self._pinged is not None and now - self._pinged > self._silent_s:
            return "silent"
        if self._moved is not None and now - self._moved > self._stall_s:
            return "stalled"
        return None
