"""An answer as Server-Sent Events, and an answer waited for: both leave it alone when their client goes away.

What is sent of an event, or of the whole, is the route's business; the answer itself knows whether to go on unheard.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response

from host_server.wire.codec import encode

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from host_server.service import Answer
    from host_server.wire.response import Json

__all__ = ["EventStream", "WholeAnswer", "data_frame", "event_frame"]

BEAT_S = 15.0

# Ends of a line to many a client's library, though not to the standard: said in a way that is none to anybody.
_LINE_ENDS = str.maketrans({end: f"\\u{ord(end):04x}" for end in "\x85\u2028\u2029"})
_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


def event_frame(event: "Json") -> bytes:
    """One event, named by its type."""
    return f"event: {event['type']}\n".encode() + data_frame(event)


def data_frame(value: "Json") -> bytes:
    """One event without a name."""
    text = encode(value)
    if not text.isascii():
        text = text.translate(_LINE_ENDS)
    return f"data: {text}\n\n".encode()


class EventStream(Response):
    """Sends what `frame` makes of each event after `cursor`, `[DONE]` at the end, a comment now and then in between."""

    media_type = "text/event-stream"

    def __init__(self, answer: "Answer", *, cursor: int = -1, frame: "Callable[[Json], bytes]" = event_frame) -> None:
        super().__init__(headers=_HEADERS)
        del self.headers["content-length"]
        self._answer = answer
        self._cursor = cursor
        self._frame = frame

    async def __call__(self, _scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Send until the end, or until the client is gone."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if await _before_gone(self._send_events(send), receive):
            await send({"type": "http.response.body", "body": b"data: [DONE]\n\n", "more_body": False})

    async def _send_events(self, send: "Send") -> bool:
        async with aclosing(self._answer.follow(self._cursor, beat_s=BEAT_S)) as batches:
            async for events in batches:
                body = b"".join(map(self._frame, events)) if events else b": still here\n\n"
                if body:
                    await send({"type": "http.response.body", "body": body, "more_body": True})
        return True


class WholeAnswer(Response):
    """Waits for the end and sends what `told` makes of the Response."""

    def __init__(self, answer: "Answer", *, told: "Callable[[Json], Response] | None" = None) -> None:
        super().__init__()
        self._answer = answer
        self._told = told or _as_it_is

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Send once it has ended, unless the client is gone by then."""
        if await _before_gone(self._wait(), receive):
            response = self._told(self._answer.response())
            await response(scope, receive, send)

    async def _wait(self) -> bool:
        async with aclosing(self._answer.follow()) as batches:
            async for _ in batches:
                pass
        return True


def _as_it_is(response: "Json") -> Response:
    return JSONResponse(response, headers={"cache-control": "no-store"})


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
