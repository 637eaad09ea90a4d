"""Every source keeps its promises on a phone that is a folder."""

import itertools
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.captures import CaptureSource
from bridge.captures.folder import CameraFolder
from bridge.captures.repeating import Repeating
from bridge.captures.ways import FileWay, NewestWay, ScreenWay, ShutterWay
from bridge.spool import Spool
from tests.conformance.capture_source_suite import CaptureSourceSuite, GivingChecks, Happen, LeavingChecks
from tests.support.pictures import small_jpeg
from tests.support.real_pictures import png
from tests.support.tool_phone import ToolPhone
from tests.support.watched import DEVICE

SOON = 0.05


class FolderPhoneSuite(CaptureSourceSuite):
    @pytest.fixture
    async def phone(self, tmp_path: Path) -> AsyncIterator[ToolPhone]:
        phone = ToolPhone(tmp_path / "phone")
        phone.local("/sdcard/DCIM/Camera").mkdir(parents=True)
        yield phone
        await phone.close()

    @pytest.fixture
    def unplug(self, phone: ToolPhone) -> Happen:
        return phone.unplug


class TestCameraFolder(FolderPhoneSuite):
    SOURCE = "camera"

    @pytest.fixture
    def source(self, phone: ToolPhone, spool: Spool) -> CaptureSource:
        spool.memory.looked(DEVICE, b"/sdcard/DCIM/Camera", time.time())
        return CameraFolder(phone, spool, device_id=DEVICE)

    @pytest.fixture
    def happen(self, phone: ToolPhone) -> Happen:
        numbers = itertools.count()

        async def take() -> None:
            number = next(numbers)
            pending = phone.local(f"/sdcard/DCIM/Camera/.pending-{number}")
            pending.write_bytes(small_jpeg(b"%d" % number))
            pending.rename(phone.local(f"/sdcard/DCIM/Camera/{number}.jpg"))

        return take


class TestScreen(FolderPhoneSuite):
    SOURCE = "screen"

    @pytest.fixture
    def source(self, phone: ToolPhone, spool: Spool) -> CaptureSource:
        phone.shows(png(100, 200))
        return Repeating(ScreenWay(phone, spool, DEVICE), every=SOON)

    @pytest.fixture
    def happen(self) -> Happen:
        return nothing


class TestScreenOnChange(FolderPhoneSuite):
    SOURCE = "screen"

    @pytest.fixture
    def source(self, phone: ToolPhone, spool: Spool) -> CaptureSource:
        phone.shows(png(100, 200, colour="black"))
        return Repeating(ScreenWay(phone, spool, DEVICE), every=SOON, on_change=True)

    @pytest.fixture
    def happen(self, phone: ToolPhone) -> Happen:
        colours = itertools.cycle(("white", "teal", "red"))

        async def change() -> None:
            phone.shows(png(100, 200, colour=next(colours)))

        return change


class TestShutter(FolderPhoneSuite):
    SOURCE = "camera"

    @pytest.fixture
    def source(self, phone: ToolPhone, spool: Spool) -> CaptureSource:
        camera, photo = phone.local("/sdcard/DCIM/Camera"), phone.local("/data/local/tmp/photo")
        photo.write_bytes(small_jpeg())
        phone.install(
            dumpsys="echo mResumedActivity: com.x.camera/.C",
            input=f"[ $2 = 27 ] || exit 0; n=$(ls {camera} | wc -l); cat {photo} >{camera}/$n.jpg; exit 0",
        )
        return Repeating(ShutterWay(phone, spool, DEVICE), every=SOON)

    @pytest.fixture
    def happen(self) -> Happen:
        return nothing


class TestNewest(FolderPhoneSuite):
    SOURCE = "camera"

    @pytest.fixture
    def source(self, phone: ToolPhone, spool: Spool) -> CaptureSource:
        return Repeating(NewestWay(phone, spool, DEVICE), every=SOON, on_change=True)

    @pytest.fixture
    def happen(self, phone: ToolPhone) -> Happen:
        numbers = itertools.count()

        async def take() -> None:
            number = next(numbers)
            phone.local(f"/sdcard/DCIM/Camera/{number}.jpg").write_bytes(small_jpeg(b"%d" % number))

        return take


class TestFile(GivingChecks, LeavingChecks):
    SOURCE = "file"

    @pytest.fixture
    def source(self, spool: Spool, tmp_path: Path) -> CaptureSource:
        return Repeating(FileWay(tmp_path / "a.jpg", spool, DEVICE), every=SOON, on_change=True)

    @pytest.fixture
    def happen(self, tmp_path: Path) -> Happen:
        numbers = itertools.count()

        async def write() -> None:
            number = next(numbers)
            (tmp_path / "new").write_bytes(small_jpeg(b"%d" % number))
            (tmp_path / "new").rename(tmp_path / "a.jpg")

        return write


async def nothing() -> None:
    """A source that takes its pictures by itself needs nobody's help."""
