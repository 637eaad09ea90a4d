"""Engines in processes of their own are let go, begun anew and brought back, and nobody's question is lost."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from host_server.core.restarts import Restarts
from host_server.engines.base import Engine, EngineError, EngineInfo
from host_server.engines.process.link import Limits as LinkLimits
from host_server.service import Answer, Care, EngineRoom, Limits, Pictures, Service
from host_server.store.blobs import BlobStore
from host_server.wire.errors import WireError
from host_server.wire.events import is_terminal
from host_server.wire.request import parse_create
from host_server.wire.response import Json
from tests.support.host_in_loop import serving
from tests.support.puppets import puppet
from tests.support.scripted_engine import ScriptedEngine
from tests.support.until import until


@asynccontextmanager
async def running(folder: Path, engine: Engine, **care: Any) -> AsyncGenerator[Service]:
    """A service whose engines are looked after so."""
    room = EngineRoom([engine], care=Care(**{"look_s": 0.02} | care))
    pictures = Pictures(BlobStore(folder / "blobs", quota=1000))
    service = Service(room, pictures, limits=Limits(answer_s=20.0))
    async with asyncio.timeout(30), service.running():
        yield service


async def _ask(service: Service, text: str) -> Answer:
    return await service.ask("admin", parse_create({"input": text}))


async def _events(answer: Answer) -> list[Json]:
    async with aclosing(answer.follow()) as batches:
        events = [event async for batch in batches for event in batch]
    assert [is_terminal(event) for event in events] == [False] * (len(events) - 1) + [True]
    return events


async def _said(service: Service, text: str) -> Json:
    response: Json = (await _events(await _ask(service, text)))[-1]["response"]
    return response


def _text(response: Json) -> str:
    return str(response["output"][0]["content"][0]["text"])


# ---- idle


async def test_an_engine_that_nobody_asks_is_ended_and_the_next_question_brings_it_back(tmp_path: Path) -> None:
    engine = puppet()
    async with running(tmp_path, engine, idle_unload_s=0.2) as service:
        assert service.engines.states == {"puppet": "loading"}
        await until(lambda: service.engines.states["puppet"] == "unloaded")
        await until(lambda: engine.pid is None)
        assert service.reasons() == []

        events = await _events(await _ask(service, "are you there?"))

        kinds = [event["type"].removeprefix("response.") for event in events[:3]]
        assert kinds == ["created", "queued", "in_progress"]
        assert (events[1]["reason"], events[1]["position"]) == ("loading", 0)
        assert _text(events[-1]["response"]) == "are you there?"
        await until(lambda: service.engines.states["puppet"] == "unloaded")
        await asyncio.sleep(0.3)  # and now it stays away
        assert (engine.pid, service.engines.states) == (None, {"puppet": "unloaded"})
        assert 'bridge_engine_restarts_total{model="puppet",reason="idle"} 2.0' in service.exposition().decode()


async def test_an_engine_that_is_asked_stays(tmp_path: Path) -> None:
    engine = puppet("20")
    async with running(tmp_path, engine, idle_unload_s=0.5) as service:
        await until(lambda: not service.reasons())
        pid = engine.pid
        await _said(service, "one two three four five six seven eight nine ten eleven twelve thirteen fourteen")

        assert (engine.pid, service.engines.states) == (pid, {"puppet": "ready"})


async def test_short_answers_between_two_looks_count_as_well(tmp_path: Path) -> None:
    engine = puppet()
    async with running(tmp_path, engine, idle_unload_s=0.5, look_s=0.3) as service:
        await until(lambda: not service.reasons())
        pid = engine.pid
        for _ in range(12):
            await _said(service, "hi")
            await asyncio.sleep(0.1)

        assert (engine.pid, service.engines.states) == (pid, {"puppet": "ready"})


async def test_many_questions_at_once_bring_it_back_once(tmp_path: Path) -> None:
    engine = puppet()
    async with running(tmp_path, engine, idle_unload_s=0.3) as service:
        await until(lambda: service.engines.states["puppet"] == "unloaded")
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(_said(service, f"number {number}")) for number in range(12)]

        assert [_text(task.result()) for task in asked] == [f"number {number}" for number in range(12)]


async def test_a_question_cancelled_while_the_engine_loads_ends_once(tmp_path: Path) -> None:
    model = tmp_path / "model"
    engine = puppet(str(model))
    async with running(tmp_path, engine) as service:
        answer = await _ask(service, "too slow")
        await until(lambda: any(event.get("reason") == "loading" for event in answer.log.since()))
        answer.cancel("client")

        assert (await _events(answer))[-1]["response"]["status"] == "cancelled"
        model.touch()
        assert _text(await _said(service, "now")) == "now"


async def test_an_engine_without_a_process_is_never_let_go(tmp_path: Path) -> None:
    engine = ScriptedEngine()
    async with running(tmp_path, engine, idle_unload_s=0.01, recycle_after=1) as service:
        await until(lambda: not service.reasons())
        await asyncio.sleep(0.1)
        engine.finish("here")
        assert _text(await _said(service, "still there?")) == "here"


# ---- growth


async def test_an_engine_that_has_grown_begins_anew_and_nothing_is_lost(tmp_path: Path) -> None:
    engine = puppet("50", limits=LinkLimits(beat_s=0.02))
    async with running(tmp_path, engine, recycle_after=40_000_000, shortest_life_s=0.0) as service:
        await until(lambda: engine.memory)
        await asyncio.sleep(0.1)  # it is weighed while it is young
        first = engine.pid
        async with asyncio.TaskGroup() as group:
            running_ones = [group.create_task(_said(service, "one two three four five six")) for _ in range(3)]
            await until(lambda: service.queue["running"] == 3)
            assert _text(await _said(service, "grow")) == "larger"
            await until(lambda: service.engines.states["puppet"] == "restarting")
            late = [group.create_task(_said(service, "late")) for _ in range(3)]
            assert engine.pid == first  # what runs may end

        assert [_text(task.result()) for task in running_ones] == ["one two three four five six"] * 3
        assert [_text(task.result()) for task in late] == ["late"] * 3
        assert engine.pid != first
        assert 'bridge_engine_restarts_total{model="puppet",reason="grown"} 1.0' in service.exposition().decode()


async def test_an_answer_that_never_ends_does_not_keep_a_grown_engine(tmp_path: Path) -> None:
    engine = puppet(limits=LinkLimits(beat_s=0.02))
    care: dict[str, Any] = {"recycle_after": 40_000_000, "shortest_life_s": 0.0, "drain_s": 0.2}
    async with running(tmp_path, engine, **care) as service, asyncio.TaskGroup() as group:
        await until(lambda: engine.memory)
        await asyncio.sleep(0.1)
        endless = group.create_task(_said(service, "stall"))
        await until(lambda: service.queue["running"] == 1)
        await _said(service, "grow")
        error = (await endless)["error"]

        assert (error["reason"], error["retryable"]) == ("engine_restarted", True)
        assert _text(await _said(service, "hello again")) == "hello again"


async def test_an_engine_that_dies_while_what_runs_may_end_is_begun_anew(tmp_path: Path) -> None:
    engine = puppet(limits=LinkLimits(beat_s=0.02))
    async with running(tmp_path, engine, recycle_after=40_000_000, shortest_life_s=0.0) as service:
        await until(lambda: engine.memory)
        await asyncio.sleep(0.1)
        async with asyncio.TaskGroup() as group:
            stalled = group.create_task(_said(service, "stall"))
            await until(lambda: service.queue["running"] == 1)
            await _said(service, "grow")
            await until(lambda: service.engines.states["puppet"] == "restarting")
            assert engine._link is not None
            engine._link.kill()

        assert stalled.result()["error"]["reason"] == "engine_restarted"
        assert _text(await _said(service, "hello again")) == "hello again"


# ---- trouble


async def test_no_memory_for_one_question_fails_that_one_retryable(tmp_path: Path) -> None:
    engine = puppet("50")
    async with running(tmp_path, engine) as service, asyncio.TaskGroup() as group:
        await until(lambda: not service.reasons())
        pid = engine.pid
        beside = group.create_task(_said(service, "one two three four five six"))
        errors = [(await _said(service, order))["error"] for order in ("full", "exhausted")]

        assert [(error["reason"], error["retryable"]) for error in errors] == [("engine_oom", True)] * 2
        assert _text(await beside) == "one two three four five six"
        assert engine.pid == pid


async def test_a_model_that_cannot_be_loaded_says_why_in_health_and_in_refusals(tmp_path: Path) -> None:
    async with serving(tmp_path, puppet("refuse")) as host, host.client() as client:
        await until(lambda: host.service.engines.states["puppet"] == "failed")
        ready = await client.get("/health/ready")
        live = await client.get("/health/live")
        refused = await client.post("/v1/responses", json={"input": "hello"})
        counted = (await client.get("/metrics")).text

    assert (ready.status_code, live.status_code) == (503, 200)
    assert ready.json()["reasons"] == ["engine puppet is failed: There is no model file. Put one there."]
    error = refused.json()["error"]
    assert (refused.status_code, error["code"], error["retryable"]) == (503, "engine_unavailable", True)
    assert error["message"] == "There is no model file. Put one there."
    assert 'bridge_model_load_failures_total{model="puppet"}' in counted


async def test_a_hung_engine_is_killed_and_what_it_had_fails_retryable(tmp_path: Path) -> None:
    engine = puppet(limits=LinkLimits(beat_s=0.05, silent_s=0.3))
    async with running(tmp_path, engine, restarts=lambda: Restarts(delays=(0.0,) * 9)) as service:
        await until(lambda: not service.reasons())
        error = (await _said(service, "freeze"))["error"]

        assert (error["reason"], error["retryable"]) == ("engine_restarted", True)
        assert _text(await _said(service, "hello again")) == "hello again"


async def test_an_engines_own_word_on_when_to_come_back_is_passed_on(tmp_path: Path) -> None:
    engine = ScriptedEngine()
    async with running(tmp_path, engine) as service:
        engine.fail(EngineError("Slow down.", retry_after_s=7.5))
        assert (await _said(service, "hello"))["error"]["retry_after_ms"] == 7500


# ---- names


def _named(name: str, model: str) -> ScriptedEngine:
    engine = ScriptedEngine(name)
    engine.info = EngineInfo(name, model, "tests", takes_images=True, reads_only=False, description="For tests.")
    return engine


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (None, "vlm"),
        ("vlm", "vlm"),
        ("upstream", "upstream"),
        ("zai-org/GLM-4.6V-Flash@main (int8)", "vlm"),
        ("zai-org/GLM-4.6V-Flash", "vlm"),
        ("GLM-4.6V-Flash", "vlm"),
        ("glm-4.6v-flash", "vlm"),
        ("qwen2.5-vl:7b", "upstream"),
        ("upstream-model", None),
        ("zai-org", None),
        ("", "vlm"),
    ],
)
def test_an_engine_is_called_by_its_name_or_its_models(asked: str | None, found: str | None) -> None:
    room = EngineRoom([_named("vlm", "zai-org/GLM-4.6V-Flash@main (int8)"), _named("upstream", "qwen2.5-vl:7b")])
    if found is None:
        with pytest.raises(WireError, match="No such model"):
            room.pick(asked)
    else:
        assert room.pick(asked).name == found


def test_a_models_name_may_be_empty_or_a_folder() -> None:
    room = EngineRoom([_named("a", ""), _named("b", "/models/tiny/"), _named("c", "GLM-4.6V-Flash")])

    assert room.pick("tiny").name == "b"
    assert room.pick("tests/GLM-4.6V-Flash").name == "c"  # its owner is called `tests`
    with pytest.raises(WireError):
        room.pick("other")
