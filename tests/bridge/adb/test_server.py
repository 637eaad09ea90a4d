import asyncio
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.adb.devices import list_devices
from bridge.adb.network import connect_tcp, disconnect_tcp
from bridge.adb.server import AdbAddress, ensure_server, find_adb, server_address
from bridge.errors import AdbUnreachable, DeadlinePassed, DeviceUnusable, NoSuchDevice
from tests.support.adb_server import PrivateAdbServer
from tests.support.scripted_adb import ScriptedAdb, block


def program(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def no_server(tmp_path: Path) -> Iterator[PrivateAdbServer]:
    """The environment of a private server that does not run yet; one started there is ended."""
    server = PrivateAdbServer(tmp_path)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        server.port = probe.getsockname()[1]
    yield server
    server.stop()


async def test_a_missing_server_is_started_where_the_environment_says_and_then_left_alone(
    no_server: PrivateAdbServer,
) -> None:
    address = server_address(no_server.env)
    first = await ensure_server(address, environ=no_server.env)
    again = await ensure_server(address, environ=no_server.env)
    assert (first.version, first.started, again.version, again.started) == (41, True, 41, False)
    assert await list_devices(address) == []


async def test_a_missing_server_is_started_for_a_numeric_loopback_address_too(no_server: PrivateAdbServer) -> None:
    info = await ensure_server(AdbAddress("127.0.0.1", no_server.port), environ=no_server.env)

    assert info.started


async def test_no_server_is_ever_started_on_another_machine(no_server: PrivateAdbServer, tmp_path: Path) -> None:
    called = tmp_path / "called"
    witness = program(tmp_path / "adb", f"touch {called}")
    unroutable = AdbAddress("0.0.0.0", no_server.port)  # ruff: ignore[hardcoded-bind-all-interfaces] - refuses at once, and is no loopback address
    with pytest.raises(AdbUnreachable) as caught:
        await ensure_server(unroutable, environ={"ADB": str(witness)})
    assert "over there" in caught.value.hint
    assert not await asyncio.to_thread(called.exists)


async def test_a_port_held_by_something_else_is_an_error_and_nothing_is_started() -> None:
    async def web(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(web, "127.0.0.1", 0) as server:
        address = AdbAddress("127.0.0.1", server.sockets[0].getsockname()[1])
        with pytest.raises(AdbUnreachable):
            await ensure_server(address, environ={"ADB": "/bin/false"})


async def test_an_answer_that_is_no_version_is_no_adb_server() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(block("soon"))
        await writer.drain()

    async with ScriptedAdb({"host:version": script}) as adb:
        with pytest.raises(AdbUnreachable, match="no adb server"):
            await ensure_server(adb.address, environ={})


async def test_a_mute_server_costs_the_deadline() -> None:
    async with ScriptedAdb({}) as adb:
        adb.mute = True
        with pytest.raises(DeadlinePassed):
            await ensure_server(adb.address, environ={}, deadline=0.1)


async def test_a_start_that_fails_gives_adbs_last_words(no_server: PrivateAdbServer, tmp_path: Path) -> None:
    text = 'case "$1" in version) echo "Version 36.0.0-1";; *) echo "* starting"; echo "cannot bind" >&2; exit 1;; esac'
    broken = program(tmp_path / "adb", text)
    with pytest.raises(AdbUnreachable, match="cannot bind"):
        await ensure_server(AdbAddress("127.0.0.1", no_server.port), environ={"ADB": str(broken)})


async def test_a_start_that_hangs_costs_the_deadline_and_leaves_no_process(
    no_server: PrivateAdbServer, tmp_path: Path
) -> None:
    text = f'case "$1" in version) echo "Version 36.0.0-1";; *) echo $$ >{tmp_path}/pid; exec sleep 60;; esac'
    hanging = program(tmp_path / "adb", text)
    with pytest.raises(DeadlinePassed):
        await ensure_server(AdbAddress("127.0.0.1", no_server.port), environ={"ADB": str(hanging)}, deadline=1.0)
    pid = int(await asyncio.to_thread((tmp_path / "pid").read_text))
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_the_bundled_adb_is_preferred_over_the_path(tmp_path: Path) -> None:
    program(tmp_path / "adb", "echo Version 29.0.6")
    found = find_adb({"PATH": f"{tmp_path}:/usr/bin:/bin"})
    assert (found.origin, found.warning) == ("bundled", "")
    assert found.path != tmp_path / "adb"


def test_adb_may_be_named_by_path_or_by_name_and_an_old_one_gets_a_warning(tmp_path: Path) -> None:
    old = program(tmp_path / "myadb", 'echo "Android Debug Bridge version 1.0.41"; echo "Version 29.0.6-debian"')
    for named in (str(old), "myadb"):
        found = find_adb({"ADB": named, "PATH": f"{tmp_path}:/bin"})
        assert (found.path, found.version, found.origin) == (old, "29.0.6-debian", "ADB")
        assert "29.0.6" in found.warning


def test_a_named_adb_that_does_not_run_is_an_error_not_a_fallback(tmp_path: Path) -> None:
    with pytest.raises(AdbUnreachable, match="does not run"):
        find_adb({"ADB": str(tmp_path / "none")})


async def test_connecting_where_nobody_listens_says_so(
    adb_server: PrivateAdbServer, no_server: PrivateAdbServer
) -> None:
    with pytest.raises(NoSuchDevice, match="no phone at"):
        await connect_tcp(server_address(adb_server.env), f"127.0.0.1:{no_server.port}")


async def test_disconnecting_what_is_not_connected_is_fine(adb_server: PrivateAdbServer) -> None:
    await disconnect_tcp(server_address(adb_server.env), "127.0.0.1:1")


async def test_connecting_without_a_server_starts_none(no_server: PrivateAdbServer) -> None:
    with pytest.raises(AdbUnreachable):
        await connect_tcp(AdbAddress("127.0.0.1", no_server.port), "127.0.0.1:1")
    with pytest.raises(AdbUnreachable):
        await list_devices(AdbAddress("127.0.0.1", no_server.port))


def answers(*texts: str) -> ScriptedAdb:
    """A server that answers `host:connect` with these texts in turn, and lists one offline phone."""
    left = list(texts)

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(block(left.pop(0)))
        await writer.drain()

    async def version(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(block("0029"))
        await writer.drain()

    async def listing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(block("h:5555 offline transport_id:1\n"))
        await writer.drain()

    return ScriptedAdb(
        {
            "host:connect": connect,
            "host:disconnect": connect,
            "host:version": version,
            "host:devices-l": listing,
        }
    )


async def test_already_connected_but_offline_is_connected_again() -> None:
    async with answers("already connected to h:5555", "disconnected h:5555", "connected to h:5555") as adb:
        assert await connect_tcp(adb.address, "h") == "h:5555"
        assert [name for name in adb.asked if "connect:" in name] == [
            "host:connect:h",
            "host:disconnect:h",
            "host:connect:h",
        ]


async def test_a_phone_that_wants_to_be_asked_first_is_unusable_with_the_next_step() -> None:
    async with answers("failed to authenticate to h:5555") as adb:
        with pytest.raises(DeviceUnusable) as caught:
            await connect_tcp(adb.address, "h:5555")
    assert "Allow" in caught.value.hint


async def test_a_mute_phone_costs_the_deadline_though_adbutils_would_wait_for_ever() -> None:
    async with answers() as adb:
        adb.services["host:connect"] = adb.hang
        with pytest.raises(DeadlinePassed):
            await connect_tcp(adb.address, "h:5555", deadline=0.5)
        await asyncio.wait_for(adb.closed.wait(), 5)


async def test_a_server_that_breaks_off_is_unreachable() -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()
        await asyncio.sleep(0)

    async with answers() as adb:
        adb.services["host:connect"] = cut
        with pytest.raises(AdbUnreachable):
            await connect_tcp(adb.address, "h:5555", deadline=5)


def test_listing_devices_does_not_pay_for_importing_adbutils() -> None:
    code = "import sys, bridge.adb.devices, bridge.adb.open, bridge.adb.server, bridge.adb.track, bridge.adb.network\n"
    code += "sys.exit(bool({'adbutils', 'requests', 'PIL', 'pydantic'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
