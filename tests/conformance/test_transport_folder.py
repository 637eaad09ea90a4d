"""The folder that plays a phone keeps every promise of a transport."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager

import pytest

from bridge.adb.transport import Transport
from tests.conformance.transport_suite import TransportSuite
from tests.support.fake_transport import FolderTransport


class TestFolderTransport(TransportSuite):
    @pytest.fixture
    async def transport(self, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Transport]:
        transport = FolderTransport(tmp_path_factory.mktemp("phone"))
        yield transport
        await transport.close()

    @pytest.fixture
    def unplug(self, transport: FolderTransport) -> Callable[[], Awaitable[None]]:
        return transport.unplug

    @pytest.fixture
    def hanging(self, transport: FolderTransport) -> Callable[[], AbstractContextManager[None]]:
        return transport.hanging
