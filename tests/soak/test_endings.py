"""Ends in order, at any moment: SIGTERM and SIGINT to the bridge, SIGTERM to a host that is answering."""

from pathlib import Path

import pytest

from tests.soak.ledger import judged
from tests.soak.rounds import drain_the_host, end_the_bridge
from tests.soak.stage import FEWER_ROUNDS, long_only, progress, stage
from tests.support.adb_server import PrivateAdbServer

pytestmark = [pytest.mark.soak, pytest.mark.e2e, long_only]


async def test_a_bridge_that_is_told_to_end_leaves_no_tunnel(
    adb_server: PrivateAdbServer, tmp_path: Path, seed: int
) -> None:
    async with stage(adb_server, tmp_path, seed=seed) as play:
        await play.first_look()
        for round_ in range(FEWER_ROUNDS):
            progress(f"bridge told to end {round_ + 1} of {FEWER_ROUNDS}")
            await end_the_bridge(play, when_up=bool(round_ % 3))
        await judged(play)


async def test_a_host_that_is_told_to_end_finishes_its_answer(
    adb_server: PrivateAdbServer, tmp_path: Path, seed: int
) -> None:
    async with stage(adb_server, tmp_path, seed=seed, rate=20) as play:
        await play.first_look()
        for round_ in range(FEWER_ROUNDS):
            progress(f"host told to end {round_ + 1} of {FEWER_ROUNDS}")
            await drain_the_host(play)
        await judged(play)
