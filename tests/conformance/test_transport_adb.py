"""The adb transport, on Google's adb server with the virtual phone, over every daemon there is."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from bridge.adb.devices import list_devices, select
from bridge.adb.faults import NoReverse
from bridge.adb.open import open_transport
from bridge.adb.server import server_address
from bridge.adb.transport import Transport
from tests.conformance.transport_suite import Checks, FileChecks, ShellChecks, TransportSuite
from tests.support.adb_server import PrivateAdbServer
from virtual_phone import VirtualPhone


class AdbParts(Checks):
    DAEMON = "modern"

    @pytest.fixture
    async def phone(self, adb_server: PrivateAdbServer, photos: Path) -> AsyncIterator[VirtualPhone]:
        async with VirtualPhone(photos, daemon=self.DAEMON) as phone:
            await adb_server.connect(phone.address)
            try:
                yield phone
            finally:
                await adb_server.call("disconnect", phone.address)

    @pytest.fixture
    async def transport(self, adb_server: PrivateAdbServer, phone: VirtualPhone) -> AsyncIterator[Transport]:
        address = server_address(adb_server.env)
        (line,) = select(await list_devices(address), serials=[phone.address])
        transport = await open_transport(address, line)
        yield transport
        await transport.close()

    @pytest.fixture
    def unplug(self, adb_server: PrivateAdbServer, phone: VirtualPhone) -> Callable[[], Awaitable[None]]:
        async def take_away() -> None:
            await phone.unplug()
            await adb_server.wait_for(phone.address, "offline")

        return take_away

    @pytest.fixture
    def hanging(self, phone: VirtualPhone) -> Callable[[], AbstractContextManager[None]]:
        return phone.hanging


class AdbSuite(AdbParts, TransportSuite):
    """All of it."""


class NoReverseChecks(Checks):
    async def test_that_there_is_no_reverse_is_said_and_what_to_do(self, transport: Transport) -> None:
        with pytest.raises(NoReverse) as caught:
            await transport.reverse("tcp:localhost:18017", "tcp:1")
        assert caught.value.hint


class TestAndroid14(AdbSuite):
    pass


class TestAndroid8(AdbParts, FileChecks):
    DAEMON = "8"


class TestAnnouncingNothing(AdbSuite):
    DAEMON = "plain"


class OldSuite(AdbParts, FileChecks, ShellChecks, NoReverseChecks):
    """What is left where there is no reverse."""


class TestWithoutExecAndReverseIn4KiBWithCrLf(OldSuite):
    DAEMON = "old"


class TestAndroid8OverTheNetwork(AdbParts, NoReverseChecks):
    DAEMON = "8_wifi"
