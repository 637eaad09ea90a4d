"""One round of each kind of end, on a stage whose bridge was started; after it a bridge is started again."""

import signal
import time

from tests.soak.stage import Stage

__all__ = ["drain_the_host", "end_the_bridge", "kill_the_bridge", "kill_the_host"]

HOST_END_S = 35.0


async def kill_the_bridge(play: Stage) -> None:
    """Let it live for a moment, which may end before it is up, and begin the next."""
    if play.random.random() < 0.8:
        await play.up()
    await play.shoot_for(play.random.uniform(0.05, 0.7))
    await play.kill_bridge()
    await play.shoot_for(play.random.uniform(0.0, 0.1))
    await play.start_bridge()


async def kill_the_host(play: Stage) -> None:
    """Mostly while an answer is written; the bridge starts the next host by itself."""
    name = await play.shoot()
    await play.until(lambda: play.host is not None and play.life.said("capture", name=name), f"{name} in the spool")
    await play.shoot_for(play.random.uniform(0.0, 0.6))
    play.kill_host()


async def end_the_bridge(play: Stage, *, when_up: bool) -> None:
    """SIGTERM or SIGINT: it ends soon and leaves no tunnel."""
    number = play.random.choice((signal.SIGTERM, signal.SIGINT))
    if when_up:
        await play.up()
    await play.shoot_for(play.random.uniform(0.0, 0.3))
    code = await play.end_bridge(number, within=10.0)
    left = play.phone.reverse_listeners
    assert not left, f"seed {play.seed}: {number.name} left {left}"
    # Before it can hear of a signal Python itself ends with it, or with 130 what had begun.
    assert code in {0, 130, -number}, f"seed {play.seed}: {number.name} gave {code}\n{play.last_words()}"
    await play.start_bridge("--catch-up")


async def drain_the_host(play: Stage) -> None:
    """SIGTERM while it answers: it finishes that, and the next host does the rest."""
    count = len(play.life.events)
    await play.shoot()
    await play.until(lambda: any(event["event"] == "delta" for event in play.life.events[count:]), "an answer")
    await play.shoot_for(play.random.uniform(0.0, 0.4))
    began = time.monotonic()
    await play.end_host(within=HOST_END_S)
    assert time.monotonic() - began <= HOST_END_S
