"""An engine in a process of its own keeps an engine's promises."""

from collections.abc import AsyncIterator

import pytest

from host_server.engines.base import Engine
from tests.conformance.engine_suite import EngineSuite
from tests.support.puppets import puppet


class TestProcess(EngineSuite):
    @pytest.fixture
    async def engine(self) -> AsyncIterator[Engine]:
        engine = puppet()
        yield engine
        await engine.close()
