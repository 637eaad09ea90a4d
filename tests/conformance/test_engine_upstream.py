"""The engine `upstream` keeps an engine's promises, asking an OpenAI-compatible server or another lensbridge host."""

from collections.abc import AsyncIterator

import pytest

from host_server.engines.base import Engine
from host_server.engines.options import EngineOptions
from host_server.engines.registry import create
from tests.conformance.engine_suite import EngineSuite
from tests.support.openai_server import OpenAIServer


class TestUpstream(EngineSuite):
    @pytest.fixture
    async def engine(self) -> AsyncIterator[Engine]:
        async with OpenAIServer().serving() as server:
            engine = create("upstream=m", EngineOptions(upstreams=(server.url,)))
            yield engine
            await engine.close()
