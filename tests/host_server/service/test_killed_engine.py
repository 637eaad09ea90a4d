"""The process of an engine dies at any moment: every accepted question still gets exactly one end."""

import asyncio
import os
import random
import signal
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from host_server.core.restarts import Restarts
from host_server.engines.base import Engine
from host_server.engines.process.engine import ProcessEngine
from host_server.service import Answer, Care, EngineRoom, Limits, Pictures, Service
from host_server.store.blobs import BlobStore
from host_server.wire.errors import WireError
from host_server.wire.events import is_terminal
from host_server.wire.request import parse_create
from host_server.wire.response import Json
from tests.support.host_in_loop import serving
from tests.support.puppets import puppet
from tests.support.until import until

ROUNDS = int(os.environ.get("SOAK", "3"))
LANES, CLIENTS = 2, 5
EAGER = (0.0,) * 1000


@asynccontextmanager
async def running(folder: Path, engine: Engine, restarts: Restarts) -> AsyncGenerator[Service]:
    room = EngineRoom([engine], care=Care(restarts=lambda: restarts))
    pictures = Pictures(BlobStore(folder / "blobs", quota=1000))
    service = Service(room, pictures, limits=Limits(answer_s=20.0))
    async with asyncio.timeout(30 + 2 * ROUNDS), service.running():
        yield service


async def _ask(service: Service, text: str) -> list[Json]:
    answer = await service.ask("admin", parse_create({"input": text}))
    return await _follow(answer)


async def _follow(answer: Answer) -> list[Json]:
    async with aclosing(answer.follow()) as batches:
        return [event async for batch in batches for event in batch]


async def _another(engine: ProcessEngine, *, than: int | None) -> int:
    """The pid of the engine's process, once it has one that is not this."""
    await until(lambda: engine.pid not in {None, than})
    assert engine.pid is not None
    return engine.pid


@pytest.mark.soak
async def test_killed_at_random_moments_each_question_ends_once_and_the_engine_comes_back(tmp_path: Path) -> None:
    dice = random.Random(0)  # ruff: ignore[suspicious-non-cryptographic-random-usage] moments, no secrets
    engine = puppet("200", lanes=LANES)
    ends: list[str] = []

    async def client(service: Service) -> None:
        while True:
            events = await _ask(service, "one two three four five six seven eight nine ten")
            assert [event["sequence_number"] for event in events] == list(range(len(events)))
            assert [is_terminal(event) for event in events] == [False] * (len(events) - 1) + [True]
            response = events[-1]["response"]
            ends.append(response["status"])
            if response["status"] == "failed":
                assert response["error"]["reason"] == "engine_restarted"
                assert response["error"]["retryable"] is True
            else:
                assert response["output"][0]["content"][0]["text"].endswith("ten")

    async with running(tmp_path, engine, Restarts(delays=EAGER)) as service, asyncio.TaskGroup() as group:
        clients = [group.create_task(client(service)) for _ in range(CLIENTS)]
        for _ in range(ROUNDS):
            await until(lambda: not service.reasons())
            done = ends.count("completed")
            await until(lambda: ends.count("completed") > done)  # ruff: ignore[function-uses-loop-variable] awaited here
            await asyncio.sleep(dice.uniform(0, 0.1))
            assert engine.pid is not None
            os.kill(engine.pid, signal.SIGKILL)
        done = ends.count("completed")
        await until(lambda: ends.count("completed") > done)
        for task in clients:
            task.cancel()

    assert service.busy == 0
    assert ends.count("failed") <= LANES * ROUNDS


async def test_a_host_without_its_engine_lives_says_so_and_lets_questions_wait(tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.touch()
    engine = puppet(str(model))
    async with serving(tmp_path, engine) as host, host.client() as client, asyncio.TaskGroup() as group:
        await until(lambda: not host.service.reasons())
        model.unlink()
        killed = await client.post("/v1/responses", json={"input": "die"})
        ready = await client.get("/health/ready")
        live = await client.get("/health/live")
        waiting = group.create_task(client.post("/v1/responses", json={"input": "and now?"}))
        await until(lambda: host.service.busy)
        model.touch()
        waited = await waiting
        back = await client.get("/health/ready")

    error = killed.json()["error"]
    assert (error["reason"], error["retryable"], error["retry_after_ms"]) == ("engine_restarted", True, 2000)
    assert (ready.status_code, ready.json()["engines"]) == (503, {"puppet": "restarting"})
    assert live.status_code == 200
    assert waited.json()["output"][0]["content"][0]["text"] == "and now?"
    assert back.status_code == 200


async def test_one_that_dies_while_it_loads_is_started_again_and_questions_wait(tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.touch()
    engine = puppet(str(model))
    async with running(tmp_path, engine, Restarts(delays=EAGER)) as service, asyncio.TaskGroup() as group:
        await until(lambda: not service.reasons())
        model.unlink()
        await _ask(service, "die")
        await until(lambda: bool(service.reasons()))
        waiting = group.create_task(_ask(service, "and now?"))
        for _ in range(2):
            loading = await _another(engine, than=None)
            os.kill(loading, signal.SIGKILL)
            await _another(engine, than=loading)
            assert service.engines.states == {"puppet": "restarting"}
        model.touch()

        assert (await waiting)[-1]["response"]["status"] == "completed"


async def test_after_three_deaths_questions_are_refused_until_a_rest_is_over(tmp_path: Path) -> None:
    engine = puppet(lanes=1)
    async with running(tmp_path, engine, Restarts(delays=(0.0, 0.0), rests=(1.0,))) as service:
        for _ in range(2):
            await until(lambda: not service.reasons())
            assert (await _ask(service, "die"))[-1]["response"]["error"]["reason"] == "engine_restarted"
        await until(lambda: not service.reasons())
        async with asyncio.TaskGroup() as group:
            last = group.create_task(_ask(service, "die"))
            waiting = group.create_task(_ask(service, "I am next"))

        assert last.result()[-1]["response"]["error"]["reason"] == "engine_restarted"
        assert waiting.result()[-1]["response"]["error"]["reason"] == "engine_unavailable"
        with pytest.raises(WireError) as caught:
            await _ask(service, "refused")
        why = "The model's process died several times in a row; it is started again in a while."
        assert (caught.value.code, caught.value.message) == ("engine_unavailable", why)
        assert service.reasons() == [f"engine puppet is failed: {why}"]
        await until(lambda: not service.reasons())
        assert (await _ask(service, "back again"))[-1]["response"]["status"] == "completed"
