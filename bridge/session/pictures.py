"""Which pictures the host has, and which are on their way to it."""

from bridge.session.recent import Recent

__all__ = ["UPLOADS_AT_ONCE", "Pictures"]

UPLOADS_AT_ONCE = 2
_REMEMBERED = 512


class Pictures:
    """By sha256; the oldest are forgotten, which costs one HEAD when they are asked about again."""

    def __init__(self) -> None:
        self._at_host: Recent[str, None] = Recent(_REMEMBERED)
        self._coming: set[str] = set()

    def at_host(self, sha256: str) -> bool:
        """Whether a question may name this picture."""
        return sha256 in self._at_host

    def may_start(self, sha256: str) -> bool:
        """Whether this picture should be sent now."""
        return not self.at_host(sha256) and sha256 not in self._coming and len(self._coming) < UPLOADS_AT_ONCE

    def start(self, sha256: str) -> None:
        """It is on its way."""
        self._coming.add(sha256)

    def stop(self, sha256: str) -> None:
        """It is not on its way any more."""
        self._coming.discard(sha256)

    def arrived(self, sha256: str) -> None:
        """The host has it."""
        self._coming.discard(sha256)
        self._at_host.put(sha256, None)

    def missed(self, sha256: str) -> bool:
        """The host lost it; tells whether we had thought it was there and can send it again."""
        return self._at_host.drop(sha256)

    def host_went(self) -> None:
        """The next host may be another one."""
        self._at_host.clear()
