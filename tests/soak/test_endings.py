"""Ends in order, at any moment: SIGTERM and SIGINT to the bridge, SIGTERM to a host that is answering."""

import signal
import time
from pathlib import Path

import pytest

from tests.soak.ledger import judged
from tests.soak.stage import FEWER_ROUNDS, progress, stage
from tests.support.adb_server import PrivateAdbServer

pytestmark = [pytest.mark.soak, pytest.mark.e2e]

HOST_END_S = 35.0


async def test_a_bridge_that_is_told_to_end_leaves_no_tunnel(
    adb_server: PrivateAdbServer, tmp_path: Path, seed: int
) -> None:
    async with stage(adb_server, tmp_path, seed=seed) as play:
        await play.first_look()
        for round_ in range(FEWER_ROUNDS):
            progress(f"bridge told to end {round_ + 1} of {FEWER_ROUNDS}")
            number = play.random.choice((signal.SIGTERM, signal.SIGINT))
            if round_ % 3:
                await play.up()
            await play.shoot_for(play.random.uniform(0.0, 0.3))
            code = await play.end_bridge(number, within=10.0)
            assert not play.phone.reverse_listeners, f"seed {seed}: {number.name} left {play.phone.reverse_listeners}"
            # Before it can hear of a signal Python itself ends with it, or with 130 what had begun.
            assert code in {0, 130, -number}, f"seed {seed}: {number.name} gave {code}\n{play.last_words()}"
            await play.start_bridge("--catch-up")
        await judged(play)


async def test_a_host_that_is_told_to_end_finishes_its_answer(
    adb_server: PrivateAdbServer, tmp_path: Path, seed: int
) -> None:
    async with stage(adb_server, tmp_path, seed=seed, rate=20) as play:
        await play.first_look()
        for round_ in range(FEWER_ROUNDS):
            progress(f"host told to end {round_ + 1} of {FEWER_ROUNDS}")
            count = len(play.life.events)
            await play.shoot()
            await play.until(lambda: any(e["event"] == "delta" for e in play.life.events[count:]), "an answer")  # ruff: ignore[function-uses-loop-variable]
            await play.shoot_for(play.random.uniform(0.0, 0.4))
            began = time.monotonic()
            await play.end_host(within=HOST_END_S)
            assert time.monotonic() - began <= HOST_END_S
        await judged(play)
