"""The real command, as people type it: what it prints, how it exits, and the next step it names."""

import asyncio
import json
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.adb_server import PrivateAdbServer
from tests.support.command import BRIDGE, bridge, refused, running
from tests.support.host_in_loop import serving
from tests.support.in_process import bridge_here
from tests.support.scripted_engine import ScriptedEngine
from virtual_phone import VirtualPhone

pytestmark = pytest.mark.e2e


# ---- finding the phone ----


async def test_devices_lists_every_phone_with_its_state(env: Mapping[str, str], virtual_phone: VirtualPhone) -> None:
    done = await bridge("devices", env=env)

    assert done.code == 0
    assert virtual_phone.address in done.out
    assert "Virtual Phone" in done.out


async def test_devices_as_json_has_a_line_a_phone(env: Mapping[str, str], virtual_phone: VirtualPhone) -> None:
    done = await bridge_here("devices", "--json", env=env)

    (line,) = [line for line in done.lines if line["serial"] == virtual_phone.address]
    assert line["state"] == "device"


async def test_without_a_phone_connect_says_so(env: Mapping[str, str]) -> None:
    refused(await bridge_here("connect", env=env), 3)


async def test_a_serial_that_is_not_there_is_named(env: Mapping[str, str], virtual_phone: VirtualPhone) -> None:
    refused(await bridge_here("connect", "no-such-phone", env=env), 3, "no-such-phone")


async def test_two_phones_are_shown_and_the_choice_is_left_to_people(
    env: Mapping[str, str], adb_server: PrivateAdbServer, virtual_phone: VirtualPhone, photos: Path
) -> None:
    async with VirtualPhone(photos, serial="VP0002") as other:
        await adb_server.connect(other.address)
        done = await bridge_here("connect", env=env)
        await adb_server.call("disconnect", other.address)

    refused(done, 3, virtual_phone.address, other.address, "-s")
    assert "--all" not in done.hint  # one connect holds one phone


async def test_an_unauthorized_phone_is_explained(
    env: Mapping[str, str], adb_server: PrivateAdbServer, photos: Path
) -> None:
    async with VirtualPhone(photos, authorized=False) as phone:
        await adb_server.connect(phone.address, state="unauthorized")
        done = await bridge_here("connect", env=env)
        await adb_server.call("disconnect", phone.address)

    refused(done, 4, "unauthorized", "Allow")


async def test_a_hanging_phone_ends_by_its_deadline(env: Mapping[str, str], virtual_phone: VirtualPhone) -> None:
    began = time.monotonic()
    with virtual_phone.hanging():
        done = await bridge("connect", env=env)

    refused(done, 124)
    assert time.monotonic() - began < 20


async def test_a_second_connect_names_the_first(env: Mapping[str, str], virtual_phone: VirtualPhone) -> None:
    async with running("connect", "--json", "--no-page", env=env) as first:
        await first.until(event="device", state="up")
        done = await bridge("connect", env=env)

    refused(done, 4, f"process {first.process.pid}", "bridge disconnect")


# ---- connect ----


async def test_connect_streams_answers_and_leaves_nothing_behind(
    fresh_env: Mapping[str, str], adb_server: PrivateAdbServer, virtual_phone: VirtualPhone
) -> None:
    serial = virtual_phone.address
    async with running("connect", serial, "--json", "--no-page", "--prompt", "What is it?", env=fresh_env) as connected:
        await connected.until(event="device", state="up")
        await virtual_phone.press_shutter()
        answer = await connected.until(event="answer")
        done = await connected.end(signal.SIGINT)

    assert "What is it?" in answer["text"]
    assert {"capture", "question", "delta"} <= {event["event"] for event in connected.events}
    assert done.code == 0
    assert "tcp:8017" not in (await adb_server.call("-s", serial, "reverse", "--list")).stdout


async def test_disconnect_ends_the_one_who_holds_the_phone(env: Mapping[str, str], virtual_phone: VirtualPhone) -> None:
    async with running("connect", "--json", "--no-page", env=env) as connected:
        await connected.until(event="device", state="up")
        shown = await bridge("status", "--json", env=env)
        done = await bridge("disconnect", env=env)
        await connected.process.communicate()

    (phone,) = shown.lines[0]["phones"]
    assert (phone["serial"], phone["state"]) == (virtual_phone.address, "up")
    assert done.code == 0
    assert connected.process.returncode == 0


async def test_disconnect_without_a_connected_phone_is_exit_code_3(env: Mapping[str, str]) -> None:
    refused(await bridge_here("disconnect", env=env), 3)


async def test_status_with_nothing_running_is_no_error(fresh_env: Mapping[str, str]) -> None:
    done = await bridge_here("status", "--json", env=fresh_env)

    assert (done.code, done.lines) == (0, [{"phones": [], "host": None}])


# ---- ask ----


async def test_ask_about_a_file_needs_no_phone(fresh_env: Mapping[str, str], photos: Path) -> None:
    done = await bridge("ask", "What is it?", "--picture", str(photos / "a.jpg"), env=fresh_env)

    assert done.code == 0
    assert done.out.startswith("What is it?")


async def test_ask_presses_the_shutter_and_asks_about_that_photo(
    env: Mapping[str, str], virtual_phone: VirtualPhone
) -> None:
    done = await bridge("ask", "What is it?", "--shutter", "--json", env=env)

    assert done.code == 0
    assert [e["source"] for e in done.lines if e["event"] == "capture"][:1] == ["camera"]
    assert done.lines[-1]["event"] == "answer"
    assert "What is it?" in done.lines[-1]["text"]


async def test_ask_takes_the_newest_photo(env: Mapping[str, str], virtual_phone: VirtualPhone) -> None:
    newest = (await virtual_phone.press_shutter()).rpartition("/")[2]
    done = await bridge("ask", "What is it?", "--json", env=env)

    assert done.code == 0
    assert {e["name"] for e in done.lines if e["event"] == "capture"} == {newest}


async def test_ask_without_any_photo_names_the_next_step(env: Mapping[str, str], virtual_phone: VirtualPhone) -> None:
    refused(await bridge("ask", "What?", env=env), 2, "no picture")


@pytest.mark.parametrize("content", [b"", b"just text", b"GIF89a" + bytes(50)])
async def test_a_file_that_is_no_picture_is_exit_code_2(env: Mapping[str, str], tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.jpg").write_bytes(content)

    refused(await bridge_here("ask", "What?", "--picture", str(tmp_path / "x.jpg"), env=env), 2)


async def test_a_picture_that_does_not_decode_is_exit_code_9(
    env: Mapping[str, str], tmp_path: Path, photos: Path
) -> None:
    whole = (photos / "a.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])

    refused(await bridge("ask", "What?", "--picture", str(tmp_path / "cut.jpg"), env=env), 9)


async def test_a_model_that_the_host_does_not_have_is_exit_code_6(env: Mapping[str, str], photos: Path) -> None:
    done = await bridge("ask", "What?", "--model", "no-such", "--picture", str(photos / "a.jpg"), env=env)

    refused(done, 6, "echo", "--model")


async def test_ask_ends_by_its_timeout(env: Mapping[str, str], photos: Path, tmp_path: Path) -> None:
    async with serving(tmp_path, ScriptedEngine()) as silent:
        there = {**env, "BRIDGE_HOST_URL": silent.url, "BRIDGE_TOKEN": silent.token}
        done = await bridge("ask", "What?", "--picture", str(photos / "a.jpg"), "--timeout", "2", env=there)

    refused(done, 124)


# ---- usage ----


@pytest.mark.parametrize(
    "words",
    [
        ["no-such-command"],
        ["ask", "--no-such-option"],
        ["ask", "", "--picture", "a.jpg"],
        ["demo", "--page", "no-such-folder/demo.html"],
        ["demo", "--page", "."],
        ["connect", "--phone-port", "80"],
        ["connect", "--host-url", "http://example.com"],
        ["ask", "x", "--picture", "a.jpg", "-s", "R58M"],
    ],
)
async def test_what_makes_no_sense_is_exit_code_2(env: Mapping[str, str], words: list[str]) -> None:
    refused(await bridge_here(*words, env=env), 2)


async def test_a_mistake_in_the_words_names_the_help_of_its_command(env: Mapping[str, str]) -> None:
    choice, value, group, alone = await asyncio.gather(
        *(
            bridge(*words.split(), env=env)
            for words in ("ask x --source fil", "capture --source", "prompts show --lang", "--no")
        )
    )

    refused(choice, 2, "'--source': 'fil' is not one of", "bridge ask --help")
    refused(value, 2, "requires an argument", "bridge capture --help")
    refused(group, 2, "requires an argument", "bridge prompts --help")
    refused(alone, 2, "No such option", "`bridge --help`")


async def test_the_command_alone_shows_its_help(env: Mapping[str, str]) -> None:
    done = await bridge(env=env)

    assert done.code == 2
    assert "connect" in done.err
    assert "error:" not in done.err


async def test_serve_shows_the_options_of_the_host(env: Mapping[str, str]) -> None:
    done = await bridge("serve", "--help", env=env)

    assert done.code == 0
    assert "Usage: bridge serve [OPTIONS]" in done.out
    assert "--engine" in done.out
    refused(await bridge("serve", "--prot", "1", env=env), 2, "--port", "`bridge serve --help`")


async def test_a_reader_that_has_seen_enough_is_no_error(env: Mapping[str, str], photos: Path) -> None:
    words = ["ask", "What is it?", "--json", "--picture", str(photos / "a.jpg")]
    read_end, write_end = os.pipe()
    os.close(read_end)
    try:
        process = await asyncio.create_subprocess_exec(
            BRIDGE, *words, env=dict(env), stdout=write_end, stderr=asyncio.subprocess.PIPE
        )
    finally:
        os.close(write_end)
    _, err = await asyncio.wait_for(process.communicate(), 60)

    assert (process.returncode, err) == (0, b"")


async def test_ctrl_c_ends_a_demo_that_stays_up(fresh_env: Mapping[str, str], tmp_path: Path) -> None:
    words = ["demo", "--open", "--json", "--engine", "echo", "--page", str(tmp_path / "demo.html")]
    process = await asyncio.create_subprocess_exec(
        BRIDGE,
        *words,
        env={**fresh_env, "BROWSER": "true"},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert json.loads(await asyncio.wait_for(process.stdout.readline(), 60))["engine"] == "echo"
    assert (tmp_path / "demo.html").exists()
    process.send_signal(signal.SIGINT)

    assert await asyncio.wait_for(process.wait(), 20) == 0


async def test_every_command_has_help(env: Mapping[str, str]) -> None:
    done = await bridge("--help", env=env)

    assert done.code == 0
    for word in ("devices", "connect", "disconnect", "status", "ask", "serve", "demo"):
        assert word in done.out


# ---- privacy ----


async def test_photos_taken_between_two_connects_are_counted_and_only_sent_when_asked_for(
    env: Mapping[str, str], virtual_phone: VirtualPhone
) -> None:
    words = ("connect", "--json", "--no-page")
    async with running(*words, env=env) as first:
        await first.until(event="device", state="up")
        await virtual_phone.press_shutter()
        await first.until(event="answer")
        await first.end()
    between = (await virtual_phone.press_shutter()).rpartition("/")[2]
    async with running(*words, env=env) as second:
        held = await second.until(event="error", code="pictures_held")
        await second.end()
    async with running(*words, "--catch-up", env=env) as third:
        sent = await third.until(event="capture", name=between)
        await third.end()

    assert "1 picture" in held["message"]
    assert "--catch-up" in held["hint"]
    assert sent["source"] == "camera"


async def test_a_killed_connect_goes_on_where_it_stopped(env: Mapping[str, str], virtual_phone: VirtualPhone) -> None:
    words = ("connect", "--json", "--no-page")
    async with running(*words, env=env) as first:
        await first.until(event="device", state="up")
        await virtual_phone.press_shutter()
        await first.until(event="answer")
        await first.end(signal.SIGKILL)
    missed = (await virtual_phone.press_shutter()).rpartition("/")[2]
    async with running(*words, env=env) as second:
        sent = await second.until(event="capture", name=missed)
        await second.end()

    assert sent["source"] == "camera"
