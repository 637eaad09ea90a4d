"""Who may use this front: link codes, page tokens, the laptop's own control token. Pure: time is an argument."""

import hashlib
import hmac
import secrets
from collections import deque
from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["CODE_S", "MAX_CODES", "TOKEN_S", "Links", "Principal", "TooManyTries"]

CODE_S = 60.0
TOKEN_S = 24 * 3600.0
MAX_CODES = 4
MAX_TOKENS = 32
MAX_WRONG, WRONG_WINDOW_S = 10, 60.0

Role: TypeAlias = Literal["page", "control"]


class TooManyTries(Exception):
    """So many wrong codes came lately that the next wrong one is told to wait."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks, and until when; the control token lives as long as the front."""

    role: Role
    expires_at: float


class Links:
    """Keeps only digests of what it gave away. All times are from one clock that never goes back."""

    def __init__(self) -> None:
        self.control_token = secrets.token_urlsafe(32)
        self._control = _digest(self.control_token)
        self._codes: dict[bytes, float] = {}
        self._tokens: dict[bytes, float] = {}
        self._wrong: deque[float] = deque(maxlen=MAX_WRONG)

    def new_code(self, now: float) -> str:
        """A code for the page's address: 128 bits, used once, within `CODE_S`. The oldest outstanding one gives way."""
        self._codes = {code: end for code, end in self._codes.items() if end > now}
        while len(self._codes) >= MAX_CODES:
            del self._codes[next(iter(self._codes))]
        code = secrets.token_urlsafe(16)
        self._codes[_digest(code)] = now + CODE_S
        return code

    def redeem(self, code: str, now: float) -> tuple[str, float] | None:
        """A page token and how long it is good, for a code that is. Raises `TooManyTries`.

        Wrong codes of somebody else never keep out a right one: any app of the phone may try, and 128 bits are not
        guessed.
        """
        end = self._codes.pop(_digest(code), 0.0)
        if end <= now:
            self._check_tries(now)
            self._wrong.append(now)
            return None
        token = secrets.token_urlsafe(32)
        while len(self._tokens) >= MAX_TOKENS:
            del self._tokens[next(iter(self._tokens))]
        self._tokens[_digest(token)] = now + TOKEN_S
        return token, TOKEN_S

    def who(self, token: str, now: float) -> Principal | None:
        """Whose token this is."""
        digest = _digest(token)
        if hmac.compare_digest(digest, self._control):
            return Principal("control", float("inf"))
        end = self._tokens.get(digest, 0.0)
        if end > now:
            return Principal("page", end)
        self._tokens.pop(digest, None)
        return None

    def revoke(self) -> None:
        """No page is linked any more."""
        self._codes.clear()
        self._tokens.clear()

    def _check_tries(self, now: float) -> None:
        if len(self._wrong) == MAX_WRONG and now - self._wrong[0] < WRONG_WINDOW_S:
            raise TooManyTries


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
