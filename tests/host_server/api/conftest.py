"""A host in this event loop whose engine says what the test tells it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from host_server.service import Limits
from tests.support.host_in_loop import Serving, serving
from tests.support.scripted_engine import ScriptedEngine


@pytest.fixture
def engine() -> ScriptedEngine:
    """Many seats, so that lanes and not seats decide the order."""
    return ScriptedEngine(lanes=16)


@pytest.fixture
async def served(tmp_path: Path, engine: ScriptedEngine) -> AsyncIterator[Serving]:
    """Listening."""
    async with serving(tmp_path, engine, limits=Limits(grace_s=0.2, max_waiting=1)) as host:
        yield host
