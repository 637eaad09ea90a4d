from pathlib import Path

import pytest

from bridge.adb.server import AdbAddress, AdbBinary, server_address
from bridge.errors import UsageError


@pytest.mark.parametrize(
    ("environ", "address"),
    [
        ({}, AdbAddress("127.0.0.1", 5037)),
        ({"ANDROID_ADB_SERVER_PORT": "15040"}, AdbAddress("127.0.0.1", 15040)),
        ({"ANDROID_ADB_SERVER_ADDRESS": "10.0.0.4"}, AdbAddress("10.0.0.4", 5037)),
        ({"ANDROID_ADB_SERVER_ADDRESS": "h", "ANDROID_ADB_SERVER_PORT": "7"}, AdbAddress("h", 7)),
        ({"ADB_SERVER_SOCKET": "tcp:15041", "ANDROID_ADB_SERVER_PORT": "1"}, AdbAddress("127.0.0.1", 15041)),
        ({"ADB_SERVER_SOCKET": "tcp:farm.lan:5037"}, AdbAddress("farm.lan", 5037)),
        ({"ADB_SERVER_SOCKET": "tcp:[::1]:5038"}, AdbAddress("::1", 5038)),
        ({"ADB_SERVER_SOCKET": "", "ANDROID_ADB_SERVER_PORT": ""}, AdbAddress("127.0.0.1", 5037)),
    ],
)
def test_adbs_own_variables_are_honoured_in_adbs_order(environ: dict[str, str], address: AdbAddress) -> None:
    assert server_address(environ) == address


@pytest.mark.parametrize(
    "environ",
    [
        {"ADB_SERVER_SOCKET": "localfilesystem:/tmp/adb"},
        {"ADB_SERVER_SOCKET": "tcp:"},
        {"ADB_SERVER_SOCKET": "tcp:host:none"},
        {"ANDROID_ADB_SERVER_PORT": "0"},
        {"ANDROID_ADB_SERVER_PORT": "65536"},
        {"ANDROID_ADB_SERVER_PORT": "٥٠٣٧"},
    ],
)
def test_an_address_that_makes_no_sense_says_which_variable_to_change(environ: dict[str, str]) -> None:
    with pytest.raises(UsageError) as caught:
        server_address(environ)
    assert next(iter(environ)) in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("host", "loopback", "text"),
    [
        ("127.0.0.1", True, "127.0.0.1:1"),
        ("::1", True, "[::1]:1"),
        ("localhost", True, "localhost:1"),
        ("10.0.0.1", False, "10.0.0.1:1"),
    ],
)
def test_only_this_machine_counts_as_loopback(host: str, loopback: bool, text: str) -> None:
    assert AdbAddress(host, 1).loopback is loopback
    assert str(AdbAddress(host, 1)) == text


@pytest.mark.parametrize(
    ("version", "good"),
    [("29.0.6-debian", False), ("33.0.2", False), ("33.0.3", True), ("36.0.0-13206524", True)],
)
def test_an_old_adb_gets_a_warning(version: str, good: bool) -> None:
    assert bool(AdbBinary(Path("/adb"), version, "PATH").warning) is not good
