"""An engine in its own process: whatever happens to the process, the host learns it and goes on."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from host_server.engines.base import (
    EngineClosedError,
    EngineError,
    EngineOutOfMemoryError,
    EngineRestartedError,
    PreparedQuestion,
    RestartableEngine,
)
from host_server.engines.process import messages
from host_server.engines.process.engine import ProcessEngine
from host_server.engines.process.link import Limits
from tests.support.puppets import puppet
from tests.support.until import until

DEADLINE = 20.0


NEVER = 1e12


class Clock:
    """Time as the test wants it: a busy machine hangs nobody."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def open_puppet(
    habit: str = "", *, clock: Callable[[], float] = time.monotonic, **limits: float
) -> AsyncGenerator[ProcessEngine]:
    engine = puppet(habit, limits=Limits(**limits), clock=clock)
    try:
        async with asyncio.timeout(DEADLINE):
            yield engine
    finally:
        await engine.close()


async def answer(engine: ProcessEngine, text: str) -> str:
    async with aclosing(engine.answer(PreparedQuestion(text))) as pieces:
        return "".join([piece.text async for piece in pieces])


async def refused(engine: ProcessEngine, text: str) -> EngineError:
    with pytest.raises(EngineError) as caught:
        await answer(engine, text)
    return caught.value


def alive(pid: int) -> bool:
    """Whether it runs; one that nobody has buried yet does not."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except ProcessLookupError:
        return False
    except FileNotFoundError:
        return not sys.platform.startswith("linux")
    return state != "Z"


async def test_it_gives_way_to_the_host() -> None:
    async with open_puppet() as engine:
        assert isinstance(engine, RestartableEngine)
        assert await answer(engine, "nice") == "10"


async def test_what_a_library_prints_does_not_come_between_the_answers() -> None:
    async with open_puppet() as engine:
        assert await answer(engine, "print") == "well, printed"


async def test_an_engines_own_failure_keeps_its_words_and_a_strange_one_loses_them(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with open_puppet() as engine:
        own, strange = await refused(engine, "fail"), await refused(engine, "break")
        assert await answer(engine, "still here") == "still here"

    assert (own.message, own.hint) == ("The picture is upside down.", "Turn it.")
    assert strange.message == "The model failed."
    assert "secret.py" in caplog.text


async def test_the_death_of_the_process_fails_what_runs_and_asks_for_a_new_start() -> None:
    async with open_puppet() as engine:
        await engine.warm_up()
        first = engine.pid
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(refused(engine, order)) for order in ("stall", "stall", "die")]
        await engine.lost()

        assert [type(task.result()) for task in tasks] == [EngineRestartedError] * 3
        assert isinstance(await refused(engine, "hello"), EngineRestartedError)
        assert engine.pid is None
        await engine.warm_up()
        assert await answer(engine, "hello") == "hello"
        assert engine.pid != first


async def test_a_child_of_another_version_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "FORM", "of an older version")
    async with open_puppet() as engine:
        with pytest.raises(EngineError, match="has changed since the host was started") as caught:
            await engine.warm_up()

    assert caught.value.hint == "start the host again"


@pytest.mark.parametrize("order", ["full", "exhausted"])
async def test_no_memory_for_one_answer_is_that_answers_trouble_alone(order: str) -> None:
    async with open_puppet() as engine, asyncio.TaskGroup() as group:
        await engine.warm_up()
        pid = engine.pid
        beside = [group.create_task(answer(engine, f"beside {number}")) for number in range(3)]
        error = await refused(engine, order)

        assert isinstance(error, EngineOutOfMemoryError)
        assert [await one for one in beside] == ["beside 0", "beside 1", "beside 2"]
        assert engine.pid == pid


async def test_a_model_that_is_lost_takes_its_process_with_it() -> None:
    async with open_puppet() as engine:
        await engine.warm_up()
        assert isinstance(await refused(engine, "lose"), EngineRestartedError)
        await engine.lost()
        await engine.warm_up()
        assert await answer(engine, "hello") == "hello"


async def test_what_it_holds_is_told_with_each_beat() -> None:
    async with open_puppet(beat_s=0.02) as engine:
        assert engine.memory == {}
        await engine.warm_up()
        await until(lambda: engine.memory)
        before = dict(engine.memory)
        assert await answer(engine, "grow") == "larger"
        await until(lambda: engine.memory["device"] == 50_000_000)

        if sys.platform.startswith("linux"):
            assert before["rss"] > 5_000_000


async def test_it_can_be_ended_in_peace_and_begun_anew() -> None:
    async with open_puppet() as engine:
        await engine.unload()
        await engine.warm_up()
        first = engine.pid
        assert first is not None
        async with asyncio.TaskGroup() as group:
            running = group.create_task(refused(engine, "stall"))
            await until(lambda: engine._link and engine._link._working)
            await engine.unload()

        assert isinstance(running.result(), EngineRestartedError)
        assert not alive(first)
        assert engine.memory == {}
        await engine.warm_up()
        assert engine.pid != first
        assert await answer(engine, "hello") == "hello"


async def test_a_process_that_was_killed_is_noticed_while_nobody_asks() -> None:
    async with open_puppet() as engine:
        await engine.warm_up()
        assert engine.pid is not None
        os.kill(engine.pid, signal.SIGKILL)
        await engine.lost()


@pytest.mark.parametrize(("order", "told"), [("freeze", "silent"), ("stall", "stalled")])
async def test_one_that_hangs_is_killed(order: str, told: str, caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    silent_s, stall_s = (30.0, NEVER) if told == "silent" else (NEVER, 120.0)
    opened = open_puppet(clock=clock, beat_s=0.02, silent_s=silent_s, stall_s=stall_s)
    async with opened as engine, asyncio.TaskGroup() as group:
        await engine.warm_up()
        asking = group.create_task(refused(engine, order))
        while not asking.done():
            clock.now += 20
            await asyncio.sleep(0.02)

    assert isinstance(asking.result(), EngineRestartedError)
    assert told in caplog.text


async def test_one_that_gets_on_or_rests_is_left_alone() -> None:
    clock = Clock()
    async with open_puppet("20", clock=clock, beat_s=0.01, silent_s=NEVER, stall_s=10.0) as engine:
        await engine.warm_up()
        pid = engine.pid
        async with aclosing(engine.answer(PreparedQuestion("one two three four five six"))) as pieces:
            async for _ in pieces:
                clock.now += 6
        clock.now += 1000
        await asyncio.sleep(0.05)  # some beats

        assert await answer(engine, "still here") == "still here"
        assert engine.pid == pid


async def test_one_that_reads_a_long_prompt_is_slow_and_not_hung() -> None:
    clock = Clock()
    async with (
        open_puppet(clock=clock, beat_s=0.01, silent_s=NEVER, stall_s=120.0) as engine,
        asyncio.TaskGroup() as group,
    ):
        await engine.warm_up()
        pid = engine.pid
        reading = group.create_task(refused(engine, "read"))
        link = engine._link
        assert link is not None
        for _ in range(5):
            before = link._steps
            await until(lambda: link._steps > before)  # ruff: ignore[function-uses-loop-variable] awaited here
            clock.now += 100

        assert engine.pid == pid
        assert not reading.done()
        await engine.unload()


@pytest.mark.parametrize("habit", ["garbage", "stranger"])
async def test_one_that_speaks_nonsense_is_killed(habit: str, caplog: pytest.LogCaptureFixture) -> None:
    async with open_puppet(habit) as engine:
        with pytest.raises(EngineRestartedError):
            await engine.warm_up()
    assert "not to be understood" in caplog.text


async def test_one_that_dies_while_loading_can_be_tried_again() -> None:
    async with open_puppet("die") as engine:
        for _ in range(2):
            with pytest.raises(EngineError):
                await engine.warm_up()


async def test_one_that_cannot_load_says_why_and_stays() -> None:
    async with open_puppet("refuse") as engine:
        with pytest.raises(EngineError, match="no model file") as caught:
            await engine.warm_up()
        assert caught.value.hint == "Put one there."
        assert engine.pid is not None


async def test_one_that_never_finishes_loading_is_killed() -> None:
    async with open_puppet("sleep", load_s=0.5) as engine:
        with pytest.raises(EngineError, match="does not finish"):
            await engine.warm_up()
        await engine.lost()


async def test_a_command_that_is_not_there_is_an_engines_failure() -> None:
    engine = ProcessEngine(puppet().info, ["/nowhere/python"])
    with pytest.raises(EngineError, match="cannot be started"):
        await engine.warm_up()
    await engine.close()


async def test_a_question_too_large_for_the_pipe_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_puppet() as engine:
        await engine.warm_up()
        monkeypatch.setattr("host_server.engines.process.frames.MAX_JSON", 1000)
        assert (await refused(engine, "long " * 400)).message == "The question is too large."
        assert await answer(engine, "short") == "short"


async def test_closing_ends_the_process_even_a_frozen_one() -> None:
    async with open_puppet(close_s=0.3) as engine:
        await engine.warm_up()
        pid = engine.pid
        assert pid is not None
        async with asyncio.TaskGroup() as group:
            frozen = group.create_task(refused(engine, "freeze"))
            await asyncio.sleep(0.2)
            await engine.close()

        assert isinstance(frozen.result(), EngineClosedError)
        assert not alive(pid)


async def test_nobody_waits_for_a_child_that_cannot_be_killed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_puppet(close_s=0.05) as engine:
        await engine.warm_up()
        link = engine._link
        assert link is not None
        os.kill(link.pid, signal.SIGSTOP)
        monkeypatch.setattr(link, "kill", lambda: None)  # as one that waits for a card which does not answer

        async with asyncio.timeout(5):
            await engine.unload()

        monkeypatch.undo()
        link.kill()
        await link.gone.wait()
    assert "cannot be killed" in caplog.text


async def test_an_answer_nobody_waits_for_is_stopped_in_the_child() -> None:
    async with open_puppet() as engine:
        async with aclosing(engine.answer(PreparedQuestion("stall"))) as pieces:
            await anext(pieces)
            link = engine._link
            assert link is not None
            assert link._working
        await until(lambda: not link._working)


async def test_an_answer_given_up_before_it_began_is_over_in_the_child_too() -> None:
    async with open_puppet() as engine:
        await engine.warm_up()
        link = engine._link
        assert link is not None
        number, _reply = link.ask(PreparedQuestion("stall"))
        link.leave(number)  # both words reach the child at once
        await until(lambda: not link._working)


async def test_the_hosts_signals_are_the_hosts_business() -> None:
    async with open_puppet() as engine:
        await engine.warm_up()
        assert engine.pid is not None
        for number in (signal.SIGTERM, signal.SIGINT):
            os.kill(engine.pid, number)
        assert await answer(engine, "still here") == "still here"
        assert os.getsid(engine.pid) != os.getsid(0)


_HOST = """
import asyncio
from host_server.engines.base import PreparedQuestion
from tests.support.puppets import puppet
from tests.support.until import until

async def main():
    engine = puppet()
    await engine.warm_up()
    print(engine.pid, flush=True)
    async for _ in engine.answer(PreparedQuestion("freeze")):
        print("frozen", flush=True)

asyncio.run(main())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere a frozen child outlives its host")
async def test_a_host_that_is_killed_takes_even_a_frozen_engine_with_it() -> None:
    root = Path(__file__).parents[4]
    host = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _HOST,
        cwd=root,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert host.stdout is not None
    async with asyncio.timeout(DEADLINE):
        pid = int(await host.stdout.readline())
        assert await host.stdout.readline() == b"frozen\n"
        host.kill()
        await host.wait()
        await until(lambda: not alive(pid))
