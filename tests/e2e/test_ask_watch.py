"""`bridge ask` about the screen, once and again and again, as people type it."""

import asyncio
import signal
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.adb_server import PrivateAdbServer
from tests.support.command import bridge, refused, running
from virtual_phone import VirtualPhone

pytestmark = pytest.mark.e2e

WATCH = ("ask", "What is it?", "--source", "screen", "--watch", "--on-change", "--every", "0.1")


async def test_a_watch_asks_about_each_change_and_survives_what_happens_to_the_phone(
    env: Mapping[str, str], adb_server: PrivateAdbServer, virtual_phone: VirtualPhone, served: Path
) -> None:
    async with running(*WATCH, "--json", env=env) as watch:
        first = await watch.until(event="answer")
        virtual_phone.device.front = "com.android.settings/.Settings"
        second = await watch.until(event="answer")
        with virtual_phone.behaving("black_screen"):
            black = await watch.until(event="error", final=False)
        virtual_phone.device.front = "com.android.chrome/.Main"
        third = await watch.until(event="answer")
        await virtual_phone.unplug()
        away = await watch.until(event="error", final=False)
        await virtual_phone.replug()
        back = await watch.until(event="answer")
        blobs = len(list((served / "spool" / "blobs").iterdir()))
        done = await watch.end(signal.SIGINT)

    answers = [event for event in watch.events if event["event"] == "answer"]
    assert answers == [first, second, third, back], "one answer for each change, and one when the phone is back"
    assert len({answer["capture_id"] for answer in answers}) == 4
    assert "black" in black["message"]
    assert black["hint"]
    assert virtual_phone.address in away["message"]
    assert blobs <= 1, "a picture is kept until it is answered"
    assert done.code == 130
    assert "Traceback" not in done.err


async def test_on_a_terminal_the_answers_stream_until_ctrl_c(
    env: Mapping[str, str], virtual_phone: VirtualPhone
) -> None:
    async with running(*WATCH[:-3], "--every", "0.1", env=env) as watch:
        assert watch.process.stdout is not None
        async with asyncio.timeout(30):
            lines = [await watch.process.stdout.readline() for _ in range(2)]
        done = await watch.end(signal.SIGINT)

    assert all(line.startswith(b"What is it?") for line in lines), "without --on-change, again and again"
    assert done.code == 130
    assert "Traceback" not in done.err


async def test_what_does_not_go_together_is_exit_code_2(env: Mapping[str, str]) -> None:
    every, file, both, display = await asyncio.gather(
        bridge("ask", "?", "--every", "3", env=env),
        bridge("ask", "?", "--source", "file", env=env),
        bridge("ask", "?", "--source", "screen", "--picture", "a.jpg", env=env),
        bridge("ask", "?", "--display", "1", env=env),
    )

    refused(every, 2, "--watch")
    refused(file, 2, "--picture")
    refused(both, 2, "--picture", "--source")
    refused(display, 2, "--display")


async def test_a_screen_that_shows_nothing_is_never_asked_about(
    env: Mapping[str, str], virtual_phone: VirtualPhone
) -> None:
    with virtual_phone.behaving("black_screen"):
        done = await bridge("ask", "?", "--source", "screen", env=env)

    refused(done, 4, "black")
    assert done.out == ""
