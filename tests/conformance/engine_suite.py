"""What any `Engine` must do. A test class derives from `EngineSuite` and gives it a fixture `engine`.

The engine under test must answer `QUESTION` with at least two pieces, and `LONG_QUESTION` slowly enough, or in enough
pieces, to be interrupted.
"""

import asyncio
import io
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import ClassVar

import pytest

from host_server.core.question import AnswerForm
from host_server.engines.base import Engine, EngineClosedError, Piece, PreparedPicture, PreparedQuestion
from host_server.imaging import prepare

DEADLINE = 30.0
PROMPT = 0.3
"""Cancelling is prompt when it takes no longer than this, in seconds."""
LONGEST_STALL = 0.15
"""So long may the event loop stand still at worst; a shared machine's own hiccups are among it."""

HOSTILE_TEXTS = (
    "",
    " \n\t ",
    "\x00\x1b[31m\u202e\ufeff\ud800",
    "🙂" * 500,
    "订" * 3000,
    "a:" * 3000,
    "%s {0} ${x} <script>alert(1)</script> '; DROP TABLE answers; --",
    "\n".join(["order number"] * 400),
)


def drawn_picture(lines: list[str]) -> PreparedPicture:
    from PIL import Image, ImageDraw, ImageFont

    sheet = Image.new("RGB", (440, 70 + 50 * len(lines)), "white")
    pen = ImageDraw.Draw(sheet)
    for row, line in enumerate(lines):
        pen.text((40, 40 + 50 * row), line, fill="black", font=ImageFont.load_default(32))
    out = io.BytesIO()
    sheet.save(out, "PNG")
    return prepare(out.getvalue())


async def collect(engine: Engine, question: PreparedQuestion) -> list[Piece]:
    async with asyncio.timeout(DEADLINE), aclosing(engine.answer(question)) as answer:
        return [piece async for piece in answer]


def text_of(pieces: list[Piece]) -> str:
    return "".join(piece.text for piece in pieces)


class EngineSuite:
    PICTURE: ClassVar[PreparedPicture] = drawn_picture(["Order number: 4711", "Status: shipped", "Thank you very much"])
    PICTURES: ClassVar[Sequence[PreparedPicture]] = [
        drawn_picture([f"Order number: {number}"]) for number in ("1111", "2222", "3333", "4444")
    ]
    """Of which an engine that looks at them says different things."""

    @pytest.fixture
    def question(self) -> PreparedQuestion:
        return PreparedQuestion("What does it say on this page?", (self.PICTURE,))

    @pytest.fixture
    def long_question(self, question: PreparedQuestion) -> PreparedQuestion:
        return PreparedQuestion(" ".join(["What does it say?"] * 50), (self.PICTURE,))

    async def test_it_knows_itself_before_it_is_loaded(self, engine: Engine) -> None:
        info = engine.info

        assert info.name
        assert info.model
        assert info.description
        assert info.max_side > 0
        assert info.lanes > 0
        assert engine.info == info

    async def test_an_answer_comes_in_several_pieces_none_of_them_empty(
        self, engine: Engine, question: PreparedQuestion
    ) -> None:
        pieces = await collect(engine, question)

        said = [piece for piece in pieces if piece.text]
        assert len(said) > 1
        assert said == pieces or (said == pieces[:-1] and pieces[-1].report)
        assert all(piece.tokens >= 1 for piece in said)
        assert not any(piece.cut or piece.thinking for piece in pieces)

    async def test_an_engine_that_counts_tells_it_with_the_last_piece(
        self, engine: Engine, question: PreparedQuestion
    ) -> None:
        pieces = await collect(engine, question)
        report = pieces[-1].report

        assert not any(piece.report for piece in pieces[:-1])
        if report is not None:
            assert report.input_tokens > report.cached_tokens
            assert report.input_tokens > report.image_tokens
            assert report.output_tokens > 0

    async def test_the_same_question_has_the_same_answer(self, engine: Engine, question: PreparedQuestion) -> None:
        assert text_of(await collect(engine, question)) == text_of(await collect(engine, question))

    async def test_the_token_limit_is_kept_and_the_last_piece_says_so(
        self, engine: Engine, question: PreparedQuestion
    ) -> None:
        whole = text_of(await collect(engine, question))

        short = await collect(engine, PreparedQuestion(question.text, question.pictures, max_output_tokens=2))

        assert sum(piece.tokens for piece in short) <= 2
        assert whole.startswith(text_of(short))
        assert [piece.cut for piece in short][-1:] == [True]

    async def test_a_stop_ends_the_answer_and_is_no_part_of_it(
        self, engine: Engine, question: PreparedQuestion
    ) -> None:
        question = replace(question, temperature=0.0)
        whole = text_of(await collect(engine, question))
        stop = whole[len(whole) // 2 :][:2]

        stopped = await collect(engine, replace(question, stop=("never said", stop)))

        assert text_of(stopped) == whole[: whole.find(stop)]
        assert not any(piece.cut for piece in stopped)

    async def test_a_form_is_answered_as_well_as_it_can_be(self, engine: Engine, question: PreparedQuestion) -> None:
        schema = {"type": "object", "properties": {"order_number": {"type": "string"}}, "required": ["order_number"]}

        answer = await collect(engine, replace(question, form=AnswerForm("order", schema)))

        assert text_of(answer)

    async def test_warming_up_twice_does_no_harm(self, engine: Engine, question: PreparedQuestion) -> None:
        await engine.warm_up()
        await engine.warm_up()

        assert await collect(engine, question)

    async def test_closing_the_iterator_early_is_prompt_and_leaves_the_engine_usable(
        self, engine: Engine, long_question: PreparedQuestion, question: PreparedQuestion
    ) -> None:
        await engine.warm_up()
        answer = engine.answer(long_question)
        async with asyncio.timeout(DEADLINE):
            await anext(answer)

        started = time.perf_counter()
        await answer.aclose()

        assert time.perf_counter() - started < PROMPT
        assert await collect(engine, question)

    async def test_an_iterator_that_was_never_started_can_be_closed(
        self, engine: Engine, question: PreparedQuestion
    ) -> None:
        await engine.answer(question).aclose()

    async def test_cancelling_the_task_that_waits_for_the_first_piece_is_prompt(
        self, engine: Engine, question: PreparedQuestion
    ) -> None:
        await engine.warm_up()
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(collect(engine, question))
            await asyncio.sleep(0)
            started = time.perf_counter()
            asking.cancel()

        assert time.perf_counter() - started < PROMPT

    async def test_answers_asked_for_at_once_all_come_and_are_not_mixed(self, engine: Engine) -> None:
        questions = [PreparedQuestion("What is the order number?", (picture,)) for picture in self.PICTURES]
        alone = [text_of(await collect(engine, question)) for question in questions]

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(collect(engine, question)) for question in questions]

        assert [text_of(task.result()) for task in tasks] == alone

    async def test_the_event_loop_keeps_turning_while_it_works(
        self, engine: Engine, question: PreparedQuestion
    ) -> None:
        await engine.warm_up()
        stalls: list[float] = []

        async def tick() -> None:
            while True:
                before = time.perf_counter()
                await asyncio.sleep(0.002)
                stalls.append(time.perf_counter() - before - 0.002)

        async with asyncio.TaskGroup() as group:
            ticking = group.create_task(tick())
            for _ in range(3):
                await collect(engine, question)
            ticking.cancel()

        assert max(stalls, default=0.0) < LONGEST_STALL

    @pytest.mark.parametrize("text", HOSTILE_TEXTS, ids=range(len(HOSTILE_TEXTS)))
    async def test_any_text_is_a_legal_question(self, engine: Engine, text: str) -> None:
        pieces = await collect(engine, PreparedQuestion(text, (self.PICTURE,), system=text))

        assert text_of(pieces).strip()

    async def test_a_question_without_a_picture_is_answered_too(self, engine: Engine) -> None:
        assert text_of(await collect(engine, PreparedQuestion("What is the order number?"))).strip()

    async def test_after_close_it_answers_nothing_and_closing_again_does_no_harm(
        self, engine: Engine, question: PreparedQuestion
    ) -> None:
        await collect(engine, question)

        await engine.close()
        await engine.close()

        with pytest.raises(EngineClosedError):
            await collect(engine, question)
        with pytest.raises(EngineClosedError):
            await engine.warm_up()

    async def test_close_ends_what_is_being_answered(self, engine: Engine, long_question: PreparedQuestion) -> None:
        await engine.warm_up()

        async def ask() -> str:
            try:
                await collect(engine, long_question)
            except EngineClosedError:
                return "closed"
            return "finished before"

        async with asyncio.timeout(DEADLINE), asyncio.TaskGroup() as group:
            asking = group.create_task(ask())
            await asyncio.sleep(0)
            await engine.close()

        assert asking.result() in {"closed", "finished before"}
