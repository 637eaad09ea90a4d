"""Commands against a phone that lies, hangs or goes away. The honest one is in tests/conformance."""

import asyncio
import re
import struct
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.adb.output import LineSplitter
from bridge.adb.phone_transport import AdbTransport
from bridge.adb.plain_shell import Beginning
from bridge.adb.smartsocket import PhoneAddress
from bridge.adb.transport import ShellResult
from bridge.errors import BridgeError, DeadlinePassed, DeviceLost, DeviceUnusable
from tests.support.scripted_adb import Script, ScriptedAdb, block

CHANNEL = "shell,v2,raw:exec sh"
ONE_SHOT = "shell,v2,raw:'"


def packet(kind: int, data: bytes) -> bytes:
    return struct.pack("<BI", kind, len(data)) + data


def says(*pieces: bytes) -> Script:
    """A script: send this, one write a piece, and close."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()

    return script


async def next_command(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """The next line sent to a kept shell, and its marker."""
    _, size = struct.unpack("<BI", await reader.readexactly(5))
    line = await reader.readexactly(size)
    found = re.search(rb"echo (\w{32})\$\?", line)
    assert found, line
    return line, found[1]


@pytest.fixture
async def adb() -> AsyncIterator[ScriptedAdb]:
    async with ScriptedAdb({}) as server:
        yield server


@pytest.fixture
async def new(adb: ScriptedAdb) -> AsyncIterator[AdbTransport]:
    transport = AdbTransport(PhoneAddress(adb.address, 1, "S1"), frozenset({"shell_v2"}))
    yield transport
    await transport.close()


@pytest.fixture
async def old(adb: ScriptedAdb) -> AsyncIterator[AdbTransport]:
    transport = AdbTransport(PhoneAddress(adb.address, 1, "S1"), frozenset())
    yield transport
    await transport.close()


async def test_a_kept_shell_answers_many_commands_on_one_stream(adb: ScriptedAdb, new: AdbTransport) -> None:
    async def shell(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            _, marker = await next_command(reader)
            for piece in (b"out", b" " + marker[:7], marker[7:20]):  # a marker's beginning is not the end
                writer.write(packet(1, piece))
                await writer.drain()
            writer.write(packet(2, b"err" + marker + b"\n") + packet(1, b"no end\n" + marker + b"42\n"))

    adb.services[CHANNEL] = shell
    for _ in range(3):
        result = await new.shell(["x"], deadline=5)
        assert result.stdout.endswith(b"no end\n")
        assert (result.stdout[:4], result.stderr, result.exit_code) == (b"out ", b"err", 42)
    assert [name for name in adb.asked if name.startswith("shell")] == [CHANNEL]


async def test_a_command_that_hangs_costs_its_deadline_and_the_shell_not_the_next_command(
    adb: ScriptedAdb, new: AdbTransport
) -> None:
    adb.services[CHANNEL] = adb.hang
    with pytest.raises(DeadlinePassed, match=r"S1: `x y` did not end within 0\.1 s"):
        await new.shell(["x", "y"], deadline=0.1)
    await asyncio.wait_for(adb.closed.wait(), 5)
    adb.services[CHANNEL] = says(packet(3, b"\7"))  # this one ends its shell: its exit code is the command's
    assert (await new.shell(["x"], deadline=5)).exit_code == 7


@pytest.mark.parametrize("farewell", [b"", packet(3, b"\x89"), packet(1, b"late words of a child")])
async def test_a_kept_shell_that_ended_or_spoke_unasked_is_replaced_before_the_next_command(
    adb: ScriptedAdb, new: AdbTransport, farewell: bytes
) -> None:
    async def shell(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, marker = await next_command(reader)
        writer.write(packet(1, b"ok" + marker + b"0\n") + packet(2, marker + b"\n"))
        await writer.drain()
        await told.wait()
        writer.write(farewell)
        await writer.drain()
        if not farewell:
            writer.transport.abort()
        done.set()
        await adb.hang(reader, writer)

    told, done = asyncio.Event(), asyncio.Event()
    adb.services[CHANNEL] = shell
    assert (await new.shell(["x"], deadline=5)).stdout == b"ok"
    told.set()
    await asyncio.wait_for(done.wait(), 5)
    assert (await new.shell(["x"], deadline=5)).stdout == b"ok"
    assert adb.asked.count(CHANNEL) == 2


async def test_while_the_kept_shell_is_busy_a_second_command_gets_its_own(adb: ScriptedAdb, new: AdbTransport) -> None:
    adb.services[CHANNEL] = adb.hang
    adb.services[ONE_SHOT] = says(packet(2, b"e"), packet(1, b"o"), packet(3, b"\3"))
    async with asyncio.TaskGroup() as group:
        busy = group.create_task(new.shell(["sleep"], deadline=30))
        await asyncio.wait_for(adb.hanging.wait(), 5)
        result = await new.shell(["x"], deadline=5)
        busy.cancel()
    assert (result.stdout, result.stderr, result.exit_code) == (b"o", b"e", 3)


@pytest.mark.parametrize("service", [CHANNEL, ONE_SHOT])
async def test_too_much_output_is_refused_and_not_kept(adb: ScriptedAdb, new: AdbTransport, service: str) -> None:
    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(packet(1, b"x" * 65_536))
            await writer.drain()

    adb.services[service] = flood
    new._channel.busy = service == ONE_SHOT
    with pytest.raises(DeviceUnusable, match="more than 100000 bytes"):
        await new.shell(["x"], limit=100_000, deadline=5)


@pytest.mark.parametrize("service", [CHANNEL, ONE_SHOT])
@pytest.mark.parametrize(
    ("sent", "error"),
    [(b"", DeviceLost), (packet(1, b"half"), DeviceLost), (struct.pack("<BI", 3, 9) + bytes(9), DeviceUnusable)],
)
async def test_a_stream_that_ends_is_a_lost_device_and_one_that_breaks_an_unusable_one(
    adb: ScriptedAdb, new: AdbTransport, service: str, sent: bytes, error: type[BridgeError]
) -> None:
    adb.services[service] = says(sent)
    new._channel.busy = service == ONE_SHOT
    with pytest.raises(error) as caught:
        await new.shell(["x"], deadline=5)
    assert caught.value.hint


async def test_a_marker_with_a_senseless_code_is_not_believed(adb: ScriptedAdb, new: AdbTransport) -> None:
    async def shell(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, marker = await next_command(reader)
        writer.write(packet(1, marker + b"x\n") + packet(2, marker + b"\n"))
        await reader.read()

    adb.services[CHANNEL] = shell
    with pytest.raises(DeadlinePassed):
        await new.shell(["x"], deadline=0.1)


def plain(adb: ScriptedAdb, printed: bytes, code: bytes = b"", line_end: bytes = b"\n") -> Script:
    """A plain shell: noise, the first marker, what the command printed, the last marker, and a stream left open."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        found = re.search(r"echo (\w{32});", adb.asked[-1])
        assert found
        marker = found[1].encode()
        writer.write(b"WARNING: linker: " + marker[:9] + line_end + marker + line_end)
        await writer.drain()
        for byte in printed.replace(b"\n", line_end):
            writer.write(bytes([byte]))
            await writer.drain()
        if code:
            writer.write(marker + code + line_end)
            await reader.read()

    return script


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
@pytest.mark.parametrize(("printed", "code"), [(b"", b"0"), (b"a\nb", b"7"), (b"a\r\n\r", b"255"), (b"\r\r\n\n", b"1")])
async def test_without_shell_v2_the_exit_code_comes_from_a_marker_and_line_ends_are_the_commands_own(
    adb: ScriptedAdb, old: AdbTransport, printed: bytes, code: bytes, line_end: bytes
) -> None:
    adb.services["exec:echo"] = plain(adb, printed, code, line_end)
    result = await old.shell(["x"], deadline=5)
    assert (result.stdout, result.stderr, result.exit_code) == (printed, b"", int(code))


async def test_without_exec_the_shell_service_is_used_and_that_is_remembered(
    adb: ScriptedAdb, old: AdbTransport
) -> None:
    adb.refused["exec:"] = "closed"
    adb.services["shell:echo"] = plain(adb, b"out\n", b"3", b"\r\n")
    for _ in range(2):
        assert await old.shell(["x"], deadline=5) == ShellResult(b"out\n", b"", 3)
    assert sum(name.startswith("exec:") for name in adb.asked) == 1
    adb.services["shell:echo"] = plain(adb, b"one\ntwo\n", line_end=b"\r\n")
    adb.services["host-transport-id:1:get-state"] = says(block("device"))
    assert await collected(old.lines(["x"])) == [b"one", b"two"]


async def test_a_refusal_that_is_no_missing_service_is_told_as_it_is(adb: ScriptedAdb, old: AdbTransport) -> None:
    adb.refused["exec:"] = "device offline"
    adb.services["shell:"] = plain(adb, b"out", b"0")
    with pytest.raises(DeviceLost):
        await old.shell(["x"], deadline=5)


async def test_a_plain_shell_that_never_says_the_marker_is_left(adb: ScriptedAdb, old: AdbTransport) -> None:
    async def chatter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"x" * 1000)
            await writer.drain()

    adb.services["exec:"] = chatter
    with pytest.raises(DeviceUnusable, match="other things"):
        await old.shell(["x"], deadline=5)


async def test_without_shell_v2_an_end_without_marker_is_a_lost_device_only_if_it_is_gone(
    adb: ScriptedAdb, old: AdbTransport
) -> None:
    adb.services["exec:"] = plain(adb, b"half")
    adb.services["host-transport-id:1:get-state"] = says(block("offline"))
    with pytest.raises(DeviceLost, match="offline now"):
        await old.shell(["x"], deadline=5)
    adb.services["host-transport-id:1:get-state"] = says(block("device"))
    result = await old.shell(["x"], deadline=5)
    assert (result.stdout, result.exit_code) == (b"half", None)


async def collected(lines: AsyncIterator[bytes]) -> list[bytes]:
    return [line async for line in lines]


async def test_lines_are_whole_however_they_are_cut_and_the_last_needs_no_end(
    adb: ScriptedAdb, new: AdbTransport
) -> None:
    adb.services[ONE_SHOT] = says(
        packet(1, b"on"), packet(1, b"e\n\ntw"), packet(2, b"!"), packet(1, b"o"), packet(3, b"\0")
    )
    assert await collected(new.lines(["x"])) == [b"one", b"", b"two"]


async def test_closing_the_lines_closes_the_stream(adb: ScriptedAdb, new: AdbTransport) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(packet(1, b"ready\n"))
        await adb.hang(reader, writer)

    adb.services[ONE_SHOT] = script
    async with aclosing(new.lines(["x"])) as lines:
        assert await anext(lines) == b"ready"
        assert not adb.closed.is_set()
    await asyncio.wait_for(adb.closed.wait(), 5)


async def test_lines_that_end_with_an_error_tell_the_last_words(adb: ScriptedAdb, new: AdbTransport) -> None:
    adb.services[ONE_SHOT] = says(packet(1, b"a\n"), packet(2, b"inotifyd: not\n found\n"), packet(3, b"\x7f"))
    with pytest.raises(DeviceUnusable, match="`x` ended with 127: inotifyd: not found"):
        await collected(new.lines(["x"]))


async def test_lines_cut_off_are_a_lost_device(adb: ScriptedAdb, new: AdbTransport) -> None:
    adb.services[ONE_SHOT] = says(packet(1, b"a\nb"))
    with pytest.raises(DeviceLost):
        await collected(new.lines(["x"]))


async def test_an_endless_line_is_refused(adb: ScriptedAdb, new: AdbTransport) -> None:
    adb.services[ONE_SHOT] = says(packet(1, b"x" * 500), packet(1, b"x" * 501))
    with pytest.raises(DeviceUnusable, match="more than 1000"):
        await collected(new.lines(["x"], limit=1_000))


@pytest.mark.parametrize(("state", "lines"), [("device", [b"a", b"b"]), ("offline", None)])
async def test_without_shell_v2_the_end_of_lines_is_an_end_only_if_the_phone_is_still_there(
    adb: ScriptedAdb, old: AdbTransport, state: str, lines: list[bytes] | None
) -> None:
    adb.services["exec:"] = plain(adb, b"a\nb")
    adb.services["host-transport-id:1:get-state"] = says(block(state))
    if lines is None:
        with pytest.raises(DeviceLost):
            await collected(old.lines(["x"]))
    else:
        assert await collected(old.lines(["x"])) == lines


@given(st.lists(st.binary(max_size=20)), st.integers(0, 30))
def test_the_splitter_gives_what_split_gives_or_refuses(pieces: list[bytes], limit: int) -> None:
    splitter, lines = LineSplitter(limit), []
    try:
        for piece in pieces:
            lines += splitter.feed(piece)
    except DeviceUnusable:
        assert max(map(len, b"".join(pieces).split(b"\n"))) > limit
        return
    lines += splitter.end()
    wanted = b"".join(pieces).split(b"\n")
    assert lines == (wanted if wanted[-1] else wanted[:-1])


@given(st.binary(max_size=200), st.lists(st.integers(1, 9), min_size=1, max_size=40), st.booleans())
def test_a_plain_shells_output_is_the_commands_own_however_it_is_cut(
    printed: bytes, cuts: list[int], cooked: bool
) -> None:
    end = b"\r\n" if cooked else b"\n"
    sent = b"noise" + end + b"MARKER" + end + printed.replace(b"\n", end)
    beginning, got, at = Beginning(b"MARKER"), b"", 0
    while at < len(sent):
        size = cuts[at % len(cuts)]
        got += beginning.feed(sent[at : at + size])
        at += size
    assert got + beginning.end() == printed
