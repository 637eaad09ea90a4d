"""The disk is full: the pictures stay on the phone, somebody is told, and they are taken once there is room."""

from pathlib import Path

import pytest

from tests.soak.ledger import judged
from tests.soak.small_disk import SmallDisk, small_disk
from tests.soak.stage import FEWER_ROUNDS, Stage, long_only, progress, stage
from tests.support.adb_server import PrivateAdbServer
from tests.support.command import bridge
from virtual_phone import VirtualPhone

pytestmark = [pytest.mark.soak, pytest.mark.e2e]


@long_only
async def test_a_full_disk_loses_nothing(adb_server: PrivateAdbServer, tmp_path: Path, seed: int) -> None:
    (tmp_path / "state").mkdir(mode=0o700)
    with small_disk(tmp_path / "state" / "spool", megabytes=16) as disk:
        async with stage(adb_server, tmp_path, seed=seed) as play:
            await play.first_look()
            for round_ in range(FEWER_ROUNDS):
                progress(f"full disk {round_ + 1} of {FEWER_ROUNDS}")
                await fill_and_empty(play, disk)
            await judged(play)


@pytest.mark.parametrize("where", ["state", "state/spool"])
async def test_a_first_start_on_a_full_disk_says_so(
    adb_server: PrivateAdbServer, virtual_phone: VirtualPhone, tmp_path: Path, where: str
) -> None:
    (tmp_path / where).parent.mkdir(mode=0o700, exist_ok=True)
    state = {"BRIDGE_STATE_DIR": str(tmp_path / "state"), "BRIDGE_ENGINE": '["echo"]'}
    with small_disk(tmp_path / where, megabytes=1) as disk:
        disk.fill()
        env = adb_server.env | {"ADB": adb_server.adb} | state
        done = await bridge("connect", virtual_phone.address, "--json", env=env)

    assert done.code == 7
    assert "is full" in done.lines[-1]["message"]
    assert "free some space" in done.lines[-1]["hint"]


async def fill_and_empty(play: Stage, disk: SmallDisk) -> None:
    """Fill it while pictures arrive, now and then kill the bridge too; then make room."""
    await play.shoot_for(play.random.uniform(0.0, 0.2))
    disk.fill(leave=play.random.choice((0, 0, 1, 2, 5)))
    seen = len(play.life.events)
    for _ in range(10):  # each takes a block at least
        await play.shoot()
    await somebody_is_told(play, seen=seen)
    if play.random.random() < 0.5:
        await play.kill_bridge()
        await play.start_bridge()
        await play.up()
        await play.shoot()
        await somebody_is_told(play)
    disk.empty()
    await play.all_answered()


async def somebody_is_told(play: Stage, *, seen: int = 0) -> None:
    """The terminal says that the disk is full, and what to do."""
    life = play.life
    await play.until(lambda: any(is_full(event) for event in life.events[seen:]), "somebody told of the full disk")
    assert all(event["hint"] for event in life.events if is_full(event))


def is_full(event: dict[str, object]) -> bool:
    """Whether this line speaks of the full disk."""
    return event["event"] in {"error", "device"} and "is full" in f"{event.get('message')} {event.get('detail')}"
