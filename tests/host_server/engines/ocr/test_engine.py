"""The OCR engine's shell: its thread, what happens to answers nobody waits for, and failures told in our own words."""

import asyncio
import threading
from contextlib import aclosing

import pytest

from host_server.engines.base import EngineClosedError, EngineError, PreparedPicture, PreparedQuestion
from host_server.engines.ocr.engine import OcrEngine
from host_server.engines.ocr.page import Quad
from host_server.engines.ocr.rapid import Stop, Stopped
from tests.support.layout import boxes

DEADLINE = 5.0


def picture(text: str) -> PreparedPicture:
    """A picture that `Script` reads as its own bytes."""
    return PreparedPicture("0" * 64, 1, 1, text.encode(), 1, 1, 1, "image/png")


def question(text: str, *drawings: str) -> PreparedQuestion:
    return PreparedQuestion(text, tuple(picture(drawing) for drawing in drawings))


class Script:
    """A reader that reads what it is given; `gate` holds it back, `read` counts what it has begun to read."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.begun = threading.Semaphore(0)
        self.read: list[str] = []
        self.stopped: list[str] = []
        self.threads: set[str] = set()

    def __call__(self, jpeg: bytes, stop: Stop) -> list[tuple[str, Quad]]:
        drawing = jpeg.decode()
        self.read.append(drawing)
        self.threads.add(threading.current_thread().name)
        self.begun.release()
        assert self.gate.wait(DEADLINE)
        if stop():
            self.stopped.append(drawing)
            raise Stopped
        if drawing == "broken":
            raise RuntimeError("secret words of a library")
        return boxes(drawing)


async def answer(engine: OcrEngine, asked: PreparedQuestion) -> str:
    async with asyncio.timeout(DEADLINE), aclosing(engine.answer(asked)) as pieces:
        return "".join([piece.text async for piece in pieces])


async def test_the_reader_is_loaded_once_and_lives_in_one_thread() -> None:
    script, loads = Script(), list[str]()

    def load() -> Script:
        loads.append(threading.current_thread().name)
        return script

    engine = OcrEngine(load)
    assert loads == []
    await engine.warm_up()
    for _ in range(3):
        assert (await answer(engine, question("total?", "Total: 5"))).startswith("5\n")
    await engine.close()

    assert loads == ["ocr_0"]
    assert script.threads == {"ocr_0"}


async def test_an_answer_nobody_waits_for_any_more_is_not_begun() -> None:
    script = Script()
    script.gate.clear()
    engine = OcrEngine(lambda: script)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(answer(engine, question("total?", "Total: 1")))
        await asyncio.to_thread(script.begun.acquire, timeout=DEADLINE)
        second = group.create_task(answer(engine, question("total?", "Total: 2")))
        third = group.create_task(answer(engine, question("total?", "Total: 3")))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.wait([second])
        script.gate.set()
    await engine.close()

    assert first.result().startswith("1\n")
    assert third.result().startswith("3\n")
    assert script.read == ["Total: 1", "Total: 3"]


async def test_a_cancelled_answer_reads_no_further_picture() -> None:
    script = Script()
    script.gate.clear()
    engine = OcrEngine(lambda: script)
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(answer(engine, question("total?", "Total: 1", "Total: 2", "Total: 3")))
        await asyncio.to_thread(script.begun.acquire, timeout=DEADLINE)
        asking.cancel()
    script.gate.set()
    await engine.close()

    assert script.read == script.stopped == ["Total: 1"]


async def test_between_two_pictures_it_looks_whether_anybody_still_waits() -> None:
    gate, begun, read = threading.Event(), threading.Event(), list[bytes]()

    def deaf(jpeg: bytes, stop: Stop) -> list[tuple[str, Quad]]:
        read.append(jpeg)
        begun.set()
        assert gate.wait(DEADLINE)
        return []

    engine = OcrEngine(lambda: deaf)
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(answer(engine, question("total?", "one", "two")))
        await asyncio.to_thread(begun.wait, DEADLINE)
        asking.cancel()
    gate.set()
    await engine.close()

    assert read == [b"one"]


async def test_closing_ends_an_answer_between_two_words() -> None:
    engine = OcrEngine(Script)
    async with aclosing(engine.answer(question("What does it say?", "one two three"))) as pieces:
        await anext(pieces)
        await engine.close()

        with pytest.raises(EngineClosedError):
            await anext(pieces)


async def test_closing_ends_what_waits_and_what_runs() -> None:
    script = Script()
    script.gate.clear()
    engine = OcrEngine(lambda: script)

    async def outcome(number: int) -> str:
        try:
            return await answer(engine, question("total?", f"Total: {number}"))
        except EngineClosedError:
            return "closed"

    async with asyncio.TaskGroup() as group:
        running = group.create_task(outcome(1))
        await asyncio.to_thread(script.begun.acquire, timeout=DEADLINE)
        waiting = group.create_task(outcome(2))
        await asyncio.sleep(0)
        closing = group.create_task(engine.close())
        await asyncio.sleep(0)
        script.gate.set()
        await closing

    assert running.result() == "closed"
    assert waiting.result() == "closed"
    assert script.read == ["Total: 1"]


async def test_a_reader_that_fails_is_told_in_our_words_and_the_engine_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    engine = OcrEngine(Script)

    with pytest.raises(EngineError) as caught:
        await answer(engine, question("total?", "broken"))

    assert caught.value.message == "The picture could not be read."
    assert "secret words of a library" in caplog.text
    assert (await answer(engine, question("total?", "Total: 5"))).startswith("5\n")
    await engine.close()


async def test_models_that_cannot_be_loaded_are_tried_again_and_name_the_extra() -> None:
    tries: list[int] = []

    def load() -> Script:
        tries.append(1)
        if len(tries) == 1:
            raise ImportError("no such library")
        return Script()

    engine = OcrEngine(load)
    with pytest.raises(EngineError) as caught:
        await engine.warm_up()

    assert caught.value.hint == "pip install 'lensbridge[ocr]'"
    await engine.warm_up()
    await engine.close()


async def test_the_engines_own_limit_ends_a_page_of_a_book() -> None:
    engine = OcrEngine(Script)
    async with aclosing(engine.answer(question("What does it say?", "word " * 6000))) as pieces:
        all_pieces = [piece async for piece in pieces]
    await engine.close()

    assert len(all_pieces) == 4096
    assert all_pieces[-1].cut
