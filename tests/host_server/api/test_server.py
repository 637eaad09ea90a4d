"""The host as a process: says where it is, lets answers end, ends when nobody is left, starts only where it may."""

import asyncio
import json
import signal
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from host_server.api import server
from host_server.service import engines
from host_server.wire.discovery import ADMIN_TOKEN_FILE, read_host_record
from tests.support.host import RunningHost
from tests.support.host_in_loop import Serving, serving
from tests.support.scripted_engine import ScriptedEngine
from tests.support.until import until

SLOW = ("echo=20",)


def test_a_host_says_where_it_listens_and_takes_it_back(own_host: RunningHost, tmp_path: Path) -> None:
    record = own_host.record
    assert (record.pid, record.engines) == (own_host.process.pid, ("echo",))
    assert httpx.get(f"{record.url}/health/live", trust_env=False).json() == {"live": True}
    first_line = own_host.log.read_text(encoding="utf-8").splitlines()[0]
    assert first_line == f"bridge-host is listening on {record.url}; engines: echo"

    assert own_host.stop() == 0
    assert read_host_record(tmp_path / "state") is None
    assert (tmp_path / "state" / ADMIN_TOKEN_FILE).exists()


def test_a_killed_host_leaves_its_record_and_the_next_one_replaces_it(tmp_path: Path) -> None:
    with RunningHost.start(tmp_path) as first:
        first.kill()
        assert read_host_record(tmp_path) == first.record
    with RunningHost.start(tmp_path) as second:
        assert read_host_record(tmp_path) == second.record
        assert second.token == first.token
        second.stop()  # its log is whole only then
        assert "another host was recorded" in second.log.read_text(encoding="utf-8")


def test_two_hosts_of_one_user_do_not_take_each_others_record(tmp_path: Path) -> None:
    with RunningHost.start(tmp_path) as first, RunningHost.start(tmp_path) as second:
        first.stop()
        assert read_host_record(tmp_path) == second.record


def test_a_signal_lets_running_answers_end(tmp_path: Path) -> None:
    question = {"input": "one two three four five six seven eight nine ten", "stream": True}
    with (
        RunningHost.start(tmp_path, SLOW) as host,
        httpx.Client(base_url=host.url, headers=host.headers, timeout=10, trust_env=False) as client,
    ):
        with client.stream("POST", "/v1/responses", json=question) as answer:
            lines = answer.iter_lines()
            assert any("one" in line for line in lines)
            host.process.send_signal(signal.SIGTERM)
            draining = _first_status(host, 503)
            rest = "\n".join(lines)

        assert host.process.wait(10) == 0
    assert draining["reasons"] == ["draining"]
    assert "response.completed" in rest


def _first_status(host: RunningHost, status: int) -> dict[str, list[str]]:
    for _ in range(500):
        answer = httpx.get(f"{host.url}/health/ready", headers=host.headers, trust_env=False)
        if answer.status_code == status:
            body: dict[str, list[str]] = answer.json()
            return body
    raise AssertionError


def test_a_second_signal_ends_them_with_their_terminal_event(tmp_path: Path) -> None:
    question = {"input": "word " * 60, "stream": True}
    with (
        RunningHost.start(tmp_path, ["echo=1"]) as host,
        httpx.Client(base_url=host.url, headers=host.headers, timeout=10, trust_env=False) as client,
    ):
        with client.stream("POST", "/v1/responses", json=question) as answer:
            lines = answer.iter_lines()
            assert any("word" in line for line in lines)
            host.process.send_signal(signal.SIGTERM)
            _first_status(host, 503)
            host.process.send_signal(signal.SIGTERM)
            rest = [line for line in lines if line.startswith("data: {")]

        assert host.process.wait(10) == 0
    last = json.loads(rest[-1].removeprefix("data: "))
    assert (last["type"], last["response"]["error"]["reason"]) == ("response.failed", "server_draining")


async def test_sockets_are_told_that_the_host_restarts(tmp_path: Path) -> None:
    async with serving(tmp_path, ScriptedEngine()) as host, host.socket() as client:
        await client.recv()
        host.server.handle_exit(signal.SIGTERM, None)
        with pytest.raises(ConnectionClosed) as caught:
            async with asyncio.timeout(10):
                await client.recv()

    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1012


async def test_a_host_that_is_draining_refuses_on_its_open_sockets(served: Serving, engine: ScriptedEngine) -> None:
    async with served.socket(ours=False) as client:
        await client.send('{"type":"response.create","input":"one","stream_id":"A"}')
        await engine.asked()
        served.server.handle_exit(signal.SIGTERM, None)
        await until(lambda: served.service.draining)
        await client.send('{"type":"response.create","input":"two","stream_id":"B"}')
        engine.finish("done")
        events = [json.loads(text) async for text in _until_closed(client)]

    kinds = [(event["type"], event.get("stream_id")) for event in events]
    assert ("response.completed", "A") in kinds
    assert ("error", "B") in kinds


async def _until_closed(client: ClientConnection) -> AsyncIterator[str | bytes]:
    try:
        while True:
            yield await client.recv()
    except ConnectionClosed:
        return


async def test_a_host_ends_by_itself_when_nobody_is_left(tmp_path: Path) -> None:
    async with asyncio.timeout(20):
        async with serving(tmp_path, ScriptedEngine(), idle_s=0.3) as host:
            async with host.socket() as client:
                await client.recv()
                await asyncio.sleep(0.6)
                assert not host.server.should_exit
            await until(lambda: host.server.should_exit)


async def test_a_running_answer_keeps_the_host(tmp_path: Path) -> None:
    engine = ScriptedEngine()
    async with serving(tmp_path, engine, idle_s=0.1) as host:
        async with host.socket() as client:
            await client.send('{"type":"response.create","input":"one"}')
            await engine.asked()
        await asyncio.sleep(0.4)
        assert not host.server.should_exit
        engine.finish("done")
        await until(lambda: host.server.should_exit)


async def test_an_answer_that_does_not_end_in_time_ends_retryable_and_is_told_so(tmp_path: Path) -> None:
    engine = ScriptedEngine()
    async with serving(tmp_path, engine, drain_s=0.2) as host, host.socket(ours=False) as client:
        await client.send('{"type":"response.create","input":"one"}')
        await engine.asked()
        host.server.handle_exit(signal.SIGTERM, None)
        async with asyncio.timeout(10):
            events = [json.loads(text) async for text in _until_closed(client)]

    assert (events[-1]["type"], client.close_code) == ("response.failed", 1012)
    error = events[-1]["response"]["error"]
    assert (error["reason"], error["retryable"]) == ("server_draining", True)


async def test_clients_that_do_not_read_do_not_keep_the_host(tmp_path: Path) -> None:
    engine = ScriptedEngine(lanes=2)
    question = json.dumps({"input": "x", "stream": True}).encode()
    async with serving(tmp_path, engine, drain_s=0.2) as host:
        head = f"POST /v1/responses HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {host.token}\r\n"
        with socket.socket() as frozen:
            frozen.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            frozen.connect(("127.0.0.1", int(host.url.rpartition(":")[2])))
            frozen.sendall(f"{head}Content-Length: {len(question)}\r\n\r\n".encode() + question)
            await engine.asked()
            engine.say(*["y" * 100_000] * 9)
            (one,) = host.server.server_state.connections
            await until(one.transport.get_write_buffer_size)
            began = time.monotonic()
            host.server.handle_exit(signal.SIGTERM, None)
            await until(lambda: not host.server.started or host.server.lifespan.shutdown_event.is_set())
            took = time.monotonic() - began

    assert took < 6


def test_a_host_is_gone_within_35_seconds_of_its_first_signal() -> None:
    # Running answers, their last events, the connections, and then the engines, which close together.
    assert server._DRAIN_S + server._LAST_WORDS_S + server._GOODBYE_S + engines._CLOSE_S < 35
