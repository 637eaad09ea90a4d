"""Old adb daemons and old Androids: what they can do is used, and what is missing is said."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.adb_server import PrivateAdbServer
from tests.support.chain import connected_to
from virtual_phone import VirtualPhone

pytestmark = pytest.mark.e2e

WITHOUT_REVERSE = ["old", "8_wifi"]


@asynccontextmanager
async def phone_of(
    adb: PrivateAdbServer, photos: Path, daemon: str, profile: str = "14"
) -> AsyncGenerator[VirtualPhone]:
    async with VirtualPhone(photos, capture_pause=0.02, daemon=daemon, profile=profile) as phone:
        await adb.connect(phone.address)
        try:
            yield phone
        finally:
            await adb.call("disconnect", phone.address)


@pytest.mark.parametrize("daemon", WITHOUT_REVERSE)
async def test_without_reverse_connect_says_so_and_answers_what_the_camera_takes(
    adb_server: PrivateAdbServer, photos: Path, state: Path, daemon: str
) -> None:
    async with (
        phone_of(adb_server, photos, daemon) as phone,
        connected_to(phone, adb_server, state) as run,
    ):
        (told,) = [e for e in run.events if e["event"] == "device" and e["state"] == "up"]
        name = await run.shoot()
        await run.answered(name)

        assert "without the page" in told["detail"]
        assert told["hint"]
        assert "tunnelling" not in run.states()[run.states().index("up") :]
