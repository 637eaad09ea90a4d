"""`/v1/chat/completions`: whole and streamed, closed, failed and refused."""

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from host_server.engines.base import EngineRestartedError, Report
from host_server.service import Limits
from tests.support.host_in_loop import Serving, serving
from tests.support.real_pictures import png
from tests.support.scripted_engine import ScriptedEngine
from tests.support.until import until

Json = dict[str, Any]

ADDRESS = "/v1/chat/completions"
MESSAGES: list[Json] = [{"role": "user", "content": "hello"}]


def _chunks(text: str) -> list[Json]:
    lines = [line for line in text.split("\n") if line]
    assert all(line.startswith(("data: ", ":")) for line in lines)
    assert lines[-1] == "data: [DONE]"
    return [json.loads(line.removeprefix("data: ")) for line in lines[:-1] if line.startswith("data: ")]


def _said(chunks: list[Json]) -> str:
    return "".join(choice["delta"].get("content", "") for chunk in chunks for choice in chunk["choices"])


async def _ask(served: Serving, *, headers: dict[str, str] | None = None, **fields: Any) -> httpx.Response:
    async with served.client() as client:
        return await client.post(ADDRESS, json={"messages": MESSAGES, **fields}, headers=headers)


async def test_the_body_decides_between_the_whole_and_a_stream(served: Serving, engine: ScriptedEngine) -> None:
    engine.finish("one ", "two")
    whole = await _ask(served)
    engine.finish("three ", "four")
    streamed = await _ask(served, stream=True, stream_options={"include_usage": True})

    completion, chunks = whole.json(), _chunks(streamed.text)
    assert whole.headers["cache-control"] == streamed.headers["cache-control"] == "no-store"
    assert completion["object"] == "chat.completion"
    assert completion["model"] == "script"
    assert completion["choices"][0]["message"]["content"] == "one two"
    assert completion["metrics"]["cache"] == "off"
    assert streamed.headers["content-type"].startswith("text/event-stream")
    assert _said(chunks) == "three four"
    assert chunks[-1]["usage"]["completion_tokens"] == 2


async def test_chunks_are_read_while_they_are_written(served: Serving, engine: ScriptedEngine) -> None:
    body = {"messages": MESSAGES, "stream": True}
    seen: list[str] = []
    async with served.client() as client, client.stream("POST", ADDRESS, json=body) as answer:
        await engine.asked()
        engine.say("first")
        async for line in answer.aiter_lines():
            seen.append(line)
            if "first" in line:
                engine.finish("second")

    assert '"content":"second"' in "".join(seen)


@pytest.mark.parametrize("stream", [False, True])
async def test_closing_the_connection_stops_the_engine_at_once(
    tmp_path: Path, engine: ScriptedEngine, stream: bool
) -> None:
    async with serving(tmp_path, engine, limits=Limits(grace_s=3600)) as served:
        await _ask_and_go(served, engine, {"messages": MESSAGES, "stream": stream})

    assert engine.stopped == 1


async def _ask_and_go(served: Serving, engine: ScriptedEngine, body: Json, **options: Any) -> None:
    async with served.client() as client, asyncio.TaskGroup() as group:
        asking = group.create_task(client.post(ADDRESS, json=body, **options))
        await engine.asked()
        engine.say("half")
        asking.cancel()
        async with asyncio.timeout(5):
            await engine.has_stopped()


async def test_an_answer_that_was_closed_is_asked_for_again_under_its_key(
    served: Serving, engine: ScriptedEngine
) -> None:
    body, headers = {"messages": MESSAGES}, {"idempotency-key": "k1"}
    await _ask_and_go(served, engine, body, headers=headers)
    await until(lambda: not served.service.busy)
    engine.finish("here it is")
    again = await _ask(served, headers=headers)

    assert again.json()["choices"][0]["message"]["content"] == "here it is"


async def test_one_key_asks_once_and_only_for_one_question(served: Serving, engine: ScriptedEngine) -> None:
    engine.finish("one")
    first = await _ask(served, headers={"idempotency-key": "k1"})
    second = await _ask(served, headers={"idempotency-key": "k1"}, stream=True)
    other = await _ask(served, headers={"idempotency-key": "k1"}, seed=1)

    assert _chunks(second.text)[0]["id"] == first.json()["id"]
    assert _said(_chunks(second.text)) == "one"
    assert len(engine.questions) == 1
    assert (other.status_code, other.json()["error"]["code"]) == (409, "idempotency_key_reused")


async def test_a_picture_reaches_the_engine(served: Serving, engine: ScriptedEngine) -> None:
    engine.finish("a picture")
    url = "data:image/png;base64," + base64.b64encode(png()).decode()
    parts = [{"type": "text", "text": "What?"}, {"type": "image_url", "image_url": {"url": url, "detail": "low"}}]
    turns = [{"role": "system", "content": "Be brief."}, *MESSAGES, {"role": "assistant", "content": "yes"}]

    answer = await _ask(served, messages=[*turns, {"role": "user", "content": parts}])

    (question,) = engine.questions
    assert answer.status_code == 200
    assert (question.text, question.system) == ("What?", "Be brief.")
    assert [(picture.width, picture.height) for picture in question.pictures] == [(64, 48)]
    assert [(turn.role, turn.text) for turn in question.history] == [("user", "hello"), ("assistant", "yes")]


async def test_every_wish_reaches_the_engine(served: Serving, engine: ScriptedEngine) -> None:
    engine.finish("42")
    await _ask(
        served,
        max_completion_tokens=5,
        temperature=0.5,
        top_p=0.9,
        seed=7,
        stop=["END", "\n\n"],
        reasoning_effort="none",
        service_tier="flex",
    )

    (question,) = engine.questions
    assert (question.max_output_tokens, question.temperature, question.top_p, question.seed) == (5, 0.5, 0.9, 7)
    assert (question.stop, question.thinking, question.priority) == (("END", "\n\n"), False, "batch")


async def test_thinking_and_its_cost_are_told_apart(served: Serving, engine: ScriptedEngine) -> None:
    cost = Report(input_tokens=812, output_tokens=6, image_tokens=780, cached_tokens=800, reasoning_tokens=2)
    for _ in range(2):
        engine.think("40 ", "plus 2")
        engine.report("42", cost)
    whole = (await _ask(served)).json()
    chunks = _chunks((await _ask(served, stream=True, stream_options={"include_usage": True})).text)

    message = whole["choices"][0]["message"]
    assert (message["content"], message["reasoning_content"], message["reasoning"]) == ("42", "40 plus 2", "40 plus 2")
    assert _said(chunks) == "42"
    assert chunks[-1]["usage"] == whole["usage"]
    assert whole["usage"]["prompt_tokens_details"] == {
        "cached_tokens": 800,
        "cache_write_tokens": 0,
        "image_tokens": 780,
    }
    assert whole["usage"]["completion_tokens_details"] == {"reasoning_tokens": 2}


async def test_what_fails_before_it_is_told_is_a_status_and_afterwards_an_error_in_the_stream(
    served: Serving, engine: ScriptedEngine
) -> None:
    engine.say("half")
    engine.fail(EngineRestartedError("The model process was restarted."))
    whole = await _ask(served)
    engine.say("half")
    engine.fail(EngineRestartedError("The model process was restarted."))
    streamed = _chunks((await _ask(served, stream=True)).text)

    assert whole.status_code == 503
    assert (whole.headers["x-should-retry"], whole.headers["retry-after"]) == ("true", "2")
    assert whole.json() == streamed[-1]
    assert whole.json()["error"]["code"] == "engine_restarted"
    assert _said(streamed[:-1]) == "half"
    assert streamed[-2]["choices"][0]["finish_reason"] is None


async def test_a_client_that_tries_again_under_its_key_is_answered(served: Serving, engine: ScriptedEngine) -> None:
    engine.fail(EngineRestartedError("The model process was restarted."))
    first = await _ask(served, headers={"idempotency-key": "k1"})
    engine.finish("here it is")
    second = await _ask(served, headers={"idempotency-key": "k1"})

    assert (first.status_code, second.status_code) == (503, 200)
    assert second.json()["choices"][0]["message"]["content"] == "here it is"


async def test_what_does_not_fit_the_schema_is_an_error(served: Serving, engine: ScriptedEngine) -> None:
    schema = {"type": "object", "required": ["total"], "properties": {"total": {"type": "integer"}}}
    form = {"type": "json_schema", "json_schema": {"name": "R", "schema": schema}}
    engine.finish('```json\n{"total": 42}\n```')
    fits = await _ask(served, response_format=form)
    engine.finish("It is 42.")
    misfit = await _ask(served, response_format=form)

    assert fits.json()["choices"][0]["message"]["content"] == '{"total": 42}'
    assert (misfit.status_code, misfit.json()["error"]["code"]) == (502, "output_invalid")
    assert misfit.headers["x-should-retry"] == "false"


async def test_the_end_of_the_tokens_and_of_the_time_are_told(served: Serving, engine: ScriptedEngine) -> None:
    engine.say("long", cut=True)
    cut = (await _ask(served)).json()
    engine.say("half")
    late = (await _ask(served, metadata={"timeout_ms": "200"})).json()

    assert (cut["choices"][0]["finish_reason"], cut["choices"][0]["message"]["content"]) == ("length", "long")
    assert (late["choices"][0]["finish_reason"], late["cancelled_by"]) == ("length", "deadline")


async def test_nobody_can_name_the_answer_afterwards(served: Serving, engine: ScriptedEngine) -> None:
    engine.finish("one")
    name = (await _ask(served)).json()["id"].removeprefix("chatcmpl-")
    async with served.client() as client:
        answer = await client.get(f"/v1/responses/resp_{name}")

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "response_not_found")


@pytest.mark.parametrize(
    ("body", "status", "code", "param"),
    [
        ({"messages": [{"role": "user", "content": " "}]}, 400, "invalid_request", "messages"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, 400, "invalid_request", "messages"),
        ({"messages": MESSAGES, "model": "gpt-9"}, 404, "model_not_found", "model"),
        ({"messages": MESSAGES, "tools": [{"type": "function"}]}, 400, "unsupported_parameter", "tools"),
        (
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [{"type": "image_url", "image_url": {"url": "http://169.254.169.254/x.png"}}],
                    }
                ]
            },
            400,
            "url_not_allowed",
            "messages",
        ),
        ({}, 400, "invalid_request", "messages"),
        ([], 400, "invalid_request", None),
    ],
)
async def test_refusals_name_the_place(served: Serving, body: Any, status: int, code: str, param: str | None) -> None:
    async with served.client() as client:
        answer = await client.post(ADDRESS, json=body)

    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (status, code, param)


async def test_a_stream_that_cannot_begin_is_refused_by_its_status(tmp_path: Path, engine: ScriptedEngine) -> None:
    body = {"messages": MESSAGES, "stream": True}
    async with (
        serving(tmp_path, engine, limits=Limits(max_per_principal=1)) as served,
        served.client() as client,
        client.stream("POST", ADDRESS, json=body),
    ):
        await engine.asked()
        answer = await _ask(served, stream=True)

    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "too_many_inflight")
    assert "retry-after" in answer.headers
