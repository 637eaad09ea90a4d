"""Under load answers lose something, step by step, and each answer tells what it has lost."""

import asyncio
import base64
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from host_server.core.degrade import STOCK_TEXT
from host_server.service import Answer, EngineRoom, Limits, Pictures, Service
from host_server.store.blobs import BlobStore
from host_server.wire.errors import WireError
from host_server.wire.events import is_terminal
from host_server.wire.request import parse_create
from host_server.wire.response import Json
from tests.support.real_pictures import jpeg
from tests.support.scripted_engine import ScriptedEngine
from tests.support.until import until

JPEG_URL = "data:image/jpeg;base64," + base64.b64encode(jpeg(3000, 2000)).decode()
PICTURE = [{"role": "user", "content": [{"type": "input_image", "image_url": JPEG_URL}]}]


class Clock:
    """Time as the test wants it."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def loaded(
    folder: Path, waiting: int, *, degrade: bool = True, clock: Clock | None = None, cache_bytes: int = 0
) -> AsyncGenerator[tuple[Service, ScriptedEngine, list[Answer]]]:
    """A service whose queue of at most twenty is so long, behind one at the engine."""
    engine = ScriptedEngine()
    limits = Limits(max_waiting=20, degrade=degrade, patience_s=1e9, cache_bytes=cache_bytes)
    pictures = Pictures(BlobStore(folder / "blobs", quota=10_000_000))
    service = Service(EngineRoom([engine]), pictures, limits=limits, clock=clock or Clock())
    async with asyncio.timeout(20), service.running():
        answers = [await _ask(service, f"q{number}") for number in range(waiting + 1)]
        await engine.asked()
        yield service, engine, answers


async def _ask(service: Service, text: str = "hello", /, **fields: Any) -> Answer:
    return await service.ask("admin", parse_create({"input": text, **fields}))


async def _events(answer: Answer) -> list[Json]:
    async with asyncio.timeout(5), aclosing(answer.follow()) as batches:
        return [event async for batch in batches for event in batch]


async def _end(answer: Answer) -> Json:
    response: Json = (await _events(answer))[-1]["response"]
    return response


async def _clear(engine: ScriptedEngine, answers: list[Answer]) -> None:
    """Let these end."""
    for answer in answers:
        engine.finish("done")
        await _end(answer)


async def test_a_small_burst_only_waits(tmp_path: Path) -> None:
    async with loaded(tmp_path, waiting=7) as (_, engine, answers):
        await _clear(engine, answers)

        assert [(await _end(answer))["degraded"] for answer in answers] == [[]] * 8
        assert {question.max_output_tokens for question in engine.questions} == {None}


async def test_first_the_picture_is_smaller(tmp_path: Path) -> None:
    async with loaded(tmp_path, waiting=10) as (service, engine, answers):
        await _clear(engine, answers[:4])
        asked = await _ask(service, input=PICTURE)
        await _clear(engine, answers[4:])
        engine.finish("small")
        response = await _end(asked)

    question = engine.questions[-1]
    assert response["degraded"] == response["metrics"]["degraded"] == ["smaller_picture"]
    assert max(question.pictures[0].width, question.pictures[0].height) == 2000 * 2 // 3
    assert question.max_output_tokens is None


async def test_a_small_picture_loses_nothing_and_nothing_is_said(tmp_path: Path) -> None:
    small = "data:image/jpeg;base64," + base64.b64encode(jpeg(300, 200)).decode()
    content = [{"type": "input_image", "image_url": small}]
    async with loaded(tmp_path, waiting=10) as (service, engine, answers):
        asked = await _ask(service, input=[{"role": "user", "content": content}])
        await _clear(engine, answers)
        engine.finish("small")

        assert (await _end(asked))["degraded"] == []


async def test_then_the_answer_is_greedy_and_shorter_too(tmp_path: Path) -> None:
    async with loaded(tmp_path, waiting=15) as (service, engine, answers):
        asked = await _ask(service, input=PICTURE, temperature=0.9, reasoning={"effort": "high"})
        await _clear(engine, answers)
        engine.finish("short")
        response = await _end(asked)

    question = engine.questions[-1]
    assert response["degraded"] == ["smaller_picture", "greedy_shorter"]
    assert (question.temperature, question.max_output_tokens, question.thinking) == (0.0, 128, False)


async def test_at_last_a_polite_word_stands_for_the_answer(tmp_path: Path) -> None:
    async with loaded(tmp_path, waiting=19) as (service, engine, _answers):
        answer = await _ask(service, metadata={"idempotency_key": "k"})
        events = await _events(answer)
        again = await _ask(service, metadata={"idempotency_key": "k"})
        with pytest.raises(WireError, match="not known here"):
            await _ask(service, previous_response_id=answer.id)

        response = events[-1]["response"]
        assert [is_terminal(event) for event in events] == [False] * (len(events) - 1) + [True]
        assert (response["status"], response["output"][0]["content"][0]["text"]) == ("incomplete", STOCK_TEXT)
        assert (response["degraded"], response["retryable"]) == (["stock_text"], True)
        assert response["retry_after_ms"] >= 500
        assert again.id != answer.id
        assert service.find("admin", answer.id) is answer
        assert len(engine.questions) == 1
        assert service.queue["waiting"] == 19


JSON: dict[str, Any] = {"text": {"format": {"type": "json_object"}}}


@pytest.mark.parametrize("fields", [{"service_tier": "flex"}, {"metadata": {"class": "batch"}}, JSON])
async def test_whom_words_do_not_help_is_refused_before_anything_is_read(
    tmp_path: Path, fields: dict[str, Any]
) -> None:
    async with loaded(tmp_path, waiting=19) as (service, _engine, _answers):
        nonsense = [{"role": "user", "content": [{"type": "input_image", "image_url": "nonsense"}]}]
        with pytest.raises(WireError) as caught:
            await _ask(service, input=nonsense, **fields)

    assert (caught.value.code, caught.value.row.status) == ("queue_full", 503)
    assert caught.value.retry_after_ms is not None


async def test_without_degrading_the_queue_fills_and_then_refuses(tmp_path: Path) -> None:
    async with loaded(tmp_path, waiting=20, degrade=False) as (service, engine, answers):
        with pytest.raises(WireError) as caught:
            await _ask(service)
        await _clear(engine, answers)

        assert caught.value.code == "queue_full"
        assert {tuple((await _end(answer))["degraded"]) for answer in answers} == {()}


async def test_batch_is_never_worse_only_later(tmp_path: Path) -> None:
    async with loaded(tmp_path, waiting=15) as (service, engine, answers):
        batch = await _ask(service, "b", input=PICTURE, metadata={"class": "batch"}, temperature=0.5)
        engine.finish("done")
        await until(lambda: engine.stopped == 1)
        for _ in answers:
            engine.finish("done")

        assert (await _end(batch))["degraded"] == []
        question = next(question for question in engine.questions if question.priority == "batch")
        assert (question.temperature, question.max_output_tokens) == (0.5, None)


async def test_when_less_waits_for_a_while_everything_is_as_before(tmp_path: Path) -> None:
    clock = Clock()
    async with loaded(tmp_path, waiting=19, clock=clock) as (service, engine, answers):
        assert (await _end(await _ask(service)))["degraded"] == ["stock_text"]
        await _clear(engine, answers)
        engine.finish("still short")
        assert (await _end(await _ask(service)))["degraded"] == ["greedy_shorter"]
        clock.now += 15
        engine.finish("whole")

        assert (await _end(await _ask(service)))["degraded"] == []


async def test_what_lost_something_is_not_said_again(tmp_path: Path) -> None:
    async with loaded(tmp_path, waiting=15, cache_bytes=100_000) as (service, engine, answers):
        short = await _ask(service, "how?")
        await _clear(engine, answers)
        engine.finish("short")
        assert (await _end(short))["degraded"] == ["greedy_shorter"]
        again = await _ask(service, "how?")
        engine.finish("not from memory")

        response = await _end(again)
        assert response["metrics"]["cache"] == "miss"


async def test_steps_are_counted(tmp_path: Path) -> None:
    async with loaded(tmp_path, waiting=19) as (service, engine, answers):
        await _ask(service)
        await _clear(engine, answers)
        told = service.exposition().decode()

    assert 'bridge_degraded_total{model="script",step="stock_text"} 1.0' in told
    assert 'bridge_degraded_total{model="script",step="smaller_picture"} 0.0' in told
    count = next(line for line in told.splitlines() if line.startswith("bridge_degraded_total") and "greedy" in line)
    assert float(count.split()[-1]) > 0
