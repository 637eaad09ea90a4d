"""The body of a page's request: never more of it than allowed, and never waited for without end."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from starlette.requests import ClientDisconnect, Request

from host_server.wire.errors import WireError

__all__ = ["chunks", "whole"]

IDLE_S: Final = 30.0
_MORE: Final = (1, 18)  # digits of a length that is worth reading


async def chunks(request: Request, *, limit: int, code: str) -> AsyncIterator[bytes]:
    """The body as it comes. Raises `WireError`: with `code` beyond the limit, before anything is read if it says so."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and announced.isascii() and int(announced[: _MORE[1]]) > limit:
        raise WireError(code, f"At most {limit} bytes.")
    size = 0
    stream = request.stream()
    while True:
        try:
            async with asyncio.timeout(IDLE_S):
                chunk = await anext(stream)
        except StopAsyncIteration:
            return
        except (TimeoutError, ClientDisconnect):
            raise WireError("request_timeout", "The body did not arrive.") from None
        size += len(chunk)
        if size > limit:
            raise WireError(code, f"At most {limit} bytes.")
        if chunk:
            yield chunk


async def whole(request: Request, *, limit: int, code: str) -> bytes:
    """All of it."""
    return b"".join([chunk async for chunk in chunks(request, limit=limit, code=code)])
