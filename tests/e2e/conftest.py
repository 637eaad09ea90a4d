"""An adb server that a test may kill."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.support.adb_server import PrivateAdbServer


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
