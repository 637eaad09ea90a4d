"""A question that was answered before: no engine, no picture opened, and said so."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from host_server.engines.base import EngineError, Report
from host_server.service import Answer, EngineRoom, Limits, Pictures, Service
from host_server.store.blobs import BlobStore
from host_server.wire.request import parse_create
from host_server.wire.response import Json
from tests.support.real_pictures import jpeg
from tests.support.scripted_engine import ScriptedEngine

ME, OTHER = "admin", "key_1"
PICTURE = jpeg()
SHA256 = hashlib.sha256(PICTURE).hexdigest()
SHOWN = {"type": "input_image", "image_url": "data:image/jpeg;base64," + base64.b64encode(PICTURE).decode()}
UNCACHED: list[dict[str, Any]] = [
    {"metadata": {"cache": "off"}},
    {"temperature": 0.7},
    {"store": False},
]


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()


@pytest.fixture
async def service(engine: ScriptedEngine, tmp_path: Path) -> AsyncIterator[Service]:
    limits = Limits(cache_bytes=100_000, cache_s=60)
    service = Service(EngineRoom([engine]), Pictures(BlobStore(tmp_path, quota=1_000_000)), limits=limits)
    async with service.running():
        yield service
        service.abort()


async def asked(service: Service, principal: str = ME, **fields: Any) -> Json:
    """The Response it ended with."""
    content = [SHOWN, {"type": "input_text", "text": "What is the total?"}]
    question = parse_create({"input": [{"role": "user", "content": content}], **fields})
    return await ended(await service.ask(principal, question))


async def ended(answer: Answer) -> Json:
    async with asyncio.timeout(5), aclosing(answer.follow()) as batches:
        events = [event async for batch in batches for event in batch]
    response: Json = events[-1]["response"]
    return response


def text_of(response: Json) -> str:
    return str(response["output"][0]["content"][0]["text"])


async def test_the_second_time_the_engine_is_not_asked(service: Service, engine: ScriptedEngine) -> None:
    engine.finish("It is ", "42.")
    first = await asked(service)
    second = await asked(service)

    assert [text_of(first), text_of(second)] == ["It is 42.", "It is 42."]
    assert [first["metrics"]["cache"], second["metrics"]["cache"]] == ["miss", "hit"]
    assert second["usage"]["output_tokens"] == first["usage"]["output_tokens"]
    assert len(engine.questions) == 1


async def test_a_deleted_answer_is_not_said_again(service: Service, engine: ScriptedEngine) -> None:
    engine.finish("42")
    engine.finish("43")
    await asked(service)
    again = await asked(service)
    service.delete(ME, again["id"])

    assert text_of(await asked(service)) == "43"


async def test_another_client_gets_an_answer_of_its_own(service: Service, engine: ScriptedEngine) -> None:
    engine.finish("for me")
    engine.finish("for another")
    await asked(service)

    assert text_of(await asked(service, principal=OTHER)) == "for another"


@pytest.mark.parametrize("fields", UNCACHED)
async def test_who_wants_a_fresh_answer_gets_one(
    service: Service, engine: ScriptedEngine, fields: dict[str, Any]
) -> None:
    engine.finish("first")
    engine.finish("fresh")
    await asked(service, **fields)
    again = await asked(service, **fields)

    assert (text_of(again), again["metrics"]["cache"]) == ("fresh", "off")


async def test_an_answer_that_was_cut_or_failed_is_not_kept(service: Service, engine: ScriptedEngine) -> None:
    engine.say("half", cut=True)
    await asked(service)
    engine.fail(EngineError("out of paper"))
    assert (await asked(service))["status"] == "failed"
    engine.finish("whole")

    assert text_of(await asked(service)) == "whole"
    assert len(engine.questions) == 3


async def test_a_known_answer_waits_for_no_seat(service: Service, engine: ScriptedEngine) -> None:
    engine.finish("known")
    await asked(service)
    busy = await service.ask(ME, parse_create({"input": "something long"}))
    await engine.asked(2)

    content = [SHOWN, {"type": "input_text", "text": "What is the total?"}]
    again = await service.ask(ME, parse_create({"input": [{"role": "user", "content": content}]}))
    assert service.queue == {"running": 1, "waiting": 0}
    assert again.log.since()[0]["response"]["status"] == "in_progress"
    assert text_of(await ended(again)) == "known"
    assert not busy.ended


async def test_a_deleted_picture_takes_what_was_said_about_it_along(service: Service, engine: ScriptedEngine) -> None:
    engine.finish("before")
    engine.finish("after")
    await asked(service)
    assert await service.delete_picture(ME, SHA256)

    assert text_of(await asked(service)) == "after"


async def test_json_is_asked_for_apart_from_text(service: Service, engine: ScriptedEngine) -> None:
    engine.finish("42")
    engine.finish('{"total": 42}')
    await asked(service)
    as_json = await asked(service, text={"format": {"type": "json_object"}})
    again = await asked(service, text={"format": {"type": "json_object"}})

    assert [text_of(as_json), text_of(again)] == ['{"total": 42}', '{"total": 42}']


async def test_what_was_thought_and_what_it_cost_is_told_again_too(service: Service, engine: ScriptedEngine) -> None:
    report = Report(input_tokens=900, output_tokens=5, image_tokens=800, cached_tokens=20, reasoning_tokens=2)
    engine.think("40 ", "plus 2")
    engine.say("It is ")
    engine.report("42", report)
    first = await asked(service, reasoning={"effort": "high"})
    second = await asked(service, reasoning={"effort": "high"})

    assert [item["content"][0]["text"] for item in second["output"]] == ["40 plus 2", "It is 42"]
    assert second["usage"] == first["usage"]
    assert (second["usage"]["input_tokens"], second["metrics"]["cache"]) == (900, "hit")


@pytest.mark.parametrize("fields", [{"stop": "\n"}, {"reasoning": {"effort": "high"}}, {"max_output_tokens": 7}])
async def test_who_wants_it_otherwise_is_answered_otherwise(
    service: Service, engine: ScriptedEngine, fields: dict[str, Any]
) -> None:
    engine.finish("so")
    engine.finish("otherwise")
    await asked(service)

    assert text_of(await asked(service, **fields)) == "otherwise"


async def test_a_seed_makes_no_difference_to_who_draws_no_lots(service: Service, engine: ScriptedEngine) -> None:
    engine.finish("42")
    await asked(service, seed=1, temperature=0, top_p=0.5)

    assert (await asked(service, seed=2))["metrics"]["cache"] == "hit"


async def test_an_engine_that_does_not_repeat_itself_is_always_asked(tmp_path: Path) -> None:
    engine = ScriptedEngine(repeats=False)
    pictures = Pictures(BlobStore(tmp_path, quota=1_000_000))
    service = Service(EngineRoom([engine]), pictures, limits=Limits(cache_bytes=100_000))
    async with service.running():
        engine.finish("one")
        engine.finish("two")
        assert [text_of(await asked(service)) for _ in range(2)] == ["one", "two"]
