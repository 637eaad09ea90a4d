"""The rogues by name: each does what its line says, and the phone behaves again afterwards."""

import base64
import zlib
from pathlib import Path

import pytest

from tests.support.adb_client import Adb
from virtual_phone import ROGUES, VirtualPhone
from virtual_phone.cli import main

PNG = b"\x89PNG\r\n\x1a\n"


def _pixels(png: bytes) -> bytes:
    at = png.index(b"IDAT")
    return zlib.decompress(png[at + 4 : at + 4 + int.from_bytes(png[at - 4 : at], "big")])


async def _screencap(adb: Adb, *words: str) -> tuple[bytes, int]:
    """Through the phone's base64, so that a text pipe cannot change it."""
    done = await adb("shell", f"screencap {' '.join(words)} >/data/local/tmp/s; echo $?; base64 /data/local/tmp/s")
    code, _, data = done.stdout.partition("\n")
    return base64.b64decode(data), int(code)


async def test_a_phone_behaves_again_afterwards(adb: Adb, virtual_phone: VirtualPhone) -> None:
    with virtual_phone.behaving("empty_screen", "no_screen"):
        assert await _screencap(adb, "-p") == (b"Capturing failed.\n", 1)
    data, code = await _screencap(adb, "-p")
    assert (data[:8], code) == (PNG, 0)


async def test_a_fold_warns_before_the_picture_and_its_other_display_shows_something(
    adb: Adb, virtual_phone: VirtualPhone
) -> None:
    with virtual_phone.behaving("two_displays"):
        told, _ = await _screencap(adb, "-p")
        listed = (await adb("shell", "dumpsys SurfaceFlinger --display-id")).stdout
        _, other = [line.split()[1] for line in listed.splitlines()]
        shown, _ = await _screencap(adb, "-p", "-d", other)
    warning, png, rest = told.partition(PNG)
    assert b"Multiple displays" in warning
    assert not any(_pixels(png + rest))
    assert shown.startswith(PNG)
    assert any(_pixels(shown))


@pytest.mark.parametrize(("name", "size"), [("empty_screen", 0), ("no_screen", 18)])
async def test_a_screen_that_cannot_be_shown(adb: Adb, virtual_phone: VirtualPhone, name: str, size: int) -> None:
    with virtual_phone.behaving(name):
        assert len((await _screencap(adb, "-p"))[0]) == size


async def test_a_forbidden_screen_is_black_and_a_cut_one_has_no_end(adb: Adb, virtual_phone: VirtualPhone) -> None:
    with virtual_phone.behaving("black_screen"):
        assert not any(_pixels((await _screencap(adb, "-p"))[0]))
    with virtual_phone.behaving("cut_screen"):
        data, _ = await _screencap(adb, "-p")
    assert data.startswith(PNG)
    assert b"IEND" not in data


async def test_a_name_that_no_rogue_has_is_an_error(photos: Path) -> None:
    async with VirtualPhone(photos, sandbox="none") as phone:
        with pytest.raises(ValueError, match="--list-rogues"), phone.behaving("polite"):
            pass


def test_the_command_lists_them_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list-rogues"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(ROGUES)
