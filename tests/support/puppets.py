"""Engines in real processes for tests: `puppet()` is one that does what it is asked; see `engine_child`."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

from host_server.engines.base import EngineInfo
from host_server.engines.process.engine import ProcessEngine
from host_server.engines.process.link import Limits

__all__ = ["puppet"]

_SCRIPT = str(Path(__file__).with_name("engine_child.py"))


def puppet(
    habit: str = "", *, lanes: int = 8, limits: Limits | None = None, clock: Callable[[], float] = time.monotonic
) -> ProcessEngine:
    """An engine whose process has this habit."""
    info = EngineInfo(
        name="puppet",
        model="puppet-1",
        owner="tests",
        takes_images=True,
        reads_only=False,
        description="For tests.",
        lanes=lanes,
    )
    return ProcessEngine(info, [sys.executable, _SCRIPT, habit], limits=limits, clock=clock)
