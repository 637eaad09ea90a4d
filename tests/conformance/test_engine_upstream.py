"""The engine `upstream` keeps an engine's promises, asking an OpenAI-compatible server or another lensbridge host."""

from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

import pytest

from host_server.core.question import PreparedQuestion
from host_server.engines.base import Engine, Piece
from host_server.engines.echo import EchoEngine
from host_server.engines.options import EngineOptions
from host_server.engines.pieces import pieces
from host_server.engines.upstream.engine import create
from tests.conformance.engine_suite import EngineSuite
from tests.support.host_in_loop import serving
from tests.support.openai_server import OpenAIServer


class EchoOfJson(EchoEngine):
    """The echo, which also keeps to a form: a host checks that."""

    async def answer(self, question: PreparedQuestion) -> AsyncGenerator[Piece, None]:
        if question.form is None:
            async for piece in super().answer(question):
                yield piece
            return
        for piece in pieces('{"order_number": "4711"}'):
            yield piece


class TestUpstream(EngineSuite):
    @pytest.fixture
    async def engine(self) -> AsyncIterator[Engine]:
        async with OpenAIServer().serving() as server:
            engine = create("m", EngineOptions(upstreams=(server.url,)))
            yield engine
            await engine.close()


class TestAnotherHost(EngineSuite):
    @pytest.fixture
    async def engine(self, tmp_path: Path) -> AsyncIterator[Engine]:
        async with serving(tmp_path, EchoOfJson()) as host:
            options = EngineOptions(upstreams=(host.url,), upstream_key_env="KEY")
            engine = create("echo", options, environ={"KEY": host.token})
            yield engine
            await engine.close()
