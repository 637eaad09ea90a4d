"""The rates of each principal at work: requests and frames are counted, and the bytes of their bodies."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from host_server.core.rates import RateLimiter, RateLimits
from host_server.security.principal import ADMIN, Principal
from host_server.wire.errors import WireError

if TYPE_CHECKING:
    from starlette.types import Message, Receive

__all__ = ["Rates"]


class Rates:
    """One for the whole host. Its refusals are `WireError`, and say when to come back."""

    def __init__(self, limits: RateLimits, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._requests = RateLimiter(limits.requests)
        self._bytes = RateLimiter(limits.bytes)
        self._refusals = RateLimiter(limits.refusals)
        self._clock = clock

    def take(self, principal: Principal) -> None:
        """One more request. Raises `WireError`."""
        if principal == ADMIN:
            return
        now = self._clock()
        for limiter, what in ((self._requests, "requests"), (self._bytes, "bytes")):
            wait = limiter.wait(principal.id, now=now)
            if wait:
                raise WireError("rate_limited", f"Too many {what} in too short a time.", retry_after_ms=_ms(wait))
        self._requests.spend(principal.id, 1, now=now)

    def refused(self, principal: Principal) -> bool:
        """A frame of theirs was refused; whether that happens too often: reading such frames is work as well."""
        if principal == ADMIN:
            return False
        now = self._clock()
        self._refusals.spend(principal.id, 1, now=now)
        return bool(self._refusals.wait(principal.id, now=now))

    def counted(self, principal: Principal, receive: "Receive") -> "Receive":
        """`receive`, with the bytes counted that come in by it."""
        if principal == ADMIN:
            return receive

        async def counting() -> "Message":
            message = await receive()
            size = len(message.get("body") or message.get("text") or b"")
            if size:
                self._bytes.spend(principal.id, size, now=self._clock())
            return message

        return counting


def _ms(seconds: float) -> int:
    return int(seconds * 1000) + 1
