"""Pull and push against a phone that lies, stops or goes away. The honest one is in tests/conformance."""

import asyncio
import hashlib
import os
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from bridge.adb.faults import FileChanged
from bridge.adb.files import PhoneFiles
from bridge.adb.smartsocket import PhoneAddress
from bridge.errors import BridgeError, DeadlinePassed, DeviceLost, DeviceUnusable
from tests.support.scripted_adb import Script, ScriptedAdb, stat_v1

FILE = 0o100644
DONE = struct.pack("<4sI", b"DONE", 0)

Peer = Callable[[bytes, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def data(body: bytes, size: int | None = None) -> bytes:
    return struct.pack("<4sI", b"DATA", len(body) if size is None else size) + body


def sync_script(answer: Peer) -> Script:
    """A `sync:` service that hands each request about a path to `answer`."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            kind, size = struct.unpack("<4sI", await reader.readexactly(8))
            await reader.readexactly(size)
            await answer(kind, reader, writer)
            await writer.drain()

    return script


def file_script(
    size: int, received: bytes, *, mode: int = FILE, then_hang: bool = False, then_cut: bool = False
) -> Script:
    """STAT says `size`; RECV sends the bytes given."""

    async def answer(kind: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(stat_v1(mode, size) if kind == b"STAT" else received)
        if kind == b"RECV" and then_hang:
            await reader.read()
        if kind == b"RECV" and then_cut:
            await writer.drain()
            writer.transport.abort()

    return sync_script(answer)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
async def adb() -> AsyncIterator[ScriptedAdb]:
    async with ScriptedAdb({}) as server:
        yield server


@pytest.fixture
async def files(adb: ScriptedAdb) -> AsyncIterator[PhoneFiles]:
    phone = PhoneFiles(PhoneAddress(adb.address, 1, "S1"), frozenset())
    yield phone
    await phone.close()


@pytest.mark.parametrize("size", [0, 1, 70_000, (1 << 20) + 1, 3_500_000])
async def test_a_whole_file_arrives_with_its_hash_and_nothing_beside_it(
    adb: ScriptedAdb, files: PhoneFiles, tmp_path: Path, size: int
) -> None:
    body = os.urandom(size)
    chunks = b"".join(data(body[at : at + 65_536]) for at in range(0, size, 65_536))
    adb.services["sync:"] = file_script(size, chunks + DONE)
    pulled = await files.pull("/a", tmp_path / "a", limit=size, deadline=10)
    assert (pulled.size, pulled.sha256, pulled.mtime) == (size, hashlib.sha256(body).hexdigest(), 1_000)
    assert (tmp_path / "a").read_bytes() == body
    assert names_in(tmp_path) == ["a"]


@pytest.mark.parametrize(
    ("size", "received", "error", "words"),
    [
        (5, data(b"123456") + DONE, FileChanged, "grew"),
        (5, data(b"1234") + DONE, FileChanged, "4 of 5"),
        (5, data(b"1", size=300 << 20), DeviceUnusable, "DATA"),
        (5, data(b"1", size=0xFFFFFFFF), DeviceUnusable, "DATA"),
        (5, b"NONSENSE", DeviceUnusable, "NONS"),
        (5, struct.pack("<4sI", b"FAIL", 17) + b"Permission denied", DeviceUnusable, "Permission denied"),
        (3_000_000, data(b"x" * 65_536) * 20 + DONE, FileChanged, "of 3000000"),
    ],
)
async def test_a_file_that_is_not_what_stat_said_leaves_nothing(
    adb: ScriptedAdb,
    files: PhoneFiles,
    tmp_path: Path,
    size: int,
    received: bytes,
    error: type[BridgeError],
    words: str,
) -> None:
    adb.services["sync:"] = file_script(size, received)
    with pytest.raises(error, match=words) as caught:
        await files.pull("/a", tmp_path / "a", limit=1 << 30, deadline=10)
    assert caught.value.hint
    assert not names_in(tmp_path)


@pytest.mark.parametrize(
    ("mode", "size", "words"),
    [
        (0, 0, "no '/a'"),
        (0o040755, 1, "regular"),
        (0o120777, 1, "regular"),
        (0o010644, 1, "regular"),
        (FILE, 11, "at most 10"),
    ],
)
async def test_what_is_no_file_of_the_right_size_is_never_asked_for(
    adb: ScriptedAdb, files: PhoneFiles, tmp_path: Path, mode: int, size: int, words: str
) -> None:
    adb.services["sync:"] = file_script(size, b"", mode=mode, then_cut=True)
    with pytest.raises(DeviceUnusable, match=words):
        await files.pull("/a", tmp_path / "a", limit=10, deadline=10)
    assert not names_in(tmp_path)


async def test_silence_in_the_middle_ends_at_the_deadline_and_the_next_pull_works(
    adb: ScriptedAdb, files: PhoneFiles, tmp_path: Path
) -> None:
    adb.services["sync:"] = file_script(6, data(b"123"), then_hang=True)
    started = asyncio.get_running_loop().time()
    with pytest.raises(DeadlinePassed, match="S1: pull of /a"):
        await files.pull("/a", tmp_path / "a", limit=10, deadline=0.2)
    assert asyncio.get_running_loop().time() - started < 1.0
    assert not names_in(tmp_path)
    adb.services["sync:"] = file_script(3, data(b"123") + DONE)
    assert (await files.pull("/a", tmp_path / "a", limit=10, deadline=5)).size == 3


@pytest.mark.parametrize("service", ["host:transport-id", "sync:"])
async def test_a_server_that_never_grants_the_connection_costs_the_deadline_only(
    files: PhoneFiles, adb: ScriptedAdb, service: str
) -> None:
    adb.services[service] = adb.hang
    with pytest.raises(DeadlinePassed):
        await files.stat("/a", deadline=0.2)
    await asyncio.wait_for(adb.closed.wait(), 5)  # our socket is closed, not forgotten


async def test_a_cut_connection_is_a_lost_device_and_leaves_nothing(
    adb: ScriptedAdb, files: PhoneFiles, tmp_path: Path
) -> None:
    adb.services["sync:"] = file_script(3_000_000, data(b"x" * 65_536) * 10, then_cut=True)
    with pytest.raises(DeviceLost, match="went away"):
        await files.pull("/a", tmp_path / "a", limit=1 << 30, deadline=10)
    assert not names_in(tmp_path)


async def test_cancelling_a_pull_closes_its_socket_and_leaves_nothing(
    adb: ScriptedAdb, files: PhoneFiles, tmp_path: Path
) -> None:
    adb.services["sync:"] = adb.hang
    async with asyncio.TaskGroup() as group:
        pull = group.create_task(files.pull("/a", tmp_path / "a", limit=10, deadline=30))
        await asyncio.wait_for(adb.hanging.wait(), 5)
        pull.cancel()
    await asyncio.wait_for(adb.closed.wait(), 5)
    assert pull.cancelled()
    assert not names_in(tmp_path)


async def test_waiting_in_the_queue_counts_and_does_not_end_the_call_in_front(
    adb: ScriptedAdb, files: PhoneFiles
) -> None:
    go = asyncio.Event()

    async def answer(kind: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        adb.hanging.set()
        await go.wait()
        writer.write(stat_v1(FILE, 4))

    adb.services["sync:"] = sync_script(answer)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(files.stat("/a", deadline=10))
        await asyncio.wait_for(adb.hanging.wait(), 5)
        with pytest.raises(DeadlinePassed):
            await files.stat("/b", deadline=0.1)
        go.set()
    found = first.result()
    assert found is not None
    assert found.size == 4


async def test_a_file_that_exists_is_not_touched(adb: ScriptedAdb, files: PhoneFiles, tmp_path: Path) -> None:
    adb.services["sync:"] = file_script(3, data(b"123") + DONE)
    (tmp_path / "a").write_text("mine")
    with pytest.raises(FileExistsError):
        await files.pull("/a", tmp_path / "a", limit=10, deadline=5)
    assert (tmp_path / "a").read_text() == "mine"


async def test_trouble_with_our_own_disk_is_not_blamed_on_the_phone(
    adb: ScriptedAdb, files: PhoneFiles, tmp_path: Path
) -> None:
    adb.services["sync:"] = file_script(3, data(b"123") + DONE)
    with pytest.raises(FileNotFoundError):
        await files.pull("/a", tmp_path / "no" / "a", limit=10, deadline=5)
    assert (await files.pull("/a", tmp_path / "a", limit=10, deadline=5)).size == 3


async def test_a_push_that_is_refused_gives_the_phones_words(adb: ScriptedAdb, files: PhoneFiles) -> None:
    async def answer(kind: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        words = b"write failed: No space left on device"
        writer.write(struct.pack("<4sI", b"FAIL", len(words)) + words)
        await writer.drain()
        writer.transport.abort()

    adb.services["sync:"] = sync_script(answer)
    with pytest.raises(DeviceUnusable, match="No space left on device"):
        await files.push(b"x" * 3_000, "/sdcard/a", mode=0o644, deadline=10)


@pytest.mark.parametrize("answered", [b"OKAZ\0\0\0\0", struct.pack("<4sI", b"FAIL", 1 << 30)])
async def test_a_push_with_a_senseless_answer_is_an_unusable_phone(
    adb: ScriptedAdb, files: PhoneFiles, answered: bytes
) -> None:
    async def answer(kind: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(8 + 3 + 8)
        writer.write(answered)

    adb.services["sync:"] = sync_script(answer)
    with pytest.raises(DeviceUnusable):
        await files.push(b"abc", "/sdcard/a", mode=0o644, deadline=10)


@pytest.mark.parametrize("received", [b"", data(b"12")])
async def test_a_phone_that_falls_silent_in_an_answer_ends_it_long_before_the_deadline(
    adb: ScriptedAdb, tmp_path: Path, received: bytes
) -> None:
    adb.services["sync:"] = file_script(5, received, then_hang=True)
    phone = PhoneFiles(PhoneAddress(adb.address, 1, "S1"), frozenset(), silence=0.1)
    with pytest.raises(DeadlinePassed, match=r"said nothing for 0\.1 s") as caught:
        await phone.pull("/a", tmp_path / "x", limit=100, deadline=30)
    await phone.close()
    assert caught.value.hint
    assert names_in(tmp_path) == []


async def test_closing_ends_a_call_in_progress_and_refuses_later_ones(adb: ScriptedAdb, files: PhoneFiles) -> None:
    adb.services["sync:"] = adb.hang
    async with asyncio.TaskGroup() as group:
        hanging = group.create_task(_outcome(files.stat("/a", deadline=30)))
        await asyncio.wait_for(adb.hanging.wait(), 5)
        await files.close()
    assert isinstance(hanging.result(), DeviceLost)
    with pytest.raises(DeviceLost, match="closed"):
        await files.stat("/a", deadline=5)
    await files.close()


async def test_a_kept_connection_that_ended_is_replaced_before_the_next_call(
    adb: ScriptedAdb, files: PhoneFiles
) -> None:
    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, size = struct.unpack("<4sI", await reader.readexactly(8))
        await reader.readexactly(size)
        writer.write(stat_v1(FILE, 4))

    adb.services["sync:"] = once
    for _ in range(3):
        assert await files.stat("/a", deadline=5) is not None
        await asyncio.wait_for(adb.served.get(), 5)
    assert adb.asked.count("sync:") == 3


async def test_a_refused_transport_is_translated(adb: ScriptedAdb, files: PhoneFiles) -> None:
    with pytest.raises(DeviceUnusable, match="no script"):
        await files.stat("/a", deadline=5)


async def test_a_server_that_is_gone_is_a_lost_device(tmp_path: Path) -> None:
    async with ScriptedAdb({}) as server:
        address = server.address
    phone = PhoneFiles(PhoneAddress(address, 1, "S1"), frozenset())
    with pytest.raises(DeviceLost):
        await phone.stat("/a", deadline=5)
    await phone.close()


async def _outcome(call: Awaitable[object]) -> object:
    try:
        return await call
    except BridgeError as error:
        return error
