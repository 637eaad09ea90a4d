"""The gate before every route, HTTP and WebSocket alike. What is not open is shut.

A page of another origin, or one that reached us under another name (DNS rebinding), gets nothing at all. Browsers see
no HTTP status on a WebSocket, so a page whose token is not good any more is accepted and closed with 4401.
"""

import re
import time
from collections.abc import Callable
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bridge.front.links import Links, Principal
from host_server.wire.errors import WireError, error_body

__all__ = ["CLOSE_TOKEN", "OPEN", "PRINCIPAL", "SUBPROTOCOL", "Gate", "host_is_local", "refused"]

OPEN: Final = frozenset({("GET", "/healthz"), ("HEAD", "/healthz"), ("POST", "/link")})
"""What needs no token, besides the page's own files."""

PRINCIPAL: Final = "lensbridge.principal"
SUBPROTOCOL: Final = "bridge.v1"
CLOSE_TOKEN: Final = 4401

_OWN_SITES: Final = frozenset({"same-origin", "none"})  # of Sec-Fetch-Site; other programs than browsers send none
_BEARER: Final = "bridge.bearer."
_HOST = re.compile(r"(?P<name>[A-Za-z0-9.]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?", re.ASCII)
_HEADERS: Final = (
    (
        b"content-security-policy",
        b"default-src 'self'; img-src 'self' blob: data:; connect-src 'self'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"permissions-policy", b"camera=(self)"),
    (b"cache-control", b"no-cache"),
)


class Gate:
    """ASGI middleware. `is_file` tells whether a path names a file of the page."""

    def __init__(
        self, app: ASGIApp, *, links: Links, is_file: Callable[[str], bool], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._app = app
        self._links = links
        self._is_file = is_file
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or refuse it."""
        if scope["type"] == "http":
            send = _with_headers(send)
        try:
            scope[PRINCIPAL] = self._admit(scope)
        except WireError as error:
            await _refuse(error, scope, receive, send)
            return
        with suppress(ClientDisconnect):
            await self._app(scope, receive, send)

    def _admit(self, scope: Scope) -> Principal | None:
        headers = Headers(scope=scope)
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        if len(hosts) != 1 or not host_is_local(hosts[0]):
            raise WireError("host_not_allowed", "This address answers to localhost only.")
        if any(origin.lower() != f"http://{hosts[0].lower()}" for origin in origins) or _comes_from_elsewhere(headers):
            raise WireError("origin_not_allowed", "Pages of another origin may not come here.")
        method, path = scope.get("method", "WEBSOCKET"), scope["path"]
        if (method, path) in OPEN or (method in {"GET", "HEAD"} and self._is_file(path)):
            return None
        principal = self._links.who(_token(headers, scope), self._clock())
        if principal is None:
            raise WireError("invalid_token", "This page is not linked with the laptop (any more).")
        return principal


def _comes_from_elsewhere(headers: Headers) -> bool:
    """Whether the browser says that another site's page asks; somebody's following a link to the page is fine."""
    followed = headers.getlist("sec-fetch-mode") == ["navigate"] and headers.getlist("sec-fetch-dest") == ["document"]
    return not followed and any(site not in _OWN_SITES for site in headers.getlist("sec-fetch-site"))


def host_is_local(host: str) -> bool:
    """Whether a Host header names this machine by its own name or by a loopback address, with any port."""
    match = _HOST.fullmatch(host)
    if match is None:
        return False
    name = match["name"]
    try:
        return IPv6Address(name[1:-1]).is_loopback if name.startswith("[") else IPv4Address(name).is_loopback
    except ValueError:
        return name.lower() == "localhost"


def refused(error: WireError) -> JSONResponse:
    """A refusal in the wire's shape."""
    headers = {"cache-control": "no-store", "x-should-retry": "true" if error.row.retryable else "false"}
    if error.code == "invalid_token":
        headers["www-authenticate"] = "Bearer"
    return JSONResponse(error_body(error), error.row.status, headers=headers)


def _token(headers: Headers, scope: Scope) -> str:
    """The one token that was shown, or an empty text."""
    shown = [value[7:] for value in headers.getlist("authorization") if value[:7].lower() == "bearer "]
    offered: list[str] = scope.get("subprotocols") or []
    shown += [name.removeprefix(_BEARER) for name in offered if name.startswith(_BEARER)]
    return shown[0] if len(shown) == 1 else ""


async def _refuse(error: WireError, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await refused(error)(scope, receive, send)
        return
    await receive()
    if error.code == "invalid_token" and SUBPROTOCOL in (scope.get("subprotocols") or []):
        await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL})
        await send({"type": "websocket.close", "code": CLOSE_TOKEN, "reason": error.code})
        return
    await refused(error)(scope, receive, send)


def _with_headers(send: Send) -> Send:
    """Add our headers to every response that does not say otherwise."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = {name.lower() for name, _ in message.get("headers", ())}
            more = [header for header in _HEADERS if header[0] not in given]
            message = {**message, "headers": [*message.get("headers", ()), *more]}
        await send(message)

    return send_with_headers
