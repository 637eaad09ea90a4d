"""When nobody needs this host any more: some seconds after the last client has gone."""

__all__ = ["IdleClock"]


class IdleClock:
    """Counts who is here; `limit_s` None means that the host stays."""

    def __init__(self, limit_s: float | None, *, now: float) -> None:
        self._limit_s = limit_s
        self._present = 0
        self._since = now

    def came(self) -> None:
        """A client is here; `left` must follow."""
        self._present += 1

    def left(self, *, now: float) -> None:
        """A client has gone."""
        self._present -= 1
        self._since = now

    def remaining(self, *, now: float) -> float | None:
        """Seconds until the host may end, 0 for at once; None while there is no end in sight."""
        if self._limit_s is None or self._present:
            return None
        return max(0.0, self._since + self._limit_s - now)
