"""Fixtures for every test: the private adb server, a virtual phone on it, and a host."""

import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support import tiny_models
from tests.support.adb_server import PrivateAdbServer
from tests.support.host import RunningHost
from tests.support.pictures import small_jpeg
from virtual_phone import VirtualPhone

# Hundreds of processes are started here: each would compile our sources anew, and each worker the tests.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# A busy machine is no finding: what must be fast is measured by the benches.
# CI plays the same examples each time, so that a red run is about the change; laptops look for new ones, half as many
# a run. EXAMPLES=n tries n.
CI = bool(os.environ.get("CI"))
EXAMPLES = int(os.environ.get("EXAMPLES") or (100 if CI else 50))
settings.register_profile("lensbridge", deadline=None, derandomize=CI, max_examples=EXAMPLES)
settings.load_profile("lensbridge")


@pytest.fixture(scope="session")
def adb_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateAdbServer]:
    """Google's adb server on a port of its own, one a session: starting it costs seconds."""
    server = PrivateAdbServer(tmp_path_factory.mktemp("adb-home")).start()
    yield server
    server.stop()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with one small picture, for a phone's camera."""
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(small_jpeg())
    return folder


@pytest.fixture
async def virtual_phone(adb_server: PrivateAdbServer, photos: Path) -> AsyncIterator[VirtualPhone]:
    """A phone that the private adb server lists as `device`; its serial there is `phone.address`."""
    async with VirtualPhone(photos, capture_pause=0.02) as phone:
        await adb_server.connect(phone.address)
        try:
            yield phone
        finally:
            await adb_server.call("disconnect", phone.address)


@pytest.fixture(scope="session")
def shared_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHost]:
    """A host with the engine `echo` for all that only ask: leave it running."""
    with RunningHost.start(tmp_path_factory.mktemp("shared-host") / "state") as running:
        yield running


@pytest.fixture(scope="session")
def tiny_model() -> Callable[[str], Path]:
    """Makes the folder of a tiny model with random weights: `tiny_model("glm4v")`; see `tools.tiny_vlm`."""
    return tiny_models.tiny_model


@pytest.fixture(scope="session")
def colour_model() -> Path:
    """The folder of a tiny model that names the colour of a picture: `tools.tiny_vlm.colours`."""
    return tiny_models.colour_model()
