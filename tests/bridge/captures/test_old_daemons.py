"""Every way to take a picture works over the oldest adb daemons: no exec, no exit codes, CR LF, packets of 4 KiB."""

import hashlib
from pathlib import Path

import pytest

from bridge.captures.newest import newest_capture
from bridge.captures.screen import screen_capture
from bridge.captures.shutter import shoot
from bridge.errors import DeviceUnusable
from bridge.spool import Spool
from tests.support.adb_server import PrivateAdbServer
from tests.support.watched import DEVICE, opened
from virtual_phone import VirtualPhone


@pytest.mark.parametrize("daemon", ["old", "plain"])
async def test_the_screen_the_shutter_and_the_newest_photo(
    adb_server: PrivateAdbServer, photos: Path, spool: Spool, daemon: str
) -> None:
    photo = hashlib.sha256((photos / "a.jpg").read_bytes()).hexdigest()
    async with VirtualPhone(photos, capture_pause=0.02, daemon=daemon) as phone:
        await adb_server.connect(phone.address)
        transport = await opened(adb_server, phone)
        shown = await screen_capture(transport, spool, DEVICE)
        taken = await shoot(transport, spool, DEVICE)
        newest = await newest_capture(transport, spool, DEVICE)
        with phone.behaving("no_screen"), pytest.raises(DeviceUnusable, match="Capturing failed") as caught:
            await screen_capture(transport, spool, DEVICE)
        await transport.close()
        await adb_server.call("disconnect", phone.address)
    assert spool.blob_path(shown.sha256).read_bytes().endswith(b"IEND\xaeB`\x82")
    assert (taken.sha256, newest.sha256) == (photo, photo)
    assert caught.value.hint
