"""A real host for the tests of its surfaces: one process for all that only ask, an own one for those that stop it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.host import RunningHost


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHost]:
    """Shared; leave it running."""
    with RunningHost.start(tmp_path_factory.mktemp("host")) as running:
        yield running


@pytest.fixture
def own_host(tmp_path: Path) -> Iterator[RunningHost]:
    """Yours: stop it, kill it, revoke its keys."""
    with RunningHost.start(tmp_path / "state") as running:
        yield running
