"""One way to take a picture, repeated: what is given, what is left out, what is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bridge.captures.files import capture_file
from bridge.captures.notices import FolderNotice, Trouble
from bridge.captures.repeating import Repeating
from bridge.captures.ways import FileWay, NewestWay, ScreenWay, ShutterWay, Way
from bridge.errors import BridgeError, DeviceLost, DeviceUnusable
from bridge.spool import Capture, Spool
from tests.support.pictures import small_jpeg
from tests.support.real_pictures import jpeg, png
from tests.support.tool_phone import ToolPhone
from tests.support.watched import DEVICE

SOON = 0.01


@dataclass
class Scripted:
    """A way whose looks are a list: a picture by its name, or what goes wrong."""

    spool: Spool
    folder: Path
    script: list[str | BridgeError]
    dropped: list[str] = field(default_factory=list)
    looks: int = 0

    async def look(self) -> "ScriptedSeen":
        self.looks += 1
        step = self.script.pop(0) if self.script else DeviceLost("the script is over")
        if isinstance(step, BridgeError):
            raise step
        return ScriptedSeen(self, step)


@dataclass
class ScriptedSeen:
    way: Scripted
    name: str

    def same_as(self, earlier: "ScriptedSeen") -> bool:
        return self.name == earlier.name

    async def keep(self) -> Capture:
        path = self.way.folder / self.name
        path.write_bytes(small_jpeg(self.name.encode()))
        return capture_file(path, self.way.spool, DEVICE)

    async def drop(self) -> None:
        self.way.dropped.append(self.name)


async def played(way: Way, *, on_change: bool = False) -> tuple[list[str], list[FolderNotice]]:
    """Run it to the phone's going away; the names given, and what was told."""
    names: list[str] = []
    notices: list[FolderNotice] = []
    source = Repeating(way, every=SOON, on_change=on_change, on_notice=notices.append)

    async def take_all() -> None:
        async with aclosing(source.captures()) as captures:
            async for capture in captures:
                names.append(capture.name)  # ruff: ignore[manual-list-comprehension] - what was given before the end counts

    async with asyncio.timeout(10):
        with pytest.raises(DeviceLost):
            await take_all()
    return names, notices


async def test_every_picture_is_given_whether_it_changed_or_not(spool: Spool, tmp_path: Path) -> None:
    assert await played(Scripted(spool, tmp_path, ["a", "a", "b"])) == (["a", "a", "b"], [])


async def test_on_change_a_picture_like_the_last_one_given_is_left_out(spool: Spool, tmp_path: Path) -> None:
    way = Scripted(spool, tmp_path, ["a", "a", "b", "b", "a"])
    assert await played(way, on_change=True) == (["a", "b", "a"], [])
    assert way.dropped == ["a", "b"]


async def test_a_trouble_is_told_once_and_tried_again(spool: Spool, tmp_path: Path) -> None:
    black, off = DeviceUnusable("black", hint="open another app"), DeviceUnusable("off", hint="wake it")
    way = Scripted(spool, tmp_path, [black, black, off, "a", off, off])
    names, notices = await played(way)
    assert names == ["a"]
    assert notices == [Trouble("black", "open another app"), Trouble("off", "wake it"), Trouble("off", "wake it")]


async def test_after_a_trouble_the_same_picture_is_still_the_same(spool: Spool, tmp_path: Path) -> None:
    way = Scripted(spool, tmp_path, ["a", DeviceUnusable("black"), "a"])
    names, _ = await played(way, on_change=True)
    assert names == ["a"]


async def test_whoever_is_slow_finds_no_pile_of_pictures(spool: Spool, tmp_path: Path) -> None:
    way = Scripted(spool, tmp_path, ["a", "b", "c"])
    async with aclosing(Repeating(way, every=SOON).captures()) as captures:
        await anext(captures)
        await asyncio.sleep(SOON * 5)
        assert way.looks == 1


# ------------------------------------------------------------------------------------------------ the ways
@pytest.fixture
async def phone(tmp_path: Path) -> AsyncIterator[ToolPhone]:
    phone = ToolPhone(tmp_path / "phone")
    phone.local("/sdcard/DCIM/Camera").mkdir(parents=True)
    phone.install(dumpsys="echo mResumedActivity: com.x.camera/.C", am="exit 1")
    yield phone
    await phone.close()


async def test_a_screen_of_another_size_is_another(phone: ToolPhone, spool: Spool) -> None:
    way = ScreenWay(phone, spool, DEVICE)
    phone.shows(png(100, 200))
    first, again = await way.look(), await way.look()
    phone.shows(png(200, 100))
    assert again.same_as(first)
    assert not (await way.look()).same_as(first)


async def test_a_screen_that_is_only_looked_at_touches_no_disk(phone: ToolPhone, spool: Spool, tmp_path: Path) -> None:
    phone.shows(png(100, 200))
    seen = await ScreenWay(phone, spool, DEVICE).look()
    await seen.drop()
    assert spool.find(DEVICE, (await seen.keep()).sha256) is not None
    assert list((tmp_path / "spool" / "incoming").iterdir()) == []


async def test_two_photos_of_the_same_thing_are_the_same_and_the_spare_one_is_forgotten(
    phone: ToolPhone, spool: Spool
) -> None:
    source = phone.local("/data/local/tmp/photo")
    camera = phone.local("/sdcard/DCIM/Camera")
    phone.install(input=f"[ $2 = 27 ] || exit 0; n=$(ls {camera} | wc -l); cat {source} >{camera}/$n.jpg; exit 0")
    way = ShutterWay(phone, spool, DEVICE)
    source.write_bytes(jpeg(320, 240))
    first, again = await way.look(), await way.look()
    source.write_bytes(jpeg(320, 240, colour="white"))
    other = await way.look()
    assert again.same_as(first)
    assert not other.same_as(first)
    await again.drop()
    assert spool.capture(again.capture.capture_id) is None
    assert await other.keep() == other.capture


async def test_a_photo_that_cannot_be_decoded_is_never_the_same(phone: ToolPhone, spool: Spool) -> None:
    camera = phone.local("/sdcard/DCIM/Camera")
    source = phone.local("/data/local/tmp/photo")
    source.write_bytes(small_jpeg())
    phone.install(input=f"[ $2 = 27 ] || exit 0; n=$(ls {camera} | wc -l); cat {source} >{camera}/$n.jpg; exit 0")
    way = ShutterWay(phone, spool, DEVICE)
    assert not (await way.look()).same_as(await way.look())


async def test_the_newest_photo_is_pulled_only_when_it_is_wanted(phone: ToolPhone, spool: Spool) -> None:
    camera = phone.local("/sdcard/DCIM/Camera")
    (camera / "a.jpg").write_bytes(small_jpeg())
    way = NewestWay(phone, spool, DEVICE)
    first, again = await way.look(), await way.look()
    assert again.same_as(first)
    await again.drop()
    assert phone.pulls == []
    (camera / "a.jpg").write_bytes(small_jpeg(b"longer than before"))
    later = await way.look()
    assert not later.same_as(first)
    assert (await later.keep()).name == "a.jpg"


async def test_a_file_written_over_is_another(spool: Spool, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(small_jpeg())
    way = FileWay(path, spool, DEVICE)
    first, again = await way.look(), await way.look()
    path.write_bytes(small_jpeg(b"another one"))
    assert again.same_as(first)
    assert not (await way.look()).same_as(first)
    await again.drop()
    assert (await first.keep()).source == "file"
