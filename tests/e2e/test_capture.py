"""`bridge capture`, as people type it: one file a phone, and every failure an exit code with its next step."""

import asyncio
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.adb_server import PrivateAdbServer
from tests.support.command import Done, bridge, refused
from virtual_phone import VirtualPhone

pytestmark = pytest.mark.e2e

NAME = re.compile(r"(camera|screen)-\d{8}-\d{6}-[0-9a-f]{8}(-\d+)?\.(jpg|png)")


@pytest.fixture
def env(adb_server: PrivateAdbServer, state: Path) -> dict[str, str]:
    """The environment of a terminal; no host is needed."""
    return adb_server.env | {"ADB": adb_server.adb, "BRIDGE_STATE_DIR": str(state)}


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """The folder the command is typed in."""
    folder = tmp_path / "here"
    folder.mkdir()
    return folder


async def test_a_capture_is_a_file_with_a_name_of_ours_and_nothing_else_is_kept(
    env: Mapping[str, str], virtual_phone: VirtualPhone, here: Path, state: Path, photos: Path
) -> None:
    photo, screen = await asyncio.gather(
        bridge("capture", env=env, cwd=here),
        bridge("capture", "--source", "screen", "-o", "new/folder/", "--json", env=env, cwd=here),
    )
    newest = await bridge("capture", "--source", "newest", "-o", "x.jpg", env=env, cwd=here)

    assert (photo.code, screen.code, newest.code) == (0, 0, 0), (photo, screen, newest)
    assert NAME.fullmatch(photo.out.strip())
    assert (here / photo.out.strip()).read_bytes() == (photos / "a.jpg").read_bytes()
    assert newest.out == "x.jpg\n"
    assert (here / "x.jpg").read_bytes() == (photos / "a.jpg").read_bytes()
    (told,) = screen.lines
    data = (here / told["path"]).read_bytes()
    assert (told["event"], told["serial"], told["source"]) == ("capture", virtual_phone.address, "screen")
    assert (told["sha256"], told["bytes"]) == (hashlib.sha256(data).hexdigest(), len(data))
    assert NAME.fullmatch(Path(told["path"]).name)
    assert list((state / "spool" / "blobs").iterdir()) == []


async def test_of_several_phones_each_gives_a_file_and_one_that_fails_keeps_no_other(
    env: Mapping[str, str], adb_server: PrivateAdbServer, virtual_phone: VirtualPhone, photos: Path, here: Path
) -> None:
    words = ("capture", "--all", "--source", "screen", "-o", "shots")
    async with VirtualPhone(photos, serial="VP0002") as other:
        await adb_server.connect(other.address)
        one_file = bridge("capture", "-s", "127.*", "--source", "screen", "-o", "x.png", env=env, cwd=here)
        both, several, one, unsaid = await asyncio.gather(
            bridge(*words, "--json", env=env, cwd=here),
            one_file,
            bridge("ask", "?", "-s", "127.*", env=env),
            bridge("capture", "-e", env=env, cwd=here),
        )
        with other.behaving("black_screen"):
            half = await bridge(*words, env=env, cwd=here)
        await adb_server.call("disconnect", other.address)

    assert both.code == 0, both
    assert {line["serial"] for line in both.lines} == {virtual_phone.address, other.address}
    assert len({line["path"] for line in both.lines}) == 2
    refused(several, 2, "several phones", "-o DIR/")
    refused(one, 3, "2 devices are meant", "-s SERIAL")
    refused(unsaid, 3, "2 devices can be used", "--all takes each")
    assert "-e (network)" not in unsaid.hint
    refused(half, 7, other.address, "black", "1 of 2 phones")
    assert len(half.out.splitlines()) == 1
    assert len(list((here / "shots").iterdir())) == 3


async def test_every_failure_is_an_exit_code_with_its_next_step(
    env: Mapping[str, str], adb_server: PrivateAdbServer, virtual_phone: VirtualPhone, photos: Path, here: Path
) -> None:
    async def capture(*words: str) -> Done:
        return await bridge("capture", *words, env=env, cwd=here)

    (here / "taken").write_bytes(b"")
    async with VirtualPhone(photos, serial="VP0002") as odd:
        await adb_server.connect(odd.address)
        odd.device.lock = "pin"
        (photos / "a.jpg").unlink()
        fine = virtual_phone.address
        with odd.behaving("black_screen"):
            black, locked, none, display, place, nobody, late = await asyncio.gather(
                capture("-s", odd.address, "--source", "screen"),
                capture("-s", odd.address),
                capture("-s", fine, "--source", "newest"),
                capture("-s", fine, "--display", "1"),
                capture("-s", fine, "--source", "screen", "-o", "taken/x.png"),
                capture("-s", "nothere"),
                capture("-s", fine, "--timeout", "1.5", "--json"),
            )
        await adb_server.call("disconnect", odd.address)

    refused(black, 4, "black", "forbids screenshots")
    refused(locked, 4, "is locked", "unlock the phone")
    refused(none, 2, "no picture in", "take one")
    refused(display, 2, "--source screen")
    refused(place, 2, "there is no folder", "-o DIR/")
    refused(nobody, 3, "no device matches 'nothere'", "there are ", fine)
    assert "connect a phone" not in nobody.hint
    (told,) = late.lines
    assert (late.code, told["exit_code"], told["serial"]) == (124, 124, fine)
    assert told["hint"]
    assert [path.name for path in here.iterdir()] == ["taken"], "a failed picture is never a file"
