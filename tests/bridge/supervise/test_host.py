"""Finding the host, starting one when there is none, and saying plainly what is wrong."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.responses import PlainTextResponse

from bridge.errors import HostUnavailable, TokenRefused, UsageError
from bridge.supervise.host import HostFinder, checked_url
from host_server.wire.discovery import ADMIN_TOKEN_FILE, HostRecord, write_host_record
from tests.support.serving import serving


@pytest.fixture
def finder(tmp_path: Path) -> Iterator[HostFinder]:
    """A finder whose hosts end with the test."""
    found = HostFinder(tmp_path / "state", engines=["echo"])
    yield found
    found.stop_started()


async def test_a_host_is_started_once_and_found_by_everybody(finder: HostFinder, tmp_path: Path) -> None:
    first, second = await asyncio.gather(finder.locate(), finder.locate())
    third = await HostFinder(tmp_path / "state").locate()

    assert first.started is not None
    assert second.started is None
    assert {first.url, second.url, third.url} == {first.url}
    async with httpx.AsyncClient(trust_env=False) as client:
        reply = await client.get(f"{first.url}/v1/models", headers={"authorization": f"Bearer {first.token}"})
    assert [model["id"] for model in reply.json()["data"]] == ["echo"]


async def test_a_killed_host_is_replaced_by_a_new_one(finder: HostFinder) -> None:
    first = await finder.locate()
    assert first.started is not None
    os.kill(first.started, signal.SIGKILL)

    second = await finder.locate()

    assert second.started not in {None, first.started}


async def test_a_host_that_cannot_start_is_reported_with_its_own_words(tmp_path: Path) -> None:
    finder = HostFinder(tmp_path / "state", engines=["no-such-engine"])

    with pytest.raises(HostUnavailable) as caught:
        await finder.locate()

    assert caught.value.exit_code == 6
    assert caught.value.message == "the host does not start: There is no engine 'no-such-engine'."
    assert caught.value.hint.startswith("Engines: ")


async def test_a_host_that_is_started_unseen_fetches_no_model(tmp_path: Path) -> None:
    pytest.importorskip("huggingface_hub", reason="the extra `gpu` is not installed")
    finder = HostFinder(tmp_path / "state", engines=["transformers_vlm=nobody/has-this-model"])

    with pytest.raises(HostUnavailable) as caught:
        await finder.locate()

    assert caught.value.message == "the host does not start: nobody/has-this-model is not on this machine."
    assert caught.value.hint == "`bridge-host pull nobody/has-this-model` fetches it"


async def test_a_record_of_a_host_that_is_gone_is_not_believed(finder: HostFinder, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o700)
    write_host_record(tmp_path / "state", HostRecord("http://127.0.0.1:9", 1, 0.0, "0", ("echo",)))

    assert (await finder.locate()).url != "http://127.0.0.1:9"


async def test_a_stranger_where_a_crashed_host_listened_gets_no_key(finder: HostFinder, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o700)
    async with serving(PlainTextResponse("ok")) as stranger:
        write_host_record(tmp_path / "state", HostRecord(stranger, _nobodys_pid(), 0.0, "0", ("echo",)))

        assert (await finder.locate()).url != stranger


async def test_the_key_of_this_machines_host_goes_to_no_other_machine(tmp_path: Path) -> None:
    path = tmp_path / ADMIN_TOKEN_FILE
    path.write_text("secret")
    path.chmod(0o600)

    assert (await HostFinder(tmp_path, url="http://127.0.0.1:9").locate()).token == "secret"
    with pytest.raises(TokenRefused) as caught:
        await HostFinder(tmp_path, url="https://gpu-box").locate()
    assert "--token-file" in caught.value.hint


async def test_a_given_host_is_used_with_the_given_key(tmp_path: Path) -> None:
    at = await HostFinder(tmp_path, url="http://127.0.0.1:9/", token="secret").locate()

    assert (at.url, at.token) == ("http://127.0.0.1:9", "secret")


async def test_a_given_host_without_any_key_is_exit_code_10(tmp_path: Path) -> None:
    with pytest.raises(TokenRefused) as caught:
        await HostFinder(tmp_path, url="http://127.0.0.1:9").locate()

    assert caught.value.exit_code == 10
    assert "--token-file" in caught.value.hint


async def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / ADMIN_TOKEN_FILE
    path.write_text("secret")
    path.chmod(0o644)

    with pytest.raises(TokenRefused):
        await HostFinder(tmp_path, url="http://127.0.0.1:9").locate()


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8000", "http://localhost:8000/", "http://[::1]:1", "https://gpu-box", "https://gpu-box:1/a/b"],
)
def test_loopback_and_https_are_fine(url: str) -> None:
    assert checked_url(url) == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "http://gpu-box:8000",
        "http://10.0.0.2",
        "ftp://localhost",
        "localhost:8000",
        "http://",
        "http://127.0.0.1@gpu-box",
        "https://key@gpu-box",
        "http://gpu-box\\@127.0.0.1",
        "http://127.0.0.1#@gpu-box",
        "http://127.0.0.1?x=",
        "http://[::1].gpu-box",
        "http://[::1%25lo]",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:port",
        " http://127.0.0.1",
        "http://127.0.0.1\n",
        "http://localhost.",
        "https://gpu–box",
        "HTTP://127.0.0.1",
    ],
)
def test_anything_else_would_show_the_key(url: str) -> None:
    with pytest.raises(UsageError):
        checked_url(url)


def _nobodys_pid() -> int:
    """The number of a process that has ended."""
    return int(subprocess.run(["/bin/sh", "-c", "echo $$"], capture_output=True, check=True).stdout)
