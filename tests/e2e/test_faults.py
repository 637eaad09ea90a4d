"""Cables, reboots, killed servers: pictures taken afterwards are answered soon, and none is lost or answered twice.

The limits are those of the design: 5 s from the phone's state `device`, 9 s in all when the adb server was killed.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.adb_server import PrivateAdbServer
from tests.support.chain import Chain, chain, connected_to
from tests.support.host import RunningHost
from virtual_phone import VirtualPhone

pytestmark = pytest.mark.e2e

AFTER_DEVICE_S = 5.0
ADB_KILLED_S = 9.0
SLOW = "echo=8"  # words a second: an answer lasts long enough to be interrupted


@pytest.fixture(scope="module")
def slow_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHost]:
    with RunningHost.start(tmp_path_factory.mktemp("slow-host") / "state", [SLOW]) as running:
        yield running


@pytest.fixture
def slow(state: Path, slow_host: RunningHost) -> Path:
    """A state folder whose host runs already and speaks slowly."""
    return slow_host.known_in(state)


async def test_a_photo_is_answered_on_terminal_and_page(
    adb_server: PrivateAdbServer, photos: Path, served: Path
) -> None:
    async with chain(adb_server, photos, served, prompt="What is this?") as run:
        name = await run.shoot()
        await run.answered(name)
        await run.until(lambda: any(m["type"] == "response.completed" for m in run.page), "answer on the page")

        (answer,) = run.answers(name)
        assert "What is this?" in answer["text"]
        text = "".join(m["delta"] for m in run.page if m["type"] == "response.output_text.delta")
        assert text == answer["text"]


async def test_the_same_photo_twice_gives_two_answers(adb_server: PrivateAdbServer, photos: Path, served: Path) -> None:
    async with chain(adb_server, photos, served) as run:
        names = [await run.shoot(), await run.shoot()]
        for name in names:
            await run.answered(name)

        first, second = (run.answers(name)[0]["capture_id"] for name in names)
        assert first != second
        assert len({e["sha256"] for e in run.events if e["event"] == "capture"}) == 1


async def test_an_unplugged_phone_works_again_when_it_is_back(
    own_adb: PrivateAdbServer, photos: Path, slow: Path
) -> None:
    async with chain(own_adb, photos, slow) as run:
        interrupted = await run.shoot()
        await run.streaming(interrupted)
        async with run.phone.unplugged():
            await run.until(lambda: run.states()[-1] in {"absent", "unusable"}, "loss of the phone")
        await own_adb.wait_for(run.phone.address)
        await _answered_soon(run, await run.shoot(), AFTER_DEVICE_S)
        await _answered_once(run, interrupted)


async def test_a_rebooted_phone_works_again(own_adb: PrivateAdbServer, photos: Path, slow: Path) -> None:
    async with chain(own_adb, photos, slow) as run:
        interrupted = await run.shoot()
        await run.streaming(interrupted)
        await run.phone.reboot(down=0.5)
        await own_adb.wait_for(run.phone.address)
        await _answered_soon(run, await run.shoot(), AFTER_DEVICE_S)
        await _answered_once(run, interrupted)


async def test_a_killed_adb_server_is_started_again_and_work_goes_on(
    own_adb: PrivateAdbServer, photos: Path, slow: Path
) -> None:
    async with chain(own_adb, photos, slow) as run:
        interrupted = await run.shoot()
        await run.streaming(interrupted)
        own_adb.kill()
        await run.until(lambda: run.states()[-1] == "absent", "loss of the server")
        await _answered_soon(run, await run.shoot(), ADB_KILLED_S)
        await _answered_once(run, interrupted)


async def test_a_killed_host_is_replaced_and_the_interrupted_question_is_answered(
    adb_server: PrivateAdbServer, photos: Path, state: Path
) -> None:
    async with chain(adb_server, photos, state, engine=SLOW) as run:
        interrupted = await run.shoot()
        await run.streaming(interrupted)
        run.kill_host()
        await _answered_soon(run, await run.shoot(), AFTER_DEVICE_S + 5.0)  # a new host has to start
        await _answered_once(run, interrupted)


async def test_a_reverse_removed_by_another_tool_is_made_again(
    adb_server: PrivateAdbServer, photos: Path, served: Path
) -> None:
    async with chain(adb_server, photos, served) as run:
        await adb_server.call("-s", run.phone.address, "reverse", "--remove-all")
        took = await run.until(lambda: "tunnelling" in run.states()[run.states().index("up") :], "notice of it", 5.0)
        await run.state_is("up")

        assert took < 3.0
        assert "tcp:8017" in (await adb_server.call("-s", run.phone.address, "reverse", "--list")).stdout


async def test_other_tools_tunnels_stay_and_ours_is_gone_afterwards(
    adb_server: PrivateAdbServer, virtual_phone: VirtualPhone, served: Path
) -> None:
    serial = virtual_phone.address
    await adb_server.call("-s", serial, "reverse", "tcp:8081", "tcp:8081")
    await adb_server.call("-s", serial, "forward", "tcp:0", "tcp:9000")
    before = [(await adb_server.call("-s", serial, kind, "--list")).stdout for kind in ("reverse", "forward")]

    async with connected_to(virtual_phone, adb_server, served):
        assert "tcp:8017" in (await adb_server.call("-s", serial, "reverse", "--list")).stdout

    after = [(await adb_server.call("-s", serial, kind, "--list")).stdout for kind in ("reverse", "forward")]
    assert after == before


async def test_a_port_that_another_tool_has_is_not_stolen(
    adb_server: PrivateAdbServer, virtual_phone: VirtualPhone, served: Path
) -> None:
    serial = virtual_phone.address
    await adb_server.call("-s", serial, "reverse", "tcp:8017", "tcp:9999")

    async with connected_to(virtual_phone, adb_server, served, wait_for="tunnelling") as run:
        await run.until(lambda: any("another tool" in e.get("detail", "") for e in run.events), "its explanation")

    listed = (await adb_server.call("-s", serial, "reverse", "--list")).stdout
    assert "tcp:8017 tcp:9999" in listed


async def _answered_soon(run: Chain, name: str, limit: float) -> None:
    took = await run.answered(name)

    assert took <= limit, f"answered after {took:.1f} s, {limit} s is the limit"


async def _answered_once(run: Chain, name: str) -> None:
    """The interrupted question is answered, and only once."""
    await run.answered(name)

    assert [answer["status"] for answer in run.answers(name)] == ["completed"]
