"""Three hosts behind one: pictures keep to their replica; one that is killed in mid-answer costs that answer alone."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from host_server.engines.options import EngineOptions
from host_server.engines.upstream.engine import create
from host_server.wire.discovery import ADMIN_TOKEN_FILE, write_private_file
from tests.support.host import RunningHost
from tests.support.host_in_loop import Serving, serving
from tests.support.real_pictures import jpeg

pytestmark = pytest.mark.e2e

LONG = " ".join(f"word{number}" for number in range(100))


@pytest.fixture
def key() -> str:
    return "k" * 43


@pytest.fixture
def hosts(tmp_path: Path, key: str) -> Iterator[list[RunningHost]]:
    """Three that say thirty words a second, all opened by one key."""

    def start(number: int) -> RunningHost:
        folder = tmp_path / f"replica{number}"
        folder.mkdir(mode=0o700)
        write_private_file(folder / ADMIN_TOKEN_FILE, key)
        return RunningHost.start(folder, ["echo=30"])

    with ThreadPoolExecutor() as pool:
        running = list(pool.map(start, range(3)))
    yield running
    for host in running:
        host.kill()


@pytest.fixture
async def front(tmp_path: Path, hosts: list[RunningHost], key: str) -> AsyncIterator[Serving]:
    options = EngineOptions(upstreams=tuple(host.url for host in hosts), upstream_key_env="KEY")
    engine = create("echo", options, environ={"KEY": key})
    (tmp_path / "front").mkdir(mode=0o700)
    async with serving(tmp_path / "front", engine, within_s=60) as host:
        yield host


def picture(number: int) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(jpeg(64 + number, 48)).decode()


async def answered(
    host: Serving, text: str, number: int, hear: Callable[[dict[str, Any]], object] = lambda event: None
) -> dict[str, Any]:
    """The last event of the answer; `hear` is told of each."""
    content = [{"type": "input_image", "image_url": picture(number)}, {"type": "input_text", "text": text}]
    body = {"input": [{"role": "user", "content": content}], "stream": True}
    last: dict[str, Any] = {}
    async with (
        asyncio.timeout(30),
        host.client() as client,
        client.stream("POST", "/v1/responses", json=body) as answer,
    ):
        async for line in answer.aiter_lines():
            if line.startswith("data: {"):
                last = json.loads(line.removeprefix("data: "))
                hear(last)
    return last


async def asked(hosts: list[RunningHost]) -> list[int]:
    """How many questions each has answered, as its log tells."""
    logs = [await asyncio.to_thread(host.log.read_text, encoding="utf-8") for host in hosts]
    return [log.count("/v1/chat/completions") for log in logs]


async def grown(hosts: list[RunningHost], before: list[int]) -> int:
    """Which of them has just answered."""
    async with asyncio.timeout(10):
        while (now := await asked(hosts)) == before:  # ruff: ignore[async-busy-wait] a log tells nobody
            await asyncio.sleep(0.02)
    (which,) = [at for at, count in enumerate(now) if count > before[at]]
    return which


async def replica_of(host: Serving, hosts: list[RunningHost], number: int) -> int:
    before = await asked(hosts)
    last = await answered(host, "Hi", number)
    assert last["type"] == "response.completed", last
    return await grown(hosts, before)


async def test_one_of_three_is_killed_in_mid_answer(front: Serving, hosts: list[RunningHost]) -> None:
    homes = [await replica_of(front, hosts, number) for number in range(5)]
    ill = homes[0]

    def kill(event: dict[str, Any]) -> None:
        if event["type"] == "response.output_text.delta" and hosts[ill].process.poll() is None:
            hosts[ill].kill()

    last = await answered(front, LONG, 0, kill)
    after = [await replica_of(front, hosts, number) for number in range(5)]

    error = last["response"]["error"]
    assert last["type"] == "response.failed"
    assert (error["reason"], error["retryable"]) == ("upstream_error", True)
    assert "127.0.0.1" not in error["message"]
    assert ill not in after
    assert all(now == before for now, before in zip(after, homes, strict=True) if before != ill)
