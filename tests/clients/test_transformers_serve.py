"""`transformers serve` as the upstream: usage with the finish reason, no `[DONE]`, models listed with an error."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from host_server.core.question import PreparedQuestion
from host_server.engines.base import Piece, UpstreamRefusedError
from host_server.engines.options import EngineOptions
from host_server.engines.upstream.engine import UpstreamEngine, create
from tests.conformance.engine_suite import EngineSuite
from tests.support.tiny_models import tiny_model
from tests.support.until import until

pytest.importorskip("transformers", reason="the extra `gpu` is not installed")


@pytest.fixture(scope="module")
def model() -> str:
    return str(tiny_model("llava"))


@pytest.fixture(scope="module")
def url(model: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """It listens soon."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    program = str(Path(sys.executable).parent / "transformers")
    environ = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    with (tmp_path_factory.mktemp("serve") / "log").open("wb") as log:
        serving = subprocess.Popen(
            [program, "serve", model, "--host", "127.0.0.1", "--port", port], stdout=log, stderr=log, env=environ
        )
        yield f"http://127.0.0.1:{port}"
        serving.kill()
        serving.wait()


def _healthy(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", trust_env=False, timeout=1).is_success
    except httpx.HTTPError:
        return False


async def _answer(engine: UpstreamEngine, question: PreparedQuestion) -> list[Piece]:
    return [piece async for piece in engine.answer(question)]


async def test_transformers_serve_answers_about_a_picture(url: str, model: str) -> None:
    await until(lambda: _healthy(url), seconds=90)
    engine = create(model, EngineOptions(upstreams=(url,)))
    await engine.warm_up()
    question = PreparedQuestion("What is it?", (EngineSuite.PICTURE,), max_output_tokens=6, temperature=0.0, seed=1)

    first = await _answer(engine, question)
    again = await _answer(engine, question)
    left = engine.answer(replace(question, max_output_tokens=2000))
    await anext(left)
    await left.aclose()
    after = await _answer(engine, question)
    await engine.close()

    assert [piece.text for piece in first] == [piece.text for piece in again] == [piece.text for piece in after]
    assert first[-1].cut
    report = first[-1].report
    assert report is not None
    assert report.output_tokens == 6
    assert report.input_tokens > 10


async def test_another_model_than_the_one_it_serves_is_refused(url: str) -> None:
    await until(lambda: _healthy(url), seconds=90)
    engine = create("another", EngineOptions(upstreams=(url,)))
    with pytest.raises(UpstreamRefusedError, match="no such model"):
        await _answer(engine, PreparedQuestion("Hi"))
    await engine.close()
