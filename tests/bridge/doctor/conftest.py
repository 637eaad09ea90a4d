"""A laptop on which the doctor finds nothing to say, for each test to spoil in its own way."""

import os
import sys
from pathlib import Path

import pytest

from tests.support.adb_server import PrivateAdbServer


@pytest.fixture
def laptop(adb_server: PrivateAdbServer, tmp_path: Path) -> dict[str, str]:
    """The environment of a terminal: private adb server and home, our own `bridge` first in PATH."""
    kept = {name: value for name, value in adb_server.env.items() if name != "ADB" and not name.startswith("BRIDGE_")}
    return kept | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "BRIDGE_STATE_DIR": str(tmp_path / "state"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
    }
