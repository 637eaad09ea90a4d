import asyncio
from contextlib import aclosing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.adb.devices import DeviceLine, list_devices
from bridge.adb.track import Change, changes, track
from bridge.errors import AdbUnreachable, DeadlinePassed
from tests.support.scripted_adb import Script, ScriptedAdb, block

TRACK = "host:track-devices-l"


def line(serial: str, state: str = "device", number: int = 1) -> DeviceLine:
    return DeviceLine(serial, state, number)


def test_a_new_transport_id_under_the_same_serial_is_a_replug() -> None:
    old, new = line("A", number=1), line("A", number=2)
    assert changes([old], [new]) == [Change("went", old), Change("came", new)]


def test_another_state_of_the_same_transport_is_a_turn() -> None:
    old, new, other = line("A"), line("A", "offline"), line("B", number=9)
    assert changes([old, other], [other, new]) == [Change("turned", new)]


LINES = st.lists(
    st.builds(line, st.sampled_from("ABC"), st.sampled_from(["device", "offline"]), st.integers(1, 3)),
    unique_by=lambda one: (one.serial, one.transport_id),
    max_size=6,
)


@given(LINES, LINES)
def test_replaying_the_changes_gives_the_new_list(before: list[DeviceLine], after: list[DeviceLine]) -> None:
    known = {(one.serial, one.transport_id): one for one in before}
    for change in changes(before, after):
        key = (change.line.serial, change.line.transport_id)
        assert (key in known) == (change.what != "came")
        if change.what == "went":
            del known[key]
        else:
            known[key] = change.line
    assert set(known.values()) == set(after)


async def test_each_list_is_given_and_the_servers_end_is_an_error() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(block("A device transport_id:1\n") + block("") + block("A offline transport_id:1\n"))
        await writer.drain()

    async with ScriptedAdb({TRACK: script}) as adb:
        lists = track(adb.address)
        assert [[one.state for one in await anext(lists)] for _ in range(3)] == [["device"], [], ["offline"]]
        with pytest.raises(AdbUnreachable) as caught:
            await anext(lists)
        assert caught.value.hint


async def test_closing_the_tracker_closes_its_socket() -> None:
    async with ScriptedAdb({}) as adb:

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(block(""))
            await adb.hang(reader, writer)

        adb.services[TRACK] = script
        async with aclosing(track(adb.address)) as lists:
            assert await anext(lists) == ()
        await asyncio.wait_for(adb.closed.wait(), 5)


async def test_a_server_that_does_not_answer_is_given_up_at_the_deadline() -> None:
    async with ScriptedAdb({}) as adb:
        adb.mute = True
        with pytest.raises(DeadlinePassed):
            await anext(track(adb.address, deadline=0.1))
        with pytest.raises(DeadlinePassed):
            await list_devices(adb.address, deadline=0.1)


async def test_a_server_that_grants_the_request_but_sends_no_list_is_given_up_too() -> None:
    async with ScriptedAdb({}) as adb:
        adb.services[TRACK] = adb.hang
        with pytest.raises(DeadlinePassed):
            await anext(track(adb.address, deadline=0.1))
        await asyncio.wait_for(adb.closed.wait(), 5)


async def test_a_refused_request_is_an_unreachable_server() -> None:
    async with ScriptedAdb({}) as adb:
        with pytest.raises(AdbUnreachable, match="no script"):
            await anext(track(adb.address))
        with pytest.raises(AdbUnreachable, match="no script"):
            await list_devices(adb.address)


async def test_a_server_that_does_not_tell_of_offline_phones_is_asked_until_it_speaks_itself() -> None:
    asked = asyncio.Event()
    times = 0

    async def tracking(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(block("A device transport_id:1\n"))
        await asked.wait()
        writer.write(block("A device transport_id:2\n"))
        await writer.drain()

    async def listing(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal times
        times += 1
        writer.write(block("A device transport_id:1\n" if times > 1 else "A offline transport_id:1\n"))
        if times == 3:
            asked.set()

    async def features(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(block("shell_v2,cmd"))

    services: dict[str, Script] = {TRACK: tracking, "host:devices-l": listing, "host:host-features": features}
    async with ScriptedAdb(services) as adb, asyncio.timeout(10), aclosing(track(adb.address)) as lists:
        seen = [[(one.state, one.transport_id) for one in await anext(lists)] for _ in range(4)]

    assert seen == [[("device", 1)], [("offline", 1)], [("device", 1)], [("device", 2)]]
    assert times >= 3
