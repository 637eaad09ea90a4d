"""`bridge serve --upstream adb:SERIAL:PORT`: a model that runs on the phone answers through a host on the laptop."""

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from host_server.wire.discovery import read_host_record
from tests.support.adb_server import PrivateAdbServer
from tests.support.command import bridge, refused, running
from tests.support.in_process import bridge_here
from tests.support.openai_server import OpenAIServer
from tests.support.until import until
from virtual_phone import VirtualPhone

pytestmark = pytest.mark.e2e


@pytest.fixture
async def on_phone(virtual_phone: VirtualPhone) -> AsyncIterator[OpenAIServer]:
    """A server that listens on the phone's own loopback."""
    async with OpenAIServer().serving(virtual_phone.loopback) as server:
        yield server


@pytest.fixture
def env(adb_server: PrivateAdbServer, state: Path) -> dict[str, str]:
    return adb_server.env | {"ADB": adb_server.adb, "BRIDGE_STATE_DIR": str(state)}


def words_for(place: str) -> tuple[str, ...]:
    return ("serve", "--engine", "upstream=m", "--port", "0", "--upstream", place)


async def forwards(adb: PrivateAdbServer, serial: str) -> list[str]:
    listing = (await adb.call("forward", "--list")).stdout
    return [line for line in listing.splitlines() if line.startswith(serial)]


async def until_forwarded(adb: PrivateAdbServer, serial: str) -> list[str]:
    async with asyncio.timeout(15):
        while not (there := await forwards(adb, serial)):  # ruff: ignore[async-busy-wait] adb tells nobody
            await asyncio.sleep(0.05)
    return there


async def test_the_phone_answers_through_a_replug_and_nothing_is_left_behind(
    adb_server: PrivateAdbServer,
    virtual_phone: VirtualPhone,
    on_phone: OpenAIServer,
    env: dict[str, str],
    state: Path,
    photos: Path,
) -> None:
    serial = virtual_phone.address
    async with running(*words_for(f"adb:{serial}:{on_phone.port}"), env=env) as serving:
        await until(lambda: read_host_record(state))
        first = await forwards(adb_server, serial)
        asked = await bridge("ask", "Are you there?", "--picture", str(photos / "a.jpg"), env=env)

        async with virtual_phone.unplugged():
            await adb_server.wait_for(serial, "offline")
        await adb_server.wait_for(serial)
        back = await until_forwarded(adb_server, serial)
        again = await bridge("ask", "And now?", "--picture", str(photos / "a.jpg"), env=env)
        done = await serving.end(signal.SIGINT)

    assert (asked.out.strip(), again.out.strip()) == ("Are you there? [picture]", "And now? [picture]")
    assert len(first) == 1
    assert back == first
    assert done.code == 0, done
    assert re.search(r"forward +http://127\.0\.0\.1:\d+ leads to port", done.err)
    assert await forwards(adb_server, serial) == []


async def test_what_a_killed_one_left_is_removed_by_the_next_and_others_forwards_stay(
    adb_server: PrivateAdbServer, virtual_phone: VirtualPhone, env: dict[str, str], state: Path
) -> None:
    serial = virtual_phone.address
    await adb_server.call("-s", serial, "forward", "tcp:0", "tcp:4711")
    async with running(*words_for("adb::9"), env=env) as killed:
        await until(lambda: read_host_record(state))
        killed.process.kill()
        orphan = read_host_record(state)
        assert orphan is not None
        os.kill(orphan.pid, signal.SIGTERM)
    left = await forwards(adb_server, serial)

    done = await bridge(*words_for("adb::9"), "--ssl-certfile", "none", env=env)  # which a host refuses

    assert done.code == 2, done
    assert f"nothing listens at port 9 of {serial} yet" in done.err
    assert sorted(line.split()[-1] for line in left) == ["tcp:4711", "tcp:9"]
    assert [line.split()[-1] for line in await forwards(adb_server, serial)] == ["tcp:4711"]


@pytest.mark.parametrize("place", ["adb:", "adb:S1", "adb:S1:", "adb:S1:0", "adb:S1:70000", "adb:S1:http"])
async def test_what_names_no_port_of_a_phone_is_refused_with_an_example(env: dict[str, str], place: str) -> None:
    refused(await bridge_here(*words_for(place), env=env), 2, place)


async def test_a_phone_that_is_not_there_is_said_to_be_missing(env: dict[str, str]) -> None:
    refused(await bridge_here(*words_for("adb:nobody:8080"), env=env), 3)


async def test_a_host_or_an_adb_server_elsewhere_cannot_have_the_port(env: dict[str, str]) -> None:
    elsewhere = env | {"BRIDGE_HOST_URL": "https://gpu.example"}
    refused(await bridge_here(*words_for("adb::9"), env=elsewhere), 2, "https://gpu.example")
