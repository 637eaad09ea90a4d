"""`bridge-host pull`: what it prints, and how it ends."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE
from collections import deque
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from host_server.cli.app import app
from tests.support.model_hub import COMMIT, model_hub, safetensors_file
from tests.support.until import until

constants = pytest.importorskip("huggingface_hub.constants", reason="the extra `gpu` is not installed")

FILES = {
    "config.json": b"{}",
    "tokenizer.json": b'{"version": "1.0"}',
    "model.safetensors": safetensors_file({"a.weight": ("F32", (10, 10), 400)}),
}


pytestmark = pytest.mark.usefixtures("cache")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def _pull(*words: str) -> Result:
    return CliRunner().invoke(app, ["pull", *words])


def test_the_folder_is_the_result(cache: Path) -> None:
    with model_hub(FILES) as hub:
        done = _pull("tiny/see", "--endpoint", hub.endpoint)

    assert done.exit_code == 0
    assert Path(done.stdout.strip()) == cache / "models--tiny--see" / "snapshots" / COMMIT
    assert "tiny/see: 3 files" in done.stderr
    assert "\x1b" not in done.stderr  # no bar where nobody looks


def test_the_result_is_json_on_request(cache: Path) -> None:
    with model_hub(FILES) as hub:
        done = _pull("tiny/see", "--endpoint", hub.endpoint, "--source", "modelscope", "--json")

    told = json.loads(done.stdout)
    assert told["model"] == "tiny/see"
    assert {row["name"] for row in told["files"]} == set(FILES)
    assert told["size"] == told["fetched"] == sum(map(len, FILES.values()))
    assert Path(told["folder"]).is_dir()


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["not a model"], 2, "no model of a hub"),
        (["../etc"], 2, "no model of a hub"),
        (["tiny/see", "--revision", "../x"], 2, "no revision"),
        (["tiny/see", "--endpoint", "http://mirror.example"], 2, "not encrypted"),
        (["tiny/see", "--token-env", "NO_SUCH_VARIABLE"], 2, "--token-env is empty"),
        (["tiny/see", "--source", "floppy"], 2, "floppy"),
        (["tiny/see", "--endpoint", "http://127.0.0.1:9"], 6, "does not answer"),
    ],
    ids=str,
)
def test_what_cannot_be_done_is_said_with_a_next_step(words: list[str], code: int, says: str) -> None:
    done = _pull(*words)

    assert done.exit_code == code
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_name_a_missing_token_and_a_full_disk_have_their_codes(cache: Path) -> None:
    with model_hub(FILES) as hub:
        unknown = _pull("tiny/other", "--endpoint", hub.endpoint)
        hub.token = "secret"
        refused = _pull("tiny/see", "--endpoint", hub.endpoint, "--json")
    cache.parent.joinpath("cache").write_text("a file where a folder must be")
    with model_hub(FILES) as hub:
        broken = _pull("tiny/see", "--endpoint", hub.endpoint)

    assert (unknown.exit_code, refused.exit_code, broken.exit_code) == (6, 10, 7)
    assert "hint: check OWNER/NAME" in unknown.stderr
    told = json.loads(refused.stderr)
    assert told["exit_code"] == 10
    assert "tiny/see" in told["message"]
    assert "--token-env" in told["hint"]


def test_a_token_goes_to_the_hub_it_is_named_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIRROR_TOKEN", "secret")
    monkeypatch.setenv("HF_TOKEN", "for huggingface.co alone")
    with model_hub(FILES, token="secret") as hub:
        done = _pull("tiny/see", "--endpoint", hub.endpoint, "--token-env", "MIRROR_TOKEN")
        hub.asked.clear()
        hub.token = None
        _pull("tiny/see", "--endpoint", hub.endpoint)

        assert done.exit_code == 0
        assert {authorization for _, _, authorization in hub.asked} == {None}


async def test_ctrl_c_ends_it_and_keeps_what_came(cache: Path) -> None:
    large = safetensors_file({"a.weight": ("F32", (1000, 100), 400_000)})
    breaks = deque([100_000, *[0] * 100])
    with model_hub(FILES | {"model.safetensors": large}, budgets={"model.safetensors": breaks}) as hub:
        words = [sys.executable, "-P", "-c", "from host_server.cli import main; main()", "pull", "tiny/see"]
        environ = {**os.environ, "HF_HUB_CACHE": str(cache), "PYTHONPATH": str(Path(__file__).parents[3])}
        process = await asyncio.create_subprocess_exec(
            *words, "--endpoint", hub.endpoint, stdout=PIPE, stderr=PIPE, env=environ
        )
        await until(lambda: len(hub.fetched("model.safetensors")) >= 2)  # it has broken off once
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(20):
            told = (await process.communicate())[1].decode()

    assert process.returncode == 130
    assert "goes on where it ended" in told
    assert "Traceback" not in told
    assert [path.stat().st_size for path in cache.glob("*/blobs/*.incomplete")] == [100_000]
