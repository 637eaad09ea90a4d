"""The engine's face over tiny models: answers, limits, cancelling, and every way in which a model can fail."""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import replace
from functools import lru_cache
from typing import Any

import pytest

pytest.importorskip("torch", reason="the extra `gpu` is not installed")
import torch

from host_server.core.question import PreparedPicture, PreparedQuestion
from host_server.core.unwrap import Unwrapper
from host_server.engines.base import (
    EngineClosedError,
    EngineError,
    EngineOutOfMemoryError,
    EngineRestartedError,
    PerishableEngine,
    Piece,
    PromptTooLongError,
    UnknownEngineError,
    WeighedEngine,
)
from host_server.engines.options import EngineOptions
from host_server.engines.transformers_vlm.decode import Decoder
from host_server.engines.transformers_vlm.engine import TransformersEngine, create
from host_server.engines.transformers_vlm.floor import Floor
from host_server.engines.transformers_vlm.load import load
from host_server.engines.transformers_vlm.loaded import Loaded
from host_server.engines.transformers_vlm.loop import StepLoop
from host_server.engines.transformers_vlm.mind import Mind, mind_of, wake
from host_server.engines.transformers_vlm.pixels import digest
from host_server.engines.transformers_vlm.prompt import Prompt, Prompter
from host_server.engines.transformers_vlm.request import Ended, Happened, Reason, Request, Token
from host_server.imaging import prepare
from tests.support.real_pictures import jpeg
from tests.support.tiny_models import tiny_model
from tests.support.until import until

OPTIONS = EngineOptions(threads=1, max_batch=4, kv_bytes=64 * 1024 * 1024)
PATCH = 14 * 14 * 3 * 2
CARD_FAILED = "CUDA error: device-side assert triggered"


@lru_cache
def loaded(family: str = "glm4v") -> Loaded:
    return load(str(tiny_model(family)), OPTIONS)


def picture(colour: str, width: int = 112, height: int = 84) -> PreparedPicture:
    return prepare(jpeg(width, height, colour=colour))


RED = picture("red")
QUESTION = PreparedQuestion("What is it?", (RED,), max_output_tokens=24)
ENDLESS = replace(QUESTION, max_output_tokens=20_000)


@asynccontextmanager
async def engine_of(
    make: Callable[[], Mind], *, options: EngineOptions = OPTIONS, **more: Any
) -> AsyncGenerator[TransformersEngine, None]:
    engine = TransformersEngine(create("a/b", options).info, make, **more)
    try:
        yield engine
    finally:
        await engine.close()


@pytest.fixture
async def engine() -> AsyncIterator[TransformersEngine]:
    async with engine_of(lambda: mind_of(loaded(), OPTIONS)) as engine:
        await engine.warm_up()
        yield engine


async def ask(engine: TransformersEngine, question: PreparedQuestion = QUESTION) -> list[Piece]:
    async with asyncio.timeout(20), aclosing(engine.answer(question)) as answer:
        return [piece async for piece in answer]


async def outcome(work: Awaitable[object]) -> type[EngineError] | None:
    try:
        await work
    except EngineError as error:
        return type(error)
    return None


def text_of(pieces: Sequence[Piece], *, thinking: bool = False) -> str:
    return "".join(piece.text for piece in pieces if piece.thinking == thinking)


class Scripted:
    """A loop that says the tokens of a text to everybody, one a step, and ends with the last one for that reason."""

    def __init__(self, text: str, reason: Reason = "end") -> None:
        self._reason = reason
        self._tokens = loaded().processor.tokenizer.encode(text, add_special_tokens=False)
        self._said: dict[int, int] = {}
        self.cancelled: list[int] = []
        self.closed = False

    @property
    def idle(self) -> bool:
        return not self._said

    def submit(self, request: Request) -> None:
        self._said[request.number] = 0

    def cancel(self, number: int) -> None:
        self.cancelled.append(number)

    def step(self) -> list[Happened]:
        happened: list[Happened] = []
        for number, said in [*self._said.items()]:
            if number in self.cancelled:
                happened.append(Ended(number, "cancelled", output_tokens=said))
                del self._said[number]
                continue
            happened.append(Token(number, self._tokens[said]))
            self._said[number] += 1
            if said + 1 == len(self._tokens):
                happened.append(Ended(number, self._reason, output_tokens=said + 1))
                del self._said[number]
        return happened

    def close(self) -> None:
        self.closed = True


def saying(text: str, reason: Reason = "end") -> tuple[Scripted, Mind]:
    """A mind that says this, whatever it is asked."""
    loop = Scripted(text, reason)
    tokenizer = loaded().processor.tokenizer.backend_tokenizer
    floor = Floor(loop, lambda: Decoder(tokenizer).add)
    return loop, Mind(floor, Prompter(loaded().processor), torch.device("cpu"))


class TestAnswers:
    @pytest.mark.parametrize("family", ["glm4v", "llava"])
    async def test_the_text_is_what_plain_generate_writes(self, family: str) -> None:
        known = loaded(family)
        mind = mind_of(known, OPTIONS)
        prompt = mind.prompter.prompt(QUESTION)
        ids = torch.tensor([prompt.ids])
        with torch.inference_mode():
            written = known.model.generate(
                input_ids=ids, attention_mask=torch.ones_like(ids), **prompt.inputs, max_new_tokens=24, do_sample=False
            )
        wanted = known.processor.tokenizer.decode(written[0, len(prompt.ids) :], skip_special_tokens=True)

        async with engine_of(lambda: mind) as engine:
            said = text_of(await ask(engine))

        assert said
        assert wanted.rstrip("�").startswith(said.rstrip("�"))
        assert len(wanted) - len(said) <= 3  # of a character that was not finished

    async def test_the_last_piece_tells_what_it_cost(self, engine: TransformersEngine) -> None:
        first, second = (await ask(engine))[-1], (await ask(engine))[-1]
        other = (await ask(engine, replace(QUESTION, text="And why?")))[-1]

        assert first.cut
        assert first.report is not None
        assert second.report is not None
        assert other.report is not None
        length = len(mind_of(loaded(), OPTIONS).prompter.prompt(QUESTION).ids)
        assert (first.report.input_tokens, first.report.output_tokens) == (length, 24)
        assert first.report.image_tokens == 12
        assert first.report.cached_tokens == 0
        assert first.report.prefill_s > 0
        assert first.report.waited_s > 0
        assert second.report.cached_tokens == length - 1
        assert other.report.cached_tokens > other.report.image_tokens

    @pytest.mark.parametrize("pictures", [(RED,), ()])
    async def test_what_it_cost_does_not_tell_what_others_have_asked(
        self, engine: TransformersEngine, pictures: tuple[PreparedPicture, ...]
    ) -> None:
        asked = replace(QUESTION, pictures=pictures)
        reports = [(await ask(engine, replace(asked, asker=asker)))[-1].report for asker in ("me", "you", "me")]
        known = [report.cached_tokens for report in reports if report is not None]

        assert known == [0, 0, known[2]]
        assert known[2] > 0
        assert len({digest(RED, asker) for asker in ("me", "you", "")}) == 3

    async def test_thinking_and_characters_of_several_bytes_come_apart_and_whole(self) -> None:
        _, mind = saying("<think>天空，所以</think>\n是蓝色的🚚。")
        async with engine_of(lambda: mind) as engine:
            pieces = await ask(engine)

        assert [piece.text for piece in pieces if piece.thinking] == list("天空，所以")
        assert [piece.text for piece in pieces if not piece.thinking] == [*"是蓝色的🚚。", ""]
        assert pieces[-1].report is not None
        assert pieces[-1].report.reasoning_tokens == 2 + len("天空，所以".encode())

    async def test_marks_of_boxes_are_told_for_the_host_to_take_off(self) -> None:
        _, mind = saying("It is <|begin_of_box|>蓝色<|end_of_box|>.")
        async with engine_of(lambda: mind) as engine:
            pieces = await ask(engine)

        unwrapper = Unwrapper()
        assert "".join(unwrapper.add(piece.text) for piece in pieces) + unwrapper.rest() == "It is 蓝色."

    async def test_a_stop_ends_the_answer_in_mid_sentence_and_the_models_work_with_it(self) -> None:
        loop, mind = saying("one, two. three" + ", four" * 1000)
        async with engine_of(lambda: mind) as engine:
            pieces = await ask(engine, replace(QUESTION, stop=("thr", ". t")))

        assert text_of(pieces) == "one, two"
        assert not pieces[-1].cut
        assert pieces[-1].report is not None
        assert pieces[-1].report.output_tokens == len("one, two. t")
        assert loop.cancelled

    async def test_an_answer_that_a_stop_ends_with_its_last_token_is_whole(self) -> None:
        _, mind = saying("one, two.", "limit")
        async with engine_of(lambda: mind) as engine:
            whole = await ask(engine, replace(QUESTION, stop=(".",)))
            cut = await ask(engine)

        assert (text_of(whole), whole[-1].cut) == ("one, two", False)
        assert (text_of(cut), cut[-1].cut) == ("one, two.", True)

    async def test_a_seed_draws_the_same_answer_again_and_another_one_another(self, engine: TransformersEngine) -> None:
        def drawn(seed: int) -> PreparedQuestion:
            return replace(QUESTION, temperature=1.5, top_p=0.95, seed=seed)

        answers = [text_of(await ask(engine, drawn(seed))) for seed in (1, 2, 1)]

        assert answers[0] == answers[2] != answers[1]


class TestCancelling:
    async def test_the_model_stops_within_two_steps_and_the_one_who_asked_at_once(self) -> None:
        loop = StepLoop(loaded(), max_batch=4, kv_bytes=OPTIONS.kv_bytes, clock=time.monotonic)
        after: list[float] = []
        left = asyncio.Event()
        step = loop.step

        class Watched:
            """The loop, its steps timed from the moment somebody has left."""

            idle = property(lambda self: loop.idle)
            submit, cancel, close = staticmethod(loop.submit), staticmethod(loop.cancel), staticmethod(loop.close)

            @staticmethod
            def step() -> list[Happened]:
                happened = step()
                if left.is_set():
                    after.append(time.perf_counter())
                return happened

        tokenizer = loaded().processor.tokenizer.backend_tokenizer
        mind = Mind(Floor(Watched(), lambda: Decoder(tokenizer).add), Prompter(loaded().processor), torch.device("cpu"))
        async with engine_of(lambda: mind) as engine:
            answer = engine.answer(ENDLESS)
            await anext(answer)
            began = time.perf_counter()
            left.set()
            await answer.aclose()
            gone = time.perf_counter()
            await until(lambda: loop.idle)

            assert gone - began < 0.2
            assert len(after) <= 2
            assert await ask(engine)

    async def test_those_beside_it_go_on_unchanged(self, engine: TransformersEngine) -> None:
        others = [replace(QUESTION, text=text) for text in ("One?", "Two or three?")]
        alone = [text_of(await ask(engine, other)) for other in others]
        answer = engine.answer(ENDLESS)
        await anext(answer)

        async with asyncio.TaskGroup() as group:
            asking = [group.create_task(ask(engine, other)) for other in others]
            await anext(answer)
            await answer.aclose()

        assert [text_of(task.result()) for task in asking] == alone

    async def test_one_that_still_waits_leaves_without_a_trace(self, engine: TransformersEngine) -> None:
        running = [engine.answer(ENDLESS) for _ in range(OPTIONS.max_batch)]
        for answer in running:
            await anext(answer)
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(ask(engine))
            await asyncio.sleep(0)
            waiting.cancel()
        for answer in running:
            await answer.aclose()

        assert engine._boxes == {}
        assert await ask(engine)


class TestLimits:
    async def test_more_than_may_wait_are_sent_away(self) -> None:
        _, mind = saying("abc" * 10_000)
        async with engine_of(lambda: mind, most_inside=2) as engine:
            inside = [engine.answer(QUESTION) for _ in range(2)]
            for answer in inside:
                await anext(answer)

            with pytest.raises(EngineError, match="Too many"):
                await ask(engine)
            await inside[0].aclose()
            await anext(third := engine.answer(QUESTION))
            for answer in (inside[1], third):
                await answer.aclose()

    async def test_a_prompt_that_is_too_long_is_refused_and_the_next_one_answered(self) -> None:
        short = replace(loaded(), max_positions=200)
        async with engine_of(lambda: mind_of(short, OPTIONS)) as engine:
            with pytest.raises(PromptTooLongError) as caught:
                await ask(engine, replace(QUESTION, text="What? " * 50))
            assert caught.value.hint

            assert await ask(engine)

    async def test_batch_questions_lie_ready_two_at_a_time(self) -> None:
        asked: list[int] = []

        class Silent(Scripted):
            def submit(self, request: Request) -> None:
                asked.append(request.number)

        loop = Silent("")
        floor = Floor(loop, lambda: str)
        mind = Mind(floor, Prompter(loaded().processor), torch.device("cpu"))
        async with engine_of(lambda: mind) as engine, asyncio.TaskGroup() as group:
            batch = [group.create_task(ask(engine, replace(QUESTION, priority="batch"))) for _ in range(6)]
            await until(lambda: len(asked) == 2)
            urgent = group.create_task(ask(engine))
            await until(lambda: len(asked) == 3)
            for task in [*batch, urgent]:
                task.cancel()

        assert asked == [1, 2, 7]


@contextmanager
def failing(module: Any, error: Exception, when: Callable[..., bool]) -> Generator[None, None, None]:
    """Let a part of a model fail, or of every model."""

    def fail(_module: Any, args: Any, kwargs: Any) -> None:
        if when(*args, **kwargs):
            raise error

    if module is None:
        hook = torch.nn.modules.module.register_module_forward_pre_hook(lambda part, args: fail(part, args, {}))
    else:
        hook = module.register_forward_pre_hook(fail, with_kwargs=True)
    try:
        yield
    finally:
        hook.remove()


class TestFaults:
    async def test_a_picture_that_memory_is_too_small_for_fails_alone(self, engine: TransformersEngine) -> None:
        large = replace(QUESTION, pictures=(picture("blue", 280, 280),))
        alone = text_of(await ask(engine))
        too_large = failing(
            loaded().model.model.visual,
            torch.OutOfMemoryError("no room"),
            lambda pixels, **_: pixels.shape[0] > 100,
        )

        with too_large:
            async with asyncio.TaskGroup() as group:
                beside = [group.create_task(ask(engine)) for _ in range(2)]
                with pytest.raises(EngineOutOfMemoryError) as caught:
                    await ask(engine, large)

        assert "smaller picture" in caught.value.hint
        assert [text_of(task.result()) for task in beside] == [alone] * 2
        assert await ask(engine, large)

    async def test_a_picture_that_the_model_chokes_on_fails_alone(self, engine: TransformersEngine) -> None:
        other = replace(QUESTION, pictures=(picture("green"),))

        with (
            failing(loaded().model.model.visual, ValueError("odd"), lambda *_, **__: True),
            pytest.raises(EngineError, match="could not answer"),
        ):
            await ask(engine, other)

        assert await ask(engine, other)

    async def test_a_question_that_cannot_be_prepared_fails_alone(self, engine: TransformersEngine) -> None:
        broken = replace(RED, jpeg=RED.jpeg[:300])

        with pytest.raises(EngineError, match="cannot be asked"):
            await ask(engine, replace(QUESTION, pictures=(broken,)))

        assert await ask(engine)

    async def test_a_card_that_fails_is_told_to_all_and_the_model_is_lost_until_it_is_loaded_anew(
        self, engine: TransformersEngine
    ) -> None:
        running = [engine.answer(ENDLESS) for _ in range(2)]
        for answer in running:
            await anext(answer)

        with failing(loaded().model.lm_head, torch.AcceleratorError(CARD_FAILED), lambda *_, **__: True):
            for answer in running:
                with pytest.raises(EngineRestartedError):
                    async for _ in answer:
                        pass
            async with asyncio.timeout(5):
                await engine.lost()

        with pytest.raises(EngineRestartedError):
            await ask(engine)
        await engine.warm_up()
        assert await ask(engine)

    async def test_a_card_that_fails_in_a_prompt_is_no_question_s_fault(self, engine: TransformersEngine) -> None:
        with (
            failing(loaded().model.model.visual, torch.AcceleratorError(CARD_FAILED), lambda *_, **__: True),
            pytest.raises(EngineRestartedError),
        ):
            await ask(engine, replace(QUESTION, pictures=(picture("brown"),)))

    async def test_memory_that_is_too_small_for_a_prompt_is_told_as_such(self) -> None:
        class Full(Prompter):
            def prompt(self, question: PreparedQuestion) -> Prompt:
                raise MemoryError

        async with engine_of(lambda: replace(mind_of(loaded(), OPTIONS), prompter=Full(loaded().processor))) as engine:
            with pytest.raises(EngineOutOfMemoryError):
                await ask(engine)


class TestClosing:
    async def test_those_who_wait_for_a_place_are_told_too(self) -> None:
        _, mind = saying("abc" * 10_000)
        questions = [QUESTION, replace(QUESTION, priority="batch")] * 4
        one_seat = replace(OPTIONS, max_batch=1)
        async with engine_of(lambda: mind, options=one_seat) as engine, asyncio.TaskGroup() as group:
            asking = [group.create_task(outcome(ask(engine, question))) for question in questions]
            await until(lambda: len(engine._boxes) == len(asking))
            await engine.close()

        assert [task.result() for task in asking] == [EngineClosedError] * len(asking)

    def test_a_model_that_nobody_listens_to_any_more_stops(self) -> None:
        _, mind = saying("abc" * 100_000)

        async def leave() -> None:
            engine = TransformersEngine(create("a/b", OPTIONS).info, lambda: mind)
            left.append(engine.answer(QUESTION))
            await anext(left[0])

        left: list[AsyncGenerator[Piece, None]] = []
        loop = asyncio.new_event_loop()
        loop.run_until_complete(leave())
        loop.close()  # without a word to the engine

        threads = [thread for thread in threading.enumerate() if thread.name == "model"]
        for thread in threads:
            thread.join(5)
        assert not any(thread.is_alive() for thread in threads)


class TestLoading:
    async def test_the_first_question_loads_it(self) -> None:
        async with engine_of(lambda: mind_of(loaded(), OPTIONS)) as engine:
            assert await ask(engine)

    @pytest.mark.parametrize(
        ("error", "message"),
        [
            (EngineError("There is no such model.", hint="Pull it."), "no such model"),
            (KeyError("x"), "cannot be loaded"),
        ],
    )
    async def test_what_keeps_it_from_loading_is_told_to_all_and_warming_up_tries_again(
        self, error: Exception, message: str
    ) -> None:
        faults = [error]

        def make() -> Mind:
            if faults:
                raise faults.pop()
            return mind_of(loaded(), OPTIONS)

        async with engine_of(make) as engine:
            for trying in (engine.warm_up, engine.answer(QUESTION).__anext__):
                with pytest.raises(EngineError, match=message) as caught:
                    await trying()
                assert caught.value.hint
            await engine.warm_up()
            assert await ask(engine)

    async def test_closing_ends_what_is_under_way_too(self) -> None:
        loop, mind = saying("One two three.")
        async with engine_of(lambda: mind) as engine:
            assert await ask(engine)
            assert not loop.closed
        assert loop.closed

    async def test_closing_tells_those_who_wait_for_the_load_and_ends_the_thread_behind_it(self) -> None:
        begun, go_on = threading.Event(), threading.Event()

        def make() -> Mind:
            begun.set()
            go_on.wait(10)
            return mind_of(loaded(), OPTIONS)

        async with engine_of(make) as engine, asyncio.TaskGroup() as group:
            waiting = [group.create_task(outcome(work)) for work in (engine.warm_up(), ask(engine))]
            await asyncio.to_thread(begun.wait, 10)
            group.create_task(engine.close())
            told = [await task for task in waiting]
            still_loading = not go_on.is_set()
            go_on.set()

        assert told == [EngineClosedError, EngineClosedError]
        assert still_loading
        assert not any(thread.name == "model" for thread in threading.enumerate())

    def test_its_first_words_are_said_before_anybody_asks(self) -> None:
        mind = wake(str(tiny_model("glm4v")), OPTIONS)

        assert mind.floor.idle
        assert mind.device_bytes == 0

    def test_what_it_cannot_say_is_known_before_anybody_asks(self) -> None:
        with (
            failing(None, ValueError("odd"), lambda pixels, *_, **__: pixels.shape[-1] == PATCH),
            pytest.raises(EngineError, match="could not answer"),
        ):
            wake(str(tiny_model("glm4v")), OPTIONS)

    def test_a_tokenizer_that_cannot_be_read_while_it_writes_is_refused(self) -> None:
        class Slow:
            tokenizer = object()

        with pytest.raises(EngineError) as caught:
            mind_of(replace(loaded(), processor=Slow()), OPTIONS)
        assert "tokenizer.json" in caught.value.hint

    def test_it_is_known_before_it_is_loaded(self) -> None:
        engine = create(
            "zai-org/GLM-4.6V-Flash", EngineOptions(max_batch=3, max_side=768, quantize="int8", revision="v1")
        )

        assert (engine.info.lanes, engine.info.max_side) == (3, 768)
        assert engine.info.model == "GLM-4.6V-Flash@v1 (int8)"
        assert engine.info.owner == "zai-org"
        assert isinstance(engine, PerishableEngine)
        assert isinstance(engine, WeighedEngine)
        assert engine.device_bytes() == 0

    def test_it_needs_a_model(self) -> None:
        with pytest.raises(UnknownEngineError):
            create(None, EngineOptions())
