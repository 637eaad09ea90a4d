"""A token in, a principal out."""

import hmac

from host_server.core.failures import FailureLimiter
from host_server.security.keys import ApiKey, KeyFile
from host_server.security.principal import ADMIN, Principal
from host_server.wire.discovery import UnsafeFileError
from host_server.wire.errors import WireError

__all__ = ["Authenticator"]

_LONGEST = 256


class Authenticator:
    """Knows the admin token and the keys. Its refusals are `WireError`."""

    def __init__(self, admin_token: str, keys: KeyFile) -> None:
        self._admin = admin_token.encode()
        self._keys = keys
        self._failures = FailureLimiter()

    def authenticate(self, token: str | None, *, peer: str, now: float) -> Principal:
        """Who this is. Raises `WireError`: `invalid_token`, or `rate_limited` after many of those."""
        principal = self._find(token or "")
        if principal is not None:
            return principal
        if not token:  # nothing was guessed
            raise WireError("invalid_token", "A token is needed: send it as `Authorization: Bearer …`.")
        wait = self._failures.failed(peer, now=now)
        if wait is not None:
            raise WireError("rate_limited", "Too many wrong tokens.", retry_after_ms=int(wait * 1000) + 1)
        raise WireError("invalid_token", "The token is wrong or was revoked.")

    def still_valid(self, principal: Principal) -> bool:
        """Whether a principal that came in earlier may go on: a key may have been revoked since."""
        return principal == ADMIN or any(_principal(key) == principal for key in self._rows())

    def _find(self, token: str) -> Principal | None:
        if len(token) > _LONGEST or not token.isascii():
            return None
        if hmac.compare_digest(token.encode(), self._admin):
            return ADMIN
        try:
            key = self._keys.find(token)
        except (UnsafeFileError, OSError):  # a damaged file lets nobody in, and the admin stays
            return None
        return None if key is None else _principal(key)

    def _rows(self) -> tuple[ApiKey, ...]:
        try:
            return self._keys.list()
        except (UnsafeFileError, OSError):
            return ()


def _principal(key: ApiKey) -> Principal:
    return Principal(f"brk_{key.prefix}", key.name)
