"""An answer as Server-Sent Events, and an answer waited for: both leave it alone when their client goes away."""

import asyncio
from collections.abc import Coroutine
from contextlib import aclosing
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response

from host_server.wire.codec import encode

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from host_server.service import Answer
    from host_server.wire.response import Json

__all__ = ["EventStream", "WholeAnswer"]

BEAT_S = 15.0

# Ends of a line to many a client's library, though not to the standard: said in a way that is none to anybody.
_LINE_ENDS = str.maketrans({end: f"\\u{ord(end):04x}" for end in "\x85\u2028\u2029"})
_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


class EventStream(Response):
    """Sends every event after `cursor`, `[DONE]` at the end, a comment now and then in between."""

    media_type = "text/event-stream"

    def __init__(self, answer: "Answer", *, cursor: int = -1) -> None:
        super().__init__(headers=_HEADERS)
        del self.headers["content-length"]
        self._answer = answer
        self._cursor = cursor

    async def __call__(self, _scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Send until the end, or until the client is gone."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if await _before_gone(self._send_events(send), receive):
            await send({"type": "http.response.body", "body": b"data: [DONE]\n\n", "more_body": False})

    async def _send_events(self, send: "Send") -> bool:
        async with aclosing(self._answer.follow(self._cursor, beat_s=BEAT_S)) as batches:
            async for events in batches:
                body = b"".join(map(_frame, events)) or b": still here\n\n"
                await send({"type": "http.response.body", "body": body, "more_body": True})
        return True


class WholeAnswer(Response):
    """Waits for the end and sends the Response."""

    def __init__(self, answer: "Answer") -> None:
        super().__init__()
        self._answer = answer

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Send once it has ended, unless the client is gone by then."""
        if await _before_gone(self._wait(), receive):
            response = JSONResponse(self._answer.response(), headers={"cache-control": "no-store"})
            await response(scope, receive, send)

    async def _wait(self) -> bool:
        async with aclosing(self._answer.follow()) as batches:
            async for _ in batches:
                pass
        return True


async def _before_gone(work: Coroutine[None, None, bool], receive: "Receive") -> bool:
    """Do the work; whether it came to a good end before the client went away."""
    async with asyncio.TaskGroup() as group:
        working = group.create_task(work)
        watching = group.create_task(_gone(receive))
        await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
        ended = working.done()
        working.cancel()
        watching.cancel()
    return ended and working.result()


async def _gone(receive: "Receive") -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _frame(event: "Json") -> bytes:
    text = encode(event)
    if not text.isascii():
        text = text.translate(_LINE_ENDS)
    return f"event: {event['type']}\ndata: {text}\n\n".encode()
