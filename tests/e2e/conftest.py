"""An adb server that a test may kill; terminals of their own."""

import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from PIL import Image

from bridge.supervise.host import HostFinder
from host_server.wire.discovery import read_host_record
from tests.support.adb_server import PrivateAdbServer
from tests.support.trespass import Grounds


@pytest.fixture
def own_adb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateAdbServer]:
    """A private adb server of this test alone."""
    server = PrivateAdbServer(tmp_path_factory.mktemp("own-adb")).start()
    yield server
    server.stop()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with one real photo: the host looks at these."""
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.new("RGB", (640, 480), "white").save(folder / "a.jpg")
    return folder


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state folder that does not exist yet."""
    return tmp_path / "state"


@pytest.fixture
async def fenced(adb_server: PrivateAdbServer, tmp_path: Path) -> AsyncIterator[dict[str, str]]:
    """A terminal whose home and temporary folder are fenced; the host is one for all."""
    grounds = Grounds(tmp_path / "grounds")
    state = grounds.allowed / "state"
    home, temp, here = (grounds.folder / name for name in ("home", "tmp", "here"))
    for folder in (home, temp, here):
        folder.mkdir()
    finder = HostFinder(state, engines=["echo"])
    yield adb_server.env | {
        "ADB": adb_server.adb,
        "HOME": str(home),
        "TMPDIR": str(temp),
        "BRIDGE_STATE_DIR": str(state),
        "BRIDGE_ENGINE": '["echo"]',
    }
    finder.stop_started()
    record = read_host_record(state)
    if record is not None:
        with suppress(ProcessLookupError):
            os.kill(record.pid, signal.SIGTERM)
    assert grounds.trespasses() == []
