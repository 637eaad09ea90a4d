"""The page of the phone, played by a program: what the browser on a real phone does, without a browser.

It is handed the URL that `am start` opened, exchanges the code in the fragment for a token and listens on the socket,
all through the phone's own port, so that the tunnel, the front and the link are the real ones.
"""

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from host_server.wire.events import is_terminal

__all__ = ["PageClient"]

RETRY_S = 0.25
CALL_DEADLINE_S = 10.0


class PageClient:
    """One page. `open` is the virtual phone's `on_open_url`; it returns when the phone's task is cancelled."""

    def __init__(self, loopback: str, on_message: Callable[[dict[str, Any]], None]) -> None:
        self._loopback = loopback
        self._on_message = on_message
        self.linked = asyncio.Event()
        self._socket: ClientConnection | None = None
        self._cursors: dict[str, int] = {}
        self._tab: asyncio.Task[None] | None = None

    async def open(self, url: str) -> None:
        """Link with the code in `url` and stay connected; a cut socket is opened again and the answers resumed.

        As in a browser there is one tab: a URL that is opened later takes it over.
        """
        before, self._tab = self._tab, asyncio.current_task()
        if before is not None:
            before.cancel()
        parts = urlsplit(url)
        base = f"{self._loopback}:{parts.port}"
        token = await _link(base, parse_qs(parts.fragment)["c"][0])
        while True:
            with contextlib.suppress(OSError, WebSocketException, TimeoutError):
                async with connect(
                    f"ws://{base}/v1/responses",
                    subprotocols=[Subprotocol("bridge.v1"), Subprotocol(f"bridge.bearer.{token}")],
                    origin=f"http://{base}",  # type: ignore[arg-type]  # websockets' Origin is a NewType of str
                    proxy=None,
                    compression=None,
                    open_timeout=CALL_DEADLINE_S,
                ) as socket:
                    await self._listen(socket)
            self.linked.clear()
            await asyncio.sleep(RETRY_S)

    async def say(self, **message: Any) -> None:
        """Send one message, as a tap does; only while `linked` is set."""
        assert self._socket is not None  # ruff: ignore[assert]  # linked is set
        await self._socket.send(json.dumps(message))

    async def _listen(self, socket: ClientConnection) -> None:
        self._socket = socket
        resume = [{"id": answer, "starting_after": number} for answer, number in self._cursors.items()]
        await socket.send(json.dumps({"type": "bridge:hello", "protocol": 1, "resume": resume}))
        async for text in socket:
            message = json.loads(text)
            if message["type"] == "bridge:session.ready":
                self.linked.set()
            if "response_id" in message and message["type"].startswith("response."):
                self._cursors[message["response_id"]] = message["sequence_number"]
                if is_terminal(message):
                    del self._cursors[message["response_id"]]
            self._on_message(message)


async def _link(base: str, code: str) -> str:
    async with httpx.AsyncClient(trust_env=False, timeout=CALL_DEADLINE_S) as client:
        reply = await client.post(f"http://{base}/link", json={"code": code}, headers={"origin": f"http://{base}"})
        reply.raise_for_status()
        token: str = reply.json()["token"]
        return token
