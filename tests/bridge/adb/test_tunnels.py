import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.adb.phone_transport import AdbTransport
from bridge.adb.smartsocket import PhoneAddress
from bridge.adb.transport import ReverseEntry
from bridge.adb.tunnels import parse_reverse_list, same_listener
from bridge.errors import DeviceLost, DeviceUnusable
from tests.support.scripted_adb import Script, ScriptedAdb, block

FORWARD = "reverse:forward:tcp:localhost:8017;tcp:1"
LIST = "reverse:list-forward"
TAKEN = b"FAIL" + block("cannot bind listener: Address already in use")


def says(*answers: bytes) -> Script:
    """A script: the next answer at each call."""
    left = list(answers)

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(left.pop(0))
        await writer.drain()

    return script


def phone(adb: ScriptedAdb) -> AdbTransport:
    return AdbTransport(PhoneAddress(adb.address, 1, "S1"), frozenset())


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("tcp:localhost:8017", "tcp:8017", True),
        ("tcp:8017", "tcp:8017", True),
        ("tcp:localhost:8017", "tcp:8018", False),
        ("localabstract:a", "localabstract:a", True),
        ("localabstract:8017", "tcp:8017", False),
    ],
)
def test_listeners_are_compared_by_port(one: str, other: str, same: bool) -> None:
    assert same_listener(one, other) is same


@given(st.text())
def test_no_list_breaks_the_parser(text: str) -> None:
    assert all(entry.remote and entry.local for entry in parse_reverse_list(text))


def test_a_list_is_read() -> None:
    text = "UsbFfs tcp:8017 tcp:40001\nUsbFfs localabstract:scrcpy_1 tcp:27183\n"
    assert parse_reverse_list(text) == [
        ReverseEntry("tcp:8017", "tcp:40001"),
        ReverseEntry("localabstract:scrcpy_1", "tcp:27183"),
    ]


async def test_a_listener_that_is_there_already_for_us_is_fine() -> None:
    async with ScriptedAdb({FORWARD: says(TAKEN), LIST: says(block("host tcp:8017 tcp:1\n"))}) as adb:
        await phone(adb).reverse("tcp:localhost:8017", "tcp:1")
        assert not any("killforward" in name for name in adb.asked)


async def test_our_older_target_is_replaced_by_its_listed_name() -> None:
    kill = "reverse:killforward:tcp:8017"
    listed = block("host tcp:8017 tcp:9\nhost tcp:80 tcp:9\n")
    async with ScriptedAdb({FORWARD: says(TAKEN, b"OKAY"), LIST: says(listed, listed), kill: says(b"OKAY")}) as adb:
        await phone(adb).reverse("tcp:localhost:8017", "tcp:1")
        assert [name for name in adb.asked if "killforward" in name] == [kill]


async def test_with_norebind_another_owner_is_an_error_and_stays() -> None:
    forward = "reverse:forward:norebind:tcp:localhost:8017;tcp:1"
    async with ScriptedAdb({forward: says(TAKEN), LIST: says(block("host tcp:8017 tcp:9\n"))}) as adb:
        with pytest.raises(DeviceUnusable) as caught:
            await phone(adb).reverse("tcp:localhost:8017", "tcp:1", norebind=True)
        assert "another tool" in caught.value.hint
        assert not any("killforward" in name for name in adb.asked)


async def test_a_port_an_app_holds_is_an_error_with_the_phones_words() -> None:
    async with ScriptedAdb({FORWARD: says(TAKEN), LIST: says(block(""))}) as adb:
        with pytest.raises(DeviceUnusable, match="Address already in use"):
            await phone(adb).reverse("tcp:localhost:8017", "tcp:1")


async def test_android_8_over_the_network_is_explained() -> None:
    refused = b"FAIL" + block("more than one device/emulator")
    async with ScriptedAdb({FORWARD: says(refused), LIST: says(block(""))}) as adb:
        with pytest.raises(DeviceUnusable) as caught:
            await phone(adb).reverse("tcp:localhost:8017", "tcp:1")
    assert "Android 8" in caught.value.hint
    assert "USB cable" in caught.value.hint


async def test_removing_takes_only_what_is_named_and_missing_is_fine() -> None:
    listed = block("host tcp:8017 tcp:1\nhost tcp:8081 tcp:8081\n")
    kill = "reverse:killforward:tcp:8017"
    gone = b"FAIL" + block("listener 'tcp:8017' not found")
    async with ScriptedAdb({LIST: says(listed, listed, block("")), kill: says(b"OKAY", gone)}) as adb:
        for _ in range(3):
            await phone(adb).reverse_remove("tcp:localhost:8017")
        assert [name for name in adb.asked if "killforward" in name] == [kill, kill]


async def test_a_removal_that_is_refused_for_another_reason_is_an_error() -> None:
    kill = "reverse:killforward:tcp:8017"
    refused = b"FAIL" + block("not today")
    async with ScriptedAdb({LIST: says(block("host tcp:8017 tcp:1\n")), kill: says(refused)}) as adb:
        with pytest.raises(DeviceUnusable, match="not today"):
            await phone(adb).reverse_remove("tcp:8017")


@pytest.mark.parametrize("answer", [b"", b"00ffshort"])
async def test_a_list_that_breaks_off_is_a_broken_link(answer: bytes) -> None:
    async with ScriptedAdb({LIST: says(answer)}) as adb:
        with pytest.raises(DeviceLost):
            await phone(adb).reverse_list()


@pytest.mark.parametrize("answer", [b"zzzz", b"-001"])
async def test_a_list_without_a_length_is_not_adbs(answer: bytes) -> None:
    async with ScriptedAdb({LIST: says(answer)}) as adb:
        with pytest.raises(DeviceUnusable, match="is no length"):
            await phone(adb).reverse_list()
