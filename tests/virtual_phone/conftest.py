"""What the tests under the real adb server share."""

import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.adb_client import Adb
from tests.support.adb_server import PrivateAdbServer
from virtual_phone import SandboxError, VirtualPhone


@pytest.fixture
def adb(adb_server: PrivateAdbServer, virtual_phone: VirtualPhone) -> Adb:
    """`await adb("shell", "ls")`: the adb command on the virtual phone."""

    async def run(*arguments: str, stdin: str = "", deadline: float = 10.0) -> subprocess.CompletedProcess[str]:
        return await adb_server.call("-s", virtual_phone.address, *arguments, stdin=stdin, deadline=deadline)

    return run


@pytest.fixture(params=["bubblewrap", "proot", "none"])
async def phone_of_each_rung(
    request: pytest.FixtureRequest, adb_server: PrivateAdbServer, photos: Path
) -> AsyncIterator[VirtualPhone]:
    """A connected phone for each sandbox that works on this machine; the others are named as skipped."""
    phone = VirtualPhone(photos, sandbox=request.param, capture_pause=0.02)
    try:
        await phone.start()
    except SandboxError as error:
        pytest.skip(str(error))
    try:
        await adb_server.connect(phone.address)
        yield phone
        await adb_server.call("disconnect", phone.address)
    finally:
        await phone.stop()
