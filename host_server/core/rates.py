"""How fast one principal may go: a bucket that fills evenly, so that a burst is fine and a flood is not.

The bucket may go into debt by what is only known once it was taken (the bytes of an upload); who is in debt waits.
"""

from collections import OrderedDict
from dataclasses import dataclass

__all__ = ["Rate", "RateLimiter", "RateLimits"]


@dataclass(frozen=True, slots=True)
class Rate:
    """So much a minute in the long run, so much at once."""

    per_minute: float
    burst: float


@dataclass(frozen=True, slots=True)
class RateLimits:
    """For each API key. The admin, whose machine this is, has none."""

    requests: Rate = Rate(1200, 300)
    bytes: Rate = Rate(1024**3, 256 * 1024**2)
    refusals: Rate = Rate(600, 300)
    """Frames of sockets that were refused, for whatever reason."""


@dataclass(slots=True)
class _Bucket:
    level: float
    at: float


class RateLimiter:
    """Buckets of principals; those seen longest ago are forgotten first."""

    def __init__(self, rate: Rate, *, max_principals: int = 1024) -> None:
        self._per_second = rate.per_minute / 60
        self._burst = rate.burst
        self._max_principals = max_principals
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def wait(self, principal: str, *, now: float) -> float:
        """Seconds until this principal may go on; 0 for at once."""
        missing = min(1.0, self._burst) - self._filled(principal, now).level
        return max(0.0, missing / self._per_second)

    def spend(self, principal: str, amount: float, *, now: float) -> None:
        """It went on."""
        self._filled(principal, now).level -= amount

    def _filled(self, principal: str, now: float) -> _Bucket:
        bucket = self._buckets.setdefault(principal, _Bucket(self._burst, now))
        bucket.level = min(self._burst, bucket.level + (now - bucket.at) * self._per_second)
        bucket.at = now
        self._buckets.move_to_end(principal)
        while len(self._buckets) > self._max_principals:
            self._buckets.popitem(last=False)
        return bucket
