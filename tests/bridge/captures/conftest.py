"""What the tests of captures share: a spool, a phone that is a folder, and a real one on the private adb server."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bridge.adb.transport import Transport
from bridge.spool import Spool
from tests.support.adb_server import PrivateAdbServer
from tests.support.fake_transport import FolderTransport
from tests.support.watched import opened
from virtual_phone import VirtualPhone


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    with Spool(tmp_path / "spool") as opened:
        yield opened


@pytest.fixture
async def folder_phone(tmp_path: Path) -> AsyncIterator[FolderTransport]:
    phone = FolderTransport(tmp_path / "folder phone")
    yield phone
    await phone.close()


@pytest.fixture
def camera(folder_phone: FolderTransport) -> Path:
    """The camera folder of the folder phone, as a folder of this machine."""
    folder = folder_phone.local("/sdcard/DCIM/Camera")
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
async def transport(adb_server: PrivateAdbServer, virtual_phone: VirtualPhone) -> AsyncIterator[Transport]:
    """The virtual phone, through Google's adb server."""
    transport = await opened(adb_server, virtual_phone)
    yield transport
    await transport.close()
