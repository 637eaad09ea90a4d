import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.adb.devices import DeviceLine, parse_devices_l, select
from bridge.errors import BridgeError, DeviceUnusable, NoSuchDevice

LISTING = """\
R5CT1234567            device usb:1-4 product:beyond1 model:SM_G973F device:beyond1 transport_id:3
192.168.1.7:5555       offline product:px model:Pixel_7 device:panther transport_id:12
emulator-5554          device product:sdk model:sdk_gphone device:emu64 transport_id:2
0123456789             unauthorized usb:3-1 transport_id:7
(no serial number)     no permissions (missing udev rules?); see [http://developer.android.com/x] usb:1-2 transport_id:8
adb-R5 (2)._adb-tls-connect._tcp device product:a model:b device:c transport_id:9
"""

USB = DeviceLine("R5CT1234567", "device", 1, usb="1-4")
OTHER = DeviceLine("R5ZZ", "device", 2, usb="1-5")
WIFI = DeviceLine("192.168.1.7:5555", "device", 3)
GHOST = DeviceLine("192.168.1.9:5555", "offline", 4)
LOCKED = DeviceLine("0123", "unauthorized", 5, usb="3-1")


def test_every_line_of_a_listing_is_read() -> None:
    lines = parse_devices_l(LISTING)
    assert [(line.serial, line.state.split("(")[0].strip(), line.transport_id) for line in lines] == [
        ("R5CT1234567", "device", 3),
        ("192.168.1.7:5555", "offline", 12),
        ("emulator-5554", "device", 2),
        (string.digits, "unauthorized", 7),
        ("(no serial number)", "no permissions", 8),
        ("adb-R5 (2)._adb-tls-connect._tcp", "device", 9),
    ]
    assert lines[0] == DeviceLine("R5CT1234567", "device", 3, "beyond1", "SM_G973F", "beyond1", "1-4")
    assert [line.over_network for line in lines] == [False, True, True, False, False, True]


def test_a_state_nobody_knows_yet_is_kept_and_not_ready() -> None:
    (line,) = parse_devices_l("X1 dreaming usb:1-1 transport_id:4\n")
    assert (line.serial, line.state, line.ready) == ("X1", "dreaming", False)
    assert line.hint


@given(st.text(max_size=300))
def test_no_text_breaks_the_parser(text: str) -> None:
    for line in parse_devices_l(text):
        assert line.serial
        assert line.transport_id >= 0


@given(
    st.lists(
        st.builds(
            DeviceLine,
            serial=st.text("ab:-_.09", min_size=1, max_size=30),
            state=st.sampled_from(
                ["device", "offline", "unauthorized", "recovery", "no permissions (x); see [http://y]"]
            ),
            transport_id=st.integers(1, 10_000),
            product=st.text("abc_", min_size=1),
            model=st.text("abc_", min_size=1),
            device=st.text("abc_", min_size=1),
            usb=st.sampled_from(["", "1-4", "336592896X"]),
        )
    )
)
def test_what_adb_prints_is_what_is_read(devices: list[DeviceLine]) -> None:
    text = "".join(
        f"{d.serial:22s} {d.state}{' usb:' + d.usb if d.usb else ''} product:{d.product} model:{d.model}"
        f" device:{d.device} transport_id:{d.transport_id}\n"
        for d in devices
    )
    assert list(parse_devices_l(text)) == devices


def test_the_only_usable_phone_is_taken_and_a_ghost_does_not_disturb() -> None:
    assert select([GHOST, USB, LOCKED]) == [USB]


@pytest.mark.parametrize(
    ("serials", "expected"),
    [
        (["R5CT1234567"], [USB]),
        (["R5C"], [USB]),
        (["R5*"], [USB, OTHER]),
        (["192.168.1.7"], [WIFI]),
        (["192.*"], [WIFI]),
        (["R5Z", "R5C", "R5ZZ"], [OTHER, USB]),
    ],
)
def test_serials_may_be_exact_prefixes_or_globs(serials: list[str], expected: list[DeviceLine]) -> None:
    assert select([USB, OTHER, WIFI, GHOST, LOCKED], serials=serials) == expected


def test_an_exact_serial_wins_over_a_longer_one_and_over_a_glob_reading() -> None:
    short, bracket = DeviceLine("R5", "device", 8, usb="1-1"), DeviceLine("a[1]", "device", 9, usb="1-2")
    assert select([USB, short], serials=["R5"]) == [short]
    assert select([USB, bracket], serials=["a[1]"]) == [bracket]


def test_usb_and_network_narrow_the_choice() -> None:
    assert select([USB, WIFI], usb=True) == [USB]
    assert select([USB, WIFI], tcp=True) == [WIFI]
    assert select([USB, WIFI, OTHER, LOCKED], usb=True, everything=True) == [USB, OTHER]


@pytest.mark.parametrize(
    ("devices", "choice", "error", "words"),
    [
        ([], {}, NoSuchDevice, "no device"),
        ([WIFI], {"usb": True}, NoSuchDevice, "no device over USB"),
        ([USB], {"tcp": True}, NoSuchDevice, "no device over the network"),
        ([USB, OTHER], {}, NoSuchDevice, "2 devices can be used"),
        ([USB, OTHER], {"serials": ["R5"]}, NoSuchDevice, "2 devices start with"),
        ([USB], {"serials": ["nope"]}, NoSuchDevice, "no device matches"),
        ([USB], {"serials": ["x*"]}, NoSuchDevice, "no device matches"),
        ([LOCKED], {}, DeviceUnusable, "0123 is unauthorized"),
        ([LOCKED, GHOST], {}, DeviceUnusable, "none of 2"),
        ([LOCKED, GHOST], {"everything": True}, DeviceUnusable, "none of 2"),
        ([USB, LOCKED], {"serials": ["0123"]}, DeviceUnusable, "0123 is unauthorized"),
        ([USB, LOCKED, GHOST], {"serials": ["[01]*"]}, DeviceUnusable, "none of 2"),
    ],
)
def test_a_choice_that_cannot_be_made_shows_the_table_and_the_next_step(
    devices: list[DeviceLine], choice: dict[str, object], error: type[BridgeError], words: str
) -> None:
    with pytest.raises(error, match=words) as caught:
        select(devices, **choice)  # type: ignore[arg-type]  # the table above holds keyword arguments
    assert caught.value.hint
    assert [row["serial"] for row in caught.value.fields["devices"]] == [line.serial for line in devices]
