"""A worker: the control. A bare `websockets` server that sends the same JSON messages and does nothing else.

usage: python -m tools.bench.bare
"""

import asyncio
import json
from typing import Any

from websockets.asyncio.server import ServerConnection, serve

from tools.bench.steps import Steps
from tools.bench.workers import serve_verbs

__all__: list[str] = []


class Control:
    """Answers each message with the same events; with a rate, each delta is the time of its step."""

    def __init__(self) -> None:
        self._events: list[dict[str, Any]] = []
        self._steps: Steps | None = None

    async def use(self, events: list[dict[str, Any]], rate: float) -> dict[str, Any]:
        """The events to send from now on, and how many deltas a second (0: at once)."""
        self._events, self._steps = events, Steps(rate) if rate else None
        return {}

    async def talk(self, socket: ServerConnection) -> None:
        """One client."""
        async for text in socket:
            asked = json.loads(text)
            await self._answer(socket, asked["event_id"])

    async def _answer(self, socket: ServerConnection, event_id: str) -> None:
        for event in self._events:
            message = event | {"event_id": event_id}
            if self._steps and event["type"] == "response.output_text.delta":
                message["delta"] = f"{await self._steps.next():.6f} "
            await socket.send(json.dumps(message, ensure_ascii=False, separators=(",", ":")))


async def main() -> None:
    """Serve until stdin ends."""
    control = Control()
    async with serve(control.talk, "127.0.0.1", 0, compression=None) as server:
        port = server.sockets[0].getsockname()[1]
        await serve_verbs({"url": f"ws://127.0.0.1:{port}"}, use=control.use)


if __name__ == "__main__":
    asyncio.run(main())
