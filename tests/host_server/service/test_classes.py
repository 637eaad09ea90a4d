"""What somebody waits for goes before batch, on the whole way: pictures, seats, deadlines, refusals."""

import asyncio
import base64
import threading
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from host_server.core.conversation import converse
from host_server.service import Answer, EngineRoom, Limits, Pictures, Service
from host_server.service.asked import Asked
from host_server.service.threads import Threads
from host_server.store.blobs import BlobStore
from host_server.wire.errors import WireError
from host_server.wire.request import parse_create
from host_server.wire.response import Json
from tests.support.real_pictures import jpeg
from tests.support.scripted_engine import ScriptedEngine
from tests.support.until import until

JPEG_URL = "data:image/jpeg;base64," + base64.b64encode(jpeg()).decode()
PICTURE = [{"role": "user", "content": [{"type": "input_image", "image_url": JPEG_URL}]}]


@pytest.fixture
def engine() -> ScriptedEngine:
    """Two seats."""
    return ScriptedEngine(lanes=2)


@pytest.fixture
async def service(tmp_path: Path, engine: ScriptedEngine) -> AsyncIterator[Service]:
    """Running."""
    limits = Limits(max_waiting=3, max_batch_waiting=30, queue_s=30.0, batch_queue_s=30.0)
    pictures = Pictures(BlobStore(tmp_path / "blobs", quota=10_000_000))
    service = Service(EngineRoom([engine]), pictures, limits=limits)
    async with service.running():
        yield service


async def _ask(service: Service, text: str, *, batch: bool = False, **fields: Any) -> Answer:
    named = {"metadata": {"class": "batch"}} if batch else {}
    return await service.ask("admin", parse_create({"input": text, **named, **fields}))


async def _end(answer: Answer) -> Json:
    async with asyncio.timeout(5), aclosing(answer.follow()) as batches:
        events = [event async for batch in batches for event in batch]
    response: Json = events[-1]["response"]
    return response


async def test_a_batch_leaves_a_seat_for_whoever_waits(service: Service, engine: ScriptedEngine) -> None:
    batch = [await _ask(service, f"b{number}", batch=True) for number in range(20)]
    await engine.asked(1)
    assert service.queue == {"running": 1, "waiting": 19}

    asked = await _ask(service, "now")
    await engine.asked(2)

    assert [question.text for question in engine.questions] == ["b0", "now"]
    assert asked.log.since()[0]["response"]["status"] == "in_progress"
    for answer in batch:
        answer.cancel("client")


async def test_batch_waits_at_its_end_of_the_queue_and_is_told_its_place(
    service: Service, engine: ScriptedEngine
) -> None:
    for text in ("i0", "i1"):
        await _ask(service, text)
    batch = await _ask(service, "b", batch=True)
    await _ask(service, "i2")
    await engine.asked(2)
    engine.finish("yes")
    await engine.asked(3)

    assert [question.text for question in engine.questions] == ["i0", "i1", "i2"]
    told = [event["position"] for event in batch.log.since() if event["type"] == "response.queued"]
    assert told == [1, 2, 1]


async def test_batch_that_waits_far_behind_has_no_picture_made_ready(service: Service, engine: ScriptedEngine) -> None:
    made: list[str] = []
    prepare = service.pictures.prepare

    async def watched(principal: str, sha256: str, **options: Any) -> Any:
        assert options["priority"] == "batch"
        made.append(sha256)
        return await prepare(principal, sha256, **options)

    service.pictures.prepare = watched  # type: ignore[method-assign]
    for _ in range(12):
        await _ask(service, "", batch=True, input=PICTURE)
    await engine.asked(1)
    await until(lambda: len(made) >= 9)
    await asyncio.sleep(0.05)

    assert len(made) == 9  # the one at the engine and the eight whose turn is near


@pytest.mark.parametrize("batch", [False, True])
async def test_a_picture_that_comes_with_its_question_is_read_by_its_class(
    service: Service, engine: ScriptedEngine, *, batch: bool
) -> None:
    seen: list[str] = []
    receiving = service.pictures._receiving
    run = receiving.run

    async def watched(work: Any, *, priority: Any = "interactive") -> Any:
        seen.append(priority)
        return await run(work, priority=priority)

    receiving.run = watched  # type: ignore[method-assign]
    await _ask(service, "", batch=batch, input=PICTURE)

    assert seen == ["batch" if batch else "interactive"]


def test_a_question_that_waits_does_not_hold_the_picture_it_came_with() -> None:
    create = parse_create({"input": PICTURE})
    conversation = converse(create, None)

    assert conversation.images
    assert Asked.of(create, conversation, ("ab",), asker="admin").conversation.images == ()


async def test_the_queue_of_batch_is_its_own(service: Service, engine: ScriptedEngine) -> None:
    for number in range(31):
        await _ask(service, f"b{number}", batch=True)
    with pytest.raises(WireError) as caught:
        await _ask(service, "one too many", batch=True)

    assert (caught.value.code, caught.value.row.status) == ("queue_full", 503)
    assert caught.value.retry_after_ms is not None
    assert service.reasons() == []
    await _ask(service, "now")
    await engine.asked(2)
    assert engine.questions[1].text == "now"


async def test_who_asks_too_much_is_told_so_and_others_are_not(tmp_path: Path) -> None:
    engine = ScriptedEngine()
    pictures = Pictures(BlobStore(tmp_path / "blobs", quota=1000))
    service = Service(EngineRoom([engine]), pictures, limits=Limits(max_per_principal=2))
    async with service.running():
        for text in ("one", "two"):
            await _ask(service, text)
        with pytest.raises(WireError) as caught:
            await _ask(service, "three")
        await service.ask("other", parse_create({"input": "mine"}))

    assert (caught.value.code, caught.value.row.status) == ("too_many_inflight", 429)
    assert caught.value.retry_after_ms is not None


@pytest.mark.parametrize("batch", [False, True])
async def test_each_class_has_its_own_patience_in_the_queue(tmp_path: Path, *, batch: bool) -> None:
    engine = ScriptedEngine()
    limits = Limits(queue_s=30.0 if batch else 0.05, batch_queue_s=0.05 if batch else 30.0)
    pictures = Pictures(BlobStore(tmp_path / "blobs", quota=1000))
    service = Service(EngineRoom([engine]), pictures, limits=limits)
    async with service.running():
        await _ask(service, "at the engine", metadata={"class": "interactive"})
        await engine.asked()
        late = await _end(await _ask(service, "late", batch=batch))
        other = await _ask(service, "waits", batch=not batch)
        assert late["error"]["reason"] == "deadline_exceeded_in_queue"
        assert late["error"]["retryable"] is True
        assert not other.ended


async def test_the_time_in_the_queue_is_not_taken_from_the_time_at_the_engine(tmp_path: Path) -> None:
    engine = ScriptedEngine()
    pictures = Pictures(BlobStore(tmp_path / "blobs", quota=1000))
    service = Service(EngineRoom([engine]), pictures, limits=Limits(queue_s=0.2, answer_s=30.0))
    async with service.running():
        answer = await _ask(service, "slow")
        await engine.asked()
        await asyncio.sleep(0.3)
        engine.finish("done")

        assert (await _end(answer))["status"] == "completed"


# ---- threads


class _Work:
    """Works that begin and end when the test says so."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self._may_end: dict[str, threading.Event] = {}

    def one(self, name: str) -> str:
        self._may_end.setdefault(name, threading.Event())
        self.begun.append(name)
        assert self._may_end[name].wait(5)
        return name

    def end(self, *names: str) -> None:
        for name in names:
            self._may_end.setdefault(name, threading.Event()).set()


async def test_batch_never_has_all_the_threads_and_goes_last() -> None:
    threads, work = Threads(2, "test"), _Work()
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        for name in ("b1", "b2", "b3"):
            group.create_task(threads.run(lambda name=name: work.one(name), priority="batch"))  # type: ignore[misc]
        await until(lambda: work.begun == ["b1"])
        for name in ("i1", "i2"):
            group.create_task(threads.run(lambda name=name: work.one(name)))  # type: ignore[misc]
        await until(lambda: len(work.begun) == 2)
        work.end("b1")
        await until(lambda: len(work.begun) == 3)
        assert work.begun == ["b1", "i1", "i2"]
        work.end("i1")
        await until(lambda: len(work.begun) == 4)
        assert work.begun[3] == "b2"
        work.end("b2", "b3", "i2")
    threads.close()


async def test_a_single_thread_is_for_everybody() -> None:
    threads = Threads(1, "test")
    assert await threads.run(lambda: 7, priority="batch") == 7
    threads.close()


async def test_work_that_is_not_wanted_any_more_gives_its_turn_up() -> None:
    threads, work = Threads(1, "test"), _Work()
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        first = group.create_task(threads.run(lambda: work.one("first")))
        await until(lambda: work.begun)
        second = group.create_task(threads.run(lambda: work.one("second")))
        third = group.create_task(threads.run(lambda: work.one("third")))
        await asyncio.sleep(0)
        second.cancel()
        work.end("first", "third")
        assert await first == "first"
        assert await third == "third"
    assert work.begun == ["first", "third"]
    threads.close()


async def test_a_thread_that_still_works_for_nobody_is_not_free() -> None:
    threads, work = Threads(1, "test"), _Work()
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        first = group.create_task(threads.run(lambda: work.one("first")))
        await until(lambda: work.begun)
        first.cancel()
        second = group.create_task(threads.run(lambda: work.one("second")))
        await asyncio.sleep(0.05)
        assert work.begun == ["first"]
        work.end("first", "second")
        assert await second == "second"
    threads.close()


async def test_what_work_raises_reaches_who_wanted_it() -> None:
    threads = Threads(1, "test")
    with pytest.raises(ZeroDivisionError):
        await threads.run(lambda: 1 // 0)
    assert await threads.run(lambda: 1) == 1
    threads.close()


async def test_whose_turn_came_in_the_moment_it_was_given_up_hands_it_on() -> None:
    threads, work = Threads(1, "test"), _Work()
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        first = group.create_task(threads.run(lambda: work.one("first")))
        await until(lambda: work.begun)
        second = group.create_task(threads.run(lambda: work.one("second")))
        third = group.create_task(threads.run(lambda: work.one("third")))
        await asyncio.sleep(0)
        work.end("first", "third")
        turn = threads._waiting["interactive"][0]
        loop = asyncio.get_running_loop()

        def as_soon_as_it_has_its_turn() -> None:
            second.cancel() if turn.done() else loop.call_soon(as_soon_as_it_has_its_turn)

        loop.call_soon(as_soon_as_it_has_its_turn)
        assert await first == "first"
        assert await third == "third"
    assert work.begun == ["first", "third"]
    threads.close()
