"""`bridge doctor` as people run it: what it says about a good chain, and about each way in which one is not."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from bridge.supervise.lease import Lease
from host_server.wire.discovery import HostRecord, write_host_record
from tests.support.adb_server import PrivateAdbServer
from tests.support.command import BRIDGE, Done, bridge
from tests.support.host import RunningHost
from tests.support.in_process import bridge_here
from tests.support.scripted_adb import ScriptedAdb, block
from virtual_phone import VirtualPhone
from virtual_phone.commands.reply import Reply
from virtual_phone.rogues.rogue import answering

pytestmark = pytest.mark.e2e

Findings = dict[tuple[str, str], dict[str, Any]]


async def doctor(env: Mapping[str, str], *words: str, code: int, cwd: Path | None = None) -> Findings:
    """Run it; each finding by area and check. Whatever is not PASS has a next step."""
    return judged(await bridge_here("doctor", "--json", *words, env=env, cwd=cwd), code)


def judged(done: Done, code: int) -> Findings:
    (told,) = done.lines
    found = {(check["area"].partition(" ")[0], check["check"]): check for check in told["checks"]}

    assert done.code == told["exit_code"] == code, [check for check in told["checks"] if check["status"] != "PASS"]
    assert all(check["hint"] for check in told["checks"] if check["status"] != "PASS")
    assert done.err == ""
    return found


def statuses(found: Findings, status: str) -> set[tuple[str, str]]:
    return {name for name, check in found.items() if check["status"] == status}


@contextlib.asynccontextmanager
async def plugged(
    adb: PrivateAdbServer, photos: Path, state: str = "device", **kind: Any
) -> AsyncGenerator[VirtualPhone]:
    """Another phone on the same adb server."""
    async with VirtualPhone(photos, capture_pause=0.02, **kind) as phone:
        await adb.connect(phone.address, state=state)
        try:
            yield phone
        finally:
            await adb.call("disconnect", phone.address)


# ------------------------------------------------------------------------------------------------ a good chain


async def test_a_good_chain_passes_and_is_left_as_it_was(
    laptop: dict[str, str], virtual_phone: VirtualPhone, tmp_path: Path
) -> None:
    with RunningHost.start(tmp_path / "state"):
        found = judged(await bridge("doctor", "--json", env=laptop), 0)

    assert statuses(found, "PASS") == set(found)
    assert "a word came through" in found["phone", "reverse"]["text"]
    assert found["host", "live"]["facts"]["url"].startswith("http://127.0.0.1:")
    assert ("engines", "echo") in found
    assert virtual_phone.reverse_listeners == {}
    assert found["settings", "state_dir"]["facts"]["origin"] == "environment"


async def test_a_pipe_gets_a_line_a_finding_and_no_colour(laptop: dict[str, str]) -> None:
    done = await bridge("doctor", env=laptop)

    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0].startswith("PASS  command name: ")
    assert any(line.startswith("WARN  phones listed: adb lists no phone") for line in lines)
    assert any(line.startswith("      hint: ") and "bridge demo" in line for line in lines)
    assert lines[-1].endswith(" passed")
    assert "\x1b" not in done.out


# ------------------------------------------------------------------------------------------------ the laptop


async def test_a_laptop_in_disorder_is_told_what_to_do(laptop: dict[str, str], tmp_path: Path) -> None:
    tools, home, state = tmp_path / "tools", tmp_path / "home", tmp_path / "state"
    (home / ".android").mkdir(parents=True)
    (home / ".android/adbkey").write_text("-----BEGIN PRIVATE KEY-----\n")
    (home / ".android/adbkey").chmod(0o644)
    state.mkdir()
    state.chmod(0o777)
    (tmp_path / "bridge.toml").write_text('phone_port = "many"\n')
    tools.mkdir()
    _program(tools / "adb", "echo 'Android Debug Bridge version 1.0.32'; echo 'Version 27.0.1-4500957'")
    _program(tools / "bridge", "exit 1")
    env = {**laptop, "HOME": str(home), "PATH": f"{tools}:/usr/bin:/bin", "ADB": "adb"}

    found = await doctor(env, code=1, cwd=tmp_path)

    assert statuses(found, "FAIL") == {("settings", "read"), ("settings", "folder")}
    assert {("command", "name"), ("adb", "program"), ("adb", "protocol"), ("adb", "key")} <= statuses(found, "WARN")
    assert "bridge.toml" in found["settings", "read"]["text"]
    assert "chmod go-w" in found["settings", "folder"]["hint"]
    assert "PATH" in found["command", "name"]["hint"]
    assert "unset ADB" in found["adb", "program"]["hint"]
    assert "speaks 32: running it ends the server" in found["adb", "protocol"]["text"]
    assert "chmod 600" in found["adb", "key"]["hint"]


async def test_an_adb_that_does_not_run_and_a_server_that_is_none_are_exit_code_5(
    laptop: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / ".android").mkdir()
    (tmp_path / ".android/adbkey").write_text("my holiday")
    async with _stranger() as port:
        env = {**laptop, "HOME": str(tmp_path), "ADB": "/nowhere/adb", "ADB_SERVER_SOCKET": f"tcp:127.0.0.1:{port}"}
        found = await doctor(env, code=5)

    assert statuses(found, "FAIL") == {("adb", "program"), ("adb", "server"), ("adb", "key")}
    assert found["adb", "key"]["exit_code"] == 1  # the gravest decides


async def test_a_setting_of_each_place_names_its_place(laptop: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "bridge.toml").write_text('prompt = "What is it?"\n')
    (tmp_path / "config/lensbridge").mkdir(parents=True)
    (tmp_path / "config/lensbridge/config.toml").write_text('engine = ["echo"]\n')
    env = {**laptop, "BRIDGE_TOKEN": "do-not-show-me"}

    found = await doctor(env, "--phone-port", "9017", code=0, cwd=tmp_path)

    places = {name: check["facts"].get("origin") for (area, name), check in found.items() if area == "settings"}
    assert places["prompt"] == "bridge.toml"
    assert places["engine"] == str(tmp_path / "config/lensbridge/config.toml")
    assert places["token"] == "environment"
    assert places["phone_port"] == "flag"
    assert "do-not-show-me" not in json.dumps(list(found.values()))


@pytest.mark.parametrize(("size", "status", "code"), [("60m", "WARN", 0), ("20m", "FAIL", 1)])
async def test_a_disk_without_room_for_pictures_is_told(
    laptop: dict[str, str], tmp_path: Path, size: str, status: str, code: int
) -> None:
    (tmp_path / "state").mkdir(mode=0o700)
    small = f"mount -t tmpfs -o mode=0700,size={size} none {tmp_path}/state && exec {BRIDGE} doctor --json"
    done = await asyncio.to_thread(
        subprocess.run, ["unshare", "-Urm", "sh", "-c", small], env=laptop, capture_output=True, text=True, timeout=30
    )
    if "unshare" in done.stderr or "mount" in done.stderr:
        pytest.skip(f"no mounts of our own here: {done.stderr.strip()}")

    found = judged(Done(done.returncode, done.stdout, done.stderr), code)

    assert found["settings", "storage"]["status"] == status


# ------------------------------------------------------------------------------------------------ phones


async def test_a_phone_that_was_named_and_is_not_there_is_exit_code_3(
    laptop: dict[str, str], virtual_phone: VirtualPhone
) -> None:
    found = await doctor(laptop, "-s", "R58M", code=3)

    assert "R58M" in found["phones", "listed"]["text"]
    assert not any(area == "phone" for area, _ in found)  # the other one was not asked for


@pytest.mark.parametrize(
    ("state", "kind", "word"),
    [("unauthorized", {"authorized": False}, "Allow"), ("recovery", {"mode": "recovery"}, "Reboot system now")],
)
async def test_a_phone_that_cannot_be_used_is_exit_code_4(
    laptop: dict[str, str], adb_server: PrivateAdbServer, photos: Path, state: str, kind: dict[str, Any], word: str
) -> None:
    async with plugged(adb_server, photos, state, **kind):
        found = await doctor(laptop, code=4)

    assert statuses(found, "FAIL") == {("phone", "state")}
    assert found["phone", "state"]["text"] == state
    assert word in found["phone", "state"]["hint"]


async def test_a_phone_whose_usb_device_may_not_be_opened_gets_the_udev_hint(laptop: dict[str, str]) -> None:
    async def version(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(block("0029"))

    async def listing(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(
            block("R58M0000 no permissions (user in plugdev group; are your udev rules wrong?); see usb:1-1\n")
        )

    async with ScriptedAdb({"host:version": version, "host:devices-l": listing}) as server:
        env = {**laptop, "ADB_SERVER_SOCKET": f"tcp:127.0.0.1:{server.address.port}"}
        found = await doctor(env, code=4)

    assert found["phone", "state"]["text"] == "no permissions"
    assert "udevadm" in found["phone", "state"]["hint"]


async def test_hanging_and_offline_phones_are_told_in_time(
    laptop: dict[str, str], adb_server: PrivateAdbServer, virtual_phone: VirtualPhone, photos: Path
) -> None:
    async with plugged(adb_server, photos) as away:
        await away.unplug()
        await adb_server.wait_for(away.address, "offline")
        began = time.monotonic()
        with virtual_phone.hanging():
            done = await bridge("doctor", "--timeout", "4", env=laptop)

    assert time.monotonic() - began < 6
    assert done.code == 4
    assert f"FAIL  phone {virtual_phone.address} answers: " in done.out
    assert f"FAIL  phone {away.address} state: offline" in done.out
    assert done.out.count("hint: ") >= 2
    assert "error: phone " in done.err  # what to mend first stands last
    assert done.hint


async def test_a_phone_with_many_small_troubles_gets_a_warning_for_each(
    laptop: dict[str, str], virtual_phone: VirtualPhone, tmp_path: Path
) -> None:
    phone = virtual_phone
    phone.device.camera_granted.discard("com.android.chrome")
    phone.device.never_started.add("com.android.chrome")
    phone.device.properties["sys.boot_completed"] = ""
    _replaced(phone, "date", "echo 1000000000")
    _replaced(phone, "df", "echo 'Filesystem 1K-blocks Used Available Use% Mounted on'; echo '/x 9 9 4096 99% /sdcard'")
    for tool in ("inotifyd", "nc", "toybox"):
        _replaced(phone, tool, None)

    found = await doctor(laptop, code=0)

    expected = {"answers", "inotifyd", "storage", "welcome", "camera", "clock"}
    assert statuses(found, "WARN") == {("phone", name) for name in expected}
    assert "still starting" in found["phone", "answers"]["text"]
    assert "4.2 MB free" in found["phone", "storage"]["text"]
    assert "pm grant com.android.chrome android.permission.CAMERA" in found["phone", "camera"]["hint"]
    assert "days behind" in found["phone", "clock"]["text"]
    assert "no `nc`" in found["phone", "reverse"]["text"]  # which is no reason to doubt it


async def test_the_browser_in_its_welcome_screen_is_seen(laptop: dict[str, str], virtual_phone: VirtualPhone) -> None:
    virtual_phone.device.front = "com.android.chrome/org.chromium.chrome.browser.firstrun.FirstRunActivity"

    found = await doctor(laptop, code=0)

    assert statuses(found, "WARN") == {("phone", "welcome")}


async def test_two_browsers_and_none_chosen_or_none_at_all_is_a_warning(
    laptop: dict[str, str], adb_server: PrivateAdbServer, virtual_phone: VirtualPhone, photos: Path
) -> None:
    virtual_phone.device.packages["org.mozilla.firefox"] = "131.0"
    async with plugged(adb_server, photos) as bare:
        del bare.device.packages["com.android.chrome"]
        with answering(cmd=lambda _device, _words: Reply.error("cmd: not found", 127))(bare._parts):
            done = await bridge_here("doctor", env=laptop)

    assert done.code == 0
    assert f"WARN  phone {virtual_phone.address} browser: the phone asks each time" in done.out
    assert f"WARN  phone {bare.address} browser: nothing on the phone opens web pages" in done.out
    assert "Always" in done.out
    assert "--no-page" in done.out


async def test_a_port_that_another_tool_leads_elsewhere_and_words_that_get_lost_are_exit_code_4(
    laptop: dict[str, str], adb_server: PrivateAdbServer, virtual_phone: VirtualPhone
) -> None:
    await adb_server.call("-s", virtual_phone.address, "reverse", "tcp:8017", "tcp:9")
    _replaced(virtual_phone, "nc", "exit 0")
    _replaced(virtual_phone, "toybox", "exit 0")

    found = await doctor(laptop, code=4)

    assert statuses(found, "FAIL") == {("phone", "port"), ("phone", "reverse")}
    assert "reverse --remove tcp:8017" in found["phone", "port"]["hint"]
    assert virtual_phone.reverse_listeners == {"tcp:8017": "tcp:9"}  # not ours to touch


async def test_a_phone_without_reverse_is_a_warning_and_one_that_talks_nonsense_is_exit_code_4(
    laptop: dict[str, str], adb_server: PrivateAdbServer, photos: Path
) -> None:
    async with plugged(adb_server, photos, daemon="old") as old, plugged(adb_server, photos) as odd:
        _replaced(odd, "getprop", "exit 0")
        _replaced(odd, "sh", "echo nonsense")
        done = await bridge_here("doctor", env=laptop)

    assert done.code == 4
    assert f"WARN  phone {old.address} features: an old daemon" in done.out
    assert f"WARN  phone {old.address} reverse: no page on this phone" in done.out
    assert f"phone {old.address} port" not in done.out
    assert f"FAIL  phone {odd.address} answers: its shell says something odd" in done.out


async def test_what_a_running_connect_says_about_its_phone_is_passed_on(
    laptop: dict[str, str], virtual_phone: VirtualPhone, tmp_path: Path
) -> None:
    silent = "no word from the page on the phone; waiting for you"
    state = {"state": "up", "detail": silent, "hint": "unlock the phone", "pages": 0}
    async with _answering(lambda _path: (200, state)) as url:
        with Lease(tmp_path / "state", virtual_phone.address, "connect") as lease:
            lease.announce(url, "control")
            found = await doctor(laptop, code=0)
            lease.announce("http://127.0.0.1:9", "control")
            lost = await doctor(laptop, code=4)

    assert silent in found["phone", "connection"]["text"]
    assert found["phone", "connection"]["hint"] == "unlock the phone"
    assert statuses(found, "WARN") == {("phone", "connection")}
    assert statuses(lost, "FAIL") == {("phone", "connection")}
    assert f"kill {os.getpid()}" in lost["phone", "connection"]["hint"]


# ------------------------------------------------------------------------------------------------ the host


async def test_a_host_that_is_not_there_is_exit_code_6(laptop: dict[str, str]) -> None:
    found = await doctor({**laptop, "BRIDGE_TOKEN": "x"}, "--host-url", "http://127.0.0.1:9", code=6)

    assert statuses(found, "FAIL") == {("host", "live")}


async def test_a_host_that_would_read_the_key_in_the_clear_is_exit_code_6(laptop: dict[str, str]) -> None:
    found = await doctor({**laptop, "BRIDGE_TOKEN": "x"}, "--host-url", "http://gpu-box:8000", code=6)

    assert "in the clear" in found["host", "live"]["text"]
    assert "https" in found["host", "live"]["hint"]


async def test_a_host_without_our_key_is_exit_code_10(laptop: dict[str, str]) -> None:
    async with _answering(lambda _path: (401, {"error": {"code": "invalid_token"}})) as url:
        refused = await doctor({**laptop, "BRIDGE_TOKEN": "wrong"}, "--host-url", url, code=10)
    lacking = await doctor(laptop, "--host-url", "https://gpu-box:8443", code=10)

    assert statuses(refused, "FAIL") == {("host", "token")}
    assert statuses(lacking, "FAIL") == {("host", "live")}


async def test_a_host_of_another_time_and_version_whose_engines_are_not_ready_is_exit_code_6(
    laptop: dict[str, str],
) -> None:
    engines = {"ocr": "failed", "echo": "loading", "vlm": "ready"}
    body = {"ready": False, "reasons": ["engine ocr is failed"], "version": "9.9", "engines": engines}
    late = timedelta(hours=-5)
    async with _answering(lambda _path: (503, body), skew=late) as url:
        found = await doctor({**laptop, "BRIDGE_TOKEN": "x"}, "--host-url", url, code=6)

    assert statuses(found, "FAIL") == {("engines", "ocr")}
    not_well = {("host", "ready"), ("host", "version"), ("host", "clock"), ("engines", "echo")}
    assert not_well <= statuses(found, "WARN")
    assert "5 hours behind" in found["host", "clock"]["text"]


async def test_a_recorded_host_that_is_silent_is_a_warning(laptop: dict[str, str], tmp_path: Path) -> None:
    record = HostRecord("http://127.0.0.1:9", os.getpid(), 0.0, "0", ("echo",))
    (tmp_path / "state").mkdir(mode=0o700)
    write_host_record(tmp_path / "state", record)

    found = await doctor(laptop, code=0)

    assert found["host", "live"]["status"] == "WARN"
    assert f"kill {os.getpid()}" in found["host", "live"]["hint"]


async def test_a_stranger_at_the_hosts_address_is_exit_code_6(laptop: dict[str, str]) -> None:
    async with _answering(lambda _path: (404, {"detail": "Not Found"})) as url:
        found = await doctor({**laptop, "BRIDGE_TOKEN": "x"}, "--host-url", url, code=6)

    assert "no lensbridge host" in found["host", "live"]["text"]


async def test_a_laptop_without_the_host_s_libraries_is_told_what_to_install(
    laptop: dict[str, str], tmp_path: Path
) -> None:
    none, few = _without(tmp_path / "none", "fastapi"), _without(tmp_path / "few", "rapidocr")
    at_all, reader, asked = await asyncio.gather(
        _doctor_of({**laptop, "PYTHONPATH": none}),
        _doctor_of({**laptop, "PYTHONPATH": few}),
        _doctor_of({**laptop, "PYTHONPATH": few, "BRIDGE_ENGINE": '["ocr"]'}),
    )

    assert "lensbridge[demo]" in judged(at_all, 6)["engines", "installed"]["hint"]
    assert "only `echo`" in judged(reader, 0)["engines", "installed"]["text"]
    assert "the engine ocr" in judged(asked, 6)["engines", "installed"]["text"]


# ------------------------------------------------------------------------------------------------ helpers


def _program(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)


def _without(folder: Path, library: str) -> str:
    """A PYTHONPATH with everything that is installed but this."""
    folder.mkdir()
    for entry in Path(next(path for path in sys.path if path.endswith("site-packages"))).iterdir():
        if entry.name != library:
            (folder / entry.name).symlink_to(entry)
    root = Path(__file__).parents[3]
    return os.pathsep.join(map(str, (folder, root, root / "tools")))


async def _doctor_of(env: Mapping[str, str]) -> Done:
    """The doctor of an installation without `site`, which would find the real one."""
    command = (sys.executable, "-S", "-m", "bridge", "doctor", "--json")
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, env=dict(env), stdout=pipe, stderr=pipe)
    async with asyncio.timeout(30):
        out, err = await process.communicate()
    return Done(process.returncode or 0, out.decode(), err.decode())


def _replaced(phone: VirtualPhone, name: str, body: str | None) -> None:
    """Another tool of this name on the phone, or none."""
    tool = phone.storage.parents[2] / "system/bin" / name
    tool.unlink(missing_ok=True)
    if body is not None:
        tool.write_text(f"#!/system/bin/sh\n{body}\n")
        tool.chmod(0o755)


@contextlib.asynccontextmanager
async def _stranger() -> AsyncGenerator[int]:
    """Something that listens and is no adb server."""

    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example.com ESMTP\r\n")
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@contextlib.asynccontextmanager
async def _answering(
    answer: Callable[[str], tuple[int, dict[str, Any]]], *, skew: timedelta = timedelta()
) -> AsyncGenerator[str]:
    """A web server that says the same to everybody; its clock may be wrong."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        status, body = answer(head.split()[1].decode())
        data = json.dumps(body).encode()
        date = format_datetime(datetime.now(UTC) + skew, usegmt=True)
        writer.write(f"HTTP/1.1 {status} X\r\ndate: {date}\r\ncontent-length: {len(data)}\r\n\r\n".encode() + data)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
