"""`/v1/responses` over HTTP: whole, streamed, resumed, cancelled, deleted, refused."""

import asyncio
import json
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest

from host_server.api.limits import ApiLimits
from host_server.service import Limits
from tests.support.host_in_loop import Serving, serving
from tests.support.scripted_engine import ScriptedEngine
from tests.support.until import until

Json = dict[str, Any]


def _sse(text: str) -> list[Json]:
    events: list[Json] = []
    for block in text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if lines.get("data") not in {None, "[DONE]"}:
            events.append(json.loads(lines["data"]))
            assert lines["event"] == events[-1]["type"]
    return events


async def _streamed(client: httpx.AsyncClient, **fields: Any) -> list[Json]:
    answer = await client.post("/v1/responses", json={"input": "hello", "stream": True, **fields})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.text.endswith("data: [DONE]\n\n")
    return _sse(answer.text)


async def test_the_body_decides_between_json_and_a_stream(served: Serving, engine: ScriptedEngine) -> None:
    engine.finish("one")
    engine.finish("two")
    async with served.client(accept="application/json") as client:
        whole = await client.post("/v1/responses", json={"input": "hello"})
        events = await _streamed(client)

    assert whole.json()["output"][0]["content"][0]["text"] == "one"
    assert whole.headers["content-type"] == "application/json"
    assert events[0]["type"] == "response.created"
    assert events[-1]["response"]["output"][0]["content"][0]["text"] == "two"


async def test_a_stream_is_read_while_it_is_written(served: Serving, engine: ScriptedEngine) -> None:
    question = {"input": "hello", "stream": True}
    seen: list[str] = []
    async with served.client() as client, client.stream("POST", "/v1/responses", json=question) as answer:
        await engine.asked()
        engine.say("first")
        async for line in answer.aiter_lines():
            seen.append(line)
            if "first" in line and "second" not in "".join(seen):
                engine.finish("second")

    assert seen[-2:] == ["data: [DONE]", ""]


async def test_a_resumed_stream_is_the_rest_of_the_first_one(served: Serving, engine: ScriptedEngine) -> None:
    engine.finish("a", "b", "c")
    async with served.client() as client:
        events = await _streamed(client)
        address = f"/v1/responses/{events[0]['response']['id']}"
        for event in events:
            cursor = event["sequence_number"]
            rest = await client.get(address, params={"stream": "true", "starting_after": cursor})
            assert _text(_sse(rest.text)) == _text([later for later in events if later["sequence_number"] > cursor])
            assert rest.text.endswith("data: [DONE]\n\n")
        beyond = await client.get(address, params={"stream": "true", "starting_after": 1000})
        whole = await client.get(address, params={"stream": "true"})
        final = await client.get(address)

    assert beyond.text == "data: [DONE]\n\n"
    assert _sse(whole.text)[-1] == events[-1]
    assert final.json() == events[-1]["response"]


def _text(events: list[Json]) -> str:
    return "".join(event.get("delta", "") for event in events)


async def test_a_lost_stream_leaves_the_answer_running_and_can_be_resumed(
    served: Serving, engine: ScriptedEngine
) -> None:
    async with served.client() as client:
        async with client.stream("POST", "/v1/responses", json={"input": "hello", "stream": True}) as answer:
            created = json.loads([line async for line in _until(answer, "data: ")][-1].removeprefix("data: "))
        address = f"/v1/responses/{created['response']['id']}"
        running = (await client.get(address)).json()
        engine.finish("still here")
        rest = await client.get(address, params={"stream": "true", "starting_after": 0})

    assert running["status"] in {"in_progress", "queued"}
    assert _sse(rest.text)[-1]["type"] == "response.completed"


async def _until(answer: httpx.Response, start: str) -> Any:
    async for line in answer.aiter_lines():
        yield line
        if line.startswith(start):
            return


async def test_a_lost_client_that_waited_for_the_whole_lets_the_engine_go_in_the_end(
    served: Serving, engine: ScriptedEngine
) -> None:
    async with served.client() as client:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await client.post("/v1/responses", json={"input": "hello"})
    async with asyncio.timeout(5):
        await engine.has_stopped()


async def test_cancel_ends_the_answer_and_may_be_repeated(served: Serving, engine: ScriptedEngine) -> None:
    engine.say("half")
    question = {"input": "hello", "stream": True}
    replies: list[httpx.Response] = []
    lines: list[str] = []
    async with served.client() as client, client.stream("POST", "/v1/responses", json=question) as answer:
        async for line in answer.aiter_lines():
            lines.append(line)
            if line.startswith("data: ") and not replies:
                created = json.loads(line.removeprefix("data: "))
                address = f"/v1/responses/{created['response']['id']}/cancel"
                replies += [await client.post(address), await client.post(address)]

    assert [reply.json()["status"] for reply in replies] == ["cancelled", "cancelled"]
    assert "event: response.incomplete" in lines


async def test_a_deleted_answer_is_gone(served: Serving, engine: ScriptedEngine) -> None:
    engine.finish("gone")
    async with served.client() as client:
        response = (await client.post("/v1/responses", json={"input": "hello"})).json()
        address = f"/v1/responses/{response['id']}"
        deleted = await client.delete(address)
        again = await client.delete(address)

    assert deleted.json() == {"id": response["id"], "object": "response", "deleted": True}
    assert (again.status_code, again.json()["error"]["code"]) == (404, "response_not_found")


async def test_the_idempotency_header_makes_a_repeated_question_one(served: Serving, engine: ScriptedEngine) -> None:
    engine.finish("once")
    async with served.client() as client:
        headers = {"idempotency-key": "k1"}
        first = await client.post("/v1/responses", json={"input": "hello"}, headers=headers)
        second = await client.post("/v1/responses", json={"input": "hello"}, headers=headers)
        other = await client.post("/v1/responses", json={"input": "bye"}, headers=headers)

    assert first.json() == second.json()
    assert (other.status_code, other.headers["x-should-retry"]) == (409, "false")
    assert len(engine.questions) == 1


@pytest.mark.parametrize(
    ("content", "code", "status"),
    [
        (b"", "invalid_json", 400),
        (b"{", "invalid_json", 400),
        (b'{"input": NaN}', "invalid_json", 400),
        (b"[" * 100_000, "invalid_json", 400),
        (b"\xff", "invalid_json", 400),
        (b"[]", "invalid_request", 400),
        (b'{"input": 7}', "invalid_request", 400),
        (b'{"input": "x", "tools": [1]}', "unsupported_parameter", 400),
        (b'{"input": "x", "model": "none"}', "model_not_found", 404),
        (b'{"input": "x", "previous_response_id": "resp_0"}', "previous_response_not_found", 400),
        (b'{"input": "' + b"x" * (12 * 1024 * 1024) + b'"}', "body_too_large", 413),
        (b'{"input": "' + b"x" * 300_000 + b'"}', "invalid_request", 400),
    ],
    ids=lambda value: str(value)[:20],
)
async def test_a_refusal_has_its_shape(served: Serving, content: bytes, code: str, status: int) -> None:
    async with served.client() as client:
        answer = await client.post("/v1/responses", content=content)

    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code)
    assert set(error) == {"type", "code", "message", "param", "retryable", "retry_after_ms"}
    assert answer.headers["x-should-retry"] == "false"
    assert answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("method", "path", "code", "status"),
    [
        ("GET", "/nowhere", "not_found", 404),
        ("PATCH", "/v1/responses", "method_not_allowed", 405),
        ("GET", "/v1/responses/resp_0", "response_not_found", 404),
        ("GET", "/v1/responses/resp_0?starting_after=x", "invalid_request", 400),
        ("GET", "/v1/responses/resp_0?starting_after=-2", "invalid_request", 400),
        ("GET", "/v1/responses/resp_0?stream=perhaps", "invalid_request", 400),
        ("POST", "/v1/responses/resp_0/cancel", "response_not_found", 404),
        ("POST", "/v1/responses/compact", "method_not_allowed", 405),
        ("GET", "/v1/models/none", "model_not_found", 404),
    ],
)
async def test_the_frameworks_own_refusals_have_the_same_shape(
    served: Serving, method: str, path: str, code: str, status: int
) -> None:
    async with served.client() as client:
        answer = await client.request(method, path)

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


async def test_an_overloaded_host_says_when_to_come_back(served: Serving, engine: ScriptedEngine) -> None:
    waiting = {"input": "x", "stream": True}
    async with served.client() as client, asyncio.TaskGroup() as group:
        tasks = [group.create_task(client.post("/v1/responses", json={"input": "x"})) for _ in range(16)]
        await engine.asked(16)
        async with client.stream("POST", "/v1/responses", json=waiting) as stream:
            seen = [line async for line in _until(stream, "event: response.queued")]
            full = await client.post("/v1/responses", json={"input": "x"})
        for _ in range(17):
            engine.finish("x")

    assert [task.result().status_code for task in tasks] == [200] * 16
    assert "event: response.queued" in seen
    assert (full.status_code, full.json()["error"]["code"]) == (503, "queue_full")
    assert full.headers["x-should-retry"] == "true"
    assert int(full.headers["retry-after-ms"]) > 0
    assert int(full.headers["retry-after"]) > 0


async def test_what_breaks_inside_is_told_to_nobody(served: Serving) -> None:
    served.service.pictures.close()
    url = "data:image/png;base64,AAAA"
    async with served.client() as client:
        answer = await client.post(
            "/v1/responses",
            json={"input": [{"role": "user", "content": [{"type": "input_image", "image_url": url}]}]},
        )

    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal")
    assert "Traceback" not in answer.text
    assert answer.headers["x-should-retry"] == "false"


async def test_a_client_that_does_not_read_its_stream_loses_it_and_not_its_answer(tmp_path: Path) -> None:
    engine = ScriptedEngine()
    async with serving(tmp_path, engine, limits=Limits(grace_s=20), api=ApiLimits(send_s=0.2)) as host:
        body = json.dumps({"input": "hello", "stream": True})
        lines = ["POST /v1/responses HTTP/1.1", "host: localhost", f"authorization: Bearer {host.token}"]
        head = "\r\n".join([*lines, f"content-length: {len(body)}", "", ""])
        with socket.socket() as frozen:
            frozen.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            frozen.connect(("127.0.0.1", int(host.url.rpartition(":")[2])))
            frozen.sendall((head + body).encode())
            await engine.asked()
            (answer,) = host.service._known
            for _ in range(9):
                engine.say("x" * 100_000)
            await until(lambda: answer.log.size > 800_000)
            engine.say("more")
            await until(lambda: not answer._followers)
            engine.finish("end")
            await until(lambda: answer.ended)
            assert frozen.recv(15) == b"HTTP/1.1 200 OK"

        assert answer.response()["status"] == "completed"
