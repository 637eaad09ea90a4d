"""The engine `ocr` keeps an engine's promises, with the real models."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from host_server.core.question import AnswerForm
from host_server.engines.base import Engine, PreparedQuestion
from host_server.engines.ocr import rapid
from host_server.engines.ocr.engine import OcrEngine
from tests.conformance.engine_suite import EngineSuite, collect, text_of

pytest.importorskip("rapidocr", reason="the extra `ocr` is not installed")


@pytest.fixture(scope="module")
def reader() -> rapid.Reader:
    return rapid.load()


class TestOcr(EngineSuite):
    @pytest.fixture
    async def engine(self, reader: rapid.Reader) -> AsyncIterator[Engine]:
        engine = OcrEngine(lambda: reader)
        yield engine
        await engine.close()

    async def test_it_fills_a_form_with_what_it_read_and_with_nothing_else(
        self, engine: Engine, question: PreparedQuestion
    ) -> None:
        wanted = {
            "order_number": {"type": "string"},
            "status": {"type": "string"},
            "total": {"type": ["number", "null"]},
        }
        form = AnswerForm("order", {"type": "object", "properties": wanted})

        answer = text_of(await collect(engine, replace(question, form=form)))

        assert json.loads(answer) == {"order_number": "4711", "status": "shipped", "total": None}
