"""Every refusal leaves in OpenAI's shape, whoever raised it: we, FastAPI's validation, or the router."""

import re
from collections.abc import Mapping
from math import ceil
from typing import TYPE_CHECKING

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from host_server.observe.log import get_logger
from host_server.wire.errors import WireError, error_body

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request

__all__ = ["error_response", "install_error_handlers", "wire_error_of"]

_BY_STATUS = {
    404: ("not_found", "No such address."),
    405: ("method_not_allowed", "This method is not allowed here."),
    413: ("body_too_large", "The body is too large."),
}


def error_response(error: WireError, *, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The HTTP response of a refusal, with what a client needs to retry rightly or not at all."""
    extra = {"x-should-retry": "true" if error.row.retryable else "false", "cache-control": "no-store"}
    if error.retry_after_ms is not None:
        extra["retry-after-ms"] = str(error.retry_after_ms)
        extra["retry-after"] = str(ceil(error.retry_after_ms / 1000))
    if error.code == "invalid_token":
        extra["www-authenticate"] = "Bearer"
    return JSONResponse(error_body(error), error.row.status, headers=extra | dict(headers or {}))


def wire_error_of(error: Exception) -> WireError:
    """The refusal that stands for any exception."""
    if isinstance(error, WireError):
        return error
    if isinstance(error, RequestValidationError):
        first = error.errors()[0]
        param = ".".join(str(part) for part in first["loc"][1:]) or None
        return WireError("invalid_request", f"{first['msg']}.", param=param)
    if isinstance(error, HTTPException):
        code, message = _BY_STATUS.get(error.status_code, ("invalid_request", "The request makes no sense."))
        return WireError(code, message)
    return WireError("internal", "Something went wrong inside the host.")


def install_error_handlers(app: "FastAPI") -> None:
    """Let every exception leave as `error_response`."""

    async def handle(request: "Request", error: Exception) -> JSONResponse:  # ruff: ignore[unused-async] a sync handler would run in a thread
        refusal = wire_error_of(error)
        if refusal.code == "internal":
            get_logger("host_server.api").error("request failed", path=request.url.path, exc_info=error)
        headers = {"allow": _allowed(app, request.url.path)} if refusal.code == "method_not_allowed" else None
        return error_response(refusal, headers=headers)

    for kind in (WireError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, handle)


def _allowed(app: "FastAPI", path: str) -> str:
    """Every method of this address: the router, which has a route for each, would name one."""
    methods: set[str] = set()
    for template, operations in app.openapi()["paths"].items():
        if re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template)), path):
            methods |= {method.upper() for method in operations}
    return ", ".join(sorted(methods))
