"""Shell and exec under the real adb server."""

import asyncio
import os
import re
import sys
import time
from pathlib import Path

import pytest

from tests.support.adb_client import Adb, RefusedError, service
from tests.support.adb_server import PrivateAdbServer
from virtual_phone import VirtualPhone
from virtual_phone.services.shell_wire import Kind, encode


async def test_output_errors_and_exit_code_come_apart(adb: Adb) -> None:
    done = await adb("shell", "echo out; echo err >&2; exit 7")
    assert (done.stdout, done.stderr, done.returncode) == ("out\n", "err\n", 7)


async def test_input_reaches_the_command_and_its_end_too(adb: Adb) -> None:
    assert (await adb("shell", "wc -c", stdin="x" * 100_000)).stdout.strip() == "100000"


async def test_a_killed_command_counts_as_128_and_the_signal(adb: Adb) -> None:
    assert (await adb("shell", "kill -9 $$")).returncode == 137


async def test_exec_is_binary_clean(adb_server: PrivateAdbServer, virtual_phone: VirtualPhone) -> None:
    async with service(adb_server, virtual_phone.address, r"exec:printf 'a\r\nb\0c\377'") as (reader, _):
        assert await reader.read() == b"a\r\nb\0c\xff"


async def test_in_version_1_errors_go_where_output_goes(
    adb_server: PrivateAdbServer, virtual_phone: VirtualPhone
) -> None:
    async with service(adb_server, virtual_phone.address, "shell:echo out; echo err >&2; exit 7") as (reader, _):
        assert await reader.read() == b"out\nerr\n"


async def test_a_terminal_has_a_size_and_a_shell_that_owns_it(
    adb_server: PrivateAdbServer, virtual_phone: VirtualPhone
) -> None:
    async with service(adb_server, virtual_phone.address, "shell,v2,TERM=xterm,pty:") as (reader, writer):
        writer.write(encode(Kind.WINDOW_SIZE, b"24x80,0x0") + encode(Kind.STDIN, b"stty size; echo $TERM; exit 5\n"))
        answer = await reader.read()
    assert b"24 80" in answer
    assert b"xterm" in answer
    assert b"job control" not in answer
    assert answer.endswith(bytes([Kind.EXIT, 1, 0, 0, 0, 5]))


async def test_ctrl_c_interrupts_what_runs_in_a_terminal(
    adb_server: PrivateAdbServer, virtual_phone: VirtualPhone
) -> None:
    async with service(adb_server, virtual_phone.address, "shell,v2,pty:echo ready; sleep 60; echo not reached") as (
        reader,
        writer,
    ):
        assert b"ready" in await reader.readuntil(b"ready")
        writer.write(encode(Kind.STDIN, b"\x03"))
        assert b"not reached" not in await asyncio.wait_for(reader.read(), 5)


@pytest.mark.parametrize("kind", ["shell,v2,raw", "shell", "exec"])
async def test_a_command_gets_a_hang_up_when_the_host_leaves(
    adb_server: PrivateAdbServer, virtual_phone: VirtualPhone, kind: str
) -> None:
    script = "trap 'echo hup > /sdcard/hup; exit' HUP; echo ready; while :; do sleep 0.01; done"
    async with service(adb_server, virtual_phone.address, f"{kind}:{script}") as (reader, _):
        await reader.readuntil(b"ready")
    await _appears(virtual_phone.storage / "hup")


async def test_a_command_that_ignores_the_hang_up_is_ended_all_the_same(
    adb_server: PrivateAdbServer, virtual_phone: VirtualPhone
) -> None:
    script = "trap '' HUP; echo ready; while :; do echo $$ > /sdcard/alive; sleep 0.01; done"
    async with service(adb_server, virtual_phone.address, f"shell,v2,raw:{script}") as (reader, _):
        await reader.readuntil(b"ready")
    await virtual_phone.unplug()  # waits until everything that ran has ended
    (virtual_phone.storage / "alive").unlink()
    await asyncio.sleep(0.05)
    assert not (virtual_phone.storage / "alive").exists()


async def test_a_shell_packet_without_end_ends_the_command(
    adb_server: PrivateAdbServer, virtual_phone: VirtualPhone
) -> None:
    async with service(adb_server, virtual_phone.address, "shell,v2,raw:cat") as (reader, writer):
        writer.write(b"\x00\xff\xff\xff\x7f")
        assert await asyncio.wait_for(reader.read(), 5) == b""


async def test_a_service_nobody_knows_is_refused(adb_server: PrivateAdbServer, virtual_phone: VirtualPhone) -> None:
    with pytest.raises(RefusedError, match="closed"):
        async with service(adb_server, virtual_phone.address, "nonsense:"):
            pass


async def test_every_rung_shows_a_phone(adb_server: PrivateAdbServer, phone_of_each_rung: VirtualPhone) -> None:
    async def shell(command: str) -> str:
        return (await adb_server.call("-s", phone_of_each_rung.address, "shell", command)).stdout

    assert re.fullmatch(r"(bubblewrap|proot|no sandbox .*), \S+, .+", phone_of_each_rung.shell_rung)
    assert await shell("echo data > /sdcard/Download/x; cat /storage/emulated/0/Download/x; echo $?") == "data\n0\n"
    assert (phone_of_each_rung.storage / "Download/x").read_text() == "data\n"
    assert await shell("getprop ro.product.model; exit 3") == "Virtual_Phone\n"
    assert await shell('cd "$EXTERNAL_STORAGE" && ls') == "DCIM\nDownload\nPictures\n"
    assert await shell("echo $HOSTNAME $USER; nosuchtool") == f"{phone_of_each_rung.serial} shell\n"


async def test_a_sandbox_shows_nothing_of_the_laptops_homes_and_folders(
    adb_server: PrivateAdbServer, phone_of_each_rung: VirtualPhone, tmp_path: Path
) -> None:
    if phone_of_each_rung.shell_rung.startswith("no sandbox"):
        pytest.skip("without a sandbox nothing is hidden; the phone says so")
    (tmp_path / "secret").write_text("the laptop's")
    folders = f"{os.environ['HOME']} {tmp_path} {Path(__file__).parent} /home /var /opt"
    script = f"ls -A {folders}; cat {tmp_path}/secret /etc/shadow"
    done = await adb_server.call("-s", phone_of_each_rung.address, "shell", script)
    # The stub commands' interpreter may lie in a home; the folders on the way to it are empty but for it.
    assert {word for word in done.stdout.split() if not word.endswith(":")} <= set(Path(sys.base_prefix).parts)
    hosts = await adb_server.call("-s", phone_of_each_rung.address, "shell", "cat /etc/hosts")
    assert hosts.stdout == f"{phone_of_each_rung.loopback} localhost\n"


async def test_the_sandbox_cannot_write_to_the_system(adb: Adb, virtual_phone: VirtualPhone) -> None:
    if "bubblewrap" not in virtual_phone.shell_rung:
        pytest.skip("only bubblewrap makes folders read-only")
    done = await adb("shell", "touch /system/bin/x /usr/x /x; echo $?")
    assert done.stdout == "1\n"
    assert done.stderr.count("Read-only file system") == 3


async def _appears(path: Path) -> None:
    """Wait for a file that a command on the phone writes."""

    def wait() -> None:
        deadline = time.monotonic() + 5
        while not path.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert path.exists()

    await asyncio.to_thread(wait)
