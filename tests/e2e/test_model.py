"""A model that really looks, behind the whole host: whose picture is an answer about? Does every character arrive?"""

import asyncio
import base64
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest
from PIL import Image
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.support.command import Done, bridge, refused
from tests.support.host import RunningHost
from tools.tiny_vlm.colours import ASKED, COLOURS, THOUGHT, drawn

pytestmark = pytest.mark.e2e

DEADLINE_S = 90
ENGLISH, CHINESE = ASKED["en"], ASKED["zh"]


@pytest.fixture(scope="module")
def host(colour_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHost]:
    """Shared by the tests of this file; answers are not remembered, so each is the model's."""
    engine, state = f"transformers_vlm={colour_model}", tmp_path_factory.mktemp("model-host") / "state"
    with RunningHost.start(state, [engine], options=["--threads", "1", "--answer-cache", "0"]) as running:
        yield running


@dataclass(slots=True)
class Answer:
    """What was heard of one question."""

    deltas: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    end: dict[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return "".join(self.deltas)


def painted(colour: str, seed: int = 0) -> bytes:
    """A JPEG of some tint of a colour, in some size."""
    dice, out = Random(f"{colour} {seed}"), io.BytesIO()  # ruff: ignore[suspicious-non-cryptographic-random-usage]
    drawn(colour, dice, (dice.randint(56, 400), dice.randint(56, 400))).save(out, "JPEG", quality=85)
    return out.getvalue()


def question(picture: bytes, text: str, **more: Any) -> dict[str, Any]:
    url = f"data:image/jpeg;base64,{base64.b64encode(picture).decode()}"
    content = [{"type": "input_image", "image_url": url}, {"type": "input_text", "text": text}]
    return {"type": "response.create", "input": [{"role": "user", "content": content}], "store": True, **more}


def dialled(host: RunningHost) -> connect:
    return connect(
        host.socket_url,
        subprotocols=[Subprotocol("bridge.v1"), Subprotocol(f"bridge.bearer.{host.token}")],
        proxy=None,
        max_size=1 << 24,
    )


async def all_at_once(socket: ClientConnection, questions: dict[str, dict[str, Any]]) -> dict[str, Answer]:
    """Ask all before any is answered; give what was said to each, by its name."""
    answers = {name: Answer() for name in questions}
    names: dict[str, str] = {}
    for name, asked in questions.items():
        await socket.send(json.dumps(asked | {"event_id": name, "metadata": {"name": name}}))
    async with asyncio.timeout(DEADLINE_S):
        while not all(answer.end for answer in answers.values()):
            event = json.loads(await socket.recv())
            match event["type"]:
                case "response.created":
                    names[event["response"]["id"]] = event["response"]["metadata"]["name"]
                case "response.output_text.delta":
                    answers[names[event["response_id"]]].deltas.append(event["delta"])
                case "response.reasoning_text.delta":
                    answers[names[event["response_id"]]].thoughts.append(event["delta"])
                case "response.completed" | "response.incomplete" | "response.failed":
                    answers[names[event["response"]["id"]]].end = event["response"]
                case "error":
                    raise AssertionError(event)
    return answers


async def test_32_questions_with_32_colours_from_8_connections_at_once_get_32_right_answers(host: RunningHost) -> None:
    colours = list(COLOURS)

    async def four(some: list[str]) -> dict[str, Answer]:
        async with dialled(host) as socket:
            return await all_at_once(socket, {colour: question(painted(colour), ENGLISH) for colour in some})

    async with asyncio.TaskGroup() as group:
        clients = [group.create_task(four(colours[first : first + 4])) for first in range(0, 32, 4)]
    said = {colour: answer.text for client in clients for colour, answer in client.result().items()}

    assert said == {colour: colour for colour in COLOURS}


async def test_no_delta_breaks_a_character_of_three_tokens(host: RunningHost) -> None:
    some = dict(list(COLOURS.items())[:12])
    async with dialled(host) as socket:
        answers = await all_at_once(socket, {name: question(painted(name), CHINESE) for name in some})

    for name, answer in answers.items():
        assert answer.text == some[name].chinese
        assert answer.end["output"][-1]["content"][0]["text"] == answer.text
        assert answer.end["usage"]["output_tokens"] > 3 * len(answer.text)  # so each could have been broken


async def test_no_delta_breaks_an_emoji_that_the_model_thinks(host: RunningHost) -> None:
    async with dialled(host) as socket:
        asked = question(painted("mint"), ENGLISH, reasoning={"effort": "high"})
        answer = (await all_at_once(socket, {"mint": asked}))["mint"]

    assert answer.text == "mint"
    assert "".join(answer.thoughts) == THOUGHT
    assert all(THOUGHT.count(delta) for delta in answer.thoughts)
    assert THOUGHT[-1] in answer.thoughts


async def test_a_second_question_on_the_same_picture_is_answered_from_what_is_kept_of_it(host: RunningHost) -> None:
    picture = painted("teal", seed=1)
    async with dialled(host) as socket:
        first = (await all_at_once(socket, {"first": question(picture, ENGLISH)}))["first"]
        second = (await all_at_once(socket, {"second": question(picture, CHINESE)}))["second"]
        other = (await all_at_once(socket, {"other": question(painted("rose", seed=1), CHINESE)}))["other"]

    assert (first.text, second.text, other.text) == ("teal", "蓝绿色", "玫瑰色")
    cached = [answer.end["usage"]["input_tokens_details"]["cached_tokens"] for answer in (first, second, other)]
    # Of another picture's prompt only the marks before the picture are known.
    assert cached[1] > cached[2] >= cached[0]
    assert cached[1] > 4


async def test_a_conversation_goes_on_about_its_picture(host: RunningHost) -> None:
    async with dialled(host) as socket:
        first = (await all_at_once(socket, {"first": question(painted("gold"), ENGLISH)}))["first"]
        more = {
            "type": "response.create",
            "previous_response_id": first.end["id"],
            "input": [{"role": "user", "content": [{"type": "input_text", "text": CHINESE}]}],
        }
        second = (await all_at_once(socket, {"second": more}))["second"]

    assert (first.text, second.text) == ("gold", "金色")


class TestTheDemo:
    async def demo(self, folder: Path, *words: str) -> Done:
        return await bridge("demo", *words, env=os.environ, cwd=folder, deadline=DEADLINE_S)

    async def test_names_the_colour_that_the_virtual_phone_photographed(
        self, colour_model: Path, tmp_path: Path
    ) -> None:
        done = await self.demo(tmp_path, "--json", "--engine", f"transformers_vlm={colour_model}")

        assert done.code == 0, done
        (told,) = done.lines
        page = (tmp_path / "demo.html").read_text(encoding="utf-8")
        shown = Image.open(io.BytesIO(base64.b64decode(page.partition(";base64,")[2].partition('"')[0])))
        colour = COLOURS[told["answer"]].rgb
        assert max(abs(have - want) for have, want in zip(shown.getpixel((5, 5)), colour, strict=True)) < 12  # type: ignore[arg-type]
        assert told["question"] == ENGLISH
        assert told["phone"]["answer_received"]

    async def test_names_the_colour_of_a_given_photo_asked_in_chinese(self, colour_model: Path, tmp_path: Path) -> None:
        (tmp_path / "models").symlink_to(colour_model.parent)
        (tmp_path / "photo.jpg").write_bytes(painted("violet"))
        engine = f"transformers_vlm=models/{colour_model.name}"  # as a user in that folder would write it
        done = await self.demo(tmp_path, "--json", "--engine", engine, "--picture", "photo.jpg", "--prompt", CHINESE)

        assert done.code == 0, done
        assert done.lines[0]["answer"] == "紫罗兰色"

    async def test_says_what_to_do_about_a_folder_that_is_no_model(self, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()

        refused(await self.demo(tmp_path, "--engine", "transformers_vlm=empty"), 6, "config.json")
        refused(await self.demo(tmp_path, "--engine", "transformers_vlm=no/such/folder"), 6, "no/such/folder")

    def test_says_what_to_install_where_torch_is_missing(self, tmp_path: Path) -> None:
        without = "import sys; sys.modules['torch'] = None; from bridge.cli.app import main; main()"
        words = [sys.executable, "-c", without, "demo", "--engine", "transformers_vlm=any"]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=DEADLINE_S, check=False)

        assert done.returncode == 6, done
        assert "the demo needs torch" in done.stderr
        assert "pip install 'lensbridge[demo,gpu]'" in done.stderr
