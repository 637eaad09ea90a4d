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
from tests.support.host import RunningHost
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
def served(state: Path, shared_host: RunningHost) -> Path:
    """A state folder whose host runs already."""
    return shared_host.known_in(state)


@pytest.fixture
def env(adb_server: PrivateAdbServer, served: Path) -> dict[str, str]:
    """The environment of a terminal: this adb server, a state folder of its own, a host that runs already."""
    return adb_server.env | {"ADB": adb_server.adb, "BRIDGE_STATE_DIR": str(served), "BRIDGE_ENGINE": '["echo"]'}


@pytest.fixture
async def fresh_env(adb_server: PrivateAdbServer, state: Path) -> AsyncIterator[dict[str, str]]:
    """The same where nothing runs yet: the first command that needs a host starts it."""
    finder = HostFinder(state, engines=["echo"])
    yield adb_server.env | {"ADB": adb_server.adb, "BRIDGE_STATE_DIR": str(state), "BRIDGE_ENGINE": '["echo"]'}
    finder.stop_started()
    if (record := read_host_record(state)) is not None:
        with suppress(ProcessLookupError):
            os.kill(record.pid, signal.SIGTERM)


@pytest.fixture
def fenced(adb_server: PrivateAdbServer, tmp_path: Path, shared_host: RunningHost) -> Iterator[dict[str, str]]:
    """A terminal whose home and temporary folder are fenced."""
    grounds = Grounds(tmp_path / "grounds")
    state = shared_host.known_in(grounds.allowed / "state")
    home, temp, here = (grounds.folder / name for name in ("home", "tmp", "here"))
    for folder in (home, temp, here):
        folder.mkdir()
    yield adb_server.env | {
        "ADB": adb_server.adb,
        "HOME": str(home),
        "TMPDIR": str(temp),
        "BRIDGE_STATE_DIR": str(state),
        "BRIDGE_ENGINE": '["echo"]',
    }
    assert grounds.trespasses() == []
