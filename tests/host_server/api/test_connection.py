"""Connections that say nothing, take nothing or never end: what they cost, and that they end."""

import asyncio
import hashlib
import json
import os
import socket
from collections.abc import AsyncIterator
from contextlib import closing, suppress
from pathlib import Path

import httpx
import pytest
from PIL import Image

from host_server.api.limits import ApiLimits
from host_server.service import Limits
from tests.support.host_in_loop import Serving, serving
from tests.support.scripted_engine import ScriptedEngine
from tests.support.until import until

HASTY = ApiLimits(head_s=0.3, send_s=0.3, body_idle_s=0.3, body_s=0.6, silent_connections=3)
DEADLINE_S = 5.0


@pytest.fixture
async def hasty(tmp_path: Path) -> AsyncIterator[Serving]:
    """A host with little patience."""
    async with serving(tmp_path, ScriptedEngine(), limits=Limits(grace_s=20), api=HASTY) as host:
        yield host


def _port(host: Serving) -> int:
    return int(host.url.rpartition(":")[2])


async def _open(host: Serving, said: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", _port(host))
    writer.write(said)
    return reader, writer


async def _rest(reader: asyncio.StreamReader) -> bytes:
    """Everything up to the end of the connection, however it ends."""
    heard = b""
    with suppress(ConnectionError):
        async with asyncio.timeout(DEADLINE_S):
            while chunk := await reader.read(4096):
                heard += chunk
    return heard


def _head(host: Serving, *lines: str, call: str = "POST /v1/responses") -> bytes:
    head = [f"{call} HTTP/1.1", "host: localhost", f"authorization: Bearer {host.token}", *lines]
    return "\r\n".join([*head, "", ""]).encode()


def test_by_default_a_frozen_client_has_lost_its_seat_within_15_seconds() -> None:
    limits = ApiLimits()

    assert max(limits.send_s, limits.ping_s + limits.pong_s, limits.ack_s * 1.25) <= 15


@pytest.mark.parametrize("said", [b"", b"GET /health/live HTTP/1.1\r\nHost: local"])
async def test_who_says_nothing_whole_is_sent_away(hasty: Serving, said: bytes) -> None:
    reader, writer = await _open(hasty, said)

    assert await _rest(reader) == b""
    writer.close()


async def test_a_head_that_comes_drop_by_drop_is_no_longer_waited_for(hasty: Serving) -> None:
    reader, writer = await _open(hasty, b"GET / HTTP/1.1\r\n")
    async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as group:
        ended = group.create_task(_rest(reader))
        while not ended.done():
            writer.write(b"X: y\r\n")
            await asyncio.wait([ended], timeout=HASTY.head_s / 10)

    assert ended.result() == b""
    writer.close()


async def test_a_body_that_nobody_reads_may_not_go_on_for_ever(hasty: Serving) -> None:
    reader, writer = await _open(hasty, b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
    async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as group:
        ended = group.create_task(_rest(reader))
        while not ended.done():
            writer.write(b"1\r\nx\r\n")
            await asyncio.wait([ended], timeout=HASTY.head_s / 10)

    assert ended.result().startswith(b"HTTP/1.1 401 ")
    writer.close()


async def test_of_too_many_that_say_nothing_the_oldest_goes_and_who_speaks_is_heard(tmp_path: Path) -> None:
    async with serving(tmp_path, ScriptedEngine(), api=ApiLimits(silent_connections=3)) as host:
        silent = [await _open(host) for _ in range(3)]
        async with httpx.AsyncClient(base_url=host.url, trust_env=False) as client:
            live = await client.get("/health/live")
            assert await _rest(silent[0][0]) == b""
        assert live.status_code == 200
        assert not silent[1][0].at_eof()
        for _, writer in silent:
            writer.close()


async def test_beyond_so_many_connections_the_next_is_sent_away(tmp_path: Path) -> None:
    async with serving(tmp_path, ScriptedEngine(), api=ApiLimits(connections=3)) as host:
        opened = [await _open(host) for _ in range(3)]
        reader, writer = await _open(host)

        assert await _rest(reader) == b""
        for _, other in [*opened, (reader, writer)]:
            other.close()


async def test_a_socket_that_listens_longer_is_left_alone(hasty: Serving) -> None:
    async with hasty.socket() as client:
        await client.recv()
        reader, writer = await _open(hasty)
        await _rest(reader)  # the patience for one that came later is over
        writer.close()

        await asyncio.wait_for(await client.ping(), DEADLINE_S)


@pytest.mark.parametrize("drops", [False, True])
async def test_a_body_has_to_go_on_and_to_end(hasty: Serving, *, drops: bool) -> None:
    reader, writer = await _open(hasty, _head(hasty, "content-length: 1000") + b"{")
    async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as group:
        answered = group.create_task(reader.readuntil(b"\r\n"))
        while not answered.done():
            if drops:
                writer.write(b" ")
            await asyncio.wait([answered], timeout=HASTY.body_idle_s / 10)

    assert b" 408 " in answered.result()
    writer.close()


async def test_a_large_picture_lies_in_memory_piece_by_piece_for_a_client_that_does_not_read(hasty: Serving) -> None:
    picture = hasty.folder / "noise.png"
    Image.frombytes("RGB", (1200, 1200), os.urandom(1200 * 1200 * 3)).save(picture, compress_level=0)
    data = picture.read_bytes()
    name = hashlib.sha256(data).hexdigest()
    async with hasty.client() as client:
        assert (await client.put(f"/v1/captures/{name}", content=data)).status_code == 201
        assert (await client.get(f"/v1/captures/{name}")).content == data
    connections = hasty.server.server_state.connections
    await until(lambda: not connections, seconds=DEADLINE_S + 5)
    with closing(_frozen(hasty)) as frozen:
        frozen.sendall(_head(hasty, call=f"GET /v1/captures/{name}"))
        most = 0
        async with asyncio.timeout(DEADLINE_S):
            while connections or not most:
                most = max([most, *(one.transport.get_write_buffer_size() for one in connections)])
                await asyncio.sleep(0.01)

    assert 0 < most <= 128 * 1024


@pytest.mark.parametrize("says", ["nothing", "an end"])
async def test_a_frozen_socket_is_gone_whatever_is_on_its_way_to_it(tmp_path: Path, says: str) -> None:
    engine = ScriptedEngine()
    api = ApiLimits(send_s=0.4, ping_s=0.2, pong_s=0.2)
    async with serving(tmp_path, engine, limits=Limits(grace_s=20), api=api) as host:
        with closing(_frozen(host)) as frozen:
            frozen.sendall(_upgrade(host))
            await until(lambda: any(hasattr(one, "queue") for one in host.server.server_state.connections))
            frozen.sendall(_frame(json.dumps({"type": "response.create", "input": "x"})))
            await engine.asked()
            if says == "an end":
                for _ in range(9):
                    engine.say("y" * 100_000)
                engine.finish("end")
            await until(lambda: not host.server.server_state.connections, seconds=DEADLINE_S)
        (answer,) = host.service._known
        await until(lambda: not answer._followers, seconds=DEADLINE_S)
        assert says == "nothing" or answer.response()["status"] == "completed"


def _frozen(host: Serving) -> socket.socket:
    frozen = socket.socket()
    frozen.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    frozen.connect(("127.0.0.1", _port(host)))
    return frozen


def _upgrade(host: Serving) -> bytes:
    key = "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA=="
    lines = ["connection: Upgrade", "upgrade: websocket", "sec-websocket-version: 13", key]
    return _head(host, *lines, call="GET /v1/responses")


def _frame(text: str) -> bytes:
    data = text.encode()
    return b"\x81" + bytes([0x80 | len(data)]) + bytes(4) + data
