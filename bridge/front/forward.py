"""HTTP passed on to the host with the bridge's key; what comes back is streamed.

What belongs to one hop stays on it, and so do the page's token and cookies: the host never sees them, nor the page the
host's.
"""

import asyncio
import re
from collections.abc import Callable, Iterable
from typing import Final

import httpx
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from bridge.client import HostHttp
from bridge.errors import BridgeError
from bridge.front.gate import refused
from host_server.wire.errors import WireError

__all__ = ["Forwarded"]

_BEGINNING: Final = 4096

_PATH = re.compile(r"/v1(/[A-Za-z0-9_~:-][A-Za-z0-9._~:-]*){1,5}", re.ASCII)
_QUERY = re.compile(r"[A-Za-z0-9._~:&=%+,-]{0,1000}", re.ASCII)
_HOP: Final = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_NOT_UP: Final = _HOP | {
    "authorization",
    "content-length",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "origin",
    "referer",
}
_NOT_DOWN: Final = _HOP | {"date", "server", "set-cookie"}


class Forwarded(Response):
    """A response that is fetched from the host while it is sent. `on_begin` hears the beginning of one that is fine."""

    def __init__(
        self,
        request: Request,
        http: HostHttp,
        *,
        content: bytes | None = None,
        on_begin: Callable[[bytes], None] | None = None,
    ) -> None:
        super().__init__()
        self._request = request
        self._http = http
        self._content = content
        self._on_begin = on_begin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Ask the host and pass its answer on, until either side ends."""
        try:
            await self._pass_on(send)
        except WireError as error:
            await refused(error)(scope, receive, send)

    async def _pass_on(self, send: Send) -> None:
        request, started = self._request, False
        where = _target(request)
        headers = dict(_kept(request.headers.items(), _NOT_UP))
        try:
            async with self._http.request(request.method, where, headers=headers, content=self._content) as answer:
                kept = [(n.encode("latin-1"), v.encode("latin-1")) for n, v in _kept(answer.headers.items(), _NOT_DOWN)]
                started = True
                await send({"type": "http.response.start", "status": answer.status_code, "headers": kept})
                await _stream(answer, request, send, self._on_begin if answer.is_success else None)
        except BridgeError as error:
            if started:
                raise ClientDisconnect from error  # the page sees that the answer is cut
            raise WireError("engine_unavailable", error.message, retry_after_ms=1000) from error


async def _stream(
    answer: httpx.Response, request: Request, send: Send, on_begin: Callable[[bytes], None] | None
) -> None:
    """Send the body as it comes; end as soon as the page is seen to be gone."""
    broken: httpx.TransportError | None = None
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(_gone(request))
        try:
            async for chunk in answer.aiter_raw():
                if on_begin is not None:
                    on_begin(chunk[:_BEGINNING])
                    on_begin = None
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                if watching.done():
                    break
        except httpx.TransportError as error:
            broken = error
        watching.cancel()
    if broken is not None:
        raise broken
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _target(request: Request) -> str:
    """The same address at the host; only plain ones, which no two parsers read differently."""
    # Not `request.url`: that one reads the decoded path anew and drops tabs and newlines while it does.
    path, query = request.scope["path"], request.scope["query_string"].decode("latin-1")
    if not _PATH.fullmatch(path) or not _QUERY.fullmatch(query):
        raise WireError("not_found", "There is no such address.")
    return f"{path}?{query}" if query else path


def _kept(headers: Iterable[tuple[str, str]], dropped: frozenset[str]) -> Iterable[tuple[str, str]]:
    pairs = [(name.lower(), value) for name, value in headers]
    named = {part.strip().lower() for name, value in pairs if name == "connection" for part in value.split(",")}
    if any(name == "transfer-encoding" for name, _ in pairs):
        named.add("content-length")  # the body came in chunks, so what else was said of its length does not count
    return [(name, value) for name, value in pairs if name not in dropped and name not in named and value.isascii()]
