"""A connection cut at any byte, again and again: who comes back has the same text, and one end."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage

from host_server.wire.events import is_terminal
from tests.support.history import assert_clean, said
from tests.support.host_in_loop import Serving, serving
from tests.support.relay import Relay
from tests.support.theatre_engine import TheatreEngine

pytestmark = pytest.mark.soak

Json = dict[str, Any]
ROUNDS = int(os.environ.get("SOAK", "3"))
PIECES = st.lists(st.text(min_size=1, max_size=12), max_size=12)
# A handshake has some 200 bytes, an event of text as many, one with the whole answer 1000 or more.
CUTS = st.lists(st.one_of(st.integers(0, 400), st.integers(0, 6000)), max_size=6)


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Serving]:
    """With a stage for each question."""
    async with serving(tmp_path, TheatreEngine(lanes=16), within_s=60.0 * ROUNDS) as running:
        yield running


class _Asker:
    """Asks one question over a wire that breaks, until the end of its answer is here."""

    def __init__(self, relay: Relay, client: httpx.AsyncClient, stage: str) -> None:
        self._relay = relay
        self._client = client
        self._question = {"input": stage, "metadata": {"idempotency_key": stage}}
        self.events: list[Json] = []

    async def by_socket(self) -> None:
        """`bridge:resume`; the same question with the same key while not even its name has come."""
        while not self._ended():
            with suppress(ConnectionClosed, InvalidHandshake, InvalidMessage, OSError, EOFError):
                address = self._relay.url.replace("http", "ws", 1) + "/v1/responses"
                headers = {"authorization": self._client.headers["authorization"]}
                async with connect(address, additional_headers=headers, proxy=None, close_timeout=0.2) as socket:
                    await socket.send(json.dumps(self._resume() or {"type": "response.create", **self._question}))
                    while not self._ended():
                        self.events.append(json.loads(await socket.recv()))

    async def by_stream(self) -> None:
        """`starting_after` on SSE."""
        while not self._ended():
            with suppress(httpx.TransportError):
                await self._read()

    async def _read(self) -> None:
        async with self._stream() as answer:
            async for line in answer.aiter_lines():
                if line.startswith("data: {"):
                    self.events.append(json.loads(line.removeprefix("data: ")))

    def _stream(self) -> Any:
        address = f"{self._relay.url}/v1/responses"
        if not self.events:
            return self._client.stream("POST", address, json=self._question | {"stream": True})
        after = self.events[-1]["sequence_number"]
        name = self.events[0]["response_id"]
        return self._client.stream("GET", f"{address}/{name}?stream=true&starting_after={after}")

    def _resume(self) -> Json | None:
        if not self.events:
            return None
        point = {"id": self.events[0]["response_id"], "starting_after": self.events[-1]["sequence_number"]}
        return {"type": "bridge:resume", "responses": [point]}

    def _ended(self) -> bool:
        return bool(self.events) and is_terminal(self.events[-1])


_Way = Callable[[_Asker], Coroutine[Any, Any, None]]


async def _play(host: Serving, client: httpx.AsyncClient, pieces: list[str], cuts: list[int], way: _Way) -> None:
    engine: Any = host.service.engines.engines[0]
    stage = uuid4().hex
    async with Relay(int(host.url.rpartition(":")[2])) as relay, asyncio.timeout(20), asyncio.TaskGroup() as group:
        relay.budgets.extend(cuts)
        asker = _Asker(relay, client, stage)
        asking = group.create_task(way(asker))
        for piece in pieces:
            engine.say(stage, piece)
            await asyncio.sleep(0)  # let it be sent, so that events come one by one too
        engine.finish(stage)
        await asyncio.wait([asking])

    assert_clean(asker.events)
    assert said(asker.events[-1]["response"]) == "".join(pieces)


@pytest.mark.parametrize("way", [_Asker.by_socket, _Asker.by_stream])
async def test_whoever_comes_back_has_the_same_text_and_one_end(host: Serving, way: _Way) -> None:
    loop = asyncio.get_running_loop()

    @given(PIECES, CUTS)
    @example(["a\u2028b", "\x85", "\u2029"], [500])  # an end of the line, to some
    @settings(max_examples=8 * ROUNDS, suppress_health_check=list(HealthCheck))
    def play(pieces: list[str], cuts: list[int]) -> None:
        asyncio.run_coroutine_threadsafe(_play(host, client, pieces, cuts, way), loop).result()

    async with host.client() as client:
        await asyncio.to_thread(play)
