"""Who has shown too many wrong tokens lately.

It slows nobody who has a right one: on loopback all users share an address, and a stranger must not be able to lock the
owner out. Past the limit a wrong token is answered "slow down" and no longer written to the log.
"""

from collections import OrderedDict, deque

__all__ = ["FailureLimiter"]


class FailureLimiter:
    """Failures per peer within a sliding window; the peers seen longest ago are forgotten first."""

    def __init__(self, *, limit: int = 10, window_s: float = 60.0, max_peers: int = 1024) -> None:
        self._limit = limit
        self._window_s = window_s
        self._max_peers = max_peers
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def failed(self, peer: str, *, now: float) -> float | None:
        """Note a failure; the seconds this peer should wait when it had too many, else None."""
        times = self._failures.setdefault(peer, deque())
        self._failures.move_to_end(peer)
        while len(self._failures) > self._max_peers:
            self._failures.popitem(last=False)
        while times and now - times[0] >= self._window_s:
            times.popleft()
        if len(times) >= self._limit:
            return times[0] + self._window_s - now
        times.append(now)
        return None
