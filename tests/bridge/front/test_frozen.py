"""A page that has stopped reading costs the others nothing, and its seat is free again in time. Real sockets."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from bridge.front import Front
from bridge.front.connection import Patience
from host_server.wire.acks import WINDOW
from tests.support.bridge import Bench, Page, jpeg, receive
from tests.support.until import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

BRIEF = Patience(head_s=5.0, send_s=0.3, ping_s=0.3, ack_s=0.3)
HINT = "x" * 20_000
DEADLINE_S = 10.0


@pytest_asyncio.fixture(loop_scope="module")
async def hasty(desk: Bench, app_dir: Path) -> AsyncIterator[Front]:
    """A front with little patience."""
    async with Front(desk.session, app_dir=app_dir, patience=BRIEF) as made:
        yield made


async def linked(front: Front) -> Page:
    page = Page(front)
    await page.link()
    return page


def connections(front: Front) -> int:
    """How many TCP connections the front still holds."""
    return len(front._server.server_state.connections)


async def test_a_page_that_takes_nothing_is_cut_off_and_the_others_see_everything(hasty: Front, desk: Bench) -> None:
    page = await linked(hasty)
    gone: asyncio.Queue[int] = asyncio.Queue()
    async with page.socket() as reader, page.socket(max_queue=1) as stuck:
        await receive(reader, "bridge:session.ready")
        await receive(stuck, "bridge:session.ready")
        stuck.transport.pause_reading()
        hasty.on_pages = gone.put_nowait
        async with asyncio.timeout(DEADLINE_S):
            while gone.empty():
                desk.session.phone_state("device", hint=HINT)
                await receive(reader, "bridge:device")
        await until(lambda: connections(hasty) == 1)
        stuck.transport.abort()


async def test_a_page_that_answers_no_ping_is_cut_off_though_nothing_was_to_be_said(hasty: Front) -> None:
    page = await linked(hasty)
    async with page.socket() as stuck:
        await receive(stuck, "bridge:session.ready")
        assert (hasty.pages, connections(hasty)) == (1, 1)
        stuck.transport.pause_reading()
        await until(lambda: (hasty.pages, connections(hasty)) == (0, 0))
        stuck.transport.abort()


async def test_who_takes_no_more_of_a_picture_is_cut_off(hasty: Front, desk: Bench) -> None:
    page = await linked(hasty)
    data = jpeg() + os.urandom(6_000_000)
    capture = desk.take(data=data)
    reader, writer = await asyncio.open_connection("127.0.0.1", hasty.port, limit=1)
    head = (
        f"GET /v1/captures/{capture.sha256} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {page.token}\r\n\r\n"
    )
    writer.write(head.encode())
    await reader.read(1)
    assert connections(hasty) == 1
    await until(lambda: connections(hasty) == 0)
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


class TestAcks:
    async def test_a_page_that_acknowledges_no_more_is_sent_away(self, hasty: Front, desk: Bench) -> None:
        page = await linked(hasty)
        async with page.socket() as socket:
            await begin_to_acknowledge(socket)
            desk.session.phone_state("device", hint="said")
            with pytest.raises(ConnectionClosed) as closed:
                await receive(socket, "never")

        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4408
        assert hasty.pages == 0

    async def test_one_that_goes_on_doing_so_stays(self, hasty: Front, desk: Bench) -> None:
        page = await linked(hasty)
        loop = asyncio.get_running_loop()
        async with page.socket() as socket:
            await begin_to_acknowledge(socket)
            end = loop.time() + 3 * BRIEF.ack_s
            while loop.time() < end:
                desk.session.phone_state("device", hint=str(loop.time()))
                (*_, event) = await receive(socket, "bridge:device")
                await ack(socket, event)
            assert hasty.pages == 1

    async def test_one_that_never_did_is_left_alone(self, hasty: Front, desk: Bench) -> None:
        page = await linked(hasty)
        async with page.socket() as socket:
            await receive(socket, "bridge:session.ready")
            desk.session.phone_state("device", hint="said")
            await silence(socket, 3 * BRIEF.ack_s)
            assert hasty.pages == 1

    async def test_no_more_than_a_window_is_on_the_way_and_what_is_pending_comes_as_one(
        self, page: Page, desk: Bench
    ) -> None:
        words = "many words " * 700
        create = {"type": "response.create", "event_id": "slow", "input": [{"role": "user", "content": words}]}
        async with page.socket() as socket:
            await begin_to_acknowledge(socket)
            seen: list[dict[str, Any]] = []
            for number in range(WINDOW // len(HINT) + 1):
                desk.session.phone_state("device", detail=str(number), hint=HINT)
                seen = await receive(socket, "bridge:device", detail=str(number))
            await socket.send(json.dumps(create))
            await desk.until("answer", question=words)
            assert await silence(socket, 0.2) == []
            await ack(socket, seen[-1])
            seen = await receive(socket, "response.completed")

        (piece,) = [event["delta"] for event in seen if "delta" in event]
        assert piece == seen[-1]["response"]["output"][0]["content"][0]["text"]


async def begin_to_acknowledge(socket: ClientConnection) -> None:
    """Take the greeting in and say so; give back when the front knows."""
    (*_, ready) = await receive(socket, "bridge:session.ready")
    await ack(socket, ready)
    await socket.send("?")
    await receive(socket, "error")


async def ack(socket: ClientConnection, event: dict[str, Any]) -> None:
    """What the page does: an answer's events by its name, ours without."""
    about = {} if event["type"].startswith("bridge:") else {"response_id": event["response_id"]}
    await socket.send(json.dumps({"type": "bridge:ack", "sequence_number": event["sequence_number"]} | about))


async def silence(socket: ClientConnection, seconds: float) -> list[dict[str, Any]]:
    """Everything that is said until nothing is for so long."""
    heard: list[dict[str, Any]] = []
    with suppress(TimeoutError):
        while True:
            async with asyncio.timeout(seconds):
                heard.append(json.loads(await socket.recv()))
    return heard
