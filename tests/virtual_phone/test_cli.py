"""`python -m virtual_phone`, as typed in a terminal."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.support.adb_server import PrivateAdbServer
from virtual_phone.cli import main, map_url

TOOLS = Path(__file__).parents[2] / "tools"


@contextlib.asynccontextmanager
async def _running(*arguments: str, env: dict[str, str] | None = None) -> AsyncGenerator[asyncio.subprocess.Process]:
    """The command as a process, ended like with Ctrl-C."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "virtual_phone",
        *arguments,
        env=(env or dict(os.environ)) | {"PYTHONPATH": str(TOOLS)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(15):
            yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        async with asyncio.timeout(10):
            await process.wait()


async def _line(stream: asyncio.StreamReader | None) -> str:
    assert stream is not None
    return (await stream.readline()).decode().rstrip("\n")


async def test_it_prints_the_line_to_type_and_ends_cleanly(adb_server: PrivateAdbServer, photos: Path) -> None:
    async with _running("--photos", str(photos), "--serial", "MINE") as process:
        words = (await _line(process.stdout)).split()
        assert words[:2] == ["adb", "connect"]
        assert (await _line(process.stderr)).startswith("shell: ")
        await adb_server.connect(words[2])
        done = await adb_server.call("-s", words[2], "shell", "getprop ro.serialno")
        assert done.stdout == "MINE\n"
        await adb_server.call("disconnect", words[2])
    assert process.returncode == 0


async def test_it_connects_itself_and_takes_its_connections_away(adb_server: PrivateAdbServer, photos: Path) -> None:
    env = adb_server.env | {"ADB": adb_server.adb}
    async with _running("--photos", str(photos), "--count", "2", "--connect", env=env) as process:
        addresses = [(await _line(process.stdout)).split()[2] for _ in range(2)]
        for address in addresses:
            await adb_server.wait_for(address, "device")
        done = await adb_server.call("-s", addresses[1], "shell", "getprop ro.serialno")
        assert done.stdout == "VP0002\n"
    assert process.returncode == 0
    for address in addresses:
        await adb_server.wait_for(address, None)


async def test_a_browser_gets_the_address_of_the_phones_own_localhost(
    adb_server: PrivateAdbServer, photos: Path, tmp_path: Path
) -> None:
    browser = tmp_path / "browser"
    browser.write_text('#!/bin/sh\necho "$2" > "$1"\n')
    browser.chmod(0o755)
    os.mkfifo(tmp_path / "opened")
    arguments = ["--photos", str(photos), "--browser", f"{browser} {tmp_path}/opened"]
    async with _running(*arguments) as process:
        address = (await _line(process.stdout)).split()[2]
        await adb_server.connect(address)
        url = "http://localhost:8017/#c=1"
        await adb_server.call("-s", address, "shell", f"am start -a android.intent.action.VIEW -d '{url}'")
        opened = await asyncio.to_thread((tmp_path / "opened").read_text)
        await adb_server.call("disconnect", address)
    assert opened.startswith("http://127.1.")
    assert opened.endswith(":8017/#c=1\n")


async def test_an_unauthorized_phone_stays_so(adb_server: PrivateAdbServer, photos: Path) -> None:
    async with _running("--photos", str(photos), "--unauthorized") as process:
        address = (await _line(process.stdout)).split()[2]
        await adb_server.connect(address, state="unauthorized")
        await adb_server.call("disconnect", address)


def test_a_missing_folder_of_photos_is_an_error_with_a_hint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--photos", str(tmp_path / "nothing")]) == 2
    said = capsys.readouterr()
    assert (said.out, "no such folder of photos" in said.err, "hint: " in said.err) == ("", True, True)


def test_no_phone_at_all_is_an_error(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--photos", str(photos), "--count", "0"]) == 2
    assert "--count" in capsys.readouterr().err


def test_a_port_that_is_taken_is_an_error(
    adb_server: PrivateAdbServer, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--photos", str(photos), "--port", str(adb_server.port)]) == 2
    assert "cannot listen" in capsys.readouterr().err


async def test_without_adb_it_says_what_to_do(photos: Path) -> None:
    env = dict(os.environ) | {"ADB": "/nowhere/adb"}
    async with _running("--photos", str(photos), "--connect", env=env) as process:
        await _line(process.stdout)
        assert process.stderr is not None
        assert "/nowhere/adb: No such file" in (await process.stderr.readuntil(b"directory\n")).decode()


@pytest.mark.parametrize(
    ("url", "mapped"),
    [
        ("http://localhost:8017/a?b#c", "http://127.1.0.9:8017/a?b#c"),
        ("http://127.0.0.1/", "http://127.1.0.9/"),
        ("https://example.org:80/localhost", "https://example.org:80/localhost"),
    ],
)
def test_only_the_phones_localhost_is_mapped(url: str, mapped: str) -> None:
    assert map_url(url, "127.1.0.9") == mapped


async def test_a_phone_of_an_older_release_with_an_older_daemon_that_misbehaves(
    adb_server: PrivateAdbServer, photos: Path
) -> None:
    words = ["--photos", str(photos), "--profile", "8", "--daemon", "crlf", "--rogue", "empty_screen"]
    async with _running(*words) as process:
        address = (await _line(process.stdout)).split()[2]
        await adb_server.connect(address)
        release = await adb_server.call(
            "-s", address, "shell", "getprop ro.build.version.release; screencap -p; exit 3"
        )
        binary = await adb_server.call("-s", address, "exec-out", "true")
        await adb_server.call("disconnect", address)
    assert (release.stdout, release.returncode) == ("8\r\n", 0)
    assert "closed" in binary.stderr


@pytest.mark.parametrize("words", [["--profile", "7"], ["--daemon", "x"], ["--rogue", "polite"]])
def test_a_choice_that_does_not_exist_is_an_error(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--photos", "/tmp", *words])
    assert ended.value.code == 2
    assert "invalid choice" in capsys.readouterr().err
