"""How far behind a viewer is that acknowledges what it has read: the socket alone does not show it. Pure.

A kernel takes megabytes for a page that has stopped, twenty minutes of an answer, and a browser's network process goes
on to answer pings for it. So a page may say what it has taken in (`bridge:ack`, a few times a second). From then on it
gets no more than a window ahead, what is pending meanwhile being merged in the log. When it acknowledges nothing for a
while, it is no longer looking.
"""

from collections import deque
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["WINDOW", "Acks"]

WINDOW: Final = 64 * 1024  # bytes on the way to a viewer that acknowledges


class Acks:
    """What was sent and not acknowledged yet. `within`: seconds for an acknowledgement, after there was a first one."""

    def __init__(self, within: float) -> None:
        self._within = within
        self._expected = False
        self._sent: deque[tuple[str | None, int, int]] = deque()  # answer, or None for an event of ours; number; bytes
        self._bytes = 0
        self._since: float | None = None  # when the viewer was last known to keep up

    @property
    def full(self) -> bool:
        """Whether as much is on the way as may be."""
        return self._bytes >= WINDOW

    @property
    def deadline(self) -> float | None:
        """When the viewer has to have acknowledged something; None when nothing is on the way."""
        return None if self._since is None else self._since + self._within

    def sent(self, event: Mapping[str, Any], size: int, now: float) -> None:
        """An event is on its way. One without a number cannot be acknowledged, and counts with what follows it."""
        number = event.get("sequence_number")
        if not self._expected or not isinstance(number, int):
            return
        self._sent.append((_stream(event), number, size))
        self._bytes += size
        if self._since is None:
            self._since = now

    def acknowledged(self, response_id: str | None, number: int, now: float) -> None:
        """The viewer has read an answer up to this event, or our own: and with it all that was sent before."""
        self._expected = True
        read = [place for place, (stream, sent, _) in enumerate(self._sent) if stream == response_id and sent <= number]
        for _ in range(read[-1] + 1 if read else 0):
            self._bytes -= self._sent.popleft()[2]
        if read:
            self._since = now if self._sent else None


def _stream(event: Mapping[str, Any]) -> str | None:
    """Whose numbers these are: an answer's, or those of this connection."""
    return None if str(event.get("type")).startswith("bridge:") else str(event.get("response_id"))
