"""The routes of one front: each a few lines that ask the session, the links or the host."""

import asyncio
import json
import logging
import os
import stat
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from bridge.front.errands import errands_of
from bridge.front.gate import PRINCIPAL, Gate, refused
from bridge.front.links import Links, Principal, TooManyTries
from bridge.front.pictures import pictures_of
from bridge.front.prompts import prompts_of
from bridge.front.sockets import Sockets
from bridge.session import Session
from host_server.wire.errors import WireError

__all__ = ["create_app"]

_MAX_LINK_BODY = 4096
_LINK_S = 10.0
_PICTURE_METHODS = ["GET", "HEAD", "PUT", "DELETE"]
_ERRAND_METHODS = ["GET", "HEAD", "POST"]
_BY_STATUS = {404: "not_found", 405: "method_not_allowed"}


def create_app(session: Session, links: Links, sockets: Sockets, *, app_dir: Path) -> Gate:
    """Everything behind its gate."""
    files = _PageFiles(directory=app_dir, html=True)
    routes = [
        Route("/healthz", _healthz),
        Route("/link", _link(session, links), methods=["POST"]),
        Route("/status", _status(session), methods=["GET"]),
        Route("/prompts", prompts_of(session), methods=["PUT"]),
        WebSocketRoute("/v1/responses", sockets.serve),
        Route("/v1/captures/{sha256}", _linked(pictures_of(session)), methods=_PICTURE_METHODS),
        Route("/v1/{rest:path}", _linked(errands_of(session)), methods=_ERRAND_METHODS),
        Mount("/", files),
    ]
    app = Starlette(routes=routes, exception_handlers=_HANDLERS)

    return Gate(app, links=links, is_file=partial(_is_file, files))


class _PageFiles(StaticFiles):
    """The page's folder without what is hidden in it: a developer's `.env` and `.git` are not for the phone."""

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        """Where this file is, if it is one of the page."""
        hidden = any(part.startswith(".") and part != ".well-known" for part in Path(path).parts)
        return ("", None) if hidden else super().lookup_path(path)


def _is_file(files: StaticFiles, path: str) -> bool:
    """Whether this path, exactly as written, names a file of the page."""
    try:
        name = files.get_path({"path": "/index.html" if path == "/" else path, "root_path": ""})
        _, found = files.lookup_path(name)
    except (OSError, ValueError):
        return False
    return found is not None and stat.S_ISREG(found.st_mode) and path in {"/", f"/{name}"}


def _principal(request: Request) -> Principal:
    """Who asks. The gate has looked already; whatever it lets through by mistake is stopped here."""
    principal = request.scope.get(PRINCIPAL)
    if not isinstance(principal, Principal):
        raise WireError("invalid_token", "This address needs a token.")
    return principal


def _linked(route: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    async def linked(request: Request) -> Response:
        _principal(request)
        return await route(request)

    return linked


async def _healthz(_request: Request) -> Response:  # ruff: ignore[unused-async]
    return JSONResponse({"ok": True})


def _link(session: Session, links: Links) -> Callable[[Request], Awaitable[Response]]:
    async def link(request: Request) -> Response:
        try:
            async with asyncio.timeout(_LINK_S):
                code = await _code(request)
        except TimeoutError:
            raise WireError("request_timeout", "The code did not arrive.") from None
        try:
            linked = links.redeem(code, time.monotonic())
        except TooManyTries:
            raise WireError("rate_limited", "Too many wrong codes. Wait a minute.", retry_after_ms=60_000) from None
        if linked is None:
            raise WireError("invalid_token", "This code was used before, or is too old. Run `bridge connect` again.")
        token, seconds = linked
        device = {"serial": session.phone.serial, "model": session.phone.model}
        body = {"token": token, "expires_at": int(time.time() + seconds), "device": device}
        return JSONResponse(body, headers={"cache-control": "no-store"})

    return link


async def _code(request: Request) -> str:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_LINK_BODY:
            raise WireError("body_too_large", "That is no code.")
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        data = None
    code = data.get("code") if isinstance(data, dict) else None
    if not isinstance(code, str):
        raise WireError("invalid_request", 'Send {"code": "…"}.', param="code")
    return code


def _status(session: Session) -> Callable[[Request], Awaitable[Response]]:
    async def status(request: Request) -> Response:  # ruff: ignore[unused-async]
        if _principal(request).role != "control":
            raise WireError("invalid_token", "This is for the laptop's own commands.")
        return JSONResponse(session.status(), headers={"cache-control": "no-store"})

    return status


async def _wire_error(_request: Request, error: Any) -> Response:  # ruff: ignore[unused-async]
    return refused(error)


async def _http_error(_request: Request, error: Any) -> Response:  # ruff: ignore[unused-async]
    code = _BY_STATUS.get(error.status_code, "invalid_request")
    return refused(WireError(code, "There is nothing like that here."))


async def _fault(request: Request, error: Exception) -> Response:  # ruff: ignore[unused-async]
    if not isinstance(error, ClientDisconnect):
        logging.getLogger("bridge.front").error("%s %s failed", request.method, request.url.path, exc_info=error)
    return refused(WireError("internal", "Something went wrong on the laptop."))


_HANDLERS: dict[Any, Any] = {WireError: _wire_error, HTTPException: _http_error, Exception: _fault}
