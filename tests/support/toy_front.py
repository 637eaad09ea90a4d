"""A front that says what a test tells it to: the page's protocol over a real socket, every answer written by hand.

The real front decides by itself what to send; states of the page that are rare there (a queue, a lost answer, hostile
text, a cut after the third word) are called by name here. Answers come from the host's own writer and log, so they are
shaped as the wire is.
"""

import asyncio
import hashlib
import secrets
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from host_server.wire.errors import WireError
from host_server.wire.events import AnswerWriter, QueueReason
from host_server.wire.log import AnswerLog
from host_server.wire.response import metrics, new_response, usage

__all__ = ["APP", "ToyAnswer", "ToyFront"]

APP = Path(__file__).parents[2] / "device_scripts" / "app"
_CLOSE = "toy:close"  # told to the writer of a socket, not to the page
CSP = "default-src 'self'; img-src 'self' blob: data:; connect-src 'self'; frame-ancestors 'none'"


class ToyAnswer:
    """One answer, written step by step by the test."""

    def __init__(self, front: "ToyFront", question: dict[str, Any]) -> None:
        self.id: str = question["response_id"]
        self.question = question
        self.log = AnswerLog()
        self._front = front
        self._writer = AnswerWriter(
            new_response(response_id=self.id, created_at=1790000000, model="ocr"), item_id="msg_1"
        )

    def queue(self, position: int, *, reason: QueueReason = "busy") -> None:
        """Stand in a queue."""
        self._add(self._writer.created(queued=True) + self._writer.queued(position=position, reason=reason))

    def start(self) -> None:
        """Begin to read the picture."""
        events = [] if self.log.last >= 0 else self._writer.created()
        self._add(events + self._writer.started())

    def think(self, text: str) -> None:
        """One more thought."""
        self._add(self._writer.reasoning(text))

    def decline(self) -> None:
        """A polite word has been written in the answer's place."""
        numbers = metrics(
            queue_time_ms=1, preprocess_ms=0, time_to_first_token_ms=None, generation_time_ms=0, output_tokens=0
        )
        self._add(self._writer.declined(retry_after_ms=2000, metrics=numbers, degraded=("stock_text",)))

    def write(self, text: str) -> None:
        """One more piece."""
        self._add(self._writer.delta(text))

    def finish(self, *, how: str = "completed", reason: str = "engine_restarted", message: str = "It broke.") -> None:
        """End: completed, cut, stopped or failed."""
        numbers = metrics(
            queue_time_ms=1, preprocess_ms=40, time_to_first_token_ms=420, generation_time_ms=900, output_tokens=30
        )
        cost = usage(input_tokens=300, output_tokens=30)
        if how == "completed":
            self._add(self._writer.completed(completed_at=1790000001, usage=cost, metrics=numbers))
        elif how == "cut":
            self._add(self._writer.cut("max_output_tokens", usage=cost, metrics=numbers))
        elif how == "stopped":
            self._add(self._writer.cancelled("client", usage=cost, metrics=numbers))
        else:
            self._add(self._writer.failed(WireError(reason, message)))

    def _add(self, events: list[dict[str, Any]]) -> None:
        for event in events:
            self.log.append(event)
            self._front.tell(event)


class ToyFront:
    """Serves the page at `url`; keeps what the page said in `said`."""

    def __init__(self, app: Path = APP) -> None:
        self._app = app
        self._group: asyncio.TaskGroup
        self._server: uvicorn.Server
        self._serving: asyncio.Task[None]
        self._pages: dict[WebSocket, asyncio.Queue[dict[str, Any]]] = {}
        self._codes: set[str] = set()
        self.tokens: set[str] = set()
        self.captures: dict[str, bytes] = {}
        self.answers: dict[str, ToyAnswer] = {}
        self.said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.uploads = 0
        self.watching = True
        self.port = 0

    # ------------------------------------------------------------------ what a test does

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://localhost:{self.port}/"

    def link(self) -> str:
        """The page's address with a fresh code."""
        code = secrets.token_urlsafe(16)
        self._codes.add(code)
        return f"{self.url}#c={code}"

    def capture(self, data: bytes, name: str = "IMG_0001.jpg", state: str = "uploaded") -> dict[str, Any]:
        """A picture of the camera folder has come in."""
        sha256 = hashlib.sha256(data).hexdigest()
        self.captures[sha256] = data
        capture_id = f"cap_{secrets.token_hex(8)}"
        event = {"capture_id": capture_id, "sha256": sha256, "source": "camera", "size": len(data), "name": name}
        self.tell({"type": "bridge:capture", **event, "state": state})
        return event

    def question(self, text: str, capture: dict[str, Any] | None = None, **fields: Any) -> ToyAnswer:
        """A question was accepted."""
        about = {"capture_id": capture["capture_id"], "sha256": capture["sha256"]} if capture else {}
        name = f"resp_{secrets.token_hex(6)}"
        head = {"type": "bridge:question", "sequence_number": 0, "response_id": name, "text": text, "model": "ocr"}
        answer = ToyAnswer(self, {**head, "asked_by": "camera", **about, **fields})
        self.answers[name] = answer
        self.tell(answer.question)
        return answer

    async def asked(self) -> dict[str, Any]:
        """The next question of the page."""
        return await self.heard("response.create")

    async def heard(self, kind: str) -> dict[str, Any]:
        """The next message of this kind; earlier ones of other kinds are skipped."""
        async with asyncio.timeout(5):
            while True:
                message = await self.said.get()
                if message.get("type") == kind:
                    return message

    def tell(self, event: dict[str, Any]) -> None:
        """Send to every page."""
        for outbox in self._pages.values():
            outbox.put_nowait(event)

    def cut(self, code: int = 1012) -> None:
        """Close every socket."""
        for outbox in self._pages.values():
            outbox.put_nowait({"type": _CLOSE, "code": code})

    @asynccontextmanager
    async def running(self) -> AsyncGenerator["ToyFront"]:
        """Started and stopped around a test."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            self.start()
            try:
                yield self
            finally:
                await self.stop()

    def start(self) -> None:
        """Listen; the second time on the same port, as a laptop does that is back."""
        listener = socket.create_server(("127.0.0.1", self.port))
        self.port = listener.getsockname()[1]
        config = uvicorn.Config(self._asgi(), log_level="error", lifespan="off", ws="websockets-sansio")
        self._server = uvicorn.Server(config)
        self._serving = self._group.create_task(self._server.serve([listener]))

    async def stop(self) -> None:
        """Go away, as a laptop does whose lid is closed."""
        self._server.should_exit = self._server.force_exit = True
        await asyncio.wait([self._serving], timeout=5)

    # ------------------------------------------------------------------ what the page meets

    def _asgi(self) -> ASGIApp:
        routes = [
            Route("/link", self._link, methods=["POST"]),
            Route("/healthz", _healthz),
            Route("/v1/captures/{sha256}", self._picture, methods=["GET", "PUT", "DELETE"]),
            WebSocketRoute("/v1/responses", self._page),
            Mount("/", StaticFiles(directory=self._app, html=True)),
        ]
        return _with_csp(Starlette(routes=routes))

    async def _link(self, request: Request) -> Response:
        code = (await request.json())["code"]
        if code not in self._codes:
            return JSONResponse({"error": {"code": "invalid_token", "message": "no"}}, 401)
        self._codes.remove(code)
        token = secrets.token_urlsafe(24)
        self.tokens.add(token)
        return JSONResponse({"token": token, "expires_at": 4e9, "device": {"serial": "VP0001", "model": "Pixel 7"}})

    async def _picture(self, request: Request) -> Response:
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return JSONResponse({"error": {"code": "invalid_token", "message": "no"}}, 401)
        sha256 = request.path_params["sha256"]
        if request.method == "PUT":
            self.uploads += 1
            self.captures[sha256] = await request.body()
            return JSONResponse({"capture_id": f"cap_{secrets.token_hex(8)}"}, 201)
        if sha256 not in self.captures:
            return JSONResponse({"error": {"code": "capture_not_found", "message": "no"}}, 404)
        if request.method == "DELETE":
            del self.captures[sha256]
            return JSONResponse({"deleted": True})
        return Response(self.captures[sha256], media_type="image/jpeg")

    async def _page(self, page: WebSocket) -> None:
        await page.accept("bridge.v1")
        if page.scope["subprotocols"][1].removeprefix("bridge.bearer.") not in self.tokens:
            await page.close(4401)
            return
        outbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        outbox.put_nowait(self._ready())
        try:
            async with asyncio.TaskGroup() as group:
                writer = group.create_task(_write(page, outbox))
                await self._read(page, outbox)
                writer.cancel()
        finally:
            self._pages.pop(page, None)

    def _ready(self) -> dict[str, Any]:
        device = {"serial": "VP0001", "model": "Pixel 7"}
        head = {"type": "bridge:session.ready", "sequence_number": 0, "protocol": 1, "device": device, "model": "ocr"}
        return {**head, "prompt": "Read it.", "watching": self.watching, "answers": list(self.answers)}

    async def _read(self, page: WebSocket, outbox: asyncio.Queue[dict[str, Any]]) -> None:
        while True:
            try:
                message = await page.receive_json()
            except WebSocketDisconnect:
                return
            self.said.put_nowait(message)
            if message["type"] == "bridge:hello":
                for point in message["resume"]:
                    self._replay(outbox, point)
                self._pages[page] = outbox  # from here on it hears what happens

    def _replay(self, outbox: asyncio.Queue[dict[str, Any]], point: dict[str, Any]) -> None:
        answer = self.answers[point["id"]]
        if point["starting_after"] < 0:
            outbox.put_nowait(answer.question)
        for event in answer.log.since(point["starting_after"]):
            outbox.put_nowait(event)


async def _write(page: WebSocket, outbox: asyncio.Queue[dict[str, Any]]) -> None:
    while (event := await outbox.get())["type"] != _CLOSE:
        try:
            await page.send_json(event)
        except (RuntimeError, WebSocketDisconnect):
            return  # the page went while this was being sent
    await page.close(event["code"])


def _healthz(request: Request) -> Response:
    return JSONResponse({"ok": True})


def _with_csp(app: ASGIApp) -> ASGIApp:
    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def add(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"content-security-policy", CSP.encode())]
            await send(message)

        await app(scope, receive, add)

    return wrapped
