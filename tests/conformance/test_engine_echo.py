"""The engine `echo` keeps an engine's promises, as quick as the loop and at a given pace."""

from collections.abc import AsyncIterator

import pytest

from host_server.engines.base import Engine
from host_server.engines.registry import create
from tests.conformance.engine_suite import EngineSuite


class TestEcho(EngineSuite):
    @pytest.fixture(params=["echo", "echo=4000"])
    async def engine(self, request: pytest.FixtureRequest) -> AsyncIterator[Engine]:
        engine = create(request.param)
        yield engine
        await engine.close()
