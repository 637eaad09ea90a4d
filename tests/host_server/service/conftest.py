"""A service with a scripted engine, and the questions to put to it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from host_server.service import EngineRoom, Limits, Pictures, Service
from host_server.store.blobs import BlobStore
from tests.support.scripted_engine import ScriptedEngine

LIMITS = Limits(max_waiting=2, max_per_principal=8, grace_s=0.05, answer_s=5.0, keep_answers=4)


@pytest.fixture
def engine() -> ScriptedEngine:
    """One seat."""
    return ScriptedEngine()


@pytest.fixture
async def service(tmp_path: Path, engine: ScriptedEngine) -> AsyncIterator[Service]:
    """Running."""
    pictures = Pictures(BlobStore(tmp_path / "blobs", quota=10_000_000))
    service = Service(EngineRoom([engine, ScriptedEngine("other")]), pictures, limits=LIMITS)
    async with service.running():
        yield service
