"""kill -9 at random moments while pictures arrive: none lost, none answered twice, every history whole."""

from pathlib import Path

import pytest

from tests.soak.ledger import judged
from tests.soak.stage import FEWER_ROUNDS, ROUNDS, Stage, long_only, progress, stage
from tests.support.adb_server import PrivateAdbServer

pytestmark = [pytest.mark.soak, pytest.mark.e2e]


@long_only
async def test_the_bridge_may_be_killed_at_any_moment(adb_server: PrivateAdbServer, tmp_path: Path, seed: int) -> None:
    async with stage(adb_server, tmp_path, seed=seed) as play:
        await play.first_look()
        for round_ in range(ROUNDS):
            progress(f"bridge kill {round_ + 1} of {ROUNDS}, {len(play.pictures)} pictures")
            await kill_in_the_middle(play)
        await judged(play)


@long_only
async def test_the_host_may_be_killed_at_any_moment(adb_server: PrivateAdbServer, tmp_path: Path, seed: int) -> None:
    async with stage(adb_server, tmp_path, seed=seed) as play:
        await play.first_look()
        for round_ in range(FEWER_ROUNDS):
            progress(f"host kill {round_ + 1} of {FEWER_ROUNDS}, {len(play.pictures)} pictures")
            await kill_the_host_in_the_middle(play)
        await judged(play)


async def test_both_may_be_killed_one_after_the_other(adb_server: PrivateAdbServer, tmp_path: Path, seed: int) -> None:
    async with stage(adb_server, tmp_path, seed=seed) as play:
        await play.first_look()
        for round_ in range(FEWER_ROUNDS):
            progress(f"kill of both {round_ + 1} of {FEWER_ROUNDS}, {len(play.pictures)} pictures")
            await kill_the_host_in_the_middle(play)
            await kill_in_the_middle(play)
        await judged(play)


async def kill_in_the_middle(play: Stage) -> None:
    """Let the bridge live for a moment, which may end before it is up, and begin the next."""
    if play.random.random() < 0.8:
        await play.up()
    await play.shoot_for(play.random.uniform(0.05, 0.7))
    await play.kill_bridge()
    await play.shoot_for(play.random.uniform(0.0, 0.1))
    await play.start_bridge()


async def kill_the_host_in_the_middle(play: Stage) -> None:
    """Mostly while an answer is written; the bridge starts the next host by itself."""
    name = await play.shoot()
    await play.until(lambda: play.host is not None and play.life.said("capture", name=name), f"{name} in the spool")
    await play.shoot_for(play.random.uniform(0.0, 0.6))
    play.kill_host()
