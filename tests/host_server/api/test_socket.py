"""The WebSocket: lanes, cancel, resume, refusals, and what a bad client costs."""

import asyncio
import json
from contextlib import AsyncExitStack, suppress
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from host_server.api.limits import ApiLimits
from host_server.api.socket import MAX_INFLIGHT, MAX_MESSAGE
from host_server.service import Limits
from host_server.wire.acks import WINDOW
from tests.support.host_in_loop import Serving, serving
from tests.support.scripted_engine import ScriptedEngine
from tests.support.until import until

Json = dict[str, Any]


async def _next(socket: ClientConnection) -> Json:
    async with asyncio.timeout(5):
        event: Json = json.loads(await socket.recv())
    return event


async def _until(socket: ClientConnection, kind: str, **fields: Any) -> list[Json]:
    """Everything up to the first event of that kind with those fields."""
    events: list[Json] = []
    while True:
        events.append(await _next(socket))
        last = events[-1]
        if last["type"] == kind and all(last.get(name) == value for name, value in fields.items()):
            return events


async def _send(socket: ClientConnection, kind: str, **fields: Any) -> None:
    await socket.send(json.dumps({"type": kind, **fields}))


async def _ask(socket: ClientConnection, text: str = "hello", **fields: Any) -> None:
    await _send(socket, "response.create", input=text, **fields)


async def _close_code(socket: ClientConnection) -> int | None:
    async with asyncio.timeout(5):
        await socket.wait_closed()
    return socket.close_code


async def test_our_client_is_told_first_what_to_expect(served: Serving) -> None:
    async with served.socket() as socket:
        ready = await _next(socket)

    assert socket.subprotocol == "bridge.v1"
    assert (ready["type"], ready["sequence_number"], ready["protocol"]) == ("bridge:session.ready", 0, 1)
    assert ready["models"] == ["script"]
    assert ready["limits"] == {
        "max_image_bytes": 26214400,
        "max_message_bytes": MAX_MESSAGE,
        "max_inflight": MAX_INFLIGHT,
    }


async def test_any_other_client_hears_nothing_of_ours_until_it_says_hello(
    served: Serving, engine: ScriptedEngine
) -> None:
    engine.finish("hi")
    async with served.socket(ours=False) as socket:
        await _ask(socket)
        events = await _until(socket, "response.completed")
        await _send(socket, "bridge:hello", protocol=1)
        ready = await _next(socket)

    assert socket.subprotocol is None
    assert events[0]["type"] == "response.created"
    assert all("stream_id" not in event for event in events)
    assert ready["type"] == "bridge:session.ready"


async def test_every_event_carries_its_lane_and_its_answer(served: Serving, engine: ScriptedEngine) -> None:
    engine.finish("a", "b")
    async with served.socket(ours=False) as socket:
        await _ask(socket, stream_id="phone-1")
        events = await _until(socket, "response.completed")

    assert {event["stream_id"] for event in events} == {"phone-1"}
    assert {event["response_id"] for event in events} == {events[0]["response"]["id"]}


async def test_a_lane_is_answered_in_order_and_never_interleaved(served: Serving, engine: ScriptedEngine) -> None:
    async with served.socket(ours=False) as socket:
        for text in ("one", "two", "three"):
            await _ask(socket, text, stream_id="A")
        await engine.asked(1)
        for text in ("1", "2", "3"):
            engine.finish(text)
        events: list[Json] = []
        for _ in range(3):
            events += await _until(socket, "response.completed")

    order = [event["response_id"] for event in events]
    assert sorted(order, key=order.index) == order
    assert [question.text for question in engine.questions] == ["one", "two", "three"]


async def test_lanes_do_not_wait_for_each_other(served: Serving, engine: ScriptedEngine) -> None:
    async with served.socket(ours=False) as socket:
        await _ask(socket, "slow", stream_id="A")
        await _ask(socket, "quick", stream_id="B")
        await engine.asked(2)
        engine.finish("x")
        engine.finish("y")
        first = await _until(socket, "response.completed")
        second = await _until(socket, "response.completed")

    assert {first[-1]["stream_id"], second[-1]["stream_id"]} == {"A", "B"}


async def test_too_many_questions_on_one_socket_are_refused(served: Serving) -> None:
    async with served.socket(ours=False) as socket:
        for number in range(MAX_INFLIGHT + 1):
            await _ask(socket, stream_id=f"lane-{number}", event_id=f"c{number}")
        error = (await _until(socket, "error"))[-1]

    assert error["error"]["code"] == "websocket_stream_limit_reached"
    assert (error["event_id"], error["stream_id"]) == (f"c{MAX_INFLIGHT}", f"lane-{MAX_INFLIGHT}")


async def test_cancel_ends_the_answer_in_its_lane(served: Serving, engine: ScriptedEngine) -> None:
    engine.say("half")
    async with served.socket(ours=False) as socket:
        await _ask(socket, stream_id="A")
        events = await _until(socket, "response.output_text.delta")
        await _send(socket, "response.cancel", response_id=events[0]["response_id"])
        last = (await _until(socket, "response.incomplete"))[-1]

    assert (last["stream_id"], last["response"]["status"]) == ("A", "cancelled")
    assert engine.stopped == 1


async def test_a_dropped_answer_is_resumed_on_another_socket(served: Serving, engine: ScriptedEngine) -> None:
    engine.say("first ")
    async with served.socket() as socket:
        await _ask(socket, stream_id="A")
        seen = await _until(socket, "response.output_text.delta")
    engine.say("second ")
    engine.finish("third")
    response_id, cursor = seen[-1]["response_id"], seen[-1]["sequence_number"]
    async with served.socket() as socket:
        await _next(socket)
        points = [{"id": response_id, "starting_after": cursor, "stream_id": "B"}]
        await _send(socket, "bridge:resume", responses=points)
        rest = await _until(socket, "response.completed")

    assert "".join(event.get("delta", "") for event in rest) == "second third"
    assert all(event["sequence_number"] > cursor and event["stream_id"] == "B" for event in rest)


@pytest.mark.parametrize(
    ("message", "code", "names"),
    [
        ({"type": "response.create", "input": 7}, "invalid_request", {}),
        ({"type": "response.create", "input": "x", "model": "none"}, "model_not_found", {}),
        ({"type": "response.create", "input": "x", "previous_response_id": "no"}, "previous_response_not_found", {}),
        ({"type": "response.steer"}, "unknown_event", {}),
        ({"type": "response.cancel", "response_id": "resp_0"}, "response_not_found", {"response_id": "resp_0"}),
        (
            {"type": "bridge:resume", "responses": [{"id": "resp_0", "stream_id": "B"}]},
            "response_not_found",
            {"stream_id": "B"},
        ),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_a_refusal_names_what_it_refuses(served: Serving, message: Json, code: str, names: Json) -> None:
    expected = {"event_id": "c1", "stream_id": "A"} if message["type"] == "response.create" else {"event_id": "c1"}
    lane = {"stream_id": "A"} if message["type"] == "response.create" else {}
    async with served.socket(ours=False) as socket:
        await socket.send(json.dumps(message | lane | {"event_id": "c1"}))
        error = await _next(socket)
        await _ask(socket)
        assert (await _next(socket))["type"] == "response.created"

    assert (error["type"], error["error"]["code"]) == ("error", code)
    assert error.items() >= (expected | names).items()


async def test_an_answer_that_cannot_be_continued_does_not_keep_the_others(
    served: Serving, engine: ScriptedEngine
) -> None:
    engine.finish("here")
    async with served.socket(ours=False) as socket:
        await _ask(socket)
        events = await _until(socket, "response.completed")
        points = [{"id": "resp_0"}, {"id": events[0]["response_id"]}, {"id": "resp_1"}]
        await _send(socket, "bridge:resume", responses=points)
        again = await _until(socket, "response.completed")

    assert again[0]["type"] == "error"
    assert "".join(event.get("delta", "") for event in again) == "here"


async def test_a_lane_goes_on_after_a_refused_question(served: Serving, engine: ScriptedEngine) -> None:
    engine.finish("fine")
    async with served.socket(ours=False) as socket:
        await _ask(socket, stream_id="A", model="none")
        await _ask(socket, stream_id="A")
        kinds = [event["type"] for event in await _until(socket, "response.completed")]

    assert kinds[:2] == ["error", "response.created"]


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '"x"', "[" * 50_000])
async def test_a_senseless_frame_is_refused_and_the_socket_stays(served: Serving, text: str) -> None:
    async with served.socket(ours=False) as socket:
        await socket.send(text)

        assert (await _next(socket))["type"] == "error"


async def test_a_binary_frame_closes_the_socket(served: Serving) -> None:
    async with served.socket(ours=False) as socket:
        await socket.send(b"{}")

        assert await _close_code(socket) == 1003


async def test_a_frame_that_is_too_large_closes_the_socket(served: Serving) -> None:
    async with served.socket(ours=False) as socket:
        with suppress(ConnectionClosed):
            await socket.send("x" * (MAX_MESSAGE + 1))

        assert await _close_code(socket) == 1009


async def test_a_lost_socket_leaves_its_answers_for_the_grace_time_only(
    served: Serving, engine: ScriptedEngine
) -> None:
    async with served.socket() as socket:
        await _ask(socket, stream_id="A")
        await _ask(socket, stream_id="B")
        await engine.asked(2)
    assert served.service.busy == 2
    async with asyncio.timeout(5):
        await engine.has_stopped()


async def test_resuming_too_much_at_once_is_refused(served: Serving, engine: ScriptedEngine) -> None:
    async with served.socket(ours=False) as socket:
        await _ask(socket)
        response_id = (await _next(socket))["response_id"]
        points = [{"id": response_id, "starting_after": 1000}] * 40
        await _send(socket, "bridge:resume", responses=points)
        await _send(socket, "bridge:resume", responses=points)
        error = (await _until(socket, "error"))[-1]

    assert error["error"]["code"] == "too_many_inflight"


async def test_a_client_that_does_not_read_loses_its_socket_and_not_its_answer(tmp_path: Any) -> None:
    engine = ScriptedEngine()
    async with serving(tmp_path, engine, limits=Limits(grace_s=20), api=ApiLimits(send_s=0.2)) as host:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(host.url.rpartition(":")[2]), limit=1024)
        writer.write(_handshake(host.token))
        await reader.readuntil(b"\r\n\r\n")
        writer.write(_frame(json.dumps({"type": "response.create", "input": "x" * 100_000, "stream": True})))
        await engine.asked()
        async with host.client() as client:
            (answer,) = host.service._known
            for _ in range(9):
                engine.say("y" * 100_000)
            writer.write(_frame(_resumes(answer.id)))
            engine.finish("end")
            await until(lambda: not host.service.busy)
            got = await client.get(f"/v1/responses/{answer.id}")
        assert got.json()["status"] == "completed"
        await until(lambda: not answer._followers)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


def _resumes(response_id: str) -> str:
    return json.dumps({"type": "bridge:resume", "responses": [{"id": response_id}] * 60})


def _handshake(token: str) -> bytes:
    lines = [
        "GET /v1/responses HTTP/1.1",
        "host: localhost",
        "connection: Upgrade",
        "upgrade: websocket",
        "sec-websocket-version: 13",
        "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==",
        f"authorization: Bearer {token}",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def _frame(text: str) -> bytes:
    data = text.encode()
    return b"\x81" + bytes([0x80 | 127]) + len(data).to_bytes(8, "big") + bytes(4) + data


async def test_so_many_sockets_and_no_more(tmp_path: Any) -> None:
    async with serving(tmp_path, ScriptedEngine()) as host, AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(host.socket(ours=False)) for _ in range(ApiLimits().sockets)]
        async with host.socket(ours=False) as one_too_many:
            assert await _close_code(one_too_many) == 1013
        await sockets.pop().close()
        async with asyncio.timeout(5):
            while not await _welcome(host):
                pass
        await _send(sockets[0], "no.such")
        assert (await _next(sockets[0]))["type"] == "error"


async def _welcome(host: Serving) -> bool:
    async with host.socket() as socket:
        try:
            return bool(await socket.recv())
        except ConnectionClosed:
            return False


async def test_who_acknowledged_once_and_does_not_any_more_is_not_sent_to_any_more(tmp_path: Any) -> None:
    engine = ScriptedEngine()
    async with serving(tmp_path, engine, limits=Limits(grace_s=20), api=ApiLimits(ack_s=0.2)) as host:
        async with host.socket() as reader:
            await _send(reader, "bridge:ack", sequence_number=(await _next(reader))["sequence_number"])
            await _ask(reader)
            await engine.asked()

            assert await _close_code(reader) == 1013
        engine.finish("here")
        (answer,) = host.service._known
        await until(lambda: answer.ended)
        assert answer.response()["status"] == "completed"


async def test_who_acknowledges_gets_no_more_than_a_window_ahead_and_then_all_at_once(
    served: Serving, engine: ScriptedEngine
) -> None:
    async with served.socket(ours=False) as reader:
        await _send(reader, "bridge:ack", sequence_number=0)
        await _ask(reader)
        engine.say("x" * WINDOW)
        events = await _until(reader, "response.output_text.delta")
        for _ in range(20):
            engine.say("y" * 100)
        engine.finish("z")
        await until(lambda: not served.service.busy)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.recv(), 0.2)
        name, number = events[-1]["response_id"], events[-1]["sequence_number"]
        await _send(reader, "bridge:ack", response_id=name, sequence_number=number)
        rest = await _until(reader, "response.completed")

    assert [event["type"] for event in rest].count("response.output_text.delta") == 1
    assert rest[0]["delta"] == "y" * 2000 + "z"
