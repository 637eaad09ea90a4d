"""How often to list a folder that an alarm watches too. Pure: durations and counts in, seconds out.

The listing is the truth, the alarm only makes it fast. An alarm that has not yet announced a picture in time may be
deaf (buffered, broken by the file system, gone), so until it has, the folder is listed every second.
"""

from typing import Final

__all__ = ["Chatter", "Pace"]

_DEAF_S: Final = 1.0
_HEARD_S: Final = 5.0
_CHATTER: Final = 5_000
_CHATTER_S: Final = 5.0
_SHARE: Final = 20.0
"""A listing may keep the phone and us busy for one part in this many."""


class Pace:
    """The pace for all folders of one phone."""

    def __init__(self) -> None:
        self._heard = False
        self._surprises = 0

    def alarm_heard(self) -> None:
        """Note an alarm: it is trusted until a listing finds what it did not tell."""
        self._heard = True

    def alarm_lost(self) -> None:
        """Note that the alarm ended: it has to prove itself again."""
        self._heard = False

    def listed(self, took_s: float, surprises: int) -> float:
        """Say in how many seconds to list again, after a round that took so long, and so many surprises in all."""
        if surprises > self._surprises:
            self._heard = False
        self._surprises = surprises
        return max(_HEARD_S if self._heard else _DEAF_S, _SHARE * took_s)


class Chatter:
    """Whether an alarm says so much in so short a time that it is no alarm, and listening to it all there is to do."""

    def __init__(self) -> None:
        self._lines = 0
        self._since: float | None = None

    def heard(self, now: float) -> bool:
        """Count a line; true when that is too much."""
        if self._since is None or now - self._since > _CHATTER_S:
            self._lines, self._since = 0, now
        self._lines += 1
        return self._lines > _CHATTER
