"""The engine `echo`: what it says, and how fast."""

import asyncio
from contextlib import aclosing

from host_server.engines.base import PreparedPicture, PreparedQuestion
from host_server.engines.echo import EchoEngine

PICTURE = PreparedPicture("0" * 64, 923, 2000, b"", 1080, 2340, 1, "image/png")


async def said(engine: EchoEngine, question: PreparedQuestion) -> str:
    return "".join([piece.text async for piece in engine.answer(question)])


async def test_it_says_the_question_and_the_size_of_each_picture() -> None:
    answer = await said(EchoEngine(), PreparedQuestion("What is  this?\n", (PICTURE, PICTURE)))

    assert answer == "What is  this? [picture 923x2000] [picture 923x2000]"


async def test_an_empty_question_is_called_empty() -> None:
    assert await said(EchoEngine(), PreparedQuestion(" \n")) == "(an empty question)"


async def test_the_pace_is_kept_by_the_clock_and_the_first_word_comes_at_once() -> None:
    loop = asyncio.get_running_loop()
    started = loop.time()
    times = [loop.time() - started async for _ in EchoEngine(rate=200).answer(PreparedQuestion("w " * 40))]

    assert times[0] < 0.05
    assert all(time >= number / 200 - 0.02 for number, time in enumerate(times))
    assert times[-1] < 2


async def test_waiting_between_words_ends_when_the_engine_closes() -> None:
    engine = EchoEngine(rate=0.001)

    async def second_word() -> str:
        async with aclosing(engine.answer(PreparedQuestion("one two"))) as answer:
            await anext(answer)
            first.set()
            try:
                await anext(answer)
            except Exception as error:  # ruff: ignore[blind-except] - whichever it is, its kind is the result
                return type(error).__name__
        return "a word"

    first = asyncio.Event()
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        waiting = group.create_task(second_word())
        await first.wait()
        await engine.close()

    assert waiting.result() == "EngineClosedError"
