"""kill -9 at random moments while pictures arrive: none lost, none answered twice, every history whole."""

import random
import signal
from pathlib import Path

import pytest

from tests.soak.ledger import Ledger
from tests.soak.stage import ROUNDS, Stage, progress, stage
from tests.support.adb_server import PrivateAdbServer

HOST_ROUNDS = max(3, ROUNDS * 3 // 10)
"""A host takes longer to be there again than a bridge."""

pytestmark = [pytest.mark.soak, pytest.mark.e2e]


@pytest.fixture
def seed() -> int:
    """Another one each time; it stands in every complaint."""
    return random.SystemRandom().randrange(1 << 32)


async def test_the_bridge_may_be_killed_at_any_moment(adb_server: PrivateAdbServer, tmp_path: Path, seed: int) -> None:
    async with stage(adb_server, tmp_path, seed=seed) as play:
        await first_look(play)
        for round_ in range(ROUNDS):
            progress(f"bridge kill {round_ + 1} of {ROUNDS}, {len(play.pictures)} pictures")
            await kill_in_the_middle(play)
        await finish(play)


async def test_the_host_may_be_killed_at_any_moment(adb_server: PrivateAdbServer, tmp_path: Path, seed: int) -> None:
    async with stage(adb_server, tmp_path, seed=seed) as play:
        await first_look(play)
        for round_ in range(HOST_ROUNDS):
            progress(f"host kill {round_ + 1} of {HOST_ROUNDS}, {len(play.pictures)} pictures")
            await kill_the_host_in_the_middle(play)
        await finish(play)


async def test_both_may_be_killed_one_after_the_other(adb_server: PrivateAdbServer, tmp_path: Path, seed: int) -> None:
    async with stage(adb_server, tmp_path, seed=seed) as play:
        await first_look(play)
        for round_ in range(HOST_ROUNDS):
            progress(f"kill of both {round_ + 1} of {HOST_ROUNDS}, {len(play.pictures)} pictures")
            await kill_the_host_in_the_middle(play)
            await kill_in_the_middle(play)
        await finish(play)


async def first_look(play: Stage) -> None:
    """What is there before the first connect ever is not sent, so that one lives until it has looked."""
    await play.start_bridge()
    await play.up()
    await play.shoot()
    await play.until(lambda: play.life.said("answer"), "the first answer")


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


async def finish(play: Stage) -> None:
    """Let everything be answered, end in order, and judge."""
    await play.up()
    await play.shoot()
    await play.until(lambda: answered(play) >= len(play.pictures), "all answers", seconds=60 + len(play.pictures))
    assert await play.end_bridge(signal.SIGINT) == 0
    ledger = Ledger(play)
    progress(ledger.summary() + "\n")
    assert ledger.complaints() == [], ledger.summary()


def answered(play: Stage) -> int:
    """How many pictures the terminal was told an answer about."""
    told = (event for life in play.lives for event in life.events if event["event"] == "answer")
    return len({event["capture_id"] for event in told if event["status"] == "completed"})
