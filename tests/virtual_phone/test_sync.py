"""Files under the real adb server, and over the sync service by hand where adb is too polite."""

import asyncio
import struct
from pathlib import Path

import pytest

from tests.support.adb_client import Adb, service
from tests.support.adb_server import PrivateAdbServer
from virtual_phone import VirtualPhone


def _message(kind: bytes, payload: bytes) -> bytes:
    return kind + struct.pack("<I", len(payload)) + payload


async def _fail(reader: asyncio.StreamReader) -> str:
    kind, size = struct.unpack("<4sI", await reader.readexactly(8))
    assert kind == b"FAIL"
    return (await reader.readexactly(size)).decode()


async def test_a_tree_goes_there_and_back_unchanged(adb: Adb, tmp_path: Path) -> None:
    there = tmp_path / "tree"
    for name, data in {"a b/ü.txt": b"x", "empty": b"", "deep/er/big": bytes(range(256)) * 12_000}.items():
        (there / name).parent.mkdir(parents=True, exist_ok=True)
        (there / name).write_bytes(data)
    assert (await adb("push", str(there), "/sdcard/Download/")).returncode == 0
    assert (await adb("pull", "-a", "/sdcard/Download/tree", str(tmp_path / "back"))).returncode == 0
    for path in filter(Path.is_file, there.rglob("*")):
        assert (tmp_path / "back" / path.relative_to(there)).read_bytes() == path.read_bytes()


async def test_a_pushed_file_keeps_its_time_and_mode(adb: Adb, virtual_phone: VirtualPhone, tmp_path: Path) -> None:
    source = tmp_path / "script"
    source.write_text("echo hi")
    source.chmod(0o755)
    await adb("push", str(source), "/data/local/tmp/")
    stat = virtual_phone.files.lstat(b"/data/local/tmp/script")
    assert int(stat.st_mtime) == int(source.stat().st_mtime)
    assert stat.st_mode & 0o777 == 0o755
    assert (await adb("shell", "/data/local/tmp/script || sh /data/local/tmp/script")).stdout.endswith("hi\n")


async def test_push_sync_sends_only_what_changed(adb: Adb, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    await adb("push", "--sync", str(tmp_path / "a"), "/sdcard/a")
    assert "0 files pushed, 1 skipped" in (await adb("push", "--sync", str(tmp_path / "a"), "/sdcard/a")).stderr


async def test_errors_have_the_words_of_the_phone(adb: Adb, virtual_phone: VirtualPhone, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(300_000))
    assert "No such file" in (await adb("pull", "/sdcard/nothing", str(tmp_path / "b"))).stderr
    done = await adb("push", str(tmp_path / "a"), "/system/bin/a")
    assert "couldn't create file: Read-only file system" in done.stderr
    with virtual_phone.storage_full(100_000):
        done = await adb("push", str(tmp_path / "a"), "/sdcard/a")
    assert (done.returncode, "write failed: No space left on device" in done.stderr) == (1, True)
    assert not (virtual_phone.storage / "a").exists()
    assert (await adb("push", str(tmp_path / "a"), "/sdcard/a")).returncode == 0


async def test_a_push_that_fails_is_read_to_its_end(adb_server: PrivateAdbServer, virtual_phone: VirtualPhone) -> None:
    async with service(adb_server, virtual_phone.address, "sync:") as (reader, writer):
        writer.write(_message(b"SEND", b"/system/x,33188"))
        assert "Read-only" in await _fail(reader)
        writer.write(_message(b"DATA", bytes(60_000)) * 20 + b"DONE\0\0\0\0")
        assert await asyncio.wait_for(reader.read(), 5) == b""


async def test_a_pull_that_fails_leaves_the_connection_usable(
    adb_server: PrivateAdbServer, virtual_phone: VirtualPhone
) -> None:
    (virtual_phone.storage / "a").write_bytes(b"data")
    async with service(adb_server, virtual_phone.address, "sync:") as (reader, writer):
        writer.write(_message(b"RECV", b"/sdcard/nothing"))
        assert await _fail(reader) == "open failed: No such file or directory"
        writer.write(_message(b"RECV", b"/sdcard"))
        assert await _fail(reader) == "open failed: Is a directory"
        writer.write(_message(b"RECV", b"/sdcard/a") + _message(b"QUIT", b""))
        assert await reader.read() == _message(b"DATA", b"data") + b"DONE\0\0\0\0"


async def test_version_2_pulls_and_dry_runs(adb_server: PrivateAdbServer, virtual_phone: VirtualPhone) -> None:
    (virtual_phone.storage / "a").write_bytes(b"data")
    async with service(adb_server, virtual_phone.address, "sync:") as (reader, writer):
        writer.write(_message(b"RCV2", b"/sdcard/a") + struct.pack("<4sI", b"RCV2", 0))
        assert await reader.readexactly(20) == _message(b"DATA", b"data") + b"DONE\0\0\0\0"
        writer.write(_message(b"SND2", b"/sdcard/dry") + struct.pack("<4sII", b"SND2", 0o100644, 0x80000000))
        writer.write(_message(b"DATA", b"xyz") + b"DONE\0\0\0\0")
        assert await reader.readexactly(8) == b"OKAY\0\0\0\0"
    assert not (virtual_phone.storage / "dry").exists()


async def test_stats_follow_links_or_not_and_tell_errors(
    adb_server: PrivateAdbServer, virtual_phone: VirtualPhone
) -> None:
    async with service(adb_server, virtual_phone.address, "sync:") as (reader, writer):
        modes = {}
        for kind in (b"LST2", b"STA2"):
            writer.write(_message(kind, b"/sdcard"))
            modes[kind] = struct.unpack_from("<4sIQQI", await reader.readexactly(72))[4] & 0o170000
        assert modes == {b"LST2": 0o120000, b"STA2": 0o040000}
        writer.write(_message(b"STA2", b"/nothing"))
        assert struct.unpack_from("<4sI", await reader.readexactly(72)) == (b"STA2", 2)
        writer.write(_message(b"STAT", b"/nothing"))
        assert await reader.readexactly(16) == b"STAT" + bytes(12)


async def test_both_listings_agree(adb_server: PrivateAdbServer, virtual_phone: VirtualPhone) -> None:
    for name in ("a", "b"):
        (virtual_phone.storage / "Download" / name).write_bytes(b"xyz")
    async with service(adb_server, virtual_phone.address, "sync:") as (reader, writer):
        writer.write(_message(b"LIST", b"/sdcard/Download"))
        first = {}
        while (head := await reader.readexactly(20))[:4] == b"DENT":
            first[await reader.readexactly(int.from_bytes(head[16:], "little"))] = int.from_bytes(head[8:12], "little")
        writer.write(_message(b"LIS2", b"/sdcard/Download"))
        second = {}
        while (head := await reader.readexactly(76))[:4] == b"DNT2":
            second[await reader.readexactly(int.from_bytes(head[72:], "little"))] = int.from_bytes(
                head[40:48], "little"
            )
        writer.write(_message(b"LIST", b"/nothing"))
        assert (await reader.readexactly(20))[:4] == b"DONE"
    assert first == second
    assert first.keys() == {b".", b"..", b"a", b"b"}
    assert first[b"a"] == 3


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"STAT" + struct.pack("<I", 1025), "path too long"),
        (_message(b"NOPE", b""), "unknown command 4e4f5045"),
        (_message(b"STAT", b"/a\0b"), "path holds a NUL"),
        (_message(b"RCV2", b"/a") + struct.pack("<4sI", b"SND2", 0), "followed by"),
        (_message(b"SEND", b"/sdcard/x,33188") + _message(b"WHAT", b""), "invalid data message"),
        (_message(b"SEND", b"/sdcard/x,33188") + b"DATA" + struct.pack("<I", 1 << 30), "invalid data message"),
        (_message(b"SEND", b"/sdcard/x,41471") + b"DONE\0\0\0\0", "expected ID_DATA"),
        (_message(b"SEND", b"/sdcard/x,41471") + _message(b"DATA", b"y") * 2, "expected ID_DONE"),
    ],
)
async def test_what_is_no_sync_is_refused_and_the_connection_ended(
    adb_server: PrivateAdbServer, virtual_phone: VirtualPhone, raw: bytes, reason: str
) -> None:
    async with service(adb_server, virtual_phone.address, "sync:") as (reader, writer):
        writer.write(raw)
        assert reason in await _fail(reader)
        assert await asyncio.wait_for(reader.read(), 5) == b""
    assert not (virtual_phone.storage / "x").is_file()


async def test_a_pushed_symlink_is_one_and_leads_nowhere_on_the_laptop(
    adb_server: PrivateAdbServer, virtual_phone: VirtualPhone
) -> None:
    async with service(adb_server, virtual_phone.address, "sync:") as (reader, writer):
        writer.write(_message(b"SEND", b"/sdcard/x,41471") + _message(b"DATA", b"/etc/passwd\0") + b"DONE\0\0\0\0")
        assert await reader.readexactly(8) == b"OKAY\0\0\0\0"
        writer.write(_message(b"RECV", b"/sdcard/x") + _message(b"QUIT", b""))
        answer = await reader.read()
    assert (virtual_phone.storage / "x").is_symlink()
    assert b"shell:x:2000:2000" in answer, "it is the phone's own /etc/passwd"


async def test_a_push_cut_in_the_middle_leaves_nothing(
    adb_server: PrivateAdbServer, virtual_phone: VirtualPhone
) -> None:
    async with service(adb_server, virtual_phone.address, "sync:") as (_, writer):
        writer.write(_message(b"SEND", b"/sdcard/half,33188") + _message(b"DATA", b"half"))
        await writer.drain()
    await virtual_phone.unplug()
    assert not (virtual_phone.storage / "half").exists()
