"""Named prompts through the real command: JSON held to its schema, places, and the list on the phone."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from bridge.prompts.push import FILE
from tests.support.adb_server import PrivateAdbServer
from tests.support.command import Done, bridge, running
from tests.support.host_in_loop import Serving, serving
from tests.support.scripted_engine import ScriptedEngine
from virtual_phone import VirtualPhone

pytestmark = pytest.mark.e2e

DEFECTS = {"defects": [{"label": "Text is cut", "kind": "cut-off", "severity": "low", "bbox_2d": [10, 20, 300, 60]}]}


@pytest.fixture
def engine() -> ScriptedEngine:
    """Says what the test tells it."""
    return ScriptedEngine()


@pytest.fixture
async def host(tmp_path: Path, engine: ScriptedEngine) -> AsyncIterator[Serving]:
    """A real host, with that engine."""
    folder = tmp_path / "host"
    folder.mkdir(mode=0o700)
    async with serving(folder, engine) as made:
        yield made


@pytest.fixture
def env(adb_server: PrivateAdbServer, host: Serving, tmp_path: Path, state: Path) -> dict[str, str]:
    """The environment of a terminal whose host is that one, and whose prompts are those that are shipped."""
    ours = {"BRIDGE_STATE_DIR": str(state), "BRIDGE_HOST_URL": host.url, "BRIDGE_TOKEN": host.token}
    return adb_server.env | {"ADB": adb_server.adb, "XDG_CONFIG_HOME": str(tmp_path / "config"), "LANG": "C"} | ours


async def _ask(env: Mapping[str, str], photos: Path, *words: str) -> Done:
    return await bridge("ask", *words, "--picture", str(photos / "a.jpg"), env=env, cwd=photos)


async def test_a_named_prompt_is_asked_whole_and_its_places_are_told(
    env: Mapping[str, str], photos: Path, engine: ScriptedEngine
) -> None:
    engine.finish("```json\n", json.dumps(DEFECTS), "\n```")

    done = await _ask(env, photos, "--prompt", "screen-defects", "--lang", "zh", "--json")

    assert done.code == 0, done
    answer = done.lines[-1]
    assert json.loads(answer["text"]) == DEFECTS
    (place,) = answer["annotations"]
    assert (place["type"], place["box"], place["label"]) == ("bridge:box", [10, 20, 300, 60], "Text is cut")
    (question,) = engine.questions
    assert question.text.startswith("这个界面")
    assert question.system.startswith("你负责测试界面")
    assert (question.max_output_tokens, question.temperature) == (1200, 0)
    assert question.form is not None
    assert question.form.name == "screen-defects"


async def test_in_words_each_place_has_a_line_of_its_own(
    env: Mapping[str, str], photos: Path, engine: ScriptedEngine
) -> None:
    engine.finish("Press Send, bottom right.\n<|begin_of_box|>[[700, 880, 960, 950]]<|end_of_box|>")

    done = await _ask(env, photos, "which-button")

    assert done.code == 0, done
    assert done.out == "Press Send, bottom right.\n[[700, 880, 960, 950]]\n"
    assert any(line.split() == ["place", "box", "[700,", "880,", "960,", "950]"] for line in done.err.splitlines())


async def test_an_answer_that_does_not_fit_is_exit_code_9_and_can_be_read(
    env: Mapping[str, str], photos: Path, engine: ScriptedEngine
) -> None:
    engine.finish("The total is 4.20.")

    done = await _ask(env, photos, "--prompt", "receipt")

    assert done.code == 9
    assert done.out == "The total is 4.20.\n"
    assert "error: The answer is no JSON" in done.err
    assert "another --model may keep to the schema" in done.hint


async def test_the_list_is_on_the_phone_and_connect_asks_by_name(
    env: dict[str, str],
    adb_server: PrivateAdbServer,
    virtual_phone: VirtualPhone,
    photos: Path,
    tmp_path: Path,
    engine: ScriptedEngine,
) -> None:
    serial, own = virtual_phone.address, tmp_path / "config" / "lensbridge" / "prompts.yaml"
    engine.finish('{"code": "E4", "message": null}')
    async with running("connect", "--json", "--no-page", "--prompt", "error-code", env=env) as connected:
        await connected.until(event="device", state="up")
        brought = await _on_the_phone(adb_server, serial)
        own.parent.mkdir(parents=True)
        own.write_text("prompts: {mine: {title: Mine, text: 什么？}}\n", encoding="utf-8")
        told = await bridge("prompts", "push", "-s", serial, "--json", env=env, cwd=photos)
        await virtual_phone.press_shutter()
        answer = await connected.until(event="answer")

    assert (len(brought["prompts"]), told.code) == (10, 0), told
    (phone,) = told.lines[0]["phones"]
    assert (phone["path"], phone["prompts"], phone["page"]) == (FILE, 11, False)  # nobody looks at it
    assert (await _on_the_phone(adb_server, serial))["prompts"]["mine"]["text"] == {"en": "什么？", "zh": "什么？"}
    listed = (await adb_server.call("-s", serial, "shell", "ls", "-A", str(Path(FILE).parent))).stdout.split()
    assert [name for name in listed if "prompts" in name] == ["prompts.json"]
    assert answer["status"] == "completed", answer
    assert engine.questions[0].form is not None


async def test_a_phone_that_cannot_keep_it_is_exit_code_4_and_its_page_is_not_told(
    env: dict[str, str], adb_server: PrivateAdbServer, virtual_phone: VirtualPhone, photos: Path
) -> None:
    spoil = "rm -rf /data/local/tmp/lensbridge; echo x > /data/local/tmp/lensbridge"
    await adb_server.call("-s", virtual_phone.address, "shell", spoil)

    done = await bridge("prompts", "push", env=env, cwd=photos)

    assert done.code == 4, done
    assert done.hint


async def _on_the_phone(adb_server: PrivateAdbServer, serial: str) -> dict[str, Any]:
    async with asyncio.timeout(10):
        text = (await adb_server.call("-s", serial, "shell", "cat", FILE)).stdout
    value: dict[str, Any] = json.loads(text)
    return value
