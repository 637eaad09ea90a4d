"""`bridge-host serve`: each flag arrives where it is meant for."""

from dataclasses import fields
from pathlib import Path

import pytest
from typer.testing import CliRunner

from host_server.cli import serve
from host_server.cli.app import app
from host_server.engines.options import EngineOptions
from host_server.settings import HostSettings

WORDS = """--engine echo --engine upstream=m --revision v2 --dtype bfloat16 --device cuda:1 --quantize nf4 --attn eager
--max-side 768 --max-batch 3 --kv-bytes 2GiB --threads 4 --thinking --trust-remote-code --offline
--upstream http://127.0.0.1:1/v1 --upstream http://127.0.0.1:2/v1 --upstream-key-env A_KEY
--idle-unload 15m --recycle-after 4GiB --degrade off"""
ASKED = EngineOptions(
    revision="v2",
    dtype="bfloat16",
    device="cuda:1",
    quantize="nf4",
    attn="eager",
    max_side=768,
    max_batch=3,
    kv_bytes=2 * 1024**3,
    threads=4,
    thinking=True,
    trust_remote_code=True,
    offline=True,
    upstreams=("http://127.0.0.1:1/v1", "http://127.0.0.1:2/v1"),
    upstream_key_env="A_KEY",
)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[HostSettings]:
    """What hosts would have been started with."""
    settings: list[HostSettings] = []
    monkeypatch.setattr(serve, "_serve", settings.append)
    return settings


def test_every_flag_arrives(started: list[HostSettings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", "secret")
    done = CliRunner().invoke(app, ["serve", "--state-dir", str(tmp_path), *WORDS.split()])

    assert done.exit_code == 0, done.stderr
    assert started[0].options == ASKED
    assert (started[0].idle_unload_s, started[0].recycle_after, started[0].degrade) == (900, 4 * 1024**3, False)


def test_the_example_leaves_no_option_as_it_is() -> None:
    """A new option without a flag, or a flag without its line above, is found here."""
    assert [
        field.name for field in fields(ASKED) if getattr(ASKED, field.name) == getattr(EngineOptions(), field.name)
    ] == []


def test_without_flags_the_defaults_are_those_of_the_engines(started: list[HostSettings], tmp_path: Path) -> None:
    CliRunner().invoke(app, ["serve", "--state-dir", str(tmp_path)])

    assert started[0].options == EngineOptions()
    assert (started[0].idle_unload_s, started[0].recycle_after, started[0].degrade) == (None, None, True)
