"""The camera folder over one transport after the other: what the user said about it outlives the phone's going away."""

import asyncio
import time
from asyncio import TaskGroup
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from bridge.client import HostClient, fixed
from bridge.session import PhoneInfo, Session
from bridge.spool import Spool
from bridge.supervise.folder_watch import FolderWatch
from tests.support.fake_transport import FolderTransport
from tests.support.pictures import small_jpeg

PHONE = PhoneInfo("VP0001", "dev_0123456789abcdef", "Pixel 9")
CAMERA = "/sdcard/DCIM/Camera"


@pytest.fixture
async def phone(tmp_path: Path) -> AsyncIterator[FolderTransport]:
    phone = FolderTransport(tmp_path / "phone")
    phone.local(CAMERA).mkdir(parents=True)
    yield phone
    await phone.close()


async def test_to_ask_for_all_pictures_means_those_of_this_absence_and_of_no_later_one(
    phone: FolderTransport, tmp_path: Path
) -> None:
    later, held = 0.0, asyncio.Event()

    def hear(event: dict[str, Any]) -> None:
        if event.get("code") == "pictures_held":
            held.set()

    with Spool(tmp_path / "spool", clock=lambda: time.time() + later) as spool:
        session = Session(PHONE, spool, HostClient(fixed("http://127.0.0.1:9", "no")), prompt="?")
        watch = FolderWatch(session, spool, folders=(CAMERA,), fresh=True, catch_up=True, on_event=hear)
        spool.memory.looked(PHONE.device_id, CAMERA.encode(), time.time())
        (phone.local(CAMERA) / "a.jpg").write_bytes(small_jpeg())
        async with asyncio.timeout(10), aclosing(watch.source(phone).captures()) as captures:
            assert (await anext(captures)).name == "a.jpg"
        assert not held.is_set()
        later = 3600.0
        (phone.local(CAMERA) / "b.jpg").write_bytes(small_jpeg(b"of another hour"))
        async with asyncio.timeout(10), aclosing(watch.source(phone).captures()) as captures, TaskGroup() as group:
            taking = group.create_task(anext(captures))
            await held.wait()
            taking.cancel()
    assert phone.pulls == [f"{CAMERA}/a.jpg".encode()]
