"""Old daemons as Google's adb meets them, and releases as a shell does."""

import asyncio
from pathlib import Path

import pytest

from tests.support.adb_server import PrivateAdbServer
from virtual_phone import DAEMONS, RELEASES, VirtualPhone


@pytest.mark.parametrize("name", ["10", "8_wifi", "no_exec", "4k", "old"])
async def test_each_daemon_can_what_it_could(adb_server: PrivateAdbServer, photos: Path, name: str) -> None:
    daemon = DAEMONS[name]
    async with VirtualPhone(photos, daemon=name, sandbox="none") as phone:
        await adb_server.connect(phone.address)
        shell = await adb_server.call("-s", phone.address, "shell", "echo hi; exit 7")
        binary = await adb_server.call("-s", phone.address, "exec-out", "echo hi")
        tunnel = await adb_server.call("-s", phone.address, "reverse", "tcp:0", "tcp:1")
        big = await adb_server.call("-s", phone.address, "shell", "head -c 300000 /dev/zero | tr '\\0' x")
        await adb_server.call("disconnect", phone.address)

    assert shell.returncode == (7 if "shell_v2" in daemon.features else 0)
    assert shell.stdout == ("hi\r\n" if daemon.cooked else "hi\n")
    assert (binary.stdout == "hi\n") is daemon.execs
    assert (tunnel.returncode == 0) is (daemon.reverse == "works")
    assert ("more than one device" in tunnel.stderr) is (daemon.reverse == "usb_only")
    assert big.stdout == "x" * 300_000


async def test_before_android_9_pixels_have_a_shorter_header_and_am_ends_with_0(
    adb_server: PrivateAdbServer, photos: Path
) -> None:
    sizes, codes = {}, {}
    for release in ("8", "14"):
        async with VirtualPhone(photos, profile=release, sandbox="none") as phone:
            await adb_server.connect(phone.address)
            sizes[release] = len(await _raw(adb_server, phone.address, "screencap")) - 1080 * 2400 * 4
            codes[release] = (await adb_server.call("-s", phone.address, "shell", "am start -a nonsense")).returncode
            await adb_server.call("disconnect", phone.address)
    assert (sizes, codes) == ({"8": 12, "14": 16}, {"8": 0, "14": 1})


async def _raw(adb: PrivateAdbServer, serial: str, command: str) -> bytes:
    return (await asyncio.to_thread(adb.run_bytes, "-s", serial, "exec-out", command)).stdout


@pytest.mark.parametrize("choice", [{"profile": "7"}, {"daemon": "x"}])
def test_what_was_never_made_is_refused_with_what_there_is(photos: Path, choice: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"there are .*8"):
        VirtualPhone(photos, **choice)  # type: ignore[arg-type]


def test_every_release_has_a_daemon() -> None:
    assert {release.daemon for release in RELEASES.values()} <= set(DAEMONS)
