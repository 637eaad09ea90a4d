"""The engine `transformers_vlm` keeps an engine's promises, in this process and in one of its own.

The model is a tiny one that names colours, so that an answer tells whose picture it is about.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from functools import lru_cache
from typing import ClassVar

import pytest
import pytest_asyncio

pytest.importorskip("torch", reason="the extra `gpu` is not installed")

from host_server.engines.base import Engine, PreparedPicture, PreparedQuestion
from host_server.engines.options import EngineOptions
from host_server.engines.registry import create
from host_server.engines.transformers_vlm.engine import TransformersEngine
from host_server.engines.transformers_vlm.load import load
from host_server.engines.transformers_vlm.loaded import Loaded
from host_server.engines.transformers_vlm.mind import mind_of
from host_server.imaging import prepare
from tests.conformance.engine_suite import HOSTILE_TEXTS, EngineSuite, collect, text_of
from tests.support.real_pictures import jpeg
from tests.support.tiny_models import colour_model
from tools.tiny_vlm.colours import COLOURS

OPTIONS = EngineOptions(threads=1, device="cpu", kv_bytes=256 * 1024 * 1024)
NAMES = ("red", "blue", "green", "white")
ENGLISH, CHINESE = "What colour is it?", "这是什么颜色？"
LONGEST = 200
"""Characters of a hostile text: the tiny model has a token for each byte, and learnt from short questions."""


@lru_cache
def loaded() -> Loaded:
    return load(str(colour_model()), OPTIONS)


def plain(colour: str) -> PreparedPicture:
    red, green, blue = COLOURS[colour].rgb
    return prepare(jpeg(112, 84, colour=f"#{red:02x}{green:02x}{blue:02x}"))


class _Colours(EngineSuite):
    PICTURE: ClassVar[PreparedPicture] = plain("red")
    PICTURES: ClassVar[Sequence[PreparedPicture]] = [plain(colour) for colour in NAMES]

    @pytest.fixture
    def question(self) -> PreparedQuestion:
        """Its answer is six bytes, a token each."""
        return PreparedQuestion(CHINESE, (self.PICTURE,))

    @pytest.mark.parametrize("text", [text[:LONGEST] for text in HOSTILE_TEXTS], ids=range(len(HOSTILE_TEXTS)))
    async def test_any_text_is_a_legal_question(self, engine: Engine, text: str) -> None:
        """What it says to nonsense is its own affair; it must answer."""
        answer = await collect(engine, PreparedQuestion(text, (self.PICTURE,), system=text, max_output_tokens=50))

        assert answer[-1].report

    async def test_it_says_what_it_sees_to_many_at_once(self, engine: Engine) -> None:
        pictures = [plain(colour) for colour in COLOURS]
        asked = [PreparedQuestion(text, (picture,)) for picture in pictures for text in (ENGLISH, CHINESE)]

        async with asyncio.TaskGroup() as group:
            answers = [group.create_task(collect(engine, question)) for question in asked]

        said = [text_of(answer.result()) for answer in answers]
        assert said == [name for english, colour in COLOURS.items() for name in (english, colour.chinese)]

    async def test_the_report_says_what_was_known_before(self, engine: Engine, question: PreparedQuestion) -> None:
        await collect(engine, question)
        report = (await collect(engine, question))[-1].report

        assert report is not None
        assert report.cached_tokens == report.input_tokens - 1
        assert report.image_tokens > 0


@pytest_asyncio.fixture(scope="class", loop_scope="class")
async def own_process() -> AsyncIterator[Engine]:
    engine = create(f"transformers_vlm={colour_model()}", OPTIONS)
    await engine.warm_up()
    yield engine
    await engine.close()


class TestHere(_Colours):
    @pytest.fixture
    async def engine(self) -> AsyncIterator[Engine]:
        info = create(f"transformers_vlm={colour_model()}", OPTIONS).info
        engine = TransformersEngine(info, lambda: mind_of(loaded(), OPTIONS))
        yield engine
        await engine.close()


@pytest.mark.asyncio(loop_scope="class")
class TestInItsOwnProcess(_Colours):
    """One process for all of them, for it takes seconds to start; how one ends is shown by `test_engine_process`."""

    @pytest.fixture
    def engine(self, own_process: Engine) -> Engine:
        return own_process

    test_after_close_it_answers_nothing_and_closing_again_does_no_harm = None  # type: ignore[assignment]
    test_close_ends_what_is_being_answered = None  # type: ignore[assignment]
