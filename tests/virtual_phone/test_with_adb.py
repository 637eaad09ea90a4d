"""The phone under Google's own adb server: what people type."""

from pathlib import Path

from support.adb_server import PrivateAdbServer

from virtual_phone import VirtualPhone


async def test_a_command_runs_with_its_output_errors_and_exit_code(
    adb_server: PrivateAdbServer, virtual_phone: VirtualPhone
) -> None:
    done = await adb_server.call("-s", virtual_phone.address, "shell", "echo out; echo err >&2; exit 7")
    assert (done.stdout, done.stderr, done.returncode) == ("out\n", "err\n", 7)


async def test_a_file_survives_the_way_to_the_phone_and_back(
    adb_server: PrivateAdbServer, virtual_phone: VirtualPhone, tmp_path: Path
) -> None:
    data = bytes(range(256)) * 9_000
    (tmp_path / "there").write_bytes(data)
    await adb_server.call("-s", virtual_phone.address, "push", str(tmp_path / "there"), "/sdcard/Download/ü x.bin")
    await adb_server.call("-s", virtual_phone.address, "pull", "/sdcard/Download/ü x.bin", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == data
