"""A phone, an adb server and a host with the echo engine, as a program finds them."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.support.adb_server import PrivateAdbServer
from tests.support.host import RunningHost


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with one real photo: the host looks at these."""
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.new("RGB", (640, 480), "white").save(folder / "a.jpg")
    return folder


@pytest.fixture(scope="session")
def echo_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHost]:
    """One host for all of these tests, 60 words a second; its state folder is theirs too."""
    with RunningHost.start(tmp_path_factory.mktemp("state"), ["echo=60"]) as host:
        yield host


@pytest.fixture
def terminal(adb_server: PrivateAdbServer, echo_host: RunningHost) -> dict[str, str]:
    """The environment of a program."""
    kept = {name: value for name, value in adb_server.env.items() if not name.startswith("BRIDGE_")}
    return kept | {"ADB": adb_server.adb, "BRIDGE_STATE_DIR": str(echo_host.log.parent)}


@pytest.fixture
def here(terminal: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The same for this very process."""
    for name in set(os.environ) - set(terminal):
        monkeypatch.delenv(name)
    for name, value in terminal.items():
        monkeypatch.setenv(name, value)
    return terminal
