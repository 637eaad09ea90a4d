"""The sources of a phone keep their promises on the virtual phone under Google's adb server."""

import time
from collections.abc import AsyncIterator

import pytest

from bridge.adb.transport import Transport
from bridge.captures import CaptureSource
from bridge.captures.folder import CameraFolder
from bridge.captures.repeating import Repeating
from bridge.captures.ways import ScreenWay, ShutterWay
from bridge.spool import Spool
from tests.conformance.capture_source_suite import GivingChecks, Happen, LossChecks
from tests.support.adb_server import PrivateAdbServer
from tests.support.watched import DEVICE, opened
from virtual_phone import VirtualPhone

SOON = 0.05


class AdbSuite(GivingChecks, LossChecks):
    @pytest.fixture
    async def transport(self, adb_server: PrivateAdbServer, virtual_phone: VirtualPhone) -> AsyncIterator[Transport]:
        transport = await opened(adb_server, virtual_phone)
        yield transport
        await transport.close()

    @pytest.fixture
    def unplug(self, virtual_phone: VirtualPhone) -> Happen:
        return virtual_phone.unplug


class TestCameraFolder(AdbSuite):
    SOURCE = "camera"

    @pytest.fixture
    async def source(self, transport: Transport, spool: Spool) -> CaptureSource:
        spool.memory.looked(DEVICE, b"/sdcard/DCIM/Camera", time.time())
        return CameraFolder(transport, spool, device_id=DEVICE)

    @pytest.fixture
    def happen(self, virtual_phone: VirtualPhone) -> Happen:
        async def take() -> None:
            await virtual_phone.press_shutter()

        return take


class TestScreen(AdbSuite):
    SOURCE = "screen"

    @pytest.fixture
    async def source(self, transport: Transport, spool: Spool) -> CaptureSource:
        return Repeating(ScreenWay(transport, spool, DEVICE), every=SOON)

    @pytest.fixture
    def happen(self) -> Happen:
        async def nothing() -> None:
            """It takes its pictures by itself."""

        return nothing


class TestShutter(TestScreen):
    SOURCE = "camera"

    @pytest.fixture
    async def source(self, transport: Transport, spool: Spool) -> CaptureSource:
        return Repeating(ShutterWay(transport, spool, DEVICE), every=SOON)
