"""How many lines of the log strangers may write: without a token one can still make a request, and so a line."""

__all__ = ["LineLimit"]


class LineLimit:
    """So many lines in each window; what was left out is told with the next line that is written."""

    def __init__(self, *, limit: int = 60, window_s: float = 60.0) -> None:
        self._limit = limit
        self._window_s = window_s
        self._since = float("-inf")
        self._written = 0
        self._left_out = 0

    def write(self, *, now: float) -> int | None:
        """None: leave this line out. Otherwise write it; so many have been left out before it."""
        if now - self._since >= self._window_s:
            self._since, self._written = now, 0
        if self._written >= self._limit:
            self._left_out += 1
            return None
        self._written += 1
        left_out, self._left_out = self._left_out, 0
        return left_out
