"""The gate before every route, HTTP and WebSocket alike: Host, Origin, token, rate. What is not open is shut.

It also gives each request its id, writes its one line to the log, and tells the idle clock who is here. A refused
WebSocket gets the reason in the way its client can see: programs an HTTP 401, pages (which see no HTTP status) a close
code after accepting.
"""

import time
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from starlette.datastructures import Headers
from starlette.websockets import WebSocketClose

from host_server.api.errors import error_response
from host_server.api.pieces import in_pieces
from host_server.core.idle import IdleClock
from host_server.core.lines import LineLimit
from host_server.observe.log import bind, get_logger
from host_server.security.authenticator import Authenticator
from host_server.security.network import host_allowed, origin_allowed, site_allowed
from host_server.wire.errors import WireError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from host_server.api.rates import Rates

__all__ = ["CLOSE_TOKEN", "CLOSE_TRY_AGAIN", "OPEN_PATHS", "PRINCIPAL", "SUBPROTOCOL", "Gate", "subprotocols"]

OPEN_PATHS = frozenset({"/health/live"})
"""The only addresses that need no token."""

PRINCIPAL = "lensbridge.principal"
"""Where the gate leaves the principal in the ASGI scope."""

SUBPROTOCOL = "bridge.v1"
CLOSE_TOKEN = 4401
CLOSE_TRY_AGAIN = 1013

_BEARER = "bridge.bearer."
_LONGEST_PATH = 200
_TOKEN_CODES = {"invalid_token", "rate_limited"}


class Gate:
    """ASGI middleware; see the module's docstring."""

    def __init__(
        self,
        app: "ASGIApp",
        *,
        authenticator: Authenticator,
        idle: IdleClock,
        rates: "Rates",
        names: Collection[str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._authenticator = authenticator
        self._idle = idle
        self._rates = rates
        self._names = frozenset(name.lower() for name in names)
        self._clock = clock
        self._log = get_logger("host_server.access")
        self._strangers = LineLimit()

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Let a request through, or refuse it."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        request_id = f"req_{uuid4().hex}"
        bind(request_id=request_id)
        if scope["type"] == "http":
            send = in_pieces(send)
        line = _Line(scope, send, request_id, self._clock)
        try:
            await self._pass(scope, receive, line.send)
        finally:
            self._write(scope, line)

    def _write(self, scope: "Scope", line: "_Line") -> None:
        """One line a request; those of strangers only so often."""
        left_out = None if PRINCIPAL in scope else self._strangers.write(now=self._clock())
        if left_out is not None or PRINCIPAL in scope:
            self._log.info("request", **line.fields(), **({"left_out": left_out} if left_out else {}))

    async def _pass(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        headers = Headers(scope=scope)
        try:
            self._check_place(scope, headers)
            if scope["path"] in OPEN_PATHS and scope["type"] == "http":
                await self._app(scope, receive, send)
                return
            token = _token(headers, scope)
            peer = (scope.get("client") or ("?",))[0]
            principal = self._authenticator.authenticate(token, peer=peer, now=self._clock())
            scope[PRINCIPAL] = principal
            self._rates.take(principal)
        except WireError as error:
            await _refuse(error, scope, receive, send)
            return
        self._idle.came()
        try:
            await self._app(scope, self._rates.counted(principal, receive), send)
        finally:
            self._idle.left(now=self._clock())

    def _check_place(self, scope: "Scope", headers: Headers) -> None:
        hosts = headers.getlist("host")
        server = (scope.get("server") or (None,))[0]
        if len(hosts) != 1 or not host_allowed(hosts[0], names=self._names, server=server):
            raise WireError("host_not_allowed", "This host does not answer to that name.")
        origins = headers.getlist("origin")
        if not all(origin_allowed(origin, host=hosts[0], scheme=scope["scheme"]) for origin in origins):
            raise WireError("origin_not_allowed", "Pages of another origin may not talk to this host.")
        if not all(site_allowed(site) for site in headers.getlist("sec-fetch-site")):
            raise WireError("origin_not_allowed", "Pages of another site may not talk to this host.")


def subprotocols(scope: "Scope") -> list[str]:
    """What a WebSocket client offered."""
    offered: Iterable[str] = scope.get("subprotocols") or ()
    return list(offered)


class _Line:
    """The line of one request in the log, and its id in the answer's headers."""

    def __init__(self, scope: "Scope", send: "Send", request_id: str, clock: Callable[[], float]) -> None:
        self._scope = scope
        self._send = send
        self._request_id = request_id
        self._clock = clock
        self._began = clock()
        self._status: int | None = None

    async def send(self, message: "Message") -> None:
        kind = message["type"]
        if kind in {"http.response.start", "websocket.http.response.start", "websocket.accept"}:
            self._status = message.get("status", 101)
            headers = [*message.get("headers", ()), (b"x-request-id", self._request_id.encode())]
            message = {**message, "headers": headers}
        await self._send(message)

    def fields(self) -> dict[str, Any]:
        principal = self._scope.get(PRINCIPAL)
        return {
            "method": self._scope.get("method", "WEBSOCKET"),
            "path": self._scope["path"][:_LONGEST_PATH],
            "status": self._status,
            "duration_ms": round(1000 * (self._clock() - self._began), 1),
            "principal": principal.id if principal else None,
        }


def _token(headers: Headers, scope: "Scope") -> str | None:
    values = headers.getlist("authorization")
    if len(values) == 1:
        kind, _, token = values[0].partition(" ")
        return token.strip() if kind.lower() == "bearer" else None
    if scope["type"] == "websocket" and not values:
        tokens = [name.removeprefix(_BEARER) for name in subprotocols(scope) if name.startswith(_BEARER)]
        return tokens[0] if len(tokens) == 1 else None
    return None


async def _refuse(error: WireError, scope: "Scope", receive: "Receive", send: "Send") -> None:
    if scope["type"] == "websocket":
        await receive()  # websocket.connect
        if error.code in _TOKEN_CODES and SUBPROTOCOL in subprotocols(scope):
            await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL, "headers": []})
            code = CLOSE_TRY_AGAIN if PRINCIPAL in scope else CLOSE_TOKEN
            await WebSocketClose(code, error.code)(scope, receive, send)
            return
    await error_response(error)(scope, receive, send)
