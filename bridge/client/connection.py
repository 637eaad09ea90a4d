"""`HostClient`: keeps one WebSocket to the host alive and lets many questions share it."""

import asyncio
import json
import random
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.typing import Subprotocol

from bridge.client.background import Background
from bridge.client.http import HostHttp
from bridge.client.lane import Lane
from bridge.client.state import HostState, Locate, is_loopback, refusal, token_refused
from bridge.errors import BridgeError, HostUnavailable, TokenRefused
from host_server.wire.codec import decode
from host_server.wire.errors import WireError

__all__ = ["HostClient"]

_RETRY_FIRST_S, _RETRY_LONGEST_S = 0.1, 2.0
_STEADY_S = 2.0  # a connection that lived so long was a good one: the next attempt is a quick one again
_CONNECT_S = 4.0
_LOCATE_S = 60.0  # a host that has to be started first takes its time
_SEND_S = 10.0
_PING_S = 10.0
_MAX_MESSAGE = 8 * 1024 * 1024
_MAX_AT_ONCE = 16  # the host's limit a connection
_TOKEN_REFUSED = 4401
_HINT = "start a host with `bridge serve`, or see `bridge status`"


class _Asking:
    """A lane and the call that waits for it. `connection` is the one on which the question was sent."""

    def __init__(self, name: str, connection: int) -> None:
        self.lane = Lane(name)
        self.connection = connection
        self.news = asyncio.Event()
        self.heard_at = time.monotonic()


class HostClient:
    """Use as an async context. `resume_for`: seconds for which an interrupted answer waits for its host."""

    def __init__(self, locate: Locate, *, resume_for: float = 20.0, silent_for: float = 300.0) -> None:
        self._locate = locate
        self._resume_for = resume_for
        self._silent_for = silent_for
        self._background = Background()
        self._socket: ClientConnection | None = None
        self._connections = 0
        self._away_since = time.monotonic()
        self._asking: dict[str, _Asking] = {}
        self._names = (f"q{number}" for number in count(1))
        self._slots = asyncio.Semaphore(_MAX_AT_ONCE)
        self._listeners: list[Callable[[HostState], None]] = []
        self._changed = asyncio.Event()
        self.http = HostHttp()
        self.state = HostState(up=False, error=HostUnavailable("not connected yet", hint=_HINT))

    async def __aenter__(self) -> Self:
        await self.http.__aenter__()
        await self._background.begin()
        self._background.start(self._keep())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._background.end()
        finally:
            await self.http.__aexit__(None, None, None)

    # ---------------------------------------------------------------------------------------- state

    def listen(self, listener: Callable[[HostState], None]) -> Callable[[], None]:
        """Call `listener` now and whenever the host comes or goes; gives the way to end that."""
        self._listeners.append(listener)
        listener(self.state)
        return lambda: self._listeners.remove(listener)

    async def connected(self, deadline: float = 5.0) -> HostState:
        """Wait until the host answers. Raises `TokenRefused` at once, `HostUnavailable` when the time is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(deadline):
                while not self.state.up and not isinstance(self.state.error, TokenRefused):
                    await self._changed.wait()
        if not self.state.up:
            raise self.state.error or HostUnavailable("no host answers", hint=_HINT)
        return self.state

    # ---------------------------------------------------------------------------------------- questions

    def ask(self, create: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any]]:
        """Ask, and give each event of the answer up to the terminal one, whatever happens to the connection.

        Raises `HostUnavailable` while nobody has accepted the question, `QuestionRefused` or `TokenRefused` when the
        host refuses it. Ending the iteration early does not cancel the answer; `cancel` does.
        """
        return self._answer(lambda lane: {**create, "type": "response.create", "stream_id": lane})

    def resume(self, response_id: str) -> AsyncGenerator[dict[str, Any]]:
        """Give each event of an answer that another bridge asked for, from the first one on; otherwise like `ask`.

        Raises `QuestionRefused` when the host does not know it (any more).
        """

        def again(lane: str) -> dict[str, Any]:
            point = {"id": response_id, "starting_after": -1, "stream_id": lane}
            return {"type": "bridge:resume", "responses": [point]}

        return self._answer(again)

    async def _answer(self, message: Callable[[str], dict[str, Any]]) -> AsyncGenerator[dict[str, Any]]:
        await self._slots.acquire()
        asking = _Asking(next(self._names), self._connections)
        lane = asking.lane
        self._asking[lane.name] = asking
        try:
            await self._send(message(lane.name))
            cursor = -1
            while lane.log.terminal is None or cursor < lane.log.last:
                news = lane.log.since(cursor)
                cursor = lane.log.last
                for event in news:
                    yield event
                if not news:
                    await self._more(asking)
        finally:
            del self._asking[lane.name]
            self._slots.release()

    async def cancel(self, response_id: str) -> None:
        """Stop an answer; its terminal event comes through `ask`. Without a connection it is said on the next one."""
        for asking in self._asking.values():
            if asking.lane.response_id == response_id:
                asking.lane.cancelled = True
        with suppress(HostUnavailable):
            await self._send({"type": "response.cancel", "response_id": response_id})

    async def upload(self, sha256: str, path: Path) -> None:
        """Let the host have a picture; see `HostHttp.upload`."""
        await self.http.upload(sha256, path)

    async def models(self) -> list[dict[str, Any]]:
        """What the host's `/v1/models` lists."""
        return list((await self.http.get("/v1/models"))["data"])

    async def _more(self, asking: _Asking) -> None:
        """Wait for news of a lane; the patience depends on whether the host is there."""
        asking.news.clear()
        lane = asking.lane
        if lane.error is not None:
            raise refusal(lane.error, status=lane.error.get("status") or 400)
        if lane.response_id is None and asking.connection != self._connections:
            raise HostUnavailable("the host went away", hint=_HINT)
        until = asking.heard_at + self._silent_for if self.state.up else self._away_since + self._resume_for
        try:
            async with asyncio.timeout(max(0.0, until - time.monotonic())):
                await asking.news.wait()
        except TimeoutError:
            if not lane.running:
                raise HostUnavailable("the host does not answer the question", hint=_HINT) from None
            lane.lose("engine_unavailable")

    # ---------------------------------------------------------------------------------------- connection

    async def _keep(self) -> None:
        pause = _RETRY_FIRST_S
        while True:
            began = time.monotonic()
            try:
                async with self._connection() as (socket, url, models):
                    await self._came(socket, url, models)
                    await self._read(socket)
                error: BridgeError = HostUnavailable("the host closed the connection", hint=_HINT)
            except BridgeError as refused:
                error = refused
            except ConnectionClosed as closed:
                error = _closed(closed)
            except (OSError, TimeoutError, WebSocketException) as fault:
                where, reason = self.http.address[0] if self.http.address else "its address", _reason(fault)
                error = HostUnavailable(f"the host does not answer at {where}: {reason}", hint=_HINT)
            self._went(error)
            if time.monotonic() - began > _STEADY_S:
                pause = _RETRY_FIRST_S
            await asyncio.sleep(random.uniform(pause / 2, pause))  # ruff: ignore[suspicious-non-cryptographic-random-usage]
            pause = min(2 * pause, _RETRY_LONGEST_S)

    @asynccontextmanager
    async def _connection(self) -> AsyncGenerator[tuple[ClientConnection, str, tuple[str, ...]]]:
        async with asyncio.timeout(_LOCATE_S):
            url, token = await self._locate()
        url = url.rstrip("/")
        self.http.address = (url, token)
        opening = connect(
            f"ws{url.removeprefix('http')}/v1/responses",
            subprotocols=[Subprotocol("bridge.v1")],
            additional_headers={"Authorization": f"Bearer {token}"},
            proxy=None if is_loopback(url) else True,
            compression=None,
            max_size=_MAX_MESSAGE,
            open_timeout=_CONNECT_S,
            ping_interval=_PING_S,
            ping_timeout=_PING_S,
            close_timeout=1.0,
        )
        try:
            async with opening as socket:
                async with asyncio.timeout(_CONNECT_S):
                    ready = _decoded(await socket.recv())
                if ready.get("type") != "bridge:session.ready":
                    raise HostUnavailable(f"{url} is no lensbridge host", hint=_HINT)
                models = ready.get("models")
                yield socket, url, tuple(str(name) for name in models) if isinstance(models, list) else ()
        except InvalidStatus as refused:
            if refused.response.status_code in {401, 403}:
                raise token_refused() from None
            raise HostUnavailable(f"{url} answers {refused.response.status_code}", hint=_HINT) from None

    async def _came(self, socket: ClientConnection, url: str, models: tuple[str, ...]) -> None:
        """Go on with what was interrupted, then tell everybody."""
        self._socket = socket
        running = [asking.lane for asking in self._asking.values() if asking.lane.running]
        if running:
            points = [lane.resume_point() for lane in running]
            await self._send({"type": "bridge:resume", "responses": points})
        for lane in running:
            if lane.cancelled:
                await self._send({"type": "response.cancel", "response_id": lane.response_id})
        self._turn_to(HostState(up=True, url=url, models=models))

    def _went(self, error: BridgeError) -> None:
        self._socket = None
        if self.state.up:
            self._connections += 1
            self._away_since = time.monotonic()
        self._turn_to(HostState(up=False, error=error))

    def _turn_to(self, state: HostState) -> None:
        known, self.state = self.state, state
        if not known.up and not state.up and type(known.error) is type(state.error):
            return
        self._changed.set()
        self._changed = asyncio.Event()
        for listener in list(self._listeners):
            listener(state)
        for asking in self._asking.values():
            asking.news.set()

    async def _read(self, socket: ClientConnection) -> None:
        async for frame in socket:
            event = _decoded(frame)
            asking = self._asking.get(str(event.get("stream_id"))) or self._by_answer(event.get("response_id"))
            if asking is not None:
                asking.lane.take(event)
                asking.heard_at = time.monotonic()
                asking.news.set()

    def _by_answer(self, response_id: Any) -> _Asking | None:
        return next((one for one in self._asking.values() if one.lane.response_id == response_id is not None), None)

    async def _send(self, message: Mapping[str, Any]) -> None:
        socket = self._socket
        if socket is None:
            raise self.state.error or HostUnavailable("no host answers", hint=_HINT)
        try:
            async with asyncio.timeout(_SEND_S):
                await socket.send(json.dumps(message, ensure_ascii=False))
        except (ConnectionClosed, TimeoutError) as error:
            raise HostUnavailable("the host went away", hint=_HINT) from error


def _closed(closed: ConnectionClosed) -> BridgeError:
    if closed.rcvd is not None and closed.rcvd.code == _TOKEN_REFUSED:
        return token_refused()
    return HostUnavailable("the connection to the host broke", hint=_HINT)


def _decoded(frame: str | bytes) -> dict[str, Any]:
    """One event; whatever is none is an empty one."""
    try:
        event = decode(frame)
    except WireError:
        return {}
    return event if isinstance(event, dict) else {}


def _reason(fault: Exception) -> str:
    """A fault of the network in words: the system's own without its numbers and addresses."""
    if isinstance(fault, TimeoutError):
        return "no time left"
    if isinstance(fault, ConnectionRefusedError):
        return "nobody listens there"
    return getattr(fault, "strerror", None) or str(fault) or type(fault).__name__
