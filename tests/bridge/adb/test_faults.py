import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.adb.deadlines import within
from bridge.adb.devices import DeviceLine
from bridge.adb.faults import NoReverse, phone_refusal, state_hint
from bridge.adb.open import open_transport
from bridge.adb.smartsocket import AdbAddress, frame
from bridge.errors import BridgeError, DeviceLost, DeviceUnusable


@pytest.mark.parametrize(
    ("text", "error", "hint"),
    [
        ("device 'R5CT' not found", DeviceLost, "replug"),
        ("no device with transport id '7'", DeviceLost, "replug"),
        ("no devices/emulators found", DeviceLost, "replug"),
        ("device offline", DeviceLost, "replug"),
        ("device unauthorized.\nThis adb server's $ADB_VENDOR_KEYS is not set", DeviceUnusable, "Allow"),
        ("device still authorizing", DeviceUnusable, "Allow"),
        ("device still connecting", DeviceUnusable, "try again"),
        ("more than one device/emulator", NoReverse, "Android 8"),
        ("cannot rebind existing socket", DeviceUnusable, "another tool"),
        ("cannot bind listener: Address already in use", DeviceUnusable, "another tool"),
        ("closed", DeviceUnusable, "refused"),
        ("", DeviceUnusable, "refused"),
        ("secure_mkdirs failed: No such file or directory", DeviceUnusable, "phone's own"),
        ("open failed: device not found in table", DeviceUnusable, "phone's own"),
    ],
)
def test_each_text_of_adb_has_its_error_and_next_step(text: str, error: type[BridgeError], hint: str) -> None:
    found = phone_refusal(text, serial="S1", doing="adb reverse")
    assert type(found) is error
    assert hint in found.hint
    assert "S1" in found.message
    assert found.fields["adb"] == " ".join(text.split())


@given(st.text())
def test_no_text_is_left_without_a_class_and_a_hint(text: str) -> None:
    found = phone_refusal(text, serial="S1", doing="x")
    assert found.hint
    assert "\n" not in found.message


@pytest.mark.parametrize(
    "state", ["unauthorized", "offline", "no permissions (user in plugdev group)", "bootloader", "?"]
)
def test_every_state_but_device_has_a_hint(state: str) -> None:
    assert state_hint(state)
    assert not state_hint("device")


async def test_a_phone_that_is_not_ready_is_not_opened() -> None:
    with pytest.raises(DeviceUnusable, match="S1 is unauthorized") as caught:
        await open_transport(AdbAddress("127.0.0.1", 1), DeviceLine("S1", "unauthorized", 3))
    assert "Allow" in caught.value.hint


async def test_a_time_out_of_the_operating_system_is_not_taken_for_the_deadline() -> None:
    with pytest.raises(TimeoutError, match="ETIMEDOUT"):
        async with within(10, "x"):
            raise TimeoutError("ETIMEDOUT")


def test_a_request_that_does_not_fit_is_refused() -> None:
    assert frame("a" * 0xFFFF)[:4] == b"ffff"
    with pytest.raises(ValueError, match="65535"):
        frame("a" * 0x10000)


def test_a_phones_words_are_one_short_line_that_drives_no_terminal() -> None:
    found = phone_refusal("\x1b[2Jno\r\nroom" + "x" * 5_000, serial="S1", doing="push")
    assert found.message.isprintable()
    assert "no room" in found.message
    assert len(found.message) < 400
