"""The official `openai` clients, each in an environment of its own, unchanged, against real hosts."""

import json
import os
from pathlib import Path

import pytest

from tests.clients.conftest import made, passes
from tests.support.host import RunningHost
from tests.support.own_environment import node_environment, python_environment
from tests.support.real_pictures import png

HERE = Path(__file__).parent
OPENAI = os.environ.get("LENSBRIDGE_OPENAI", "openai[realtime]==3.54.0")  # the newest: `openai[realtime]`
NODE = "22.20.0"


@pytest.fixture
def hosts(fast_host: RunningHost, slow_host: RunningHost) -> dict[str, str]:
    """What the checks have to know, as environment."""
    return {
        "FAST_URL": f"{fast_host.url}/v1",
        "FAST_KEY": fast_host.token,
        "SLOW_URL": f"{slow_host.url}/v1",
        "SLOW_KEY": slow_host.token,
        "PICTURE": png().hex(),
    }


@pytest.mark.parametrize(("script", "checks"), [("sync_client.py", 12), ("async_client.py", 7), ("chat_client.py", 11)])
def test_the_python_client(hosts: dict[str, str], script: str, checks: int) -> None:
    programs = made(lambda: python_environment("openai", [OPENAI]))
    said = passes([str(programs / "python"), "-W", "error", str(HERE / "python" / script)], environ=hosts)

    assert said.count("ok ") == checks


def test_the_python_client_and_a_model(tmp_path: Path, colour_model: Path) -> None:
    programs = made(lambda: python_environment("openai", [OPENAI]))
    pictures = {colour: png(96, 96, colour=colour).hex() for colour in ("red", "green", "blue", "yellow")}
    with RunningHost.start(tmp_path / "host", [f"transformers_vlm={colour_model}"]) as host:
        environ = {"MODEL_URL": f"{host.url}/v1", "MODEL_KEY": host.token, "PICTURES": json.dumps(pictures)}
        script = HERE / "python" / "model_client.py"
        said = passes([str(programs / "python"), "-W", "error", str(script)], environ=environ | {"PICTURE": ""})

    assert said.count("ok ") == 4


@pytest.mark.parametrize(("name", "checks"), [("client.mjs", 7), ("chat.mjs", 6)])
def test_the_javascript_client(hosts: dict[str, str], name: str, checks: int) -> None:
    folder = HERE / "javascript"
    node, modules = made(lambda: node_environment("openai-js", NODE, folder / "package-lock.json"))
    # Modules are looked for beside the script, so it runs where they are.
    script = modules / name
    script.write_bytes((folder / name).read_bytes())
    said = passes([str(node), str(script)], environ=hosts)

    assert said.count("ok ") == checks
