"""Forwards on the real adb server: made, listed, removed, and nobody else's touched."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.adb.devices import list_devices
from bridge.adb.forwards import (
    ForwardEntry,
    add_forward,
    list_forwards,
    listens,
    parse_forward_list,
    remove_forward,
)
from bridge.adb.server import AdbAddress
from bridge.adb.smartsocket import PhoneAddress
from bridge.errors import BridgeError
from tests.support.adb_server import PrivateAdbServer
from tests.support.openai_server import OpenAIServer
from virtual_phone import VirtualPhone


@pytest.fixture
def address(adb_server: PrivateAdbServer) -> AdbAddress:
    return AdbAddress("127.0.0.1", adb_server.port)


@given(st.text())
def test_no_list_breaks_the_parser(text: str) -> None:
    assert all(entry.serial and entry.local and entry.remote for entry in parse_forward_list(text))


def test_a_serial_may_hold_spaces() -> None:
    assert parse_forward_list("S1 tcp:1 tcp:2\nadb-X (2)._adb tcp:3 localabstract:a\n\nnoise\n") == [
        ForwardEntry("S1", "tcp:1", "tcp:2"),
        ForwardEntry("adb-X (2)._adb", "tcp:3", "localabstract:a"),
    ]


async def test_a_free_port_leads_to_the_phone_and_is_removed_alone(
    address: AdbAddress, virtual_phone: VirtualPhone
) -> None:
    serial = virtual_phone.address
    one = ForwardEntry(serial, await add_forward(address, serial, "tcp:0", "tcp:1"), "tcp:1")
    other = ForwardEntry(serial, await add_forward(address, serial, "tcp:0", "tcp:2"), "tcp:2")

    await remove_forward(address, ForwardEntry(serial, one.local, "tcp:99"))  # led elsewhere: not ours
    both = await list_forwards(address)
    await remove_forward(address, one)
    await remove_forward(address, one)

    assert {one, other} <= set(both)
    assert one not in await list_forwards(address)
    assert other in await list_forwards(address)
    with pytest.raises(BridgeError):
        await add_forward(address, serial, other.local, "tcp:3")
    await remove_forward(address, other)


async def test_a_phone_that_is_not_there_has_none(address: AdbAddress) -> None:
    with pytest.raises(BridgeError, match="nobody"):
        await add_forward(address, "nobody", "tcp:0", "tcp:1")


async def test_whether_a_program_listens_on_the_phone(address: AdbAddress, virtual_phone: VirtualPhone) -> None:
    line = next(line for line in await list_devices(address) if line.serial == virtual_phone.address)
    phone = PhoneAddress(address, line.transport_id, line.serial)
    async with OpenAIServer().serving(virtual_phone.loopback) as server:
        assert await listens(phone, f"tcp:{server.port}")
        port = server.port
    assert not await listens(phone, f"tcp:{port}")
