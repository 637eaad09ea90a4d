"""One connection to a real host: shared, cut, resumed, refused."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from bridge.client import HostClient, HostState, fixed
from bridge.errors import HostUnavailable, QuestionRefused, TokenRefused
from host_server.wire.ids import capture_file_id
from tests.support.answers import answer
from tests.support.bridge import JPEG, SHA256, jpeg
from tests.support.host import RunningHost
from tests.support.relay import Relay
from tests.support.serving import serving

WORDS = "one two three four five six seven eight nine ten eleven twelve"
SLOW = "echo=20"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHost]:
    with RunningHost.start(tmp_path_factory.mktemp("host") / "state", [SLOW]) as running:
        yield running


@pytest.fixture
async def relay(host: RunningHost) -> AsyncIterator[Relay]:
    async with Relay(int(host.url.rpartition(":")[2])) as made:
        yield made


@pytest.fixture
async def client(host: RunningHost) -> AsyncIterator[HostClient]:
    async with HostClient(fixed(host.url, host.token)) as made:
        await made.connected()
        yield made


async def whole(client: HostClient, **create: Any) -> list[dict[str, Any]]:
    async with aclosing(client.ask(create)) as events:
        return [event async for event in events]


def text(events: list[dict[str, Any]]) -> str:
    return "".join(event.get("delta", "") for event in events)


def numbers(events: list[dict[str, Any]]) -> list[int]:
    return [event["sequence_number"] for event in events]


async def test_it_knows_the_host_and_its_engines(client: HostClient, host: RunningHost) -> None:
    assert client.state == HostState(up=True, url=host.url, models=("echo",))
    assert [model["id"] for model in await client.models()] == ["echo"]


async def test_questions_share_the_connection_and_get_their_own_answers(client: HostClient) -> None:
    async with asyncio.TaskGroup() as group:
        asking = [group.create_task(whole(client, input=f"question {n}")) for n in range(20)]

    answers = [task.result() for task in asking]
    assert [text(events) for events in answers] == [f"question {n}" for n in range(20)]
    assert all("stream_id" not in event for events in answers for event in events)


async def test_a_refused_question_says_why(client: HostClient) -> None:
    with pytest.raises(QuestionRefused) as refused:
        await whole(client, input="x", model="nope")

    assert refused.value.fields["code"] == "model_not_found"
    assert refused.value.fields["retryable"] is False


async def test_a_picture_goes_up_once_and_can_be_asked_about(client: HostClient, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(JPEG)
    await client.upload(SHA256, path)
    path.unlink()
    await client.upload(SHA256, path)

    part = {"type": "input_image", "file_id": capture_file_id(SHA256)}
    content = [part, {"type": "input_text", "text": "size"}]
    assert text(await whole(client, input=[{"role": "user", "content": content}])) == "size [picture 32x32]"


async def test_a_file_that_is_no_picture_is_refused(client: HostClient, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"hello")
    with pytest.raises(QuestionRefused) as refused:
        await client.upload(hashlib.sha256(b"hello").hexdigest(), path)

    assert refused.value.fields["code"] == "image_format"


async def test_cancelling_ends_the_answer_early(client: HostClient) -> None:
    seen: list[dict[str, Any]] = []
    async with aclosing(client.ask({"input": WORDS})) as events:
        async for event in events:
            seen.append(event)
            if event["type"] == "response.output_text.delta":
                await client.cancel(event["response_id"])

    assert seen[-1]["response"]["status"] == "cancelled"
    assert len(text(seen)) < len(WORDS)


async def test_leaving_an_answer_alone_disturbs_nobody(client: HostClient) -> None:
    async with aclosing(client.ask({"input": WORDS})) as events:
        assert (await anext(events))["type"] == "response.created"

    assert text(await whole(client, input="next")) == "next"


async def test_an_answer_goes_on_where_the_wire_was_cut(host: RunningHost, relay: Relay) -> None:
    seen: list[dict[str, Any]] = []
    async with HostClient(fixed(relay.url, host.token)) as client:
        await client.connected()
        async with aclosing(client.ask({"input": WORDS})) as events:
            async for event in events:
                seen.append(event)
                if event["type"] == "response.output_text.delta" and len(seen) % 3 == 0:
                    relay.cut()

    assert text(seen) == WORDS
    assert numbers(seen) == sorted(set(numbers(seen)))
    assert seen[-1]["type"] == "response.completed"
    assert relay.connections > 1


async def test_what_was_cancelled_while_the_wire_was_cut_is_cancelled_after_it(host: RunningHost, relay: Relay) -> None:
    seen: list[dict[str, Any]] = []
    async with HostClient(fixed(relay.url, host.token)) as client:
        await client.connected()
        gone = asyncio.Event()
        client.listen(lambda state: None if state.up else gone.set())
        async with aclosing(client.ask({"input": WORDS})) as events:
            async for event in events:
                seen.append(event)
                if len(seen) == 5:
                    relay.cut()
                    await gone.wait()
                    await client.cancel(seen[0]["response"]["id"])

    assert seen[-1]["response"]["status"] == "cancelled"


async def test_without_a_host_for_long_the_answer_ends_as_failed(host: RunningHost, relay: Relay) -> None:
    seen: list[dict[str, Any]] = []
    async with HostClient(fixed(relay.url, host.token), resume_for=0.3) as client:
        await client.connected()
        async with aclosing(client.ask({"input": WORDS})) as events:
            async for event in events:
                seen.append(event)
                if len(seen) == 6:
                    relay.up = False
                    relay.cut()

    assert seen[-1]["type"] == "response.failed"
    assert seen[-1]["response"]["error"]["reason"] == "engine_unavailable"
    assert seen[-1]["response"]["output"][0]["content"][0]["text"] == text(seen)


async def test_a_question_that_was_not_accepted_is_given_back(relay: Relay, host: RunningHost) -> None:
    async with HostClient(fixed(relay.url, host.token)) as client:
        await client.connected()
        relay.up = False
        relay.cut()
        with pytest.raises(HostUnavailable):
            await whole(client, input="x")
        with pytest.raises(HostUnavailable):
            await whole(client, input="x")


async def test_a_host_that_was_killed_is_found_again_and_its_answers_are_lost(tmp_path: Path) -> None:
    hosts = [RunningHost.start(tmp_path / "state", [SLOW])]
    states: list[bool] = []

    async def locate() -> tuple[str, str]:
        await asyncio.sleep(0)
        return hosts[-1].url, hosts[-1].token

    try:
        async with HostClient(locate) as client:
            stop = client.listen(lambda state: states.append(state.up))
            await client.connected()
            seen: list[dict[str, Any]] = []
            async with aclosing(client.ask({"input": WORDS})) as events:
                async for event in events:
                    seen.append(event)
                    if len(seen) == 6:
                        hosts[-1].kill()
                        hosts.append(await asyncio.to_thread(RunningHost.start, tmp_path / "state", [SLOW]))
            stop()
            again = await whole(client, input="still there")
    finally:
        for host in hosts:
            host.stop()

    assert seen[-1]["response"]["error"]["reason"] == "engine_restarted"
    assert states == [False, True, False, True]
    assert text(again) == "still there"


async def test_a_wrong_token_is_said_at_once(host: RunningHost) -> None:
    async with HostClient(fixed(host.url, "wrong")) as client:
        with pytest.raises(TokenRefused):
            await client.connected()
        with pytest.raises(TokenRefused):
            await whole(client, input="x")


async def test_no_host_is_said_when_the_time_is_over() -> None:
    async with HostClient(fixed("http://127.0.0.1:9", "x")) as client:
        with pytest.raises(HostUnavailable):
            await client.connected(0.2)


async def test_a_server_that_is_no_host_is_none() -> None:
    async with serving(PlainTextResponse("hi")) as url, HostClient(fixed(url, "x")) as client:
        with pytest.raises(HostUnavailable):
            await client.connected(0.3)
        with pytest.raises(HostUnavailable):
            await client.models()


async def test_an_error_of_the_caller_leaves_the_client_as_it_is(host: RunningHost) -> None:
    async def fail() -> None:
        async with HostClient(fixed(host.url, host.token)) as client:
            await client.connected()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()


async def test_pictures_need_a_host(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg())
    async with HostClient(fixed("http://127.0.0.1:9", "x")) as client:
        with pytest.raises(HostUnavailable):
            await client.upload(SHA256, tmp_path / "a.jpg")


async def test_half_a_character_of_a_host_goes_no_further() -> None:
    async def odd_host(scope: Scope, receive: Receive, send: Send) -> None:
        socket = WebSocket(scope, receive, send)
        await socket.accept("bridge.v1")
        await socket.send_text(json.dumps({"type": "bridge:session.ready", "models": ["odd"]}))
        lane = (await socket.receive_json())["stream_id"]
        for event in answer("plain"):
            odd = {"delta": "\ud800"} if "delta" in event else {}
            await socket.send_text(json.dumps(event | odd | {"stream_id": lane}))

    async with serving(odd_host) as url, HostClient(fixed(url, "key")) as client:
        await client.connected()
        events = await whole(client, input="hello")

    assert events[-1]["type"] == "response.completed"
    json.dumps(events, ensure_ascii=False).encode()


async def test_an_answer_that_another_client_asked_for_is_read_from_its_first_event(host: RunningHost) -> None:
    async with HostClient(fixed(host.url, host.token)) as first:
        await first.connected()
        async with aclosing(first.ask({"input": WORDS})) as events:
            begun = await anext(events)
    async with HostClient(fixed(host.url, host.token)) as second:
        await second.connected()
        async with aclosing(second.resume(begun["response"]["id"])) as events:
            found = [event async for event in events]

    assert found[0] == begun
    assert text(found) == WORDS
    assert found[-1]["type"] == "response.completed"


async def test_an_answer_that_the_host_does_not_know_cannot_be_resumed(client: HostClient) -> None:
    with pytest.raises(QuestionRefused) as refused:
        await anext(client.resume("resp_unknown"))

    assert refused.value.fields["code"] == "response_not_found"
