"""A model is pulled from a hub, the hub goes away, and the host answers with the model."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from host_server.checkpoints.pull import pull
from host_server.checkpoints.sources import source_of
from host_server.checkpoints.web import Web
from tests.support.host import RunningHost
from tests.support.model_hub import model_hub

pytestmark = pytest.mark.e2e
pytest.importorskip("torch", reason="the extra `gpu` is not installed")


def test_a_model_that_was_pulled_answers_without_a_network(
    tiny_model: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {path.name: path.read_bytes() for path in tiny_model("glm4v").iterdir()}
    with model_hub(files) as hub, Web(hub.endpoint) as web:
        pull(web, source_of("huggingface", web), tmp_path / "cache", "tiny/see")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)  # nobody listens there any more
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    options = ("--offline", "--device", "cpu", "--dtype", "float32", "--threads", "1")
    with RunningHost.start(tmp_path / "s", ["transformers_vlm=tiny/see"], options=options) as host:
        # It waits while the model is loaded.
        body = {"input": "What is it?", "max_output_tokens": 4}
        done = httpx.post(f"{host.url}/v1/responses", json=body, headers=host.headers, timeout=60)

    response = done.json()
    assert response["status"] in {"completed", "incomplete"}, response
    assert response["usage"]["output_tokens"] > 0
