"""Each key has its rate, on every way in; the admin has none."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from host_server.core.rates import Rate, RateLimits
from host_server.security.keys import KeyFile
from tests.support.host_in_loop import Serving, serving
from tests.support.scripted_engine import ScriptedEngine

Json = dict[str, Any]
RATES = RateLimits(requests=Rate(per_minute=1, burst=3), bytes=Rate(per_minute=60_000, burst=1000))


@pytest.fixture
async def limited(tmp_path: Path) -> AsyncIterator[Serving]:
    """Three requests at once, one a minute; a thousand bytes at once, as many a second."""
    async with serving(tmp_path, ScriptedEngine(lanes=8), rates=RATES) as host:
        yield host


def _client(host: Serving, key: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=host.url, headers={"authorization": f"Bearer {key}"}, trust_env=False)


def _address(host: Serving) -> str:
    return host.url.replace("http", "ws", 1) + "/v1/responses"


async def test_a_key_is_slowed_down_and_told_when_to_come_back(limited: Serving) -> None:
    keys = [KeyFile(limited.folder).new(name) for name in ("a", "b")]
    async with _client(limited, keys[0]) as one, _client(limited, keys[1]) as other, limited.client() as admin:
        answers = [await one.get("/v1/models") for _ in range(4)]
        others = [await other.get("/v1/models"), *[await admin.get("/v1/models") for _ in range(9)]]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert {answer.status_code for answer in others} == {200}
    refusal = answers[-1].json()["error"]
    assert (refusal["type"], refusal["code"], refusal["retryable"]) == ("rate_limit_error", "rate_limited", True)
    assert 0 < refusal["retry_after_ms"] <= 60_001
    assert 0 < int(answers[-1].headers["retry-after"]) <= 61


async def test_the_bytes_of_a_body_count_too(limited: Serving) -> None:
    async with _client(limited, KeyFile(limited.folder).new("a")) as client:
        first = await client.put(f"/v1/captures/{'ab' * 32}", content=b"x" * 3000)
        second = await client.get("/v1/models")

    assert first.status_code == 400
    assert (second.status_code, second.json()["error"]["code"]) == (429, "rate_limited")
    assert 0 < second.json()["error"]["retry_after_ms"] <= 2002


async def test_questions_on_a_socket_count_and_what_ends_them_does_not(limited: Serving) -> None:
    headers = {"authorization": f"Bearer {KeyFile(limited.folder).new('a')}"}
    async with connect(_address(limited), additional_headers=headers, proxy=None) as client:
        for number in range(3):
            question = {"input": "x", "stream_id": f"lane-{number}", "event_id": f"c{number}"}
            await client.send(json.dumps({"type": "response.create", **question}))
        refused, names = await _refusal(client)
        for name in names:
            await client.send(json.dumps({"type": "response.cancel", "response_id": name}))
        ends = await _ends(client, len(names))

    assert (refused["error"]["code"], refused["event_id"], refused["stream_id"]) == ("rate_limited", "c2", "lane-2")
    assert [end["response"]["status"] for end in ends] == ["cancelled", "cancelled"]


async def _refusal(client: Any) -> tuple[Json, set[str]]:
    refused: Json = {}
    names: set[str] = set()
    async with asyncio.timeout(5):
        while not refused or len(names) < 2:
            event = json.loads(await client.recv())
            refused = event if event["type"] == "error" else refused
            names |= {event["response_id"]} if event["type"] == "response.created" else set()
    return refused, names


async def _ends(client: Any, count: int) -> list[Json]:
    ends: list[Json] = []
    async with asyncio.timeout(5):
        while len(ends) < count:
            event = json.loads(await client.recv())
            ends += [event] if event["type"] == "response.incomplete" else []
    return ends


@pytest.mark.parametrize(
    "frame", ["{", '{"type": "response.cancel", "response_id": "resp_x"}', '{"type": "response.create"}']
)
async def test_a_socket_that_says_nothing_but_nonsense_is_closed(tmp_path: Path, frame: str) -> None:
    rates = RateLimits(requests=Rate(1, 1), refusals=Rate(per_minute=1, burst=3))
    async with serving(tmp_path, ScriptedEngine(lanes=8), rates=rates) as host:
        ways = [({"authorization": f"Bearer {KeyFile(host.folder).new('a')}"}, 2), (host.headers, 20)]
        for headers, heard in ways:
            async with connect(_address(host), additional_headers=headers, proxy=None) as socket:
                for _ in range(20):
                    await socket.send(frame)
                errors = [json.loads(await socket.recv())["type"] for _ in range(heard)]
                assert errors == ["error"] * heard
                if heard < 20:
                    with pytest.raises(ConnectionClosed) as caught:
                        await socket.recv()
                    assert caught.value.rcvd is not None
                    assert caught.value.rcvd.code == 1013


async def test_a_socket_that_is_opened_too_often_may_come_back_later(limited: Serving) -> None:
    key = KeyFile(limited.folder).new("a")
    async with _client(limited, key) as client:
        for _ in range(3):
            await client.get("/v1/models")
    with pytest.raises(InvalidStatus) as program:
        async with connect(_address(limited), additional_headers={"authorization": f"Bearer {key}"}, proxy=None):
            pass
    protocols: Any = ["bridge.v1", f"bridge.bearer.{key}"]
    async with connect(_address(limited), subprotocols=protocols, proxy=None) as page:
        with pytest.raises(ConnectionClosed) as closed:
            await page.recv()

    assert program.value.response.status_code == 429
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1013, "rate_limited")
