"""Host client, session and front put together for tests, and a page that talks to them."""

import asyncio
import hashlib
import io
import json
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from PIL import Image
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from bridge.client import HostClient, Locate, fixed
from bridge.client.tls import trusted
from bridge.front import Front
from bridge.session import PhoneInfo, Session
from bridge.spool import Capture, Spool
from tests.support.host import RunningHost

__all__ = ["JPEG", "PHONE", "PROMPT", "SHA256", "Bench", "Page", "bench", "jpeg", "take_picture"]

PHONE = PhoneInfo("VP0001", "dev_0123456789abcdef", "Pixel 9")
PROMPT = "hello from the camera"
DEADLINE_S = 20.0


def jpeg(colour: str = "red") -> bytes:
    """A small picture."""
    out = io.BytesIO()
    Image.new("RGB", (32, 32), colour).save(out, "JPEG")
    return out.getvalue()


JPEG = jpeg()
SHA256 = hashlib.sha256(JPEG).hexdigest()


class Bench:
    """A session with its spool, and everything its observer heard."""

    def __init__(self, spool: Spool, client: HostClient, *, backlog: bool) -> None:
        self.spool = spool
        self.client = client
        self.events: list[dict[str, Any]] = []
        self._heard = asyncio.Event()
        self.session = Session(PHONE, spool, client, prompt=PROMPT, on_event=self._hear, backlog=backlog)

    def _hear(self, event: dict[str, Any]) -> None:
        self.events.append(event)
        self._heard.set()

    async def until(self, kind: str, count: int = 1, **wanted: Any) -> dict[str, Any]:
        """Wait for the `count`-th event of this kind with these fields."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                self._heard.clear()
                found = [event for event in self.events if event["event"] == kind and wanted.items() <= event.items()]
                if len(found) >= count:
                    return found[count - 1]
                await self._heard.wait()

    def take(self, name: str = "a.jpg", data: bytes = JPEG) -> Capture:
        """A picture of the camera, in the spool."""
        return take_picture(self.spool, name, data)


def take_picture(spool: Spool, name: str = "a.jpg", data: bytes = JPEG) -> Capture:
    """A picture of the camera, in this spool."""
    temp = spool.incoming()
    temp.write_bytes(data)
    return spool.commit(
        temp,
        device_id=PHONE.device_id,
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
        source="camera",
        name=name,
        mtime=0,
        media_type="image/jpeg",
        taken_at=time.time(),
        timings_ms={"pull": 1.0},
    )


@asynccontextmanager
async def bench(host: RunningHost | Locate, folder: Path, *, backlog: bool = True) -> AsyncGenerator[Bench]:
    """A running session, asking this host."""
    locate = fixed(host.url, host.token) if isinstance(host, RunningHost) else host
    with Spool(folder / "spool") as spool:
        async with HostClient(locate) as client:
            made = Bench(spool, client, backlog=backlog)
            async with asyncio.TaskGroup() as group:
                work = group.create_task(made.session.run())
                try:
                    yield made
                finally:
                    work.cancel()


class Page:
    """What a browser does: link, look, ask. `host` is what it believes the server is called."""

    def __init__(self, front: Front) -> None:
        self.front = front
        self.host = f"localhost:{front.port}"
        self.token = ""

    async def link(self, code: str | None = None) -> httpx.Response:
        """Exchange a code for a token."""
        answer = await self.http("POST", "/link", json={"code": code or self.front.new_link_code()}, token="")
        if answer.is_success:
            self.token = answer.json()["token"]
        return answer

    async def http(self, method: str, path: str, *, token: str | None = None, **options: Any) -> httpx.Response:
        """One request, with our token unless another is given."""
        token = self.token if token is None else token
        headers = {"host": self.host, **options.pop("headers", {})}
        if token:
            headers["authorization"] = f"Bearer {token}"
        url = self.front.url
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=DEADLINE_S, verify=trusted(url)) as client:
            return await client.request(method, path, headers=headers, **options)

    def socket(self, token: str | None = None, *, origin: str | None = None, **options: Any) -> Any:
        """The page's WebSocket, to be used as an async context."""
        token = self.token if token is None else token
        return connect(
            f"ws://127.0.0.1:{self.front.port}/v1/responses",
            subprotocols=[Subprotocol("bridge.v1"), Subprotocol(f"bridge.bearer.{token}")] if token else None,
            origin=Origin(origin or f"http://127.0.0.1:{self.front.port}"),
            proxy=None,
            compression=None,
            **options,
        )


async def receive(socket: ClientConnection, kind: str, **wanted: Any) -> list[dict[str, Any]]:
    """Everything up to the first event of this type with these fields."""
    seen: list[dict[str, Any]] = []
    async with asyncio.timeout(DEADLINE_S):
        while True:
            event = json.loads(await socket.recv())
            seen.append(event)
            if event["type"] == kind and wanted.items() <= event.items():
                return seen
