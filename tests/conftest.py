"""Fixtures for every test: the private adb server."""

from collections.abc import Iterator

import pytest
from support.adb_server import PrivateAdbServer


@pytest.fixture(scope="session")
def adb_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateAdbServer]:
    """Google's adb server on a port of its own, one a session: starting it costs seconds."""
    server = PrivateAdbServer(tmp_path_factory.mktemp("adb-home")).start()
    yield server
    server.stop()
