"""Connections that say nothing, and too many of them: any app of the phone can open some."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bridge.front import Front
from bridge.front.connection import MAX_CONNECTIONS, Patience
from tests.support.bridge import Bench, Page, jpeg

pytestmark = pytest.mark.asyncio(loop_scope="module")

HEAD_S = 0.3
DEADLINE_S = 5.0


@pytest_asyncio.fixture(loop_scope="module")
async def hasty(desk: Bench, app_dir: Path) -> AsyncIterator[Front]:
    """A front with little patience."""
    async with Front(desk.session, app_dir=app_dir, patience=Patience(head_s=HEAD_S)) as made:
        yield made


async def rest(reader: asyncio.StreamReader) -> bytes:
    """Everything up to the end of the connection, however it ends."""
    heard = b""
    async with asyncio.timeout(DEADLINE_S):
        try:
            while chunk := await reader.read(4096):
                heard += chunk
        except ConnectionError:
            pass
    return heard


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHost: local"])
async def test_who_says_nothing_whole_is_sent_away(hasty: Front, said: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", hasty.port)
    writer.write(said)

    assert await rest(reader) == b""
    writer.close()


async def test_a_head_that_comes_drop_by_drop_is_no_longer_waited_for(hasty: Front) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", hasty.port)
    writer.write(b"GET / HTTP/1.1\r\n")
    async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as group:
        ended = group.create_task(rest(reader))
        while not ended.done():
            writer.write(b"X: y\r\n")
            await asyncio.wait([ended], timeout=HEAD_S / 10)

    assert ended.result() == b""
    writer.close()


async def test_a_page_that_listens_longer_is_left_alone(hasty: Front) -> None:
    page = Page(hasty)
    await page.link()
    async with page.socket() as socket:
        await asyncio.wait_for(socket.recv(), DEADLINE_S)
        reader, writer = await asyncio.open_connection("127.0.0.1", hasty.port)
        await rest(reader)  # the patience for one that came later is over
        writer.close()

        await (await socket.ping())
        assert hasty.pages == 1


async def test_a_body_that_is_not_wanted_is_not_waited_for(hasty: Front) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", hasty.port)
    writer.write(b"PUT /v1/captures/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n")
    async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as group:
        ended = group.create_task(rest(reader))
        while not ended.done():
            writer.write(b"x")
            await asyncio.wait([ended], timeout=HEAD_S / 10)

    assert ended.result().startswith(b"HTTP/1.1 401 ")
    writer.close()


async def test_one_connection_too_many_costs_the_oldest_stranger_its_place(fresh_front: Front) -> None:
    page = Page(fresh_front)
    await page.link()
    data = jpeg("gold")
    go_on, begun = asyncio.Event(), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield data[:100]
        begun.set()
        await go_on.wait()
        yield data[100:]

    async with asyncio.TaskGroup() as group:
        where = f"/v1/captures/{hashlib.sha256(data).hexdigest()}"
        bringing = group.create_task(page.http("PUT", where, content=slowly()))
        await begun.wait()
        strangers = [await asyncio.open_connection("127.0.0.1", fresh_front.port) for _ in range(MAX_CONNECTIONS - 1)]
        for _, writer in strangers:
            writer.write(b"POST /link HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")

        alive = await page.http("GET", "/healthz")

        assert await rest(strangers[0][0]) == b""
        assert (await asyncio.wait([bringing], timeout=0))[1]
        go_on.set()
    assert (alive.json(), bringing.result().status_code) == ({"ok": True}, 201)
    for _, writer in strangers:
        writer.close()
