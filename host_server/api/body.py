"""Read a body, but never more of it than allowed, and never wait for it for ever."""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from starlette.requests import ClientDisconnect

from host_server.api.gate import PRINCIPAL
from host_server.api.limits import ApiLimits
from host_server.service.bounds import UploadSlots
from host_server.wire.codec import decode
from host_server.wire.errors import WireError

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["LARGE_EACH", "LARGE_TOGETHER", "MAX_JSON", "JsonBodies", "chunks"]

MAX_JSON = 12 * 1024 * 1024
"""A question in JSON; this much because it may hold pictures as `data:` URLs."""

LARGE_EACH = 8
LARGE_TOGETHER = 16
"""Bodies of more than 256 KiB that are read at a time, of one key and of all."""

_LARGE = 256 * 1024
_LENGTH = re.compile(r"[0-9]{1,18}", re.ASCII)


async def chunks(request: "Request", patience: ApiLimits, *, limit: int, code: str) -> AsyncGenerator[bytes]:
    """The body as it comes. Raises `WireError` with `code` beyond the limit, and when nothing comes any more."""
    size = 0
    end = asyncio.get_running_loop().time() + patience.body_s
    if _announced(request) > limit:
        raise WireError(code, f"At most {limit} bytes.")
    stream = request.stream()
    while True:
        try:
            left = end - asyncio.get_running_loop().time()
            async with asyncio.timeout(min(patience.body_idle_s, left)):
                chunk = await anext(stream)
        except StopAsyncIteration:
            return
        except (TimeoutError, ClientDisconnect):
            raise WireError("request_timeout", "The body did not arrive.") from None
        size += len(chunk)
        if size > limit:
            raise WireError(code, f"At most {limit} bytes.")
        yield chunk


class JsonBodies:
    """Reads JSON bodies, of the large ones only so many at a time: they are in memory as a whole."""

    def __init__(self, patience: ApiLimits) -> None:
        self._patience = patience
        self._slots = UploadSlots(each=LARGE_EACH, together=LARGE_TOGETHER)

    async def read(self, request: "Request") -> Any:
        """A JSON body. Raises `WireError`."""
        body = bytearray()
        with ExitStack() as slot:
            large = False
            async for chunk in chunks(request, self._patience, limit=MAX_JSON, code="body_too_large"):
                body += chunk
                if not large and max(len(body), _announced(request)) > _LARGE:
                    large = True
                    slot.enter_context(self._slots.one(request.scope[PRINCIPAL].id))
            return await asyncio.to_thread(decode, bytes(body)) if large else decode(bytes(body))


def _announced(request: "Request") -> int:
    text = request.headers.get("content-length", "")
    return int(text) if _LENGTH.fullmatch(text) else 0
