"""Old adb daemons and old Androids: what they can do is used, and what is missing is said."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from tests.support.adb_server import PrivateAdbServer
from tests.support.chain import Chain, connected_to
from tests.support.command import bridge
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
    adb_server: PrivateAdbServer, photos: Path, served: Path, daemon: str
) -> None:
    async with (
        phone_of(adb_server, photos, daemon) as phone,
        connected_to(phone, adb_server, served) as run,
    ):
        (told,) = [e for e in run.events if e["event"] == "device" and e["state"] == "up"]
        await _answered(run)

        assert "without the page" in told["detail"]
        assert told["hint"]
        assert "tunnelling" not in run.states()[run.states().index("up") :]


async def _answered(run: Chain) -> None:
    """Press until a photo is answered: what is there when the watch begins is not sent."""
    for _ in range(10):
        name = await run.shoot()
        with suppress(AssertionError):
            await run.answered(name, deadline=3.0)
            return
    raise AssertionError(f"no answer: {run.events[-5:]}")


@pytest.mark.parametrize("daemon", ["old", "crlf"])
async def test_over_an_old_daemon_ask_and_capture_work_with_what_it_has(
    fenced: Mapping[str, str], adb_server: PrivateAdbServer, photos: Path, tmp_path: Path, daemon: str
) -> None:
    async with phone_of(adb_server, photos, daemon, "8") as phone:
        await phone.press_shutter()
        asked = await bridge("ask", "What is it?", "--source", "newest", "-s", phone.address, env=fenced)
        taken = await bridge("capture", "-s", phone.address, "-o", str(tmp_path / "a.jpg"), env=fenced)
        screen = await bridge(
            "capture", "--source", "screen", "-s", phone.address, "-o", str(tmp_path / "s.png"), env=fenced
        )

    assert [asked.code, taken.code, screen.code] == [0, 0, 0], [asked, taken, screen]
    assert asked.out.startswith("What is it?")
    assert (tmp_path / "a.jpg").read_bytes() == (photos / "a.jpg").read_bytes()
    assert (tmp_path / "s.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
