"""A real host for the tests of its surfaces: one process for all that only ask, an own one for those that stop it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from tests.support.host import RunningHost


@pytest.fixture(scope="session", autouse=True)  # ruff: ignore[pytest-fixture-autouse] nobody should have to ask for it
def plain_log() -> None:
    """Lines as the host writes them, instead of structlog's own colourful tracebacks, which take seconds."""
    structlog.configure(
        processors=[structlog.processors.format_exc_info, structlog.processors.JSONRenderer()],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )


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
