"""The page's socket: everything of its phone comes live, slow or gone pages harm nobody."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from bridge.front import Front
from bridge.front.sockets import MAX_SOCKETS
from tests.support.bridge import SHA256, Bench, Page, receive

pytestmark = pytest.mark.asyncio(loop_scope="module")


def ask(text: str, **fields: Any) -> str:
    content = [{"type": "input_image", "file_id": f"cap_{SHA256}"}, {"type": "input_text", "text": text}]
    return json.dumps({"type": "response.create", "input": [{"role": "user", "content": content}], **fields})


async def test_a_picture_of_the_camera_is_answered_live_on_the_page(page: Page, desk: Bench) -> None:
    async with page.socket() as socket:
        assert socket.subprotocol == "bridge.v1"
        (ready,) = await receive(socket, "bridge:session.ready")
        desk.session.submit(desk.take())
        seen = await receive(socket, "response.completed")

    assert ready["device"] == {"serial": "VP0001", "model": "Pixel 9"}
    kinds = [event["type"] for event in seen]
    assert kinds.index("bridge:question") < kinds.index("response.created")
    assert [event["state"] for event in seen if event["type"] == "bridge:capture"] == ["pulled", "uploaded"]
    assert "hello from the camera" in "".join(event.get("delta", "") for event in seen)


async def test_the_page_asks_again_about_the_same_picture(page: Page, desk: Bench) -> None:
    capture = desk.take()
    desk.session.submit(capture)
    first = await desk.until("answer", capture_id=capture.capture_id)
    async with page.socket() as socket:
        await socket.send(ask("what else", event_id="e1", previous_response_id=first["response_id"]))
        seen = await receive(socket, "response.completed")

    (question,) = [event for event in seen if event["type"] == "bridge:question"]
    assert (question["asked_by"], question["event_id"], question["sha256"]) == ("page", "e1", SHA256)
    assert seen[-1]["response"]["previous_response_id"] == first["response_id"]


async def test_a_page_that_returns_gets_what_it_lacks(page: Page, desk: Bench) -> None:
    capture = desk.take()
    desk.session.submit(capture)
    answered = await desk.until("answer", capture_id=capture.capture_id)
    async with page.socket() as socket:
        (ready,) = await receive(socket, "bridge:session.ready")
        resume = [{"id": answered["response_id"], "starting_after": 3}]
        await socket.send(json.dumps({"type": "bridge:hello", "protocol": 1, "resume": resume}))
        seen = await receive(socket, "response.completed")

    assert answered["response_id"] in ready["answers"]
    assert seen[0]["sequence_number"] > 3
    assert [event["type"] for event in seen][-1] == "response.completed"


async def test_nonsense_gets_an_error_and_the_socket_stays(page: Page) -> None:
    async with page.socket() as socket:
        await socket.send("{")
        await socket.send('{"type":"bridge:pause","paused":true}')
        seen = await receive(socket, "bridge:pause")

    assert [event["error"]["code"] for event in seen if event["type"] == "error"] == ["invalid_json"]


async def test_binary_frames_end_the_socket(page: Page) -> None:
    async with page.socket() as socket:
        await socket.send(b"x")
        with pytest.raises(ConnectionClosed) as closed:
            await receive(socket, "never")

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1003


async def test_the_laptop_looks_as_a_terminal(page: Page, front: Front, desk: Bench) -> None:
    async with page.socket("", additional_headers={"Authorization": f"Bearer {front.control_token}"}) as socket:
        await receive(socket, "bridge:session.ready")
        status = desk.session.status()

    assert (status["terminals"], status["pages"]) == (1, 0)


async def test_the_number_of_pages_is_told(page: Page, front: Front) -> None:
    told: asyncio.Queue[int] = asyncio.Queue()
    front.on_pages = told.put_nowait
    async with page.socket() as socket:
        await receive(socket, "bridge:session.ready")
        assert await told.get() == 1
        assert front.pages == 1
    async with asyncio.timeout(5):
        assert await told.get() == 0


async def test_revoking_closes_the_page_for_good(fresh_front: Front) -> None:
    page = Page(fresh_front)
    await page.link()
    async with page.socket() as socket:
        await receive(socket, "bridge:session.ready")
        fresh_front.revoke()
        with pytest.raises(ConnectionClosed) as closed:
            await receive(socket, "never")

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401
    assert (await page.http("GET", "/v1/models")).status_code == 401


async def test_too_many_sockets_are_sent_away(page: Page) -> None:
    sockets = [await page.socket() for _ in range(MAX_SOCKETS)]
    try:
        async with page.socket() as socket:
            with pytest.raises(ConnectionClosed) as closed:
                await receive(socket, "never")
    finally:
        await asyncio.gather(*(socket.close() for socket in sockets))

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1013


async def test_a_page_whose_token_runs_out_is_sent_away(fresh_front: Front) -> None:
    page = Page(fresh_front)
    await page.link()
    tokens = fresh_front._links._tokens
    tokens.update(dict.fromkeys(tokens, time.monotonic() + 0.2))
    async with page.socket() as socket:
        with pytest.raises(ConnectionClosed) as closed:
            await receive(socket, "never")

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401


async def test_a_frame_of_more_than_a_megabyte_ends_the_socket(page: Page) -> None:
    async with page.socket() as socket:
        await socket.send("x" * (1024 * 1024 + 1))
        with pytest.raises(ConnectionClosed) as closed:
            await receive(socket, "never")

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


async def test_the_front_closes_at_once_whoever_is_still_there(desk: Bench, app_dir: Path) -> None:
    async with asyncio.timeout(5):
        async with Front(desk.session, app_dir=app_dir) as front:
            page = Page(front)
            await page.link()
            socket = await page.socket()
            await receive(socket, "bridge:session.ready")
            socket.transport.pause_reading()
        socket.transport.abort()

    assert desk.session.status()["pages"] == 0
