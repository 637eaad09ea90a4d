"""What only the real adb server can show: states, replugs, tunnels that carry bytes."""

import asyncio
import shutil
from contextlib import aclosing
from pathlib import Path

import pytest

from bridge.adb.devices import DeviceLine, list_devices, select
from bridge.adb.network import connect_tcp, disconnect_tcp
from bridge.adb.open import open_transport
from bridge.adb.server import server_address
from bridge.adb.track import Change, changes, track
from bridge.errors import AdbUnreachable, DeviceLost, DeviceUnusable
from tests.support.adb_server import PrivateAdbServer
from virtual_phone import VirtualPhone

PATIENCE = 15.0


async def test_connecting_lists_the_phone_with_its_names_and_disconnecting_forgets_it(
    adb_server: PrivateAdbServer, photos: Path
) -> None:
    address = server_address(adb_server.env)
    async with VirtualPhone(photos) as phone:
        assert await connect_tcp(address, phone.address) == phone.address
        assert await connect_tcp(address, phone.address) == phone.address  # "already connected"
        await adb_server.wait_for(phone.address)
        (line,) = select(await list_devices(address), serials=[phone.address])
        assert (line.model, line.over_network, line.ready) == ("Virtual_Phone", True, True)
        await disconnect_tcp(address, phone.address)
        assert phone.address not in {one.serial for one in await list_devices(address)}


async def test_an_unauthorized_phone_is_listed_and_refused_with_the_next_step(
    adb_server: PrivateAdbServer, photos: Path
) -> None:
    address = server_address(adb_server.env)
    async with VirtualPhone(photos, authorized=False) as phone:
        with pytest.raises(DeviceUnusable) as caught:
            await connect_tcp(address, phone.address)
        assert "Allow" in caught.value.hint
        with pytest.raises(DeviceUnusable) as caught:
            select(await list_devices(address), serials=[phone.address])
        assert "Allow" in caught.value.hint
        await disconnect_tcp(address, phone.address)


async def test_a_replug_has_a_new_transport_id_and_the_old_transport_is_lost(
    adb_server: PrivateAdbServer, virtual_phone: VirtualPhone
) -> None:
    address, serial = server_address(adb_server.env), virtual_phone.address
    (line,) = select(await list_devices(address), serials=[serial])
    old = await open_transport(address, line)
    seen: list[Change] = []
    async with asyncio.timeout(PATIENCE), aclosing(track(address)) as lists:
        devices = await anext(lists)
        await disconnect_tcp(address, serial)
        await connect_tcp(address, serial)
        while not any(one.serial == serial and one.ready and one.transport_id != line.transport_id for one in devices):
            before, devices = devices, await anext(lists)
            seen += [change for change in changes(before, devices) if change.line.serial == serial]
    kinds = [change.what for change in seen]
    assert kinds.index("went") < kinds.index("came")
    with pytest.raises(DeviceLost):
        await old.shell(["true"])
    await old.close()
    (line,) = select(await list_devices(address), serials=[serial])
    new = await open_transport(address, line)
    assert (await new.shell(["echo", "back"])).stdout == b"back\n"
    await new.close()


async def test_a_cable_pulled_for_a_moment_is_seen_as_offline_and_back(
    adb_server: PrivateAdbServer, virtual_phone: VirtualPhone
) -> None:
    async def until(state: str) -> DeviceLine:
        while True:
            found = [line for line in await anext(lists) if line.serial == virtual_phone.address]
            if found and found[0].state == state:
                return found[0]

    async with asyncio.timeout(PATIENCE), aclosing(track(server_address(adb_server.env))) as lists:
        await until("device")
        async with virtual_phone.unplugged():
            await until("offline")
        await until("device")


async def test_a_server_that_is_killed_ends_the_list_and_the_transport(tmp_path: Path, photos: Path) -> None:
    server = PrivateAdbServer(tmp_path).start()
    try:
        async with VirtualPhone(photos) as phone:
            await server.connect(phone.address)
            address = server_address(server.env)
            lists = track(address)
            (line,) = await anext(lists)
            transport = await open_transport(address, line)
            await transport.shell(["true"])
            server.kill()
            with pytest.raises(AdbUnreachable):
                await anext(lists)
            with pytest.raises(DeviceLost):
                await transport.shell(["true"])
            await transport.close()
    finally:
        server.stop()


async def test_a_reverse_carries_bytes_from_the_phones_localhost_only(
    adb_server: PrivateAdbServer, virtual_phone: VirtualPhone
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello " + await reader.readline())
        await writer.drain()
        writer.close()

    address = server_address(adb_server.env)
    (line,) = select(await list_devices(address), serials=[virtual_phone.address])
    transport = await open_transport(address, line)
    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        await transport.reverse("tcp:localhost:18117", f"tcp:{port}")
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection(virtual_phone.loopback, 18117)
            writer.write(b"phone\n")
            assert await reader.readline() == b"hello phone\n"
            writer.close()
            await writer.wait_closed()
        await transport.reverse_remove("tcp:localhost:18117")
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(virtual_phone.loopback, 18117)
    await transport.close()


async def test_a_server_that_does_not_tell_that_a_phone_went_offline_is_asked(tmp_path: Path, photos: Path) -> None:
    adb = shutil.which("adb")
    if adb is None:
        pytest.skip("no adb on PATH beside the bundled one")
    server = PrivateAdbServer(tmp_path, adb=adb).start()
    try:
        async with VirtualPhone(photos) as phone:
            await server.connect(phone.address)
            async with asyncio.timeout(PATIENCE), aclosing(track(server_address(server.env))) as lists:
                assert [line.state for line in await anext(lists)] == ["device"]
                async with phone.unplugged():
                    assert [line.state for line in await anext(lists)] == ["offline"]
    finally:
        server.stop()
