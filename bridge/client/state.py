"""Where the host is and whether it answers, as its clients see it; and its refusals as our errors."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from bridge.errors import BridgeError, QuestionRefused, TokenRefused

__all__ = ["HostState", "Locate", "fixed", "is_loopback", "refusal", "token_refused"]

Locate: TypeAlias = Callable[[], Awaitable[tuple[str, str]]]
"""Gives the host's URL and our token; raises `HostUnavailable` when there is none. Called before each attempt."""


@dataclass(frozen=True, slots=True)
class HostState:
    """`error` says why it is not up; a `TokenRefused` will not heal by waiting."""

    up: bool
    url: str = ""
    models: tuple[str, ...] = ()
    error: BridgeError | None = None


def fixed(url: str, token: str) -> Locate:
    """A host that stays where it is."""

    async def locate() -> tuple[str, str]:  # ruff: ignore[unused-async] - others have to look for theirs
        return url, token

    return locate


def is_loopback(url: str) -> bool:
    """Whether this URL stays on this machine, so that no proxy may be asked."""
    name = urlsplit(url).hostname or ""
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def token_refused() -> TokenRefused:
    """The host does not know our token."""
    return TokenRefused("the host refused the token", hint="give the host's token with --token-file or BRIDGE_TOKEN")


def refusal(error: Mapping[str, Any], *, status: int = 400) -> BridgeError:
    """The host's `error` object as an error for people; `fields` keep the wire's words."""
    code, message = str(error.get("code") or "internal"), str(error.get("message") or "The host refused.")
    if code == "invalid_token" or status == HTTPStatus.UNAUTHORIZED:
        return token_refused()
    wait = error.get("retry_after_ms")
    return QuestionRefused(
        message,
        hint="ask again in a moment" if error.get("retryable") else "",
        code=code,
        retryable=error.get("retryable") is True,
        retry_after_ms=wait if isinstance(wait, int) else None,
    )
