"""The engine `ocr` keeps an engine's promises, with the real models."""

from collections.abc import AsyncIterator

import pytest

from host_server.engines.base import Engine
from host_server.engines.ocr import rapid
from host_server.engines.ocr.engine import OcrEngine
from tests.conformance.engine_suite import EngineSuite

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
