"""A small OpenAI-compatible server on a real port. It says each question back, or what the test tells it."""

import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from host_server.engines.pieces import pieces
from tests.support.serving import serving

__all__ = ["Answering", "Asked", "OpenAIServer", "Reply", "chunk", "event", "said"]


@dataclass(frozen=True, slots=True)
class Asked:
    """One question as it came."""

    headers: Mapping[str, str]
    body: dict[str, Any]

    @property
    def text(self) -> str:
        """The words of the last message."""
        content = self.body["messages"][-1]["content"]
        return content if isinstance(content, str) else " ".join(part["text"] for part in content if "text" in part)

    @property
    def pictures(self) -> list[dict[str, Any]]:
        """All picture parts."""
        contents = [message["content"] for message in self.body["messages"] if isinstance(message["content"], list)]
        return [part for content in contents for part in content if part["type"] == "image_url"]


@dataclass(frozen=True, slots=True)
class Reply:
    """What is sent back: after `parts` the connection ends, in order or (`breaks`) not."""

    parts: list[bytes]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "text/event-stream"})
    hangs: bool = False
    breaks: bool = False


Answering: TypeAlias = Callable[[Asked], Reply]


def event(value: object) -> bytes:
    """One server-sent event."""
    return b"data: " + (value if isinstance(value, bytes) else json.dumps(value).encode()) + b"\n\n"


def chunk(delta: Mapping[str, Any] | None = None, *, finish: str | None = None, **more: Any) -> bytes:
    """One `chat.completion.chunk`."""
    choices = [{"index": 0, "delta": delta or {}, "finish_reason": finish}]
    return event({"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "m", "choices": choices} | more)


def said(asked: Asked) -> Reply:
    """The question said back word by word, within the limit, with usage."""
    limit = asked.body.get("max_tokens") or asked.body.get("max_completion_tokens")
    words = list(pieces((asked.text.strip() or "(an empty question)") + " [picture]" * len(asked.pictures), limit))
    cut = bool(words) and words[-1].cut
    parts = [chunk({"role": "assistant", "content": ""}), *(chunk({"content": word.text}) for word in words)]
    usage = {"prompt_tokens": 9, "completion_tokens": len(words), "prompt_tokens_details": {"cached_tokens": 4}}
    parts += [chunk(finish="length" if cut else "stop"), event({"choices": [], "usage": usage}), event(b"[DONE]")]
    return Reply(parts)


class OpenAIServer:
    """Its `url` has no `/v1`. `asked` keeps the questions; `answer` may be replaced at any time."""

    def __init__(self, *, key: str = "", models: tuple[str, ...] = ("m",)) -> None:
        self.url = ""
        self.key = key
        self.models = models
        self.asked: list[Asked] = []
        self.left = 0
        """How many answers were left before their end."""
        self.answer: Answering = said
        self.heard: Callable[[Scope], object] = lambda scope: None
        """Told of each request."""

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rpartition(":")[2])

    @asynccontextmanager
    async def serving(self, where: str = "127.0.0.1") -> AsyncGenerator["OpenAIServer"]:
        """Listen on a free port until the block ends."""
        async with serving(self, where) as url:
            self.url = url
            yield self

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.heard(scope)
        request = Request(scope, receive)
        app = await self._answered(request)
        await app(scope, receive, send)

    async def _answered(self, request: Request) -> ASGIApp:
        if self.key and request.headers.get("authorization") != f"Bearer {self.key}":
            return JSONResponse({"error": {"message": f"Incorrect API key provided: {self.key}"}}, 401)
        match request.method, request.url.path:
            case "GET", "/v1/models":
                return JSONResponse({"data": [{"id": name} for name in self.models]})
            case "POST", "/v1/chat/completions":
                asked = Asked(dict(request.headers), await request.json())
                self.asked.append(asked)
                return self._speaking(self.answer(asked))
        return JSONResponse({"detail": "Not Found"}, 404)

    def _speaking(self, reply: Reply) -> ASGIApp:
        async def speak(scope: Scope, receive: Receive, send: Send) -> None:
            headers = [(name.encode(), value.encode()) for name, value in reply.headers.items()]
            await send({"type": "http.response.start", "status": reply.status, "headers": headers})
            for part in reply.parts:
                await send({"type": "http.response.body", "body": part, "more_body": True})
            if reply.hangs:
                while (await receive())["type"] != "http.disconnect":
                    continue
                self.left += 1
                return
            if reply.breaks:
                raise ConnectionError
            await send({"type": "http.response.body", "body": b""})

        return speak
