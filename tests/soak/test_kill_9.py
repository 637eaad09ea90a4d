"""kill -9 at random moments while pictures arrive: none lost, none answered twice, every history whole."""

from pathlib import Path

import pytest

from tests.soak.ledger import judged
from tests.soak.rounds import drain_the_host, end_the_bridge, kill_the_bridge, kill_the_host
from tests.soak.stage import FEWER_ROUNDS, ROUNDS, long_only, progress, stage
from tests.support.adb_server import PrivateAdbServer

pytestmark = [pytest.mark.soak, pytest.mark.e2e]


async def test_every_kind_of_end_in_turn(adb_server: PrivateAdbServer, tmp_path: Path, seed: int) -> None:
    async with stage(adb_server, tmp_path, seed=seed) as play:
        await play.first_look()
        for round_ in range(FEWER_ROUNDS):
            progress(f"every kind of end {round_ + 1} of {FEWER_ROUNDS}, {len(play.pictures)} pictures")
            await kill_the_host(play)
            await kill_the_bridge(play)
            await end_the_bridge(play, when_up=True)
            await drain_the_host(play)
        await judged(play)


@long_only
async def test_the_bridge_may_be_killed_at_any_moment(adb_server: PrivateAdbServer, tmp_path: Path, seed: int) -> None:
    async with stage(adb_server, tmp_path, seed=seed) as play:
        await play.first_look()
        for round_ in range(ROUNDS):
            progress(f"bridge kill {round_ + 1} of {ROUNDS}, {len(play.pictures)} pictures")
            await kill_the_bridge(play)
        await judged(play)


@long_only
async def test_the_host_may_be_killed_at_any_moment(adb_server: PrivateAdbServer, tmp_path: Path, seed: int) -> None:
    async with stage(adb_server, tmp_path, seed=seed) as play:
        await play.first_look()
        for round_ in range(FEWER_ROUNDS):
            progress(f"host kill {round_ + 1} of {FEWER_ROUNDS}, {len(play.pictures)} pictures")
            await kill_the_host(play)
        await judged(play)


@long_only
async def test_both_may_be_killed_one_after_the_other(adb_server: PrivateAdbServer, tmp_path: Path, seed: int) -> None:
    async with stage(adb_server, tmp_path, seed=seed) as play:
        await play.first_look()
        for round_ in range(FEWER_ROUNDS):
            progress(f"kill of both {round_ + 1} of {FEWER_ROUNDS}, {len(play.pictures)} pictures")
            await kill_the_host(play)
            await kill_the_bridge(play)
        await judged(play)
