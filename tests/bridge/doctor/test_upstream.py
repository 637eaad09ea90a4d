"""`bridge doctor --upstream`: one question with a picture names what stands in the way."""

import base64
import io

import pytest
from PIL import Image

from bridge.doctor.finding import exit_code
from bridge.doctor.upstream import judge_upstream
from host_server.engines.upstream.check import Found, check
from tests.support.command import Done, refused
from tests.support.in_process import bridge_here
from tests.support.openai_server import Answering, Asked, OpenAIServer, Reply, chunk, event, said

COLOURS = {"red": (220, 20, 20), "green": (20, 160, 40), "blue": (20, 40, 220), "yellow": (250, 220, 20)}


def says(text: str) -> Reply:
    return Reply([chunk({"content": text}), chunk(finish="stop"), event(b"[DONE]")])


def refuses(status: int, message: str) -> Answering:
    return lambda asked: Reply([message.encode()], status, {"content-type": "application/json"})


def sees(asked: Asked) -> Reply:
    """It really looks: the nearest colour to the picture's middle."""
    data = base64.b64decode(asked.pictures[0]["image_url"]["url"].partition(",")[2])
    seen = Image.open(io.BytesIO(data)).getpixel((9, 9))
    assert isinstance(seen, tuple)
    return says(
        min(COLOURS, key=lambda name: sum(abs(a - b) for a, b in zip(seen, COLOURS[name], strict=True))).title()
    )


async def findings(answer: Answering = said, *, path: str = "", key: str = "", model: str = "m") -> list[Found]:
    async with OpenAIServer(key=key).serving() as server:
        server.answer = answer
        return await check(server.url + path, model, None)


async def test_a_model_that_looks_passes() -> None:
    for _ in range(4):
        reached, answered = await findings(sees)

        assert (reached.status, answered.status) == ("PASS", "PASS"), answered


async def test_a_model_that_does_not_look_is_doubted() -> None:
    answered = (await findings(lambda asked: says("I cannot see \x1b[31many pictures.")))[-1]

    assert (answered.check, answered.status) == ("answer", "WARN")
    assert "I cannot see" in answered.text
    assert "vision model" in answered.hint


@pytest.mark.parametrize("answer", [lambda asked: says(" \n"), lambda asked: Reply([chunk(finish="stop")])])
async def test_an_empty_answer_is_named(answer: Answering) -> None:
    answered = (await findings(answer))[-1]

    assert (answered.status, answered.text) == ("FAIL", "the answer was empty")


NO_IMAGES = '{"error": {"message": "Invalid content type. image_url is only supported by certain models."}}'
NO_EYES = '{"error": {"message": "image input is not supported - hint: provide the mmproj"}}'


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (refuses(400, NO_IMAGES), "takes no pictures"),
        (refuses(500, NO_EYES), "takes no pictures"),
        (refuses(404, '{"error": {"message": "The model `m` does not exist."}}'), "no such model"),
        (refuses(402, "{}"), "paid first"),
        (refuses(503, "loading"), "failed (503)"),
        (lambda asked: Reply([b"<html>hello</html>"], headers={"content-type": "text/html"}), "no chat completion"),
    ],
)
async def test_the_fault_is_named_with_a_next_step(answer: Answering, words: str) -> None:
    answered = (await findings(answer))[-1]

    assert answered.status == "FAIL"
    assert words in answered.text
    assert answered.hint


async def test_a_wrong_key_is_named_before_a_question_is_asked() -> None:
    (reached,) = await findings(key="sk-right")

    assert (reached.check, reached.status) == ("reach", "FAIL")
    assert "refused the key" in reached.text
    assert "sk-right" not in str(reached)


async def test_a_wrong_path_is_named() -> None:
    answered = (await findings(path="/v9/elsewhere"))[-1]

    assert answered.status == "FAIL"
    assert "…/v1" in answered.hint


async def test_an_address_that_makes_no_sense_is_named() -> None:
    (only,) = await check("ftp://x", "m", None)

    assert (only.check, only.status) == ("settings", "FAIL")


async def asked(laptop: dict[str, str], *words: str) -> Done:
    return await bridge_here("doctor", *words, env=laptop)


async def test_the_command_says_it_and_exits_with_the_hosts_code(laptop: dict[str, str]) -> None:
    async with OpenAIServer(key="sk-right").serving() as server:
        env = laptop | {"GOOD": "sk-right", "BAD": "sk-wrong"}
        good = await asked(env, "--upstream", server.url, "--model", "m", "--key-env", "GOOD")
        bad = await asked(env, "--upstream", server.url, "--model", "m", "--upstream-key-env", "BAD", "--json")

    assert good.code == 0, good  # it says the question back: doubted, but answered
    assert "WARN" in good.out
    assert bad.code == 6
    assert "refused the key" in bad.out
    assert "sk-" not in bad.out + bad.err + good.out + good.err


async def test_a_server_that_never_answers_ends_at_the_deadline(laptop: dict[str, str]) -> None:
    async with OpenAIServer().serving() as server:
        server.answer = lambda asked: Reply([], hangs=True)
        done = await asked(laptop, "--upstream", server.url, "--model", "m", "--timeout", "2")

    refused(done, 124, "2 s")


async def test_url_and_model_belong_together(laptop: dict[str, str]) -> None:
    refused(await asked(laptop, "--upstream", "http://127.0.0.1:1"), 2, "URL and a model")
    refused(await asked(laptop, "--model", "m"), 2)


def test_a_check_that_broke_is_a_failure() -> None:
    assert exit_code(judge_upstream([])) == 6
