"""A client that only speaks WebSocket and JSON: the same code for what is measured and for its control."""

import json
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from itertools import count
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

__all__ = ["DELTA", "TERMINAL", "ask", "create", "dial", "link_code_to_token"]

DELTA = "response.output_text.delta"
TERMINAL = frozenset({"response.completed", "response.incomplete", "response.failed"})
_numbers = count()
Hear = Callable[[dict[str, Any], float], None]


def create(text: str, **more: Any) -> dict[str, Any]:
    """A question in the wire's words."""
    content = [{"type": "input_text", "text": text}]
    return {"type": "response.create", "input": [{"role": "user", "content": content}], **more}


def dial(url: str, key: str = "", *, origin: str | None = None) -> AbstractAsyncContextManager[ClientConnection]:
    """Open a socket as a page or bridge does; without a key, a plain one."""
    return connect(
        url.replace("http", "ws", 1),
        subprotocols=[Subprotocol("bridge.v1"), Subprotocol(f"bridge.bearer.{key}")] if key else None,
        origin=Origin(origin) if origin else None,
        proxy=None,
        compression=None,
        max_size=1 << 24,
    )


async def link_code_to_token(url: str, code: str) -> str:
    """What the page does first."""
    async with httpx.AsyncClient(trust_env=False) as client:
        reply = await client.post(f"{url}/link", json={"code": code}, headers={"origin": url})
        return str(reply.raise_for_status().json()["token"])


async def ask(socket: ClientConnection, question: dict[str, Any], hear: Hear) -> float:
    """Ask, let `hear` have each message and the time it was read at; gives the seconds to the first word."""
    began, first = time.monotonic(), 0.0
    await socket.send(
        json.dumps(question | {"event_id": f"q{next(_numbers)}"})
    )  # the same one would be the same question
    async for text in socket:
        now = time.monotonic()
        message = json.loads(text)
        hear(message, now)
        if message["type"] == DELTA and not first:
            first = now
        elif message["type"] == "error":
            raise RuntimeError(f"the question was refused: {message}")
        elif message["type"] in TERMINAL:
            return first - began
    raise RuntimeError("the socket was closed in the middle of an answer")
